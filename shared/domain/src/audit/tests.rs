#![allow(clippy::unwrap_used)]

use chrono::TimeDelta;
use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{
    OrgId, PersonKey, Timestamp,
    certificate::{KeyRing, SigningKey},
};

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn tenant() -> OrgId {
    "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap()
}

/// The key of this seed, as PKCS#8 (RFC 8410).
fn key(seed: u8) -> SigningKey {
    let head = hex::decode("302e020100300506032b657004220420").unwrap();
    SigningKey::from_pkcs8(&[head, vec![seed; 32]].concat()).unwrap()
}

fn keys() -> KeyRing {
    [key(1).public()].into_iter().collect()
}

fn chain(no: u8) -> Chain {
    Chain((no > 0).then_some(PersonKey([no; 10])))
}

/// The log of who wrote when, one entry a second.
fn log(writers: &[u8]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (no, writer) in (0_u64..).zip(writers) {
        let last = entries.iter().rfind(|entry| entry.subject == chain(*writer));
        let commitment = Commitment::to(&no.to_be_bytes(), &Salt([*writer; 32]));
        let at = now() + TimeDelta::seconds(no.try_into().unwrap());
        let entry = Entry::after(last, chain(*writer), (format!("C#{no}"), Some(no)), commitment, at);
        entries.push(entry);
    }
    entries
}

fn root(entries: &[Entry]) -> Root {
    Root::of(tenant(), &entries.iter().collect(), now())
}

fn signed(entries: &[Entry]) -> SignedRoot {
    root(entries).sign(&key(1)).unwrap()
}

/// The same entries, linked anew: what somebody does who may write everything but sign nothing.
fn relinked(entries: &[Entry]) -> Vec<Entry> {
    let mut linked: Vec<Entry> = Vec::new();
    for entry in entries {
        let Entry { subject, at, record, version, commitment, .. } = entry.clone();
        let last = linked.iter().rfind(|last| last.subject == subject);
        linked.push(Entry::after(last, subject, (record, version), commitment, at));
    }
    linked
}

/// The tree hashes of other people's implementations.
#[test]
fn roots_are_those_of_the_standard() {
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut log = Log::default();
    for (no, expected) in ROOTS.iter().enumerate() {
        assert_eq!(log.root().to_string(), *expected, "of {no} leaves");
        if let Some(leaf) = LEAVES.get(no) {
            log.push_leaf(hex::decode(leaf).unwrap());
        }
    }
    assert_eq!(root(&log_of_one()).root, log_of_one()[0].hash(), "a chain's hash is that of a leaf");
}

fn log_of_one() -> Vec<Entry> {
    log(&[1])
}

#[test]
fn what_is_wrong_is_said() {
    let entries = log(&[1, 2, 1, 0, 2, 1]);
    let roots = [signed(&entries[..2]), signed(&entries)];
    let check = |entries: &[Entry], roots: &[SignedRoot], expected: Tampered| {
        let found = verify(tenant(), entries, roots, &keys());
        assert_eq!(found, Err(expected));
    };
    let with = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut changed = entries.clone();
        change(&mut changed);
        changed
    };
    let person = chain(1);

    let verified = verify(tenant(), &entries, &roots, &keys()).unwrap();
    assert_eq!((verified.entries, verified.chains, verified.root), (6, 3, Some(root(&entries))));

    check(&with(&|all| drop(all.remove(2))), &roots, Tampered::Missing { chain: person, number: 2 });
    check(&with(&|all| all[0].version = Some(9)), &roots, Tampered::Broken { chain: person, number: 2 });
    check(&with(&|all| all.push(all[5].clone())), &roots, Tampered::Again { chain: person, number: 3 });
    check(&with(&|all| all.swap(0, 2)), &roots, Tampered::Missing { chain: person, number: 1 });
    check(&with(&|all| all.swap(2, 3)), &roots, Tampered::Differs { size: 6 });
    check(&with(&|all| all.swap(0, 1)), &roots[1..], Tampered::Differs { size: 6 });
    check(&entries[..5], &roots, Tampered::Cut { anchored: 6, found: 5 });
    check(&relinked(&with(&|all| all[1].record = "R".into())), &roots, Tampered::Differs { size: 2 });
    let other = log(&[2, 2, 1, 0, 2, 1]);
    check(&entries, &[roots.as_slice(), &[signed(&other)]].concat(), Tampered::Forked { size: 6 });
    check(&entries, &[roots.as_slice(), &[signed(&other[..3])]].concat(), Tampered::Differs { size: 3 });
    let foreign = Root { tenant: OrgId(uuid::Uuid::nil()), ..root(&entries) };
    check(&entries, &[foreign.sign(&key(1)).unwrap()], Tampered::OtherTenant);
    let stranger = root(&entries).sign(&key(2)).unwrap();
    check(&entries, &[stranger], Tampered::Root(RootError::UnknownKey));
    let newer = Root { version: 2, ..root(&entries) };
    check(&entries, &[newer.sign(&key(1)).unwrap()], Tampered::Root(RootError::Content));
    let endless = Root { size: u64::MAX, ..root(&entries) };
    check(&entries, &[endless.sign(&key(1)).unwrap()], Tampered::Root(RootError::Content));
    check(&entries, &[SignedRoot("x".into())], Tampered::Root(RootError::Jws));
}

#[test]
fn a_certificate_is_no_root_and_a_root_no_certificate() {
    let jws =
        crate::jws::sign("lethe-certificate", &serde_json::to_vec(&root(&[])).unwrap(), &key(1)).unwrap();

    assert_eq!(SignedRoot(jws).open(&keys()), Err(RootError::Header));
}

#[test]
fn what_came_after_the_last_root_is_linked_though_not_signed() {
    let entries = log(&[1, 2, 1, 2]);
    let roots = [signed(&entries[..2]), signed(&[])];

    let verified = verify(tenant(), &entries, &roots, &keys()).unwrap();

    assert_eq!((verified.entries, verified.root.map(|root| root.size)), (4, Some(2)));
    assert!(verify(tenant(), &entries, &[], &keys()).is_ok());
    let dropped = [&entries[..2], &entries[3..]].concat();
    assert!(verify(tenant(), &dropped, &roots, &keys()).is_ok(), "the end of a chain that nobody has signed");
    assert!(verify(tenant(), &dropped[1..], &roots, &keys()).is_err());
}

#[test]
fn who_has_the_salt_can_show_what_was_written_and_nobody_can_without() {
    let (salt, other) = (Salt([1; 32]), Salt([2; 32]));
    let committed = Commitment::to(b"granted", &salt);

    assert_eq!(committed, Commitment::to(b"granted", &salt));
    assert_ne!(committed, Commitment::to(b"granted", &other));
    assert_ne!(committed, Commitment::to(b"withdrawn", &salt));
}

#[test]
fn an_entry_is_the_same_once_it_was_written_and_read() {
    let entry = log(&[1]).remove(0);
    let json = serde_json::to_string(&entry).unwrap();

    assert_eq!(serde_json::from_str::<Entry>(&json).unwrap().hash(), entry.hash());
    assert!(serde_json::from_str::<Entry>(&json.to_uppercase()).is_err());
    assert!("00".parse::<Hash>().is_err() && "A0".repeat(32).parse::<Hash>().is_err());
}

/// What somebody does to a log whose roots are out of reach.
#[derive(Clone, Debug)]
enum Deed {
    Mutate(Field),
    Drop,
    Swap(Index),
    Cut,
    Fork,
    Insert,
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Subject,
    Number,
    At,
    Record,
    Version,
    Commitment,
    Previous,
}

fn deeds() -> impl Strategy<Value = Deed> {
    use Field::{At, Commitment, Number, Previous, Record, Subject, Version};
    let fields = vec![Subject, Number, At, Record, Version, Commitment, Previous];
    prop_oneof![
        prop::sample::select(fields).prop_map(Deed::Mutate),
        Just(Deed::Drop),
        any::<Index>().prop_map(Deed::Swap),
        Just(Deed::Cut),
        Just(Deed::Fork),
        Just(Deed::Insert),
    ]
}

fn done(entries: &[Entry], deed: &Deed, at: usize) -> Vec<Entry> {
    let mut changed = entries.to_vec();
    let entry = &mut changed[at];
    match deed {
        Deed::Mutate(Field::Subject) => entry.subject = chain(200),
        Deed::Mutate(Field::Number) => entry.number += 1,
        Deed::Mutate(Field::At) => entry.at += TimeDelta::nanoseconds(1),
        Deed::Mutate(Field::Record) => entry.record.push('\n'),
        Deed::Mutate(Field::Version) => entry.version = None,
        Deed::Mutate(Field::Commitment) => entry.commitment.0.0[31] ^= 1,
        Deed::Mutate(Field::Previous) => entry.previous.0[0] ^= 1,
        Deed::Drop => drop(changed.remove(at)),
        Deed::Swap(other) => changed.swap(at, other.index(entries.len())),
        Deed::Cut => changed.truncate(at),
        // From there on it went otherwise.
        Deed::Fork => changed[at..].iter_mut().for_each(|entry| entry.commitment.0.0[0] ^= 1),
        Deed::Insert => {
            let forged = Entry { record: "R".into(), ..entry.clone() };
            changed.insert(at, forged);
        }
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// 1,000 of 1,000, whether or not the chains are mended afterwards; no key of a person is needed.
    #[test]
    fn whatever_is_done_to_a_log_is_found(
        writers in prop::collection::vec(0..5_u8, 2..40),
        anchors in prop::collection::vec(any::<Index>(), 0..4),
        deed in deeds(),
        at in any::<Index>(),
        mends in any::<bool>(),
    ) {
        let entries = log(&writers);
        let anchored = anchors.iter().map(|anchor| anchor.index(entries.len())).chain([entries.len()]);
        let roots: Vec<_> = anchored.map(|size| signed(&entries[..size])).collect();
        prop_assert!(verify(tenant(), &entries, &roots, &keys()).is_ok());

        let changed = done(&entries, &deed, at.index(entries.len()));
        let changed = if mends { relinked(&changed) } else { changed };

        prop_assume!(changed != entries);
        prop_assert!(verify(tenant(), &changed, &roots, &keys()).is_err());
    }

    /// A root that is changed anywhere is refused.
    #[test]
    fn whatever_is_done_to_a_root_is_found(at in any::<Index>(), to in "[A-Za-z0-9_.-]") {
        let entries = log(&[1, 2, 1]);
        let SignedRoot(jws) = signed(&entries);
        let at = at.index(jws.len());
        let changed = format!("{}{to}{}", &jws[..at], &jws[at + 1..]);

        prop_assume!(changed != jws);
        prop_assert!(verify(tenant(), &entries, &[SignedRoot(changed)], &keys()).is_err());
    }

    /// Proofs prove what is there, and nothing else.
    #[test]
    fn proofs_lead_to_the_root_from_what_is_there_alone(
        writers in prop::collection::vec(0..5_u8, 1..40),
        at in any::<Index>(),
        other in any::<Index>(),
        flip in prop::option::of(any::<Index>()),
    ) {
        let entries = log(&writers);
        let (at, other) = (at.index(entries.len()), other.index(entries.len()));
        let (whole, newest) = (entries.iter().collect::<Log>(), root(&entries));
        let index = u64::try_from(at).unwrap();
        let flipped = |Proof(mut hashes): Proof| {
            let hit = flip.filter(|_| !hashes.is_empty());
            if let Some(hit) = &hit {
                let at = hit.index(hashes.len());
                hashes[at].0[0] ^= 1;
            }
            (Proof(hashes), hit.is_none())
        };

        let (proof, is_sound) = flipped(whole.inclusion(index).unwrap());
        let found = newest.includes(&entries[other], index, &proof);
        prop_assert_eq!(found.is_ok(), is_sound && at == other);

        let older = root(&entries[..=at]);
        let (proof, is_sound) = flipped(whole.consistency(older.size).unwrap());
        prop_assert_eq!(newest.extends(&older, &proof).is_ok(), is_sound);
        let other = Root { root: Hash([7; 32]), ..older };
        prop_assert!(newest.extends(&other, &proof).is_err());
        prop_assert!(newest.extends(&root(&[]), &Proof(Vec::new())).is_ok());
        prop_assert_eq!((whole.inclusion(newest.size), whole.consistency(0)), (None, None));
        prop_assert_eq!(whole.consistency(newest.size + 1), None);
    }
}
