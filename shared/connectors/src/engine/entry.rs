//! Arrays by which a row is found: only the elements that match are the person's.

use domain::row::{Place, Row, Step, Value};

/// The single values at a dotted path, through objects and arrays.
pub(super) fn values<'r>(row: &'r Row, path: &str) -> impl Iterator<Item = &'r Value> {
    // Nearly all paths are plain columns, which must not cost an allocation per row.
    let plain = if path.contains('.') { None } else { row.get(path).filter(|value| is_single(value)) };
    let walked = if plain.is_none() { row.values(path) } else { Vec::new() };
    plain.into_iter().chain(walked)
}

const fn is_single(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Map(_))
}

/// Whether there may be an array on the path.
pub(super) fn may_hold_arrays(row: &Row, path: &str) -> bool {
    let top = path.split('.').next().unwrap_or(path);
    row.get(top).is_some_and(|value| !is_single(value))
}

/// The places in arrays that hold the values by which a row was found.
#[derive(Default)]
pub(super) struct Matched {
    places: Vec<Place>,
    /// The paths that they are at, for finding the elements that do not match.
    paths: Vec<String>,
}

impl Matched {
    /// Adds the places at `path` whose value is among those asked for.
    pub(super) fn add(&mut self, row: &Row, path: &str, asked: &dyn Fn(&Value) -> bool) {
        let places = row.elements(path).into_iter();
        let before = self.places.len();
        self.places
            .extend(places.filter(|(place, value)| in_array(place) && asked(value)).map(|(place, _)| place));
        if self.places.len() > before {
            self.paths.push(path.to_owned());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether the arrays also hold elements that do not match.
    pub(super) fn leaves_others(&self, row: &Row) -> bool {
        let mut elements = self.paths.iter().flat_map(|path| row.elements(path));
        elements.any(|(place, value)| value.is_key() && !self.admits(&place))
    }

    /// Whether a place is the person's: not inside an element that does not match.
    pub(super) fn admits(&self, place: &Place) -> bool {
        (0..place.0.len()).filter(|end| matches!(place.0[*end], Step::Index(_))).all(|end| {
            let array = &place.0[..end];
            let mut within = self.places.iter().filter(|matched| passes_through(matched, array)).peekable();
            within.peek().is_none() || within.any(|matched| matched.0[end] == place.0[end])
        })
    }

    /// Whether a place lies inside an element by which the row was found.
    pub(super) fn covers(&self, place: &Place) -> bool {
        self.admits(place)
            && (0..place.0.len()).any(|end| {
                matches!(place.0[end], Step::Index(_))
                    && self.places.iter().any(|matched| passes_through(matched, &place.0[..end]))
            })
    }

    /// The row without the elements that do not match.
    pub(super) fn cut(&self, row: &Row) -> Row {
        row.iter()
            .map(|(name, value)| {
                let mut here = vec![Step::Field(name.into())];
                (name, self.cut_value(value, &mut here))
            })
            .collect()
    }

    fn cut_value(&self, value: &Value, here: &mut Vec<Step>) -> Value {
        match value {
            Value::List(elements) => {
                let mut kept = Vec::new();
                for (index, element) in elements.iter().enumerate() {
                    here.push(Step::Index(index));
                    if self.admits(&Place(here.clone())) {
                        kept.push(self.cut_value(element, here));
                    }
                    here.pop();
                }
                Value::List(kept)
            }
            Value::Map(fields) => Value::Map(
                fields
                    .iter()
                    .map(|(name, value)| {
                        here.push(Step::Field(name.as_str().into()));
                        let cut = self.cut_value(value, here);
                        here.pop();
                        (name.clone(), cut)
                    })
                    .collect(),
            ),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Decimal(_)
            | Value::Text(_)
            | Value::Bytes(_) => value.clone(),
        }
    }
}

fn in_array(place: &Place) -> bool {
    place.0.iter().any(|step| matches!(step, Step::Index(_)))
}

fn passes_through(place: &Place, array: &[Step]) -> bool {
    place.0.len() > array.len()
        && place.0.starts_with(array)
        && matches!(place.0[array.len()], Step::Index(_))
}
