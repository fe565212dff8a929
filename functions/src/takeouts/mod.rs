//! Takeouts, as PACE speaks of them (`000_c2491cd37c7c1d0e.txt`), and the workers that build and
//! expire them.

pub mod build;
pub mod confirm;
pub mod confirm_page;
pub mod download;
pub mod download_own;
pub mod expire;
mod link;
pub mod list;
pub mod list_own;
pub mod request;
pub mod request_own;

use domain::{
    PersonId, RequestId,
    request::{Door, Kind, Request, Template, Work},
    takeout::{Delivery, Takeout, TakeoutState},
    tenant::Tenant,
};
use runtime::{App, Caller, Failure, Json, Zip, queues::Queue};
use schemars::JsonSchema;
use serde::Deserialize;
use store::requests::Created;
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
        if !faults.is_empty() {
            return Err(Problem::faults(Code::InvalidField, faults));
        }
        // Anything but a UUID is the vendor's own placeholder, and ignored.
        let id = data.id.and_then(|id| Uuid::try_parse(&id).ok()).map(RequestId);
        Ok(Checked { id, password, sent_to })
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
    let Checked { id, password, sent_to } = order.check(tenant)?;
    let (key, person) = app.subject(tenant, person_id).await?;
    let ledger = app.ledger(tenant.org);
    app.refuse_while_erasing(tenant, key).await?;
    let now = app.now();
    let id = match id {
        Some(chosen) if !ledger.claim_id(chosen, key).await? => return Err(Code::IdTaken.into()),
        Some(chosen) => chosen,
        None => app.entropy().request_id(key),
    };
    let secret: [u8; link::SECRET] = app.entropy().bytes();
    let delivery = Delivery::decide(&sent_to, person.verified_email(), person.email());
    let takeout = Takeout::order(password, delivery, link::digest(&secret), tenant, now);
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

/// A finished archive: itself if it is small, else a link of a few minutes.
async fn archive_of(app: &App, tenant: &Tenant, person_id: &PersonId, id: RequestId) -> Result<Zip, Failure> {
    let (key, _) = app.look_up(tenant, person_id).await?;
    let request = app.ledger(tenant.org).request(key, id).await?.ok_or(Code::TakeoutNotFound)?;
    let now = app.now();
    let archive = request.takeout().and_then(|takeout| takeout.download(now)).ok_or(Code::TakeoutNotFound)?;
    if archive.size <= INLINE {
        Ok(Zip::Inline(app.store().takeouts().read(&archive.key).await?))
    } else {
        Ok(Zip::At(app.store().takeouts().link(&archive.key, "takeout.zip").await?))
    }
}
