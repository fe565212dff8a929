//! Keys of the ledger, all on this page.
//!
//! `o` is a tenant, `p` a person's pseudonym, `i` a request's id. A person's partition is
//! `ORG#o#P#p`.
//!
//! | question | index | condition |
//! |---|---|---|
//! | the person | table | `ORG#o#P#p`, `P` |
//! | the person and their current consents, in one read | table | `ORG#o#P#p`, `C#` to `P`, last two |
//! | the person, their current consents and their erasure, in one read | table | `ORG#o#P#p`, `C#` to `R`, last three |
//! | the consent history | table | `ORG#o#P#p`, begins with `C#` |
//! | all requests of the person | table | `ORG#o#P#p`, begins with `R` |
//! | the erasure that is, or was last, under way (one per person) | table | `ORG#o#P#p`, `R` |
//! | one request of the person | table | `ORG#o#P#p`, `R#i` |
//! | the person's current link to the data view | table | `ORG#o#P#p`, `V` |
//! | the sessions of a member of staff, by the digest of what their cookie holds | table | `ORG#o#U#p`, all |
//! | a plan of the person's erasure | table | `ORG#o#P#p`, `S#<hash>` |
//! | the holds on the person | table | `ORG#o#P#p`, begins with `W#` |
//! | the holds on the whole tenant | table | `ORG#o`, begins with `W#` |
//! | what is watched of the person's requests | table | `ORG#o#P#p`, begins with `Y#` |
//! | how far the tenant's list was looked through for what to watch | table | `ORG#o`, `Y` |
//! | whose hold is this | table | `ORG#o#W#i`, `W` |
//! | whose request is this, if a caller chose its id (ours tell) | table | `ORG#o#R#i`, `R` |
//! | the certificate about this request | table | `ORG#o#R#i`, `C` |
//! | the public keys of the tenant's certificates | table | `ORG#o#S`, all, by number |
//! | who is identified by this value | table | `ORG#o#I#<keyed hash>`, a pseudonym |
//! | whether this value, or this person, was erased | table | `ORG#o#I#<keyed hash>`, `T` |
//! | what was answered under an idempotency key | table | `ORG#o#K#<hash>`, `K` |
//! | how often somebody did something of late | table | `ORG#o#L#<keyed hash>`, `L` |
//! | all requests of the tenant, newest first | `list` | `ORG#o` |
//! | the requests of the tenant that wait for its staff, the next deadline first | `open` | `ORG#o` |
//! | all tombstones of the tenant | `list` | `ORG#o#T` |
//! | all holds of the tenant, newest first | `list` | `ORG#o#W` |
//! | what needs attention by now, oldest first | `due` | `<attention>#<shard>`, up to `<now>` |
//! | all API clients of the tenant | `list` | `ORG#o#A` |
//! | an API client | table | `CLIENT#<id>`, `CLIENT` |
//!
//! The `due` index and API clients are the only keys that do not begin with a tenant: sweepers
//! serve all tenants, and a client names its tenant only once it is known.
//!
//! In the key table, whose partition key is all there is:
//!
//! | question | key |
//! |---|---|
//! | the tenant's wrapping key | `ORG#o` |
//! | the person's data key | `ORG#o#P#p` |
//! | the key of mails that outlive the person's data key | `ORG#o#R#i` |
//! | the key that signs our own tokens | `SIGNING` |
//! | a key that signs the tenant's certificates | `CERT#ORG#o#<number>` |
//!
//! The last does not begin with its tenant: what does, every function may have opened by KMS, and
//! this is for whoever certifies alone.

use chrono::SecondsFormat;
use domain::{
    HoldId, OrgId, PersonKey, RequestId, Timestamp,
    audit::Chain,
    deadline::Law,
    hold::Hold,
    request::{Attention, Kind, Request, Work},
};
use uuid::Uuid;

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key; empty in the key table.
    pub sk: String,
}

/// How many partitions the index of what is due is spread over. A partition takes 1,000 writes a
/// second, and each is read every minute, whether anything is due or not.
pub const DUE_SHARDS: u8 = 16;

/// The partition of what concerns the tenant as a whole.
pub fn tenant_partition(org: OrgId) -> String {
    format!("ORG#{org}")
}

/// The partition of a person.
pub fn person_partition(org: OrgId, person: PersonKey) -> String {
    format!("ORG#{org}#P#{person}")
}

/// The sort key of a person's own record: after all consents, with nothing in between.
pub const PERSON: &str = "P";

/// Where a person's own record lies.
pub fn person(org: OrgId, person: PersonKey) -> Key {
    Key { pk: person_partition(org, person), sk: PERSON.into() }
}

/// What all consent versions begin with.
pub const CONSENTS: &str = "C#";

/// Where a version of a person's consents lies.
pub fn consent(org: OrgId, person: PersonKey, number: u64) -> Key {
    Key { pk: person_partition(org, person), sk: format!("{CONSENTS}{number:010}") }
}

/// The sort key of the one erasure of a person that is, or was last, under way: next to the person's
/// own record, and before all other requests.
pub const ERASURE: &str = "R";

/// What all other requests begin with.
pub const REQUESTS: &str = "R#";

/// Where the one erasure of a person lies that is, or was last, under way.
pub fn erasure(org: OrgId, person: PersonKey) -> Key {
    Key { pk: person_partition(org, person), sk: ERASURE.into() }
}

/// Where a request lies that is not the current erasure.
pub fn request_by_id(org: OrgId, person: PersonKey, id: RequestId) -> Key {
    Key { pk: person_partition(org, person), sk: format!("{REQUESTS}{id}") }
}

/// Where `request` lies: erasures that Lethe carries out share one place, so that there can be
/// only one at a time.
pub fn request(org: OrgId, request: &Request) -> Key {
    match (request.kind, &request.work) {
        (Kind::Erasure, Work::Purge(_)) => erasure(org, request.person),
        (Kind::Erasure | Kind::Access | Kind::Correction | Kind::Restriction, _) => {
            request_by_id(org, request.person, request.id)
        }
    }
}

/// Where it is noted whose request `id` is, unless the id itself tells.
pub fn owner(org: OrgId, id: RequestId) -> Key {
    Key { pk: format!("ORG#{org}#R#{id}"), sk: "R".into() }
}

/// Where the certificate about the request `id` lies.
pub fn certificate(org: OrgId, id: RequestId) -> Key {
    Key { pk: owner(org, id).pk, sk: "C".into() }
}

/// The partition of the public keys of a tenant's certificates.
pub fn certificate_keys(org: OrgId) -> String {
    format!("ORG#{org}#S")
}

/// Where the public half of a key of a tenant's certificates lies.
pub fn certificate_key(org: OrgId, number: u32) -> Key {
    Key { pk: certificate_keys(org), sk: format!("{number:010}") }
}

/// What all holds begin with.
pub const HOLDS: &str = "W#";

/// Where a hold lies: with the person whose data it is on, or with the tenant.
pub fn hold(org: OrgId, person: Option<PersonKey>, id: HoldId) -> Key {
    let pk = person.map_or_else(|| tenant_partition(org), |person| person_partition(org, person));
    Key { pk, sk: format!("{HOLDS}{id}") }
}

/// What all notes of watched requests begin with.
pub const WATCHES: &str = "Y#";

/// Where it is noted that a request is watched.
pub fn watch(org: OrgId, person: PersonKey, id: RequestId) -> Key {
    Key { pk: person_partition(org, person), sk: format!("{WATCHES}{id}") }
}

/// Where a watched request stands among all of them.
pub fn watch_due(id: RequestId, ends_at: Timestamp) -> Key {
    Key { pk: due_partition(Attention::Deadline, due_shard(id)), sk: sortable(ends_at) }
}

/// Where it is noted how far the list of a tenant was looked through for what to watch.
pub fn watch_marker(org: OrgId) -> Key {
    Key { pk: tenant_partition(org), sk: "Y".into() }
}

/// Where it is noted on whose data the hold `id` is.
pub fn hold_owner(org: OrgId, id: HoldId) -> Key {
    Key { pk: format!("ORG#{org}#W#{id}"), sk: "W".into() }
}

/// Where the plan with this hash lies.
pub fn plan(org: OrgId, person: PersonKey, sha256: &str) -> Key {
    Key { pk: person_partition(org, person), sk: format!("S#{sha256}") }
}

/// Where a person's current link to the personal data view lies.
pub fn view_link(org: OrgId, person: PersonKey) -> Key {
    Key { pk: person_partition(org, person), sk: "V".into() }
}

/// The partition of the sessions of a member of staff.
pub fn session_partition(org: OrgId, staff: PersonKey) -> String {
    format!("ORG#{org}#U#{staff}")
}

/// Where a session lies, given the digest of what its cookie holds.
pub fn session(org: OrgId, staff: PersonKey, digest: [u8; 32]) -> Key {
    Key { pk: session_partition(org, staff), sk: hex::encode(digest) }
}

/// The partition of all persons identified by a value, given its keyed hash.
pub fn identity_partition(org: OrgId, hash: [u8; 16]) -> String {
    format!("ORG#{org}#I#{}", hex::encode(hash))
}

/// Where it is noted that a value identifies a person.
pub fn identity(org: OrgId, hash: [u8; 16], person: PersonKey) -> Key {
    Key { pk: identity_partition(org, hash), sk: person.to_string() }
}

/// The sort key of a tombstone.
pub const TOMBSTONE: &str = "T";

/// Where it is noted that whatever has this keyed hash was erased.
pub fn tombstone(org: OrgId, hash: [u8; 16]) -> Key {
    Key { pk: identity_partition(org, hash), sk: TOMBSTONE.into() }
}

/// Where a tombstone stands in the list of all of its tenant.
pub fn in_tombstone_list(org: OrgId, hash: [u8; 16]) -> Key {
    Key { pk: tombstone_list_partition(org), sk: hex::encode(hash) }
}

/// The list of all tombstones of a tenant.
pub fn tombstone_list_partition(org: OrgId) -> String {
    format!("ORG#{org}#T")
}

/// The keyed hash of a partition key made by [`identity_partition`].
pub fn hash_of_identity_partition(pk: &str) -> Option<[u8; 16]> {
    let (_, hash) = pk.strip_prefix("ORG#")?.split_once("#I#")?;
    hex::decode(hash).ok()?.try_into().ok()
}

/// Where the answer given under an idempotency key lies, given the hash of its scope.
pub fn reply(org: OrgId, scope: [u8; 32]) -> Key {
    Key { pk: format!("ORG#{org}#K#{}", hex::encode(scope)), sk: "K".into() }
}

/// Where it is noted how often whoever has this keyed hash did something.
pub fn bucket(org: OrgId, hash: [u8; 16]) -> Key {
    Key { pk: format!("ORG#{org}#L#{}", hex::encode(hash)), sk: "L".into() }
}

/// Where an API client lies.
pub fn client(id: &str) -> Key {
    Key { pk: format!("CLIENT#{id}"), sk: "CLIENT".into() }
}

/// Where an API client stands in the list of all of its tenant.
pub fn in_client_list(org: OrgId, id: &str) -> Key {
    Key { pk: client_list_partition(org), sk: id.to_owned() }
}

/// The list of all API clients of a tenant.
pub fn client_list_partition(org: OrgId) -> String {
    format!("ORG#{org}#A")
}

/// Where a request stands in the list of all requests of its tenant, if it does.
pub fn in_list(org: OrgId, request: &Request) -> Option<Key> {
    let place = || Key { pk: list_partition(org), sk: list_sort(request.received_at, request.id.0) };
    request.is_listed().then(place)
}

/// Where a request stands among those of its tenant that wait for its staff, if it does. Its order is that
/// of the law that most tenants live under: whoever shows it knows better.
pub fn in_open(org: OrgId, request: &Request) -> Option<Key> {
    let deadline = request.deadline(&Law::default()).ends_at;
    let place = || Key { pk: list_partition(org), sk: list_sort(deadline, request.id.0) };
    request.awaits_staff().then(place)
}

/// Where a hold stands in the list of all holds of its tenant.
pub fn in_hold_list(org: OrgId, hold: &Hold) -> Key {
    Key { pk: hold_list_partition(org), sk: list_sort(hold.created_at, hold.id.0) }
}

/// By time, and by id where times are equal.
pub fn list_sort(at: Timestamp, id: Uuid) -> String {
    format!("{}#{}", sortable(at), id.as_hyphenated())
}

/// The list of all requests of a tenant.
pub fn list_partition(org: OrgId) -> String {
    format!("ORG#{org}")
}

/// The list of all holds of a tenant.
pub fn hold_list_partition(org: OrgId) -> String {
    format!("ORG#{org}#W")
}

/// Where a request waits for attention, if it needs any.
pub fn in_due(request: &Request) -> Option<Key> {
    let (attention, at) = request.attention()?;
    Some(Key { pk: due_partition(attention, due_shard(request.id)), sk: sortable(at) })
}

/// The shard of a request.
fn due_shard(id: RequestId) -> u8 {
    id.0.as_bytes()[15] % DUE_SHARDS
}

/// One shard of what is due for one kind of attention.
pub fn due_partition(attention: Attention, shard: u8) -> String {
    let name = match attention {
        Attention::Purge => "PURGE",
        Attention::Expiry => "EXPIRY",
        Attention::Stalled => "STALLED",
        Attention::Failed => "FAILED",
        Attention::Deadline => "DEADLINE",
        Attention::Scan => "SCAN",
    };
    format!("{name}#{shard}")
}

/// The tenant and person of a partition key made by [`person_partition`].
pub fn owner_of_partition(pk: &str) -> Option<(OrgId, PersonKey)> {
    let (org, person) = pk.strip_prefix("ORG#")?.split_once("#P#")?;
    Some((org.parse().ok()?, person.parse().ok()?))
}

/// Whose row lies at a key, and what it is called in the log of the audit. Nothing for what only serves the
/// running of the service: sessions, links, plans, replies, notes of what is watched, and pointers to other rows.
///
/// An API client's key names no tenant: its row does, which is `of_client`.
pub fn audited(Key { pk, sk }: &Key, of_client: Option<OrgId>) -> Option<(OrgId, Chain, String)> {
    if let Some(client) = pk.strip_prefix("CLIENT#") {
        return Some((of_client?, Chain(None), format!("A#{client}")));
    }
    if let Some((org, person)) = owner_of_partition(pk) {
        let is_noted = [PERSON, ERASURE].contains(&sk.as_str())
            || [CONSENTS, REQUESTS, HOLDS].iter().any(|kind| sk.starts_with(kind));
        return is_noted.then(|| (org, Chain(Some(person)), sk.clone()));
    }
    let rest = pk.strip_prefix("ORG#")?;
    let (org, kind) = rest.split_once('#').unwrap_or((rest, ""));
    let is_noted = match kind.split_once('#').map_or(kind, |(kind, _)| kind) {
        "" => sk.starts_with(HOLDS),
        "S" => true,
        "R" => sk == "C",
        "I" => sk == TOMBSTONE,
        _ => false,
    };
    let name = if kind.is_empty() { sk.clone() } else { format!("{kind}#{sk}") };
    is_noted.then_some(())?;
    Some((org.parse().ok()?, Chain(None), name))
}

/// The key of a tenant in the key table.
pub fn tenant_key(org: OrgId) -> Key {
    Key { pk: format!("ORG#{org}"), sk: String::new() }
}

/// The data key of a person in the key table.
pub fn person_key(org: OrgId, person: PersonKey) -> Key {
    Key { pk: person_partition(org, person), sk: String::new() }
}

/// The key, in the key table, of what is said about a request once the person is forgotten.
pub fn request_key(org: OrgId, id: RequestId) -> Key {
    Key { pk: format!("ORG#{org}#R#{id}"), sk: String::new() }
}

/// The key, in the key table, that signs our own tokens.
pub fn signing_key() -> Key {
    Key { pk: "SIGNING".into(), sk: String::new() }
}

/// A key, in the key table, that signs a tenant's certificates.
pub fn certificate_secret(org: OrgId, number: u32) -> Key {
    Key { pk: format!("CERT#ORG#{org}#{number:010}"), sk: String::new() }
}

/// Fixed width, so that text order is time order.
pub fn sortable(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_lies_between_the_consents_the_person_and_the_erasure() {
        let org = "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap();
        let someone = PersonKey([9; 10]);
        let newest = consent(org, someone, 9_999_999_999).sk;
        let (own, current) = (person(org, someone).sk, erasure(org, someone).sk);
        let others = [
            request_by_id(org, someone, RequestId(Uuid::nil())).sk,
            view_link(org, someone).sk,
            plan(org, someone, "").sk,
            hold(org, Some(someone), HoldId(Uuid::nil())).sk,
            watch(org, someone, RequestId(Uuid::nil())).sk,
        ];

        assert!(CONSENTS < newest.as_str() && newest < own && own < current);
        assert!(others.iter().all(|other| current < *other));
    }

    #[test]
    fn a_partition_tells_its_owner() {
        let org: OrgId = "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap();
        let someone = PersonKey([9; 10]);

        assert_eq!(owner_of_partition(&person_partition(org, someone)), Some((org, someone)));
        assert_eq!(owner_of_partition("CLIENT#x"), None);
    }
}
