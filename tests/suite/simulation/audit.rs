//! What has to be true at the end of a play, whatever has happened in it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    audit::{Segment, Verifier},
    certificate::{KeyRing, verify},
    consent::Version,
    purge::PurgeState,
    request::Request,
    takeout::TakeoutState,
    tenant::Sweep,
};
use reqwest::Method;
use serde_json::{Value, json};
use store::consents::is_unbroken;

use super::{
    play::Play,
    stage::{Stage, TENANTS},
};
use crate::world::send;

impl Play {
    /// Looks at everything, some hours after things went wrong for the last time.
    pub(super) async fn audit(&mut self) {
        if !self.findings.is_empty() {
            return;
        }
        let mut found = Vec::new();
        let stage = &self.stage;
        let app = &stage.world.stack.app;
        let mut archives = BTreeSet::new();
        for person in &self.people {
            let email = &person.email;
            let company = &stage.companies[person.tenant];
            let ledger = app.ledger(company.org);
            let erasure = ledger.erasure(person.key).await.unwrap();
            let history = ledger.consent_history(person.key).await.unwrap();
            let mail_waits = |request: &Request| request.pending_notices().next().is_some();
            if let Some(erasure) = erasure.as_ref().filter(|erasure| mail_waits(erasure)) {
                let (state, notices) = (erasure.purge().map(|purge| purge.state), &erasure.notices);
                found.push(format!("of the {state:?} erasure of {email} mails are left: {notices:?}"));
            }
            if let Some(id) = person.gone {
                if !history.is_empty() || ledger.person(person.key).await.unwrap().is_some() {
                    found.push(format!("{email} is erased, and the ledger knows them"));
                }
                let path = format!("/lethe/v1/certificates/{id}");
                let file = send(stage.call(person.tenant, Method::GET, &path)).await;
                let text = String::from_utf8_lossy(&file.bytes).into_owned();
                if file.status != 200 || verify(&text, &ring(stage, person.tenant).await).is_err() {
                    found.push(format!("{email} is erased without a certificate: {}", file.status));
                }
                continue;
            }
            let state = erasure.as_ref().and_then(Request::purge).map(|purge| purge.state);
            let expected: &[Option<PurgeState>] = match (person.due, person.holds.is_empty()) {
                (None, _) => &[None, Some(PurgeState::Cancelled)],
                (Some(due), true) if due < stage.now() - TimeDelta::hours(12) => &[],
                (Some(due), false) if due < stage.now() => &[Some(PurgeState::Held)],
                (Some(_), _) => {
                    &[Some(PurgeState::Queued), Some(PurgeState::Held), Some(PurgeState::Running)]
                }
            };
            if !expected.contains(&state) {
                found.push(format!("the erasure of {email}, due {:?}, is {state:?}", person.due));
            }
            if let Some(what) = differs(&history, &person.consents) {
                found.push(format!("consents of {email} of tenant {}: {what}", person.tenant));
            }
            for id in person.takeouts.iter().chain(&person.sure) {
                let request = ledger.request(person.key, *id).await.unwrap();
                let Some(takeout) = request.as_ref().and_then(Request::takeout) else {
                    found.push(format!("the takeout {id} of {email} is gone"));
                    continue;
                };
                if request.as_ref().is_some_and(mail_waits) {
                    found.push(format!("a mail about the takeout {id} of {email} was not sent"));
                }
                let path = format!("/user/2024-3/gdpr/{}/takeouts/{id}", person.id);
                let got = send(stage.call(person.tenant, Method::GET, &path)).await;
                let is_good = match takeout.state {
                    TakeoutState::Ready => {
                        let archive = takeout.archive.as_ref().unwrap();
                        archives.insert(archive.key.clone());
                        got.status == 200 && got.bytes.starts_with(b"PK")
                    }
                    TakeoutState::Expired => got.status >= 400,
                    TakeoutState::Failed => got.status >= 400 && !person.sure.contains(id),
                    TakeoutState::Unconfirmed | TakeoutState::InProgress => false,
                };
                if !is_good {
                    let state = takeout.state;
                    found.push(format!("the takeout {id} of {email} is {state:?} and told {}", got.status));
                }
            }
            for (id, is_open) in &person.requests {
                let path = format!("/lethe/v1/requests/{id}");
                let told = send(stage.call(person.tenant, Method::GET, &path)).await;
                let status = if *is_open { "open" } else { "completed" };
                if told.status != 200 || told.json()["status"] != status {
                    let told = String::from_utf8_lossy(&told.bytes);
                    found.push(format!("the request {id} of {email} is {status} and told {told}"));
                }
            }
            let path = format!("/users/v1/person/{}/restrictions", person.id);
            let told = send(stage.call(person.tenant, Method::GET, &path)).await.expect(200).json();
            let bans = told["restrictions"].as_array().unwrap().iter();
            if bans.filter(|entry| entry["type"] == "account_ban").count() != usize::from(person.is_banned) {
                found.push(format!("{email} has these restrictions: {told}"));
            }
            for id in &person.holds {
                let path = format!("/lethe/v1/holds/{id}");
                let told = send(stage.call(person.tenant, Method::GET, &path)).await;
                if told.status != 200 || !told.json()["lifted_at"].is_null() {
                    found.push(format!("the hold {id} of {email} is told {}", told.status));
                }
            }
        }
        let bucket = &app.config().places.takeout_bucket;
        let listed = app.clients().s3().list_objects_v2().bucket(bucket).send().await.unwrap();
        let lies: BTreeSet<String> =
            listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect();
        if lies != archives {
            found.push(format!("archives {lies:?} lie there for {archives:?}"));
        }
        let uploads = app.clients().s3().list_multipart_uploads().bucket(bucket).send().await.unwrap();
        if !uploads.uploads().is_empty() {
            found.push(format!("uploads were left: {}", uploads.uploads().len()));
        }
        for link in &self.links {
            let path = link.strip_prefix(&stage.world.stack.gateway).unwrap();
            let told = send(stage.world.call(Method::POST, path)).await;
            if told.status != 410 {
                found.push(format!("a link that was revoked is told {}", told.status));
            }
        }
        found.extend(self.queues().await);
        found.extend(self.returned().await);
        found.extend(self.log().await);
        found.into_iter().for_each(|what| self.find(what));
    }

    /// What is left in the queues.
    async fn queues(&self) -> Vec<String> {
        let urls = &self.stage.world.stack.app.config().queues;
        let mut found = Vec::new();
        for url in [&urls.takeouts, &urls.purges, &urls.notices] {
            for url in [url.clone(), format!("{url}-dead")] {
                let sqs = self.stage.world.stack.app.clients().sqs();
                let left = sqs.receive_message().queue_url(&url).send().await.unwrap();
                if !left.messages().is_empty() {
                    found.push(format!("{url} is not empty: {:?}", left.messages()[0].body()));
                }
            }
        }
        found
    }

    /// Who was erased and came back with a backup is erased again, or pointed out.
    async fn returned(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (tenant, (_, sweep)) in TENANTS.into_iter().enumerate() {
            let there = self.stage.rows(tenant).await;
            let ledger = self.stage.world.stack.app.ledger(self.stage.companies[tenant].org);
            for person in self.people.iter().filter(|person| person.tenant == tenant && person.gone.is_some())
            {
                let left: Vec<&String> =
                    person.rows.keys().filter(|place| there.contains_key(*place)).collect();
                if left.is_empty() {
                    continue;
                }
                let told = ledger.persons_identified_by(&person.email).await.unwrap();
                if !person.has_returned || sweep == Sweep::Erase || told.is_empty() {
                    let email = &person.email;
                    found.push(format!("{email} of tenant {tenant} was erased and is back: {left:?}"));
                }
            }
        }
        found
    }

    /// Whether the log of the audit is whole, and says of everybody's rows what they are.
    async fn log(&self) -> Vec<String> {
        let stage = &self.stage;
        // What was done in the last minute, by those who look as well.
        assert!(stage.post.tick("note-changes").await);
        let mut found = Vec::new();
        for tenant in 0..TENANTS.len() {
            let keys = ring(stage, tenant).await;
            let mut verifier = Verifier::new(stage.companies[tenant].org, &keys, &[]).unwrap();
            let mut next = Some(0);
            while let Some(from) = next {
                let path = format!("/lethe/v1/audit?from={from}");
                let Value::Object(mut page) =
                    send(stage.call(tenant, Method::GET, &path)).await.expect(200).json()
                else {
                    panic!("no page of the log")
                };
                let segment: Option<Segment> =
                    serde_json::from_value(page.remove("segment").unwrap()).unwrap();
                if let Some(Err(tampered)) = segment.map(|segment| verifier.take(&segment)) {
                    found.push(format!("the log of tenant {tenant}: {tampered}"));
                    break;
                }
                next = page["next"].as_u64();
            }
            if let Err(tampered) = verifier.end() {
                found.push(format!("the log of tenant {tenant}: {tampered}"));
            }
            for person in self.people.iter().filter(|person| person.tenant == tenant) {
                let ask = json!({"person_id": person.id});
                let told = send(stage.call(tenant, Method::POST, "/lethe/v1/audit/verify").json(&ask)).await;
                let told = told.expect(200).json();
                if told["is_whole"] != true || told["unnoted"] != json!([]) {
                    found.push(format!("the log of tenant {tenant} about {}: {told}", person.email));
                }
            }
        }
        found
    }
}

async fn ring(stage: &Stage, tenant: usize) -> KeyRing {
    let path = format!("/lethe/v1/keys/{}", stage.companies[tenant].org);
    let keys = send(stage.world.call(Method::GET, &path)).await.expect(200);
    KeyRing::read(std::str::from_utf8(&keys.bytes).unwrap()).unwrap()
}

/// In what a history differs from what was acknowledged: each state in its order, once if it was stored under a
/// key, and else at least once, because whoever asks again without one may be taken at their word.
fn differs(history: &[Version], acknowledged: &[(BTreeSet<String>, bool)]) -> Option<String> {
    if !is_unbroken(history).unwrap() {
        return Some("the chain is broken".to_owned());
    }
    let shown = |version: &Version| -> BTreeSet<String> {
        version.consents.iter().map(|consent| format!("{:?}", consent.level).to_lowercase()).collect()
    };
    let stored: Vec<BTreeSet<String>> = history.iter().map(shown).collect();
    let mut stored = stored.chunk_by(|one, next| one == next);
    for asked in acknowledged.chunk_by(|(one, _), (next, _)| one == next) {
        let levels = &asked[0].0;
        let keyed = asked.iter().filter(|(_, is_keyed)| *is_keyed).count();
        let times = stored.next().filter(|run| run[0] == *levels).map_or(0, <[_]>::len);
        if times == 0 || times < keyed || (keyed == asked.len() && times > keyed) {
            return Some(format!("{levels:?} is stored {times} times, asked for {} times", asked.len()));
        }
    }
    stored.next().map(|more| format!("nobody asked for {:?}", more[0]))
}
