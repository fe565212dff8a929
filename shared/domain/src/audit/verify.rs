//! Whether a log is the one that was signed.

use std::collections::HashMap;

use super::{Chain, Entry, Hash, Log, Root, RootError, SignedRoot};
use crate::{OrgId, certificate::KeyRing};

/// What is wrong with a log. Entries are numbered as they number themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampered {
    /// A root that nobody who may sign has signed.
    #[error("a root is refused: {0}")]
    Root(#[from] RootError),
    /// A root of somebody else.
    #[error("a root is one of another tenant")]
    OtherTenant,
    /// Two roots of as many entries that say different things.
    #[error("two roots of {size} entries differ: there are two logs")]
    Forked {
        /// How many.
        size: u64,
    },
    /// An entry is missing.
    #[error("entry {number} of {chain} is missing")]
    Missing {
        /// Of which chain.
        chain: Chain,
        /// Which.
        number: u64,
    },
    /// An entry that was there already.
    #[error("there is another entry {number} of {chain}, or it is out of order")]
    Again {
        /// Of which chain.
        chain: Chain,
        /// Which.
        number: u64,
    },
    /// An entry that names another before it than the one that is there.
    #[error("entry {number} of {chain} does not follow from the one before")]
    Broken {
        /// Of which chain.
        chain: Chain,
        /// Which.
        number: u64,
    },
    /// The end is missing.
    #[error("{anchored} entries were anchored and {found} are there: the end is missing")]
    Cut {
        /// How many the last root has.
        anchored: u64,
        /// How many there are.
        found: u64,
    },
    /// Whole chains, or their order, or the end of one, are not what was signed.
    #[error("the first {size} entries are not those that were anchored")]
    Differs {
        /// How many.
        size: u64,
    },
    /// A proof that proves nothing.
    #[error("the entry at {index} is not one of those that were anchored")]
    NotIncluded {
        /// Where it is said to be.
        index: u64,
    },
}

/// What a log is that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// How many chains they make.
    pub chains: usize,
    /// The last root, which stands for the first of them; what came after it follows from it and from itself,
    /// but nobody has signed it yet.
    pub root: Option<Root>,
}

/// Verifies all entries of a tenant, in their order, by all roots that were signed of them. No secret is needed
/// for it.
///
/// # Errors
/// What is wrong, whatever is found first: the roots, the chains, then the whole.
pub fn verify(
    tenant: OrgId,
    entries: &[Entry],
    roots: &[SignedRoot],
    keys: &KeyRing,
) -> Result<Verified, Tampered> {
    let roots = opened(tenant, roots, keys)?;
    let chains = linked(entries)?;
    let (mut log, mut next) = (Log::default(), entries.iter());
    for root in &roots {
        while log.size() < root.size {
            let anchored = roots.last().map_or(0, |root| root.size);
            let entry = next.next().ok_or(Tampered::Cut { anchored, found: log.size() })?;
            log.push(entry);
        }
        if log.root() != root.root {
            return Err(Tampered::Differs { size: root.size });
        }
    }
    let entries = log.size() + next.map(|_| 1).sum::<u64>();
    Ok(Verified { entries, chains, root: roots.into_iter().next_back() })
}

/// The roots by size, each once.
fn opened(tenant: OrgId, roots: &[SignedRoot], keys: &KeyRing) -> Result<Vec<Root>, Tampered> {
    let mut opened: Vec<Root> = roots.iter().map(|root| root.open(keys)).collect::<Result<_, _>>()?;
    if opened.iter().any(|root| root.tenant != tenant) {
        return Err(Tampered::OtherTenant);
    }
    opened.sort_by_key(|root| root.size);
    match opened.windows(2).find(|pair| pair[0].size == pair[1].size && pair[0].root != pair[1].root) {
        Some(pair) => Err(Tampered::Forked { size: pair[0].size }),
        None => Ok(opened),
    }
}

/// How many chains there are, if each entry of each follows from the one before.
fn linked(entries: &[Entry]) -> Result<usize, Tampered> {
    let mut ends: HashMap<Chain, (u64, Hash)> = HashMap::new();
    for entry in entries {
        let Entry { subject: chain, number, previous, .. } = entry;
        let end = ends.entry(*chain).or_default();
        let (last, hash) = *end;
        match number.checked_sub(last) {
            Some(1) if *previous == hash => {}
            Some(1) => return Err(Tampered::Broken { chain: *chain, number: *number }),
            Some(0) | None => return Err(Tampered::Again { chain: *chain, number: *number }),
            Some(_) => return Err(Tampered::Missing { chain: *chain, number: last + 1 }),
        }
        *end = (*number, entry.hash());
    }
    Ok(ends.len())
}
