//! Takeouts, as PACE speaks of them (`000_c2491cd37c7c1d0e.txt`), and the workers that build and
//! expire them.

mod access;
pub mod build;
pub mod confirm;
pub mod confirm_page;
mod contents;
pub mod download;
pub mod download_own;
pub mod expire;
pub mod fetch;
mod link;
pub mod list;
pub mod list_own;
pub mod request;
pub mod request_own;
pub mod revoke;
pub mod show;

use domain::{
    OrgId, PersonId, PersonKey, RequestId, Timestamp,
    locale::Locale,
    request::{Door, Kind, Request, Template, Work},
    takeout::{Archive, Delivery, Form, Format, Takeout, TakeoutState},
    tenant::Tenant,
};
use http::{HeaderMap, header::RANGE};
use runtime::{App, Caller, Failure, Json, Zip, queues::Queue};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Ledger, StoreError, requests::Created};
use uuid::Uuid;
use wire::{
    At, Code, Fault, Problem, Query, Reason,
    body::Object,
    shapes::pace::{Document, TYPE, TakeoutResource},
};

/// An order of a takeout: a JSON:API document.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Order {
    data: Option<Object<Data>>,
    /// What the dialect has no words for.
    meta: Option<Object<Meta>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(default, deny_unknown_fields)]
struct Meta {
    /// `zip` (WinZip AE-2), or `age`: a plain ZIP within an age file.
    format: Option<String>,
    /// For `age`: the public key (`age1…`) of whoever shall open it, in place of the password.
    recipient: Option<String>,
    /// Whether records shall be there as CSV as well.
    csv: Option<bool>,
    /// The language of the page for people: `en`, `de` or `fi`.
    locale: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct Data {
    r#type: Option<String>,
    id: Option<String>,
    attributes: Option<Object<Attributes>>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    password: Option<String>,
    sent_to: Option<String>,
}

/// An order that can be carried out.
struct Checked {
    id: Option<RequestId>,
    password: String,
    sent_to: String,
    form: Form,
}

/// The longest password that is taken, in characters.
const LONGEST_PASSWORD: usize = 256;

impl Order {
    fn check(self, tenant: &Tenant) -> Result<Checked, Problem> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, reason| faults.push(Fault::new(At::body(path), reason));
        let Some(Object(data)) = self.data else { return Err(Problem::field("data", Reason::Missing)) };
        match data.r#type.as_deref() {
            Some(TYPE) => {}
            Some(_) => fault("data.type", Reason::Other(format!("must be {TYPE}"))),
            None => fault("data.type", Reason::Missing),
        }
        let Attributes { password, sent_to } = match data.attributes {
            Some(Object(attributes)) => attributes,
            None => Attributes { password: None, sent_to: None },
        };
        let password = password.unwrap_or_else(|| {
            fault("data.attributes.password", Reason::Missing);
            String::new()
        });
        let sent_to = sent_to.unwrap_or_else(|| {
            fault("data.attributes.sentTo", Reason::Missing);
            String::new()
        });
        if faults.is_empty() {
            let chars = password.chars().count();
            let floor = tenant.password_floor();
            let mut fault =
                |path: &str, must: String| faults.push(Fault::new(At::body(path), Reason::Other(must)));
            if !(floor..=LONGEST_PASSWORD).contains(&chars) {
                fault(
                    "data.attributes.password",
                    format!("must have {floor} to {LONGEST_PASSWORD} characters"),
                );
            }
            if !domain::person::is_address(&sent_to) {
                fault("data.attributes.sentTo", "must be an e-mail address".to_owned());
            }
        }
        let form = self.meta.map_or_else(Default::default, |Object(meta)| meta).check(&mut faults);
        if !faults.is_empty() {
            return Err(Problem::faults(Code::InvalidField, faults));
        }
        // Anything but a UUID is the vendor's own placeholder, and ignored.
        let id = data.id.and_then(|id| Uuid::try_parse(&id).ok()).map(RequestId);
        Ok(Checked { id, password, sent_to, form })
    }
}

impl Meta {
    fn check(self, faults: &mut Vec<Fault>) -> Form {
        let mut fault = |path: &str, must: &str| {
            faults.push(Fault::new(At::body(path), Reason::Other(format!("must be {must}"))));
        };
        let locale = match self.locale.as_deref() {
            None | Some("en") => Locale::En,
            Some("de") => Locale::De,
            Some("fi") => Locale::Fi,
            Some(_) => {
                fault("meta.locale", "en, de or fi");
                Locale::En
            }
        };
        let format = match (self.format.as_deref(), self.recipient) {
            (None | Some("zip"), None) => Format::Zip,
            (Some("age"), None) => Format::Age,
            (Some("age"), Some(key)) if archive::is_recipient(&key) => Format::AgeFor(key),
            (Some("age" | "zip") | None, Some(_)) => {
                fault("meta.recipient", "a public key that begins with age1, with the format age");
                Format::Zip
            }
            (Some(_), _) => {
                fault("meta.format", "zip or age");
                Format::Zip
            }
        };
        Form { format, csv: self.csv.unwrap_or_default(), locale }
    }
}

/// Whether the caller has linked what the tenant requires.
fn check_linked(tenant: &Tenant, caller: &Caller) -> Result<(), Problem> {
    if tenant.required_identities.is_subset(&caller.linked_identities) {
        Ok(())
    } else {
        Err(Problem::new(Code::MissingLinkedIdentity))
    }
}

/// The caller as a person, for the calls about oneself.
fn own_id(caller: &Caller) -> Result<PersonId, Failure> {
    let person = caller.person().filter(|person| person.uuid().is_some());
    person.ok_or_else(|| Problem::about(Code::AuthTokenInvalidClaim, "sub").into())
}

/// Orders a takeout of a person's data.
async fn order(
    app: &App,
    tenant: &Tenant,
    person_id: &PersonId,
    order: Order,
) -> Result<Json<Document<TakeoutResource>>, Failure> {
    let Checked { id, password, sent_to, form } = order.check(tenant)?;
    let (key, person) = app.subject(tenant, person_id).await?;
    let ledger = app.ledger(tenant.org);
    app.refuse_while_erasing(tenant, key).await?;
    let now = app.now();
    refuse_too_many(&ledger, tenant, key, id, now).await?;
    let id = match id {
        Some(chosen) if !ledger.claim_id(chosen, key).await? => return Err(Code::IdTaken.into()),
        Some(chosen) => chosen,
        None => app.entropy().request_id(key),
    };
    let secret: [u8; link::SECRET] = app.entropy().bytes();
    let delivery = Delivery::decide(&sent_to, person.verified_email(), person.email());
    let takeout = Takeout::order(password, delivery, link::digest(&secret), form, tenant, now);
    let state = takeout.state;
    let mut request = Request::new(id, key, person_id.clone(), Kind::Access, Door::Pace, now);
    request.work = Work::Takeout(takeout);
    if let (TakeoutState::Unconfirmed, Some(verified)) = (state, person.verified_email()) {
        let token = link::Token { org: tenant.org, person: key, request: id, secret }.to_string();
        request = request.with_notice(Template::ConfirmAddress, verified.to_owned(), Some(token), now);
    }
    let request = match ledger.create_request(&request).await? {
        Created::New => request,
        Created::Before(request) if request.kind == Kind::Access => *request,
        Created::Before(_) => return Err(Code::IdTaken.into()),
    };
    let queue: &[Queue] = match request.takeout().map(|takeout| takeout.state) {
        Some(TakeoutState::InProgress) => &[Queue::Takeouts],
        Some(TakeoutState::Unconfirmed) => &[Queue::Notices],
        Some(TakeoutState::Ready | TakeoutState::Expired | TakeoutState::Failed) | None => &[],
    };
    app.entrust(tenant.org, &request, queue).await?;
    let resource = TakeoutResource::of(&request, tenant.takeout_life()).ok_or(Code::IdTaken)?;
    Ok(Json(Document { data: resource }))
}

/// Refuses more takeouts of one person than the tenant allows in a day, whoever orders them. One that was ordered
/// before is not another. Of orders that come at the same moment some more may pass.
async fn refuse_too_many(
    ledger: &Ledger<'_>,
    tenant: &Tenant,
    person: PersonKey,
    id: Option<RequestId>,
    now: Timestamp,
) -> Result<(), Failure> {
    let before = ledger.requests(person).await?;
    if before.iter().any(|request| Some(request.id) == id) {
        return Ok(());
    }
    let ordered = before.iter().filter(|request| request.takeout().is_some()).map(|it| it.received_at);
    match Takeout::until_next(ordered, tenant.takeouts_a_day(), now) {
        Some(wait) => {
            let seconds = u32::try_from(wait.num_seconds()).unwrap_or(u32::MAX);
            Err(Problem { retry_after: Some(seconds), ..Problem::new(Code::TooManyRequests) }.into())
        }
        None => Ok(()),
    }
}

/// The takeouts of a person, newest first; paged if asked.
async fn list_of(
    app: &App,
    tenant: &Tenant,
    person_id: &PersonId,
    query: &Query,
) -> Result<Json<Document<Vec<TakeoutResource>>>, Failure> {
    let number = query.number("page[number]", 0..=1_000_000)?;
    let size = query.number("page[size]", 1..=100)?;
    let (key, _) = app.look_up(tenant, person_id).await?;
    let requests = app.ledger(tenant.org).requests(key).await?;
    // What is only kept as proof belongs to somebody who was forgotten.
    let mut resources: Vec<TakeoutResource> = requests
        .iter()
        .filter(|request| request.keep_until.is_none())
        .filter_map(|request| TakeoutResource::of(request, tenant.takeout_life()))
        .collect();
    if number.is_some() || size.is_some() {
        let size = size.unwrap_or(50);
        resources = resources.into_iter().skip(number.unwrap_or(0) * size).take(size).collect();
    }
    Ok(Json(Document { data: resources }))
}

/// The largest archive that is answered as it is. API Gateway takes six megabytes, in which
/// binary bodies count a third more.
const INLINE: u64 = 4 * 1024 * 1024;

/// A finished archive: itself if it is small, else a link of a few minutes. A link also gets whoever asks for a
/// part of it, since the bucket knows ranges, and whose archive is no ZIP, which the dialect cannot say.
async fn archive_of(
    app: &App,
    tenant: &Tenant,
    person_id: &PersonId,
    id: RequestId,
    headers: &HeaderMap,
) -> Result<Zip, Failure> {
    let (key, _) = app.look_up(tenant, person_id).await?;
    let request = app.ledger(tenant.org).request(key, id).await?.ok_or(Code::TakeoutNotFound)?;
    let archive = count(app, tenant.org, request).await?.ok_or(Code::TakeoutNotFound)?;
    let file_name = file_name(&archive);
    if archive.size <= INLINE && file_name == ZIP && !headers.contains_key(RANGE) {
        Ok(Zip::Inline(app.store().takeouts().read(&archive.key).await?))
    } else {
        Ok(Zip::At(app.store().takeouts().link(&archive.key, file_name).await?))
    }
}

/// Counts that an archive is given out; none if it may not be.
async fn count(app: &App, org: OrgId, request: Request) -> Result<Option<Archive>, Failure> {
    let now = app.now();
    let counted = app
        .ledger(org)
        .amend_request(request, |request| {
            let takeout = request.takeout().filter(|takeout| takeout.download(now).is_some()).cloned();
            let next = |takeout: Takeout| request.with_work(Work::Takeout(takeout.given_out()), now);
            Ok::<_, StoreError>(takeout.map(next))
        })
        .await?;
    Ok(counted.and_then(|request| request.takeout()?.archive.clone()))
}

/// What an archive is called on whoever's disk it comes to.
fn file_name(archive: &Archive) -> &'static str {
    if archive.key.ends_with(".age") { "takeout.zip.age" } else { ZIP }
}

const ZIP: &str = "takeout.zip";
