//! The types of a loaded data map.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::errors::{At, MapErrors};
use super::masking::Masking;
use super::{check, read, taxonomy};

/// All datasets of a tenant, checked.
///
/// Collections marked `skip_processing` are checked when loaded and then left out: they do not exist.
#[derive(Clone, Debug, Default)]
pub struct DataMap {
    /// The datasets in the order in which they were given.
    pub datasets: Vec<Dataset>,
    /// Data categories that the files declare beside the default ones.
    pub declared: BTreeSet<Category>,
    /// The SHA-256 of the files' texts: plans and takeouts name it, so that one can tell which map they
    /// were made by. Empty if nothing is mapped.
    pub version: String,
}

impl DataMap {
    /// Reads and checks data map files, given as name and text.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files.
    ///
    /// ```
    /// use domain::datamap::DataMap;
    ///
    /// let map = DataMap::load([("map.yml", "
    /// dataset:
    ///   - fides_key: shop
    ///     collections:
    ///       - name: customers
    ///         fields:
    ///           - name: email
    ///             fides_meta: {identity: email}
    /// ")]).unwrap();
    /// assert_eq!(map.datasets[0].collections[0].name, "customers");
    ///
    /// let errors = DataMap::load([("map.yml", "dataset:\n  - name: Shop\n")]).unwrap_err();
    /// assert!(errors.to_string().starts_with("map.yml:2: a dataset has no fides_key"));
    /// ```
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, MapErrors> {
        let mut errors = MapErrors::default();
        let mut hash = digest::Context::new(&digest::SHA256);
        let files = files.into_iter().inspect(|(_, text)| {
            // With their lengths, or a line moved to the next file would not show.
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        });
        let raw = read::files(files, &mut errors);
        let map = check::check(raw, &mut errors);
        errors.or(Self { version: hex::encode(hash.finish()), ..map })
    }

    /// The dataset with this key.
    #[must_use]
    pub fn dataset(&self, key: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.key == key)
    }

    /// A collection by its full name.
    #[must_use]
    pub fn collection(&self, at: &CollectionRef) -> Option<&Collection> {
        self.dataset(&at.dataset)?.collection(&at.collection)
    }

    /// Every collection with its full name, in the order in which they were given.
    pub fn collections(&self) -> impl Iterator<Item = (CollectionRef, &Dataset, &Collection)> {
        self.datasets.iter().flat_map(|dataset| {
            dataset.collections.iter().map(move |collection| {
                (CollectionRef::new(&dataset.key, &collection.name), dataset, collection)
            })
        })
    }

    /// The categories of a top-level field: its own, else its collection's, else its dataset's.
    #[must_use]
    pub fn categories<'a>(
        &self,
        dataset: &'a Dataset,
        collection: &'a Collection,
        field: &'a Field,
    ) -> &'a [Category] {
        [&field.data_categories, &collection.data_categories, &dataset.data_categories]
            .into_iter()
            .find(|categories| !categories.is_empty())
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a category is one of the default ones or declared.
    #[must_use]
    pub fn knows(&self, category: &Category) -> bool {
        taxonomy::is_default(&category.0) || self.declared.contains(category)
    }

    /// The names of all identities that lead into the map.
    #[must_use]
    pub fn identity_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .collections()
            .flat_map(|(_, _, collection)| collection.all_fields())
            .filter_map(|(_, field)| field.identity.as_deref())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The full name of a collection; `dataset:collection` as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionRef {
    /// The dataset's key.
    pub dataset: String,
    /// The collection's name.
    pub collection: String,
}

impl CollectionRef {
    /// The collection `collection` of `dataset`.
    #[must_use]
    pub fn new(dataset: &str, collection: &str) -> Self {
        Self { dataset: dataset.to_owned(), collection: collection.to_owned() }
    }
}

impl fmt::Display for CollectionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dataset, self.collection)
    }
}

/// One store, or one schema of it.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Where it is written.
    pub at: At,
    /// Its key, by which connections and references name it.
    pub key: String,
    /// A name for people.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Whose it is.
    pub organization: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// Categories of all fields that have none of their own.
    pub data_categories: Vec<Category>,
    /// What the data is for.
    pub data_purposes: Vec<String>,
    /// Its tables, or what the store has in their place.
    pub collections: Vec<Collection>,
    /// Datasets that are walked before this one.
    pub after: Vec<String>,
    /// Settings for its store.
    pub namespace: BTreeMap<String, String>,
    /// The store's own name for the resource.
    pub resource_id: Option<String>,
    /// Whether packages show it under a neutral name.
    pub redact: bool,
    /// For how many days backups can restore an erased row.
    pub backups: Option<u32>,
}

impl Dataset {
    /// The collection with this name.
    #[must_use]
    pub fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.name == name)
    }
}

/// A table, or what the store has in its place.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Where it is written.
    pub at: At,
    /// Its name in the store.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Categories of all fields that have none of their own.
    pub data_categories: Vec<Category>,
    /// What the data is for.
    pub data_purposes: Vec<String>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Collections that are walked before this one.
    pub after: Vec<(At, CollectionRef)>,
    /// Collections that are erased before this one.
    pub erase_after: Vec<(At, CollectionRef)>,
    /// Settings for its store.
    pub namespace: BTreeMap<String, String>,
    /// Whether packages show it under a neutral name.
    pub redact: bool,
    /// What an erasure does to a person's own rows, if the map says so.
    pub erase: Option<EraseMethod>,
    /// Whose the rows are that are reached by a reference, if the keys shall not decide.
    pub shared: Option<Shared>,
}

impl Collection {
    /// The top-level field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field at a dotted path.
    #[must_use]
    pub fn field_at(&self, path: &str) -> Option<&Field> {
        let mut steps = path.split('.');
        let first = self.field(steps.next()?)?;
        steps.try_fold(first, |field, step| field.fields.iter().find(|inner| inner.name == step))
    }

    /// Every field at any depth, with its dotted path; an object stands before its parts.
    #[must_use]
    pub fn all_fields(&self) -> Vec<(String, &Field)> {
        fn visit<'f>(fields: &'f [Field], prefix: &str, found: &mut Vec<(String, &'f Field)>) {
            for field in fields {
                let path = match prefix {
                    "" => field.name.clone(),
                    prefix => format!("{prefix}.{}", field.name),
                };
                found.push((path.clone(), field));
                visit(&field.fields, &path, found);
            }
        }
        let mut found = Vec::new();
        visit(&self.fields, "", &mut found);
        found
    }

    /// Whether arrays on a dotted path are cut to the elements by which a row was found.
    ///
    /// They are, unless a field on the path says `return_all_elements`.
    #[must_use]
    pub fn cuts(&self, path: &str) -> bool {
        let mut fields = &self.fields;
        for step in path.split('.') {
            match fields.iter().find(|field| field.name == step) {
                Some(field) if field.return_all_elements => return false,
                Some(field) => fields = &field.fields,
                None => return true,
            }
        }
        true
    }

    /// Whether it is filled from a field of the request, and so is no part of the walk.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.fields.iter().any(|field| field.custom_request_field.is_some())
    }
}

/// A column, attribute or nested value.
#[derive(Clone, Debug)]
pub struct Field {
    /// Where it is written.
    pub at: At,
    /// Its name in the store.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Its own categories; see [`DataMap::categories`] for inherited ones.
    pub data_categories: Vec<Category>,
    /// What the data is for.
    pub data_purposes: Vec<String>,
    /// Its parts, if it is an object.
    pub fields: Vec<Field>,
    /// The identity whose value it holds.
    pub identity: Option<String>,
    /// Whether it is part of the key.
    pub primary_key: bool,
    /// The fields with which it shares values.
    pub references: Vec<Reference>,
    /// How a value is cast before it is used in a query.
    pub data_type: Option<DataType>,
    /// To what length a masked value is cut.
    pub length: Option<u32>,
    /// Whether an array is kept whole where only some elements match.
    pub return_all_elements: bool,
    /// Whether it must not be changed.
    pub read_only: bool,
    /// The field of the request from which it is filled.
    pub custom_request_field: Option<String>,
    /// How it is masked, whatever the policy says.
    pub masking: Option<Masking>,
    /// Whether packages show it under a neutral name.
    pub redact: bool,
    /// How the value came to be.
    pub origin: Option<Origin>,
}

impl Field {
    /// Whether each value is a single text, and so may be masked with one.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.data_type == Some(DataType { scalar: Scalar::String, array: false })
    }
}

/// A reference to a field of another collection.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Where it is written.
    pub at: At,
    /// The other collection.
    pub to: CollectionRef,
    /// The dotted path of the field there.
    pub field: String,
    /// Which end is asked with the values of which.
    pub direction: Option<Direction>,
}

/// The direction in which values flow along a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the referenced field to the one with the reference.
    From,
    /// From the field with the reference to the referenced one.
    To,
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataType {
    /// The type of one value.
    pub scalar: Scalar,
    /// Whether the field holds several.
    pub array: bool,
}

/// The type of a single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Text.
    String,
    /// Whole numbers.
    Integer,
    /// Other numbers.
    Float,
    /// True or false.
    Boolean,
    /// An object with fields.
    Object,
    /// A MongoDB id.
    ObjectId,
}

/// What an erasure does to the rows that are a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EraseMethod {
    /// They are deleted.
    Delete,
    /// Their fields are overwritten.
    Mask,
    /// They stay, which is told to the person.
    Keep {
        /// The legal ground.
        ground: String,
        /// The reason in plain words.
        reason: Option<String>,
        /// How long they stay.
        until: Option<String>,
    },
}

/// What becomes of rows to which several people's rows may refer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// They stay.
    Keep,
    /// They stay, with what is personal in them masked.
    Anonymise,
    /// They are the person's own, whatever the keys say.
    Delete,
}

/// How a value came to be, which decides between Art. 15 and Art. 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Given by the person.
    Provided,
    /// Seen while the person used the service.
    Observed,
    /// Computed from other values.
    Derived,
    /// Guessed from other values.
    Inferred,
}

impl Origin {
    /// How maps and manifests call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provided => "provided",
            Self::Observed => "observed",
            Self::Derived => "derived",
            Self::Inferred => "inferred",
        }
    }
}

/// A data category: dotted, from wide to narrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Category(pub String);

impl Category {
    /// Whether `other` is this category or inside it. Whole segments count: `user.name` does not cover `user.name_x`.
    ///
    /// ```
    /// use domain::datamap::Category;
    ///
    /// let name = Category("user.name".into());
    /// assert!(name.covers(&Category("user.name.first".into())));
    /// assert!(!name.covers(&Category("user.name_x".into())));
    /// ```
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        is_within(&other.0, &self.0)
    }
}

/// Whether a dotted name is `outer` or inside it.
pub(super) fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
