//! Whether a log is the one that was signed.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Chain, Commitment, Edge, Entry, Hash, Root, RootError, Segment, SignedRoot};
use crate::{OrgId, certificate::KeyRing};

/// What is wrong with a log. Entries are numbered from zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// Entries are missing.
    #[error("the entries from {index} on are missing")]
    Missing {
        /// The first of them.
        index: u64,
    },
    /// Entries that were there already.
    #[error("there are other entries from {index} on, or they are out of order")]
    Again {
        /// The first of them.
        index: u64,
    },
    /// An entry about a row that said something else before.
    #[error("entry {index} does not follow from the one before about {record} of {chain}")]
    Broken {
        /// Which.
        index: u64,
        /// Whose row.
        chain: Chain,
        /// Which row.
        record: String,
    },
    /// The end is missing.
    #[error("{known} entries were signed and {found} are there: the end is missing")]
    Cut {
        /// How many the last root has that is known.
        known: u64,
        /// How many there are.
        found: u64,
    },
    /// Entries were changed.
    #[error("the first {size} entries are not those that were signed")]
    Differs {
        /// How many.
        size: u64,
    },
    /// A row does not say what the log says that it says.
    #[error("{record} of {chain} is not what was noted of it last")]
    Row {
        /// Whose row.
        chain: Chain,
        /// Which row.
        record: String,
    },
}

/// What a log is that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// Of how many persons they tell, and of the tenant as a whole.
    pub chains: usize,
    /// The last root, which stands for all of them.
    pub root: Option<Root>,
}

/// Verifies a log, segment by segment from the first. No secret is needed for it.
pub struct Verifier<'a> {
    tenant: OrgId,
    keys: &'a KeyRing,
    /// Roots that somebody has kept, by size, as far as the log has not come to them.
    known: BTreeMap<u64, Hash>,
    edge: Edge,
    root: Option<Root>,
    /// What each row said last.
    rows: HashMap<(Chain, String), Commitment>,
    /// The hashes of all entries.
    noted: HashSet<Hash>,
}

impl<'a> Verifier<'a> {
    /// Begins, with what `keys` may have signed and roots of the log that somebody has kept.
    ///
    /// # Errors
    /// When those roots cannot be of one log.
    pub fn new(tenant: OrgId, keys: &'a KeyRing, kept: &[SignedRoot]) -> Result<Self, Tampered> {
        let mut known = BTreeMap::new();
        for root in kept {
            let Root { size, root, .. } = opened(root, tenant, keys)?;
            if known.insert(size, root).is_some_and(|other| other != root) {
                return Err(Tampered::Forked { size });
            }
        }
        let (rows, noted) = (HashMap::new(), HashSet::new());
        let mut verifier = Self { tenant, keys, known, edge: Edge::default(), root: None, rows, noted };
        verifier.meet_known()?;
        Ok(verifier)
    }

    /// Takes the next segment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, segment: &Segment) -> Result<(), Tampered> {
        let root = opened(&segment.root, self.tenant, self.keys)?;
        let (index, begins) = (self.edge.size(), segment.before.size());
        match begins.cmp(&index) {
            std::cmp::Ordering::Greater => return Err(Tampered::Missing { index }),
            std::cmp::Ordering::Less => return Err(Tampered::Again { index: begins }),
            std::cmp::Ordering::Equal if segment.before != self.edge => {
                return Err(Tampered::Differs { size: index });
            }
            std::cmp::Ordering::Equal => {}
        }
        for entry in &segment.entries {
            self.link(entry)?;
            self.edge.push(entry);
            self.meet_known()?;
        }
        if (root.size, root.root) != (self.edge.size(), self.edge.root()) {
            return Err(Tampered::Differs { size: root.size });
        }
        self.root = Some(root);
        Ok(())
    }

    /// Ends: there are no more segments.
    ///
    /// # Errors
    /// When somebody has kept a root of more entries.
    pub fn end(self) -> Result<Verified, Tampered> {
        let Self { known, edge, root, rows, .. } = self;
        if let Some((known, _)) = known.last_key_value() {
            return Err(Tampered::Cut { known: *known, found: edge.size() });
        }
        let chains: HashSet<Chain> = rows.into_keys().map(|(chain, _)| chain).collect();
        Ok(Verified { entries: edge.size(), chains: chains.len(), root })
    }

    /// What the log says that a row says; nothing if it is not there.
    pub fn row(&self, chain: Chain, record: &str) -> Commitment {
        self.rows.get(&(chain, record.to_owned())).copied().unwrap_or(Commitment::NOTHING)
    }

    /// The last root so far.
    pub fn root(&self) -> Option<&Root> {
        self.root.as_ref()
    }

    /// Whether the entry follows from what is known of its row, or was noted before.
    fn link(&mut self, entry: &Entry) -> Result<(), Tampered> {
        let Entry { subject, record, commitment, previous, .. } = entry;
        if self.row(*subject, record) == *previous {
            self.rows.insert((*subject, record.clone()), *commitment);
            self.noted.insert(entry.hash());
            return Ok(());
        }
        if self.noted.contains(&entry.hash()) {
            return Ok(());
        }
        Err(Tampered::Broken { index: self.edge.size(), chain: *subject, record: record.clone() })
    }

    /// Compares with a root that somebody has kept, if this is where it was.
    fn meet_known(&mut self) -> Result<(), Tampered> {
        let size = self.edge.size();
        match self.known.remove(&size) {
            Some(known) if known != self.edge.root() => Err(Tampered::Differs { size }),
            Some(_) | None => Ok(()),
        }
    }
}

fn opened(root: &SignedRoot, tenant: OrgId, keys: &KeyRing) -> Result<Root, Tampered> {
    let root = root.open(keys)?;
    if root.tenant == tenant { Ok(root) } else { Err(Tampered::OtherTenant) }
}
