//! The key values that lead from row to row: all that a walk remembers, so they are kept small.
//!
//! There may be one for every row of a person, and nearly all are whole numbers.

use std::collections::{BTreeSet, HashMap};

use domain::datamap::Ownership;
use domain::row::Value;

use super::bookmark::{AskedMark, Foreign, Kept};
use super::walk::AskNo;

/// The first asks that a value was part of.
#[derive(Clone, Copy)]
pub(super) struct First {
    pub(super) any: AskNo,
    pub(super) own: Option<AskNo>,
}

/// The same in a quarter of the space: `NEVER` stands for none.
#[derive(Clone, Copy)]
struct Mark {
    any: u32,
    own: u32,
}

const NEVER: u32 = u32::MAX;

impl Mark {
    const fn first(self) -> First {
        let own = if self.own == NEVER { None } else { Some(self.own as AskNo) };
        First { any: self.any as AskNo, own }
    }
}

/// Values that one field was asked for.
#[derive(Clone, Default)]
pub(super) struct Asked {
    numbers: HashMap<i64, Mark>,
    others: HashMap<Value, Mark>,
}

impl Asked {
    /// The first asks that a value was part of, in whatever form it comes.
    pub(super) fn get(&self, value: &Value) -> Option<First> {
        let mark = match value {
            Value::Int(number) => self.numbers.get(number),
            Value::Float(_) | Value::Decimal(_) => match value.canonical() {
                Value::Int(number) => self.numbers.get(&number),
                other => self.others.get(&other),
            },
            Value::Null
            | Value::Bool(_)
            | Value::Text(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Map(_) => self.others.get(value),
        };
        mark.copied().map(Mark::first)
    }

    pub(super) fn contains(&self, value: &Value) -> bool {
        self.get(value).is_some()
    }

    /// Whether a value is to be asked for: never before, or before only as shared and now as own.
    pub(super) fn lacks(&self, value: &Value, reach: Ownership) -> bool {
        match (self.get(value), reach) {
            (None, _) | (Some(First { own: None, .. }), Ownership::Own) => true,
            (Some(_), Ownership::Own | Ownership::Shared) => false,
        }
    }

    /// Notes that `values` are part of ask `no`.
    pub(super) fn note(&mut self, values: &[Value], no: AskNo, reach: Ownership) {
        // A walk of so many asks does not end in anybody's lifetime.
        let no = u32::try_from(no).unwrap_or(NEVER - 1);
        self.numbers.reserve(values.iter().filter(|value| matches!(value, Value::Int(_))).count());
        for value in values {
            let new = Mark { any: no, own: NEVER };
            let mark = match value.canonical() {
                Value::Int(number) => self.numbers.entry(number).or_insert(new),
                other => self.others.entry(other).or_insert(new),
            };
            if reach == Ownership::Own && mark.own == NEVER {
                mark.own = no;
            }
        }
    }
}

impl Asked {
    /// All that is known, for a bookmark.
    pub(super) fn mark(&self) -> AskedMark {
        AskedMark {
            numbers: self.numbers.iter().map(|(number, mark)| (*number, mark.any, mark.own)).collect(),
            others: self
                .others
                .iter()
                .filter_map(|(value, mark)| Some((Kept::of(value)?, mark.any, mark.own)))
                .collect(),
        }
    }

    /// What a bookmark knew.
    pub(super) fn marked(mark: AskedMark) -> Result<Self, Foreign> {
        let numbers = mark.numbers.into_iter().map(|(number, any, own)| (number, Mark { any, own }));
        let others = mark.others.into_iter();
        let others = others.map(|(value, any, own)| Ok((value.into_value()?, Mark { any, own })));
        Ok(Self { numbers: numbers.collect(), others: others.collect::<Result<_, Foreign>>()? })
    }
}

/// Values that one field is still to be asked for.
#[derive(Clone, Default)]
pub(super) struct Pending {
    numbers: BTreeSet<i64>,
    others: BTreeSet<Value>,
}

impl Pending {
    pub(super) fn insert(&mut self, value: Value) {
        match value {
            Value::Int(number) => self.numbers.insert(number),
            other => self.others.insert(other),
        };
    }

    /// All of them, for a bookmark.
    pub(super) fn mark(&self) -> Vec<Kept> {
        let numbers = self.numbers.iter().copied().map(Kept::Int);
        numbers.chain(self.others.iter().filter_map(Kept::of)).collect()
    }

    /// Those that `asked` lacks, in order.
    pub(super) fn into_lacking(self, asked: &Asked, reach: Ownership) -> Vec<Value> {
        let mut values = Vec::with_capacity(self.numbers.len() + self.others.len());
        let all = self.numbers.into_iter().map(Value::Int).chain(self.others);
        values.extend(all.filter(|value| asked.lacks(value, reach)));
        values
    }
}
