//! What people, the company's software and its staff do, through the doors.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::RequestId;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{
    play::Person,
    stage::{Hand, Stage, at},
};
use crate::{
    dice::Dice,
    staff::{Browser, field},
    world::{Reply, send, takeout_order},
};

#[derive(Clone, Debug)]
pub(super) enum Move {
    /// Consents, under a key, or in place of what there was, or none any more.
    Store(Vec<&'static str>),
    Replace(Vec<&'static str>),
    Withdraw,
    /// To be erased so many minutes from now, or after the grace period.
    Purge(Option<i64>),
    CallOff,
    Order,
    Revoke,
    Request,
    /// Somebody of the staff closes a request in the console.
    Confirm(RequestId),
    Hold,
    Lift(String),
    Ban,
    Unban,
}

/// What was acknowledged.
#[derive(Debug)]
pub(super) enum Said {
    Consents(BTreeSet<String>, bool),
    Due(DateTime<Utc>),
    CalledOff,
    Ordered(RequestId),
    Revoked(String),
    Requested(RequestId),
    Confirmed(RequestId),
    Held(String),
    Lifted(String),
    Banned(bool),
    Nothing,
}

const LEVELS: [&str; 5] = ["necessary", "analytics", "marketing", "retargeting", "tracking"];

impl Move {
    pub(super) fn thrown(dice: &mut Dice, person: &Person) -> Self {
        let levels = |dice: &mut Dice| {
            let mut levels = LEVELS.to_vec();
            dice.shuffle(&mut levels);
            levels.truncate(usize::try_from(dice.between(1, 4)).unwrap());
            levels
        };
        match dice.below(100) {
            0..16 => Self::Store(levels(dice)),
            16..24 => Self::Replace(levels(dice)),
            24..28 => Self::Withdraw,
            28..44 => Self::Purge(match dice.below(8) {
                0 => None,
                1 | 2 => Some(dice.between(-60, 5)),
                3..6 => Some(dice.between(5, 3000)),
                _ => Some(dice.between(3000, 40_000)),
            }),
            44..54 => Self::CallOff,
            54..68 => Self::Order,
            68..74 => Self::Revoke,
            74..79 => Self::Request,
            // The staff of local mode are the first tenant's.
            79..82 if person.tenant == 0 && person.due.is_none() => {
                let open = person.requests.iter().find(|(_, is_open)| *is_open);
                open.map_or(Self::Request, |(id, _)| Self::Confirm(*id))
            }
            79..82 => Self::Request,
            82..88 if person.holds.len() < 2 => Self::Hold,
            82..94 => person.holds.first().map_or(Self::CallOff, |hold| Self::Lift(hold.clone())),
            _ if person.is_banned => Self::Unban,
            _ => Self::Ban,
        }
    }
}

/// Asks until there is an answer that stands: at whatever process, again after every failure, and at last at one
/// that has good luck. Sometimes once more, although it was answered.
struct Asking<'a> {
    hands: &'a [Hand],
    dice: Dice,
}

impl Asking<'_> {
    async fn ask(&mut self, call: RequestBuilder) -> Result<Reply, String> {
        let call = call.header("idempotency-key", format!("{:016x}", self.dice.next()));
        let mut answer = None;
        for _ in 0..4 {
            let hand = self.dice.one_of(self.hands);
            let reply = at(hand, call.try_clone().unwrap()).await;
            answer = reply.filter(|reply| reply.status < 500 && reply.status != 429);
            if answer.is_some() {
                break;
            }
        }
        let answer = match answer {
            Some(answer) => answer,
            None => send(call.try_clone().unwrap()).await,
        };
        let again = call.try_clone().unwrap();
        // Whoever comes with a link has no account to keep an answer for.
        let is_kept =
            again.build().is_ok_and(|call| call.method() == Method::POST && call.url().query().is_none());
        if is_kept && answer.status < 300 && self.dice.happens(120) {
            let hand = self.dice.one_of(self.hands);
            let repeated = at(hand, call.try_clone().unwrap()).await.filter(|reply| reply.status < 500);
            if let Some(repeated) = repeated
                && (repeated.status, &repeated.bytes) != (answer.status, &answer.bytes)
            {
                let shown =
                    |reply: &Reply| format!("{} {}", reply.status, String::from_utf8_lossy(&reply.bytes));
                return Err(format!("a repeat is told {}, not {}", shown(&repeated), shown(&answer)));
            }
        }
        Ok(answer)
    }
}

/// Closes a request in the console.
async fn confirm(stage: &Stage, id: RequestId) -> Result<Said, String> {
    let mut robin = Browser::of(&stage.world, "staff-robin").await;
    let page = format!("/console/requests/{id}");
    let version = field(&robin.text(&page).await, "version");
    let fields = [
        ("version", version.as_str()),
        ("comment", "It is corrected."),
        ("remarks", "Saw the passport"),
        ("notify", "yes"),
    ];
    let told = robin.post(&format!("{page}/confirm"), &fields).await;
    if told.status == 303 {
        Ok(Said::Confirmed(id))
    } else {
        Err(format!("{id} is not closed: {}", told.status))
    }
}

/// Makes a move. An error is an answer that nobody should get.
pub(super) async fn make(
    stage: &Stage,
    hands: &[Hand],
    person: &Person,
    next: Move,
    dice: Dice,
) -> Result<Said, String> {
    let mut asking = Asking { hands, dice };
    let (tenant, id) = (person.tenant, person.id);
    let consent = format!("/persons/{id}/consent/gdpr");
    let purge = format!("/users/v1/person/{id}/purge");
    let restrictions = format!("/users/v1/person/{id}/restrictions");
    let link = links(stage, &person.email).pop();
    let (call, good): (RequestBuilder, u16) = match &next {
        Move::Store(levels) => {
            (stage.by_key(tenant, Method::POST, &consent).json(&json!({"consent_levels": levels})), 201)
        }
        Move::Replace(levels) => {
            (stage.by_key(tenant, Method::PUT, &consent).json(&json!({"consent_levels": levels})), 200)
        }
        Move::Withdraw => (stage.by_key(tenant, Method::DELETE, &format!("{consent}?deleteAll=true")), 204),
        Move::Purge(minutes) => {
            let at = minutes.map(|minutes| stage.now() + TimeDelta::minutes(minutes));
            (stage.call(tenant, Method::POST, &purge).json(&json!({"suggested_purge_time": at})), 202)
        }
        Move::CallOff => (stage.call(tenant, Method::DELETE, &purge), 204),
        Move::Order => {
            let path = format!("/user/2024-3/gdpr/{id}/takeouts");
            let call = stage.call(tenant, Method::POST, &path);
            let call = call.header("content-type", "application/vnd.api+json");
            (call.body(takeout_order(&person.email).to_string()), 200)
        }
        Move::Revoke => {
            let Some(link) = &link else { return Ok(Said::Nothing) };
            let path = link.replace("takeouts/download?", "takeouts/revoke?");
            (stage.world.call(Method::POST, path.strip_prefix(&stage.world.stack.gateway).unwrap()), 200)
        }
        Move::Request => {
            let path = format!("/api/rest/users/{id}/personaldatarequest");
            let body = json!({"requestType": "CORRECTION", "requestRemarks": "Born in May"});
            (stage.by_password(tenant, Method::POST, &path).json(&body), 201)
        }
        Move::Confirm(id) => return confirm(stage, *id).await,
        Move::Hold => {
            let body = json!({
                "kind": "legal_hold",
                "ground": "17(3)(e)",
                "owner": "Legal department",
                "reason": "Case 12",
                "review_on": "2027-09-01",
                "scope": {"person_id": id},
            });
            (stage.call(tenant, Method::POST, "/lethe/v1/holds").json(&body), 201)
        }
        Move::Lift(hold) => (stage.call(tenant, Method::DELETE, &format!("/lethe/v1/holds/{hold}")), 204),
        Move::Ban => {
            (stage.call(tenant, Method::POST, &restrictions).json(&json!({"type": "account_ban"})), 201)
        }
        Move::Unban => (stage.call(tenant, Method::DELETE, &restrictions), 204),
    };
    let reply = asking.ask(call).await?;
    if reply.status != good {
        let late = person.is_due(stage.now()) && matches!(reply.status, 404 | 409);
        let used = matches!(next, Move::Revoke) && reply.status == 410;
        if late || used {
            return Ok(Said::Nothing);
        }
        let told = String::from_utf8_lossy(&reply.bytes);
        return Err(format!("{} is told {} on {next:?}: {told}", person.email, reply.status));
    }
    let levels = |body: &Value| {
        let consents = body["result"]["consents"].as_array().unwrap().iter();
        consents.map(|consent| consent["consent_level"].as_str().unwrap().to_owned()).collect()
    };
    Ok(match next {
        Move::Store(asked) | Move::Replace(asked) => {
            let told: BTreeSet<String> = levels(&reply.json());
            if told != asked.iter().map(|level| (*level).to_owned()).collect() {
                return Err(format!("asked for {asked:?} and told {told:?}"));
            }
            Said::Consents(told, good == 201)
        }
        Move::Withdraw => Said::Consents(BTreeSet::new(), false),
        Move::Purge(_) => Said::Due(reply.json()["purge_on"].as_str().unwrap().parse().unwrap()),
        Move::CallOff => Said::CalledOff,
        Move::Order => Said::Ordered(reply.json()["data"]["id"].as_str().unwrap().parse().unwrap()),
        Move::Revoke => Said::Revoked(link.unwrap()),
        Move::Request => Said::Requested(reply.json()["id"].as_str().unwrap().parse().unwrap()),
        Move::Confirm(id) => Said::Confirmed(id),
        Move::Hold => Said::Held(reply.json()["id"].as_str().unwrap().to_owned()),
        Move::Lift(hold) => Said::Lifted(hold),
        Move::Ban => Said::Banned(true),
        Move::Unban => Said::Banned(false),
    })
}

/// The links to takeouts in the mails to an address.
pub(super) fn links(stage: &Stage, email: &str) -> Vec<String> {
    let mails = stage.world.mails_to(email);
    let words = mails.iter().flat_map(|(_, text)| text.split_whitespace());
    words.filter(|word| word.contains("/lethe/v1/takeouts/download?token=")).map(str::to_owned).collect()
}
