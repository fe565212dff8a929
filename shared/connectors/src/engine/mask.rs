//! New values for the fields of found rows.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use domain::datamap::{MaskedField, Masker, Masking};
use domain::row::{Place, Row, Value};

use super::entry::Matched;

/// The masking of one run, which knows its own results again: that is how a re-read proves them.
pub(super) struct Masks<'r> {
    masker: &'r Masker,
    /// Fingerprints of the values that were put in place of others and cannot be told by their form.
    produced: HashSet<u64>,
    hasher: RandomState,
}

impl<'r> Masks<'r> {
    pub(super) fn new(masker: &'r Masker) -> Self {
        Self { masker, produced: HashSet::new(), hasher: RandomState::new() }
    }

    /// What is still to be set in a row: places in `fields`, inside what is the person's.
    pub(super) fn changes(
        &mut self,
        fields: &[MaskedField],
        row: &Row,
        matched: &Matched,
    ) -> Vec<(Place, Value)> {
        let common = !matched.is_empty() && matched.leaves_others(row);
        let mut changes = Vec::new();
        for field in fields {
            for (place, value) in row.places(&field.path) {
                let is_theirs = if common { matched.covers(&place) } else { matched.admits(&place) };
                if is_theirs && let Some(masked) = self.masked(field, value) {
                    changes.push((place, masked));
                }
            }
        }
        changes
    }

    /// The value to be set in place of `value`, unless that is masked already.
    fn masked(&mut self, field: &MaskedField, value: &Value) -> Option<Value> {
        match &field.masking {
            Masking::Preserve => None,
            Masking::NullRewrite | Masking::StringRewrite { .. } => {
                Some(self.masker.mask(&field.masking, value, field.length)).filter(|masked| masked != value)
            }
            Masking::RandomStringRewrite { .. }
            | Masking::Hash { .. }
            | Masking::Hmac { .. }
            | Masking::AesEncrypt { .. } => {
                if self.produced.contains(&self.hasher.hash_one(value)) {
                    return None;
                }
                let masked = self.masker.mask(&field.masking, value, field.length);
                self.produced.insert(self.hasher.hash_one(&masked));
                Some(masked).filter(|masked| masked != value)
            }
        }
    }
}
