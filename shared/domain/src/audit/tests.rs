#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use chrono::TimeDelta;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::{prelude::*, sample::Index};
use sha2::Sha256;

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

/// A log in which each of these wrote their one row once more, one entry a second.
fn log(writers: &[u8]) -> Vec<Entry> {
    let mut rows = HashMap::new();
    let entry = |(no, writer): (u64, &u8)| {
        let commitment = Commitment::to(&no.to_be_bytes());
        let previous = rows.insert(*writer, commitment).unwrap_or(Commitment::NOTHING);
        let at = now() + TimeDelta::seconds(no.try_into().unwrap());
        Entry { subject: chain(*writer), record: "P".into(), version: Some(no), at, commitment, previous }
    };
    (0_u64..).zip(writers).map(entry).collect()
}

/// The same entries, linked anew: what somebody does who may write everything but sign nothing.
fn relinked(entries: &[Entry]) -> Vec<Entry> {
    let mut rows = HashMap::new();
    let relink = |entry: &Entry| {
        let row = (entry.subject, entry.record.clone());
        let previous = rows.insert(row, entry.commitment).unwrap_or(Commitment::NOTHING);
        Entry { previous, ..entry.clone() }
    };
    entries.iter().map(relink).collect()
}

fn edge(entries: &[Entry]) -> Edge {
    let mut edge = Edge::default();
    entries.iter().for_each(|entry| edge.push(entry));
    edge
}

fn root(entries: &[Entry]) -> Root {
    Root::of(tenant(), &edge(entries), now())
}

fn signed(entries: &[Entry]) -> SignedRoot {
    root(entries).sign(&key(1)).unwrap()
}

/// The log in segments that end after so many entries, and after all of them.
fn segments(entries: &[Entry], ends: &[usize]) -> Vec<Segment> {
    let mut ends: Vec<usize> =
        ends.iter().map(|end| (*end).min(entries.len())).chain([entries.len()]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut begin = 0;
    let segment = |end: usize| {
        let (before, these) = (edge(&entries[..begin]), entries[begin..end].to_vec());
        begin = end;
        Segment::after(before, these, (tenant(), now()), &key(1)).unwrap()
    };
    ends.into_iter().map(segment).collect()
}

fn verify(segments: &[Segment], kept: &[SignedRoot]) -> Result<Verified, Tampered> {
    let keys = keys();
    let mut verifier = Verifier::new(tenant(), &keys, kept)?;
    segments.iter().try_for_each(|segment| verifier.take(segment))?;
    verifier.end()
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
    let mut log = Edge::default();
    for (no, expected) in ROOTS.iter().enumerate() {
        assert_eq!(log.root().to_string(), *expected, "of {no} leaves");
        if let Some(leaf) = LEAVES.get(no) {
            log.push_leaf(leaf_of(leaf));
        }
    }
}

fn leaf_of(digits: &str) -> Hash {
    super::entry::leaf(&hex::decode(digits).unwrap())
}

#[test]
fn what_is_wrong_is_said() {
    let entries = log(&[1, 2, 1, 0, 2, 1]);
    let whole = segments(&entries, &[2]);
    let kept = [signed(&entries[..2]), signed(&entries)];
    let check = |segments: &[Segment], kept: &[SignedRoot], expected: Tampered| {
        assert_eq!(verify(segments, kept), Err(expected));
    };
    let with = |change: &dyn Fn(&mut Vec<Segment>)| {
        let mut changed = whole.clone();
        change(&mut changed);
        changed
    };
    let broken = |index, no| Tampered::Broken { index, chain: chain(no), record: "P".into() };

    let verified = verify(&whole, &kept).unwrap();
    assert_eq!((verified.entries, verified.chains, verified.root), (6, 3, Some(root(&entries))));

    check(&with(&|all| drop(all.remove(0))), &[], Tampered::Missing { index: 0 });
    check(&with(&|all| all.push(all[0].clone())), &[], Tampered::Again { index: 0 });
    check(&with(&|all| drop(all[1].entries.remove(0))), &[], broken(4, 1));
    check(&with(&|all| all[0].entries[0].version = Some(9)), &[], Tampered::Differs { size: 2 });
    check(&with(&|all| all[1].before = edge(&log(&[3, 3]))), &[], Tampered::Differs { size: 2 });
    check(&with(&|all| all[1].entries.swap(0, 3)), &[], broken(2, 1));
    check(&with(&|all| all[1].entries.swap(0, 1)), &[], Tampered::Differs { size: 6 });
    check(&whole[..1], &kept, Tampered::Cut { known: 6, found: 2 });
    let other = log(&[2, 2, 1, 0, 2, 1]);
    check(&whole, &[signed(&entries), signed(&other)], Tampered::Forked { size: 6 });
    check(&whole, &[signed(&other[..3])], Tampered::Differs { size: 3 });
    check(&whole, &[signed(&other)], Tampered::Differs { size: 6 });
    let with_root = |root: SignedRoot| [whole[0].clone(), Segment { root, ..whole[1].clone() }];
    let foreign = Root { tenant: OrgId(uuid::Uuid::nil()), ..root(&entries) };
    check(&with_root(foreign.sign(&key(1)).unwrap()), &[], Tampered::OtherTenant);
    let stranger = root(&entries).sign(&key(2)).unwrap();
    check(&with_root(stranger), &[], Tampered::Root(RootError::UnknownKey));
    let newer = Root { version: 2, ..root(&entries) };
    check(&with_root(newer.sign(&key(1)).unwrap()), &[], Tampered::Root(RootError::Content));
    let endless = Root { size: u64::MAX, ..root(&entries) };
    check(&with_root(endless.sign(&key(1)).unwrap()), &[], Tampered::Root(RootError::Content));
    check(&with_root(SignedRoot("x".into())), &[], Tampered::Root(RootError::Jws));
    check(&whole, &[SignedRoot("x".into())], Tampered::Root(RootError::Jws));
}

/// Whoever notes changes may die after it was done and do it again.
#[test]
fn what_was_noted_twice_is_no_harm_and_what_was_made_up_is() {
    let entries = log(&[1, 2, 1, 2]);
    let again = [&entries[..3], &entries[1..]].concat();
    let verified = verify(&segments(&again, &[3]), &[]).unwrap();
    assert_eq!(verified.entries, 6);

    let mut made_up = again;
    made_up[4].commitment = Commitment::to(b"something else");
    assert!(matches!(verify(&segments(&made_up, &[3]), &[]), Err(Tampered::Broken { index: 4, .. })));
}

/// A table that was put back to an earlier moment goes on from there.
#[test]
fn a_ledger_that_went_back_is_found() {
    let mut entries = log(&[1, 1, 1]);
    let went_on = Entry { previous: entries[0].commitment, ..log(&[2, 2, 2, 1])[3].clone() };
    entries.push(went_on);

    assert!(matches!(verify(&segments(&entries, &[]), &[]), Err(Tampered::Broken { index: 3, .. })));
}

#[test]
fn the_log_tells_what_a_row_says_last() {
    let mut entries = log(&[1, 1, 2]);
    let keys = keys();
    let said = |entries: &[Entry], no: u8| {
        let mut verifier = Verifier::new(tenant(), &keys, &[]).unwrap();
        segments(entries, &[]).iter().for_each(|segment| verifier.take(segment).unwrap());
        verifier.row(chain(no), "P")
    };
    assert_eq!(said(&entries, 1), Commitment::to(&1_u64.to_be_bytes()));
    assert_eq!(said(&entries, 3), Commitment::NOTHING);

    let removed = Entry { version: None, commitment: Commitment::NOTHING, ..entries[1].clone() };
    entries.push(Entry { previous: entries[1].commitment, ..removed });
    assert_eq!(said(&entries, 1), Commitment::NOTHING);
}

#[test]
fn a_certificate_is_no_root_and_a_root_no_certificate() {
    let jws =
        crate::jws::sign("lethe-certificate", &serde_json::to_vec(&root(&[])).unwrap(), &key(1)).unwrap();

    assert_eq!(SignedRoot(jws).open(&keys()), Err(RootError::Header));
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
    At,
    Record,
    Version,
    Commitment,
    Previous,
}

fn deeds() -> impl Strategy<Value = Deed> {
    use Field::{At, Commitment, Previous, Record, Subject, Version};
    let fields = vec![Subject, At, Record, Version, Commitment, Previous];
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
        Deed::Mutate(Field::At) => entry.at += TimeDelta::nanoseconds(1),
        Deed::Mutate(Field::Record) => entry.record.push('\n'),
        Deed::Mutate(Field::Version) => entry.version = None,
        Deed::Mutate(Field::Commitment) => entry.commitment.0.0[31] ^= 1,
        Deed::Mutate(Field::Previous) => entry.previous.0.0[0] ^= 1,
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

    /// 1,000 of 1,000, whether or not the chains are mended afterwards and the roots are put where the entries
    /// are now; no key of a person is needed.
    #[test]
    fn whatever_is_done_to_a_log_is_found(
        writers in prop::collection::vec(0..5_u8, 2..40),
        ends in prop::collection::vec(any::<Index>(), 0..4),
        deed in deeds(),
        at in any::<Index>(),
        mends in any::<bool>(),
    ) {
        let entries = log(&writers);
        let ends: Vec<_> = ends.iter().map(|end| end.index(entries.len())).collect();
        let whole = segments(&entries, &ends);
        // The bucket keeps the roots whatever happens: the last of them at least is known.
        let kept = [signed(&entries)];
        prop_assert!(verify(&whole, &kept).is_ok());

        let changed = done(&entries, &deed, at.index(entries.len()));
        let changed = if mends { relinked(&changed) } else { changed };
        prop_assume!(changed != entries);

        // The entries are put into segments as they were, with the roots that there were.
        let mut rest = changed.as_slice();
        let mut altered = whole.clone();
        for segment in &mut altered {
            let (these, others) = rest.split_at(segment.entries.len().min(rest.len()));
            (segment.entries, rest) = (these.to_vec(), others);
        }
        if let Some(last) = altered.last_mut() {
            last.entries.extend_from_slice(rest);
        }
        prop_assert!(verify(&altered, &kept).is_err());
        // Or by somebody who has the key as well, but cannot take back the root that is known. Only a log that
        // goes on after it is one that might have been.
        prop_assert!(verify(&segments(&changed, &ends), &kept).is_err());
    }

    /// A root that is changed anywhere is refused.
    #[test]
    fn whatever_is_done_to_a_root_is_found(at in any::<Index>(), to in "[A-Za-z0-9_.-]") {
        let mut whole = segments(&log(&[1, 2, 1]), &[]);
        let SignedRoot(jws) = &mut whole[0].root;
        let at = at.index(jws.len());
        let changed = format!("{}{to}{}", &jws[..at], &jws[at + 1..]);

        prop_assume!(changed != *jws);
        *jws = changed;
        prop_assert!(verify(&whole, &[]).is_err());
    }

    /// What is kept of a tree is enough to go on with it: its root is that of another implementation, which has
    /// all leaves.
    #[test]
    fn an_edge_has_the_root_of_the_whole_tree(writers in prop::collection::vec(0..5_u8, 0..70)) {
        let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut edge = Edge::default();
        for (no, writer) in writers.iter().enumerate() {
            let text = vec![*writer; no];
            edge.push_leaf(super::entry::leaf(&text));
            tree.push(text);
            prop_assert_eq!(edge.root().0, <[u8; 32]>::from(*tree.root().as_bytes()));
        }
    }
}
