//! From YAML trees to the types of the map: one level, one function.
//!
//! What concerns a single entry is checked here; what concerns several is in `check`.

use std::collections::{BTreeMap, BTreeSet};

use super::errors::{At, MapErrors};
use super::masking::{Masking, positive};
use super::model::{
    Category, Collection, CollectionRef, DataType, Dataset, Direction, EraseMethod, Field, Origin, Reference,
    Scalar, Shared,
};
use super::taxonomy;
use super::yaml::{Mapping, Node, Yaml};

/// What the files say, before anything is compared with anything else.
pub(super) struct Raw {
    pub(super) datasets: Vec<Dataset>,
    /// Collections that do not take part.
    pub(super) skipped: BTreeSet<CollectionRef>,
    /// Data categories of the files' own.
    pub(super) declared: BTreeSet<Category>,
}

/// Reads all files. An unreadable one is noted; the others are still read.
pub(super) fn files<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>, errors: &mut MapErrors) -> Raw {
    let mut trees = Vec::new();
    for (file, text) in files {
        match Node::parse(file, text) {
            Ok(tree) => trees.push(tree),
            Err(unreadable) => errors.0.extend(unreadable.0),
        }
    }
    let mut declared = BTreeSet::new();
    for tree in &trees {
        let top = tree.map("a data map", errors);
        if let Some(list) = top.get("data_category") {
            for node in list.list("data_category", errors) {
                let key = node.map("a data category", errors).text("fides_key", errors);
                declared.extend(key.map(Category));
            }
        }
    }

    let mut reader = Reader { declared, errors, skipped: BTreeSet::new() };
    let mut datasets = Vec::new();
    for tree in &trees {
        let Some(list) = tree.map("a data map", &mut MapErrors::default()).get("dataset") else {
            reader.errors.push(&tree.at, "a data map has no list `dataset`");
            continue;
        };
        for node in list.list("dataset", reader.errors) {
            datasets.extend(reader.dataset(node));
        }
    }
    Raw { datasets, skipped: reader.skipped, declared: reader.declared }
}

struct Reader<'e> {
    declared: BTreeSet<Category>,
    errors: &'e mut MapErrors,
    skipped: BTreeSet<CollectionRef>,
}

impl Reader<'_> {
    fn dataset(&mut self, node: &Node) -> Option<Dataset> {
        let map = node.map("a dataset", self.errors);
        let key = map.required("fides_key", "a dataset", self.errors)?;
        if !key.chars().all(|c| c.is_ascii_alphanumeric() || "_.<>-".contains(c)) {
            self.errors
                .push(map.at, format!("the key `{key}` may only hold letters, digits and any of `_.<>-`"));
        }
        let meta = self.meta(map);
        let lethe = self.lethe(map, meta, &["backups"], "a dataset");
        let mut collections = Vec::new();
        match map.get("collections") {
            None => self.errors.push(map.at, format!("the dataset `{key}` has no collections")),
            Some(list) => {
                for node in list.list("collections", self.errors) {
                    collections.extend(self.collection(&key, node));
                }
            }
        }
        Some(Dataset {
            at: node.at.clone(),
            name: map.text("name", self.errors),
            description: map.text("description", self.errors),
            organization: map
                .text("organization_fides_key", self.errors)
                .unwrap_or_else(|| "default_organization".to_owned()),
            tags: self.texts(map, "tags"),
            data_categories: self.categories(map),
            data_purposes: self.texts(map, "data_purposes"),
            collections,
            after: self.texts(meta, "after"),
            namespace: self.namespace(meta),
            resource_id: meta.text("resource_id", self.errors),
            redact: self.redact(meta),
            backups: lethe.get("backups").and_then(|node| self.days(node)),
            key,
        })
    }

    fn collection(&mut self, dataset: &str, node: &Node) -> Option<Collection> {
        let map = node.map("a collection", self.errors);
        let name = map.required("name", "a collection", self.errors)?;
        let meta = self.meta(map);
        let settings = ["erase", "shared", "reason", "ground", "until"];
        let lethe = self.lethe(map, meta, &settings, "a collection");
        let of_fides = self.override_of_collection(meta);
        if meta.flag("skip_processing", self.errors) {
            self.skipped.insert(CollectionRef::new(dataset, &name));
        }
        let mut fields = Vec::new();
        match map.get("fields") {
            None => self.errors.push(map.at, format!("the collection `{name}` has no fields")),
            Some(list) => {
                for node in list.list("fields", self.errors) {
                    fields.extend(self.field(node));
                }
            }
        }
        Some(Collection {
            at: node.at.clone(),
            description: map.text("description", self.errors),
            data_categories: self.categories(map),
            data_purposes: self.texts(map, "data_purposes"),
            fields,
            after: self.collection_refs(meta, "after"),
            erase_after: self.collection_refs(meta, "erase_after"),
            namespace: self.namespace(meta),
            redact: self.redact(meta),
            erase: self.erase(lethe).or(of_fides),
            shared: self.shared(lethe),
            name,
        })
    }

    fn field(&mut self, node: &Node) -> Option<Field> {
        let map = node.map("a field", self.errors);
        let name = map.required("name", "a field", self.errors)?;
        if name.contains('.') {
            self.errors.push(map.at, format!("the field name `{name}` must not hold a dot"));
        }
        let meta = self.meta(map);
        let lethe = self.lethe(map, meta, &["origin"], "a field");
        let mut fields = Vec::new();
        if let Some(list) = map.get("fields") {
            for node in list.list("fields", self.errors) {
                fields.extend(self.field(node));
            }
        }
        // Only leaves carry keys and references.
        let leaf = fields.is_empty();
        let mut field = Field {
            at: node.at.clone(),
            description: map.text("description", self.errors),
            data_categories: self.categories(map),
            data_purposes: self.texts(map, "data_purposes"),
            identity: meta.text("identity", self.errors).filter(|_| leaf),
            primary_key: meta.flag("primary_key", self.errors) && leaf,
            references: self.references(meta),
            data_type: meta.get("data_type").and_then(|node| self.data_type(node)),
            length: meta
                .get("length")
                .and_then(|node| positive(node, "length", self.errors))
                .filter(|_| leaf),
            return_all_elements: meta.flag("return_all_elements", self.errors),
            read_only: meta.flag("read_only", self.errors),
            custom_request_field: meta.text("custom_request_field", self.errors),
            masking: None,
            redact: self.redact(meta),
            origin: lethe.get("origin").and_then(|node| self.origin(node)),
            fields,
            name,
        };
        if !leaf {
            field.references.clear();
        }
        self.check_type(&field);
        self.masking(meta, &mut field);
        Some(field)
    }

    fn check_type(&mut self, field: &Field) {
        let is_array = field.data_type.is_some_and(|data_type| data_type.array);
        if field.return_all_elements && !is_array {
            let name = &field.name;
            self.errors
                .push(&field.at, format!("`{name}` has return_all_elements, but its data_type is no array"));
        }
        let is_object = field.data_type.is_none_or(|data_type| data_type.scalar == Scalar::Object);
        if !field.fields.is_empty() && !is_object {
            let name = &field.name;
            self.errors.push(
                &field.at,
                format!("`{name}` has fields of its own, so its data_type can only be object"),
            );
        }
    }

    fn masking(&mut self, meta: Mapping<'_>, field: &mut Field) {
        let Some(node) = meta.get("masking_strategy_override") else {
            return;
        };
        let name = &field.name;
        let Some(masking) = Masking::read(node, self.errors) else {
            return;
        };
        if masking.makes_text() && !field.is_text() {
            self.errors.push(&node.at, format!("masking `{name}` with text needs `data_type: string`"));
        }
        field.masking = Some(masking);
    }

    /// `fides_meta`, or `fidesops_meta` in old files.
    fn meta<'n>(&mut self, map: Mapping<'n>) -> Mapping<'n> {
        match map.get("fides_meta").or_else(|| map.get("fidesops_meta")) {
            Some(node) => node.map("fides_meta", self.errors),
            None => Mapping::empty(map.at),
        }
    }

    /// Our own settings. Unlike Fides' they must be spelled right: a slip would change what is erased.
    fn lethe<'n>(&mut self, map: Mapping<'n>, meta: Mapping<'n>, known: &[&str], what: &str) -> Mapping<'n> {
        if let Some(node) = meta.get("lethe") {
            self.errors.push(&node.at, "lethe belongs beside fides_meta, not inside");
        }
        let Some(node) = map.get("lethe") else {
            return Mapping::empty(map.at);
        };
        let lethe = node.map("lethe", self.errors);
        lethe.only(known, &format!("lethe of {what}"), self.errors);
        lethe
    }

    fn erase(&mut self, lethe: Mapping<'_>) -> Option<EraseMethod> {
        let ground = lethe.text("ground", self.errors).filter(|ground| !ground.is_empty());
        let reason = lethe.text("reason", self.errors);
        let until = lethe.text("until", self.errors);
        let node = lethe.get("erase")?;
        match node.text("erase", self.errors)?.as_str() {
            "delete" => Some(EraseMethod::Delete),
            "mask" => Some(EraseMethod::Mask),
            "keep" => {
                if ground.is_none() {
                    self.errors.push(&node.at, "`erase: keep` needs a legal ground");
                }
                Some(EraseMethod::Keep { ground: ground.unwrap_or_default(), reason, until })
            }
            other => {
                let expected = "delete, mask or keep";
                self.errors.push(&node.at, format!("erase must be {expected}, not `{other}`"));
                None
            }
        }
    }

    /// The one override that Fides knows for a collection.
    fn override_of_collection(&mut self, meta: Mapping<'_>) -> Option<EraseMethod> {
        let what = "masking_strategy_override";
        let node = meta.get(what)?;
        let strategy = node.map(what, self.errors).required("strategy", what, self.errors)?;
        if strategy != "delete" {
            self.errors.push(&node.at, "the strategy of a collection can only be `delete`");
        }
        Some(EraseMethod::Delete)
    }

    fn shared(&mut self, lethe: Mapping<'_>) -> Option<Shared> {
        let node = lethe.get("shared")?;
        match node.text("shared", self.errors)?.as_str() {
            "keep" => Some(Shared::Keep),
            "anonymise" => Some(Shared::Anonymise),
            "delete" => Some(Shared::Delete),
            other => {
                let expected = "keep, anonymise or delete";
                self.errors.push(&node.at, format!("shared must be {expected}, not `{other}`"));
                None
            }
        }
    }

    fn origin(&mut self, node: &Node) -> Option<Origin> {
        match node.text("origin", self.errors)?.as_str() {
            "provided" => Some(Origin::Provided),
            "observed" => Some(Origin::Observed),
            "derived" => Some(Origin::Derived),
            "inferred" => Some(Origin::Inferred),
            other => {
                let expected = "provided, observed, derived or inferred";
                self.errors.push(&node.at, format!("origin must be {expected}, not `{other}`"));
                None
            }
        }
    }

    fn days(&mut self, node: &Node) -> Option<u32> {
        let text = node.text("backups", self.errors)?;
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        if days.is_none() {
            self.errors.push(&node.at, format!("backups must be days such as `35d`, not `{text}`"));
        }
        days
    }

    fn redact(&mut self, meta: Mapping<'_>) -> bool {
        let Some(node) = meta.get("redact") else {
            return false;
        };
        let redact = node.text("redact", self.errors);
        if redact.as_deref().is_some_and(|redact| redact != "name") {
            self.errors.push(&node.at, "redact can only be `name`");
        }
        redact.is_some()
    }

    fn data_type(&mut self, node: &Node) -> Option<DataType> {
        let text = node.text("data_type", self.errors)?;
        let (name, array) = match text.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let scalar = match name {
            "string" => Scalar::String,
            "integer" => Scalar::Integer,
            "float" => Scalar::Float,
            "boolean" => Scalar::Boolean,
            "object" => Scalar::Object,
            "object_id" => Scalar::ObjectId,
            _ => {
                self.errors.push(&node.at, format!("unknown data_type `{text}`"));
                return None;
            }
        };
        Some(DataType { scalar, array })
    }

    fn references(&mut self, meta: Mapping<'_>) -> Vec<Reference> {
        let Some(list) = meta.get("references") else {
            return Vec::new();
        };
        let mut references = Vec::new();
        for node in list.list("references", self.errors) {
            references.extend(self.reference(node));
        }
        references
    }

    fn reference(&mut self, node: &Node) -> Option<Reference> {
        let map = node.map("a reference", self.errors);
        let dataset = map.required("dataset", "a reference", self.errors);
        let path = map.required("field", "a reference", self.errors);
        let direction = match map.text("direction", self.errors).as_deref() {
            None => None,
            Some("from") => Some(Direction::From),
            Some("to") => Some(Direction::To),
            Some(other) => {
                self.errors.push(map.at, format!("direction must be from or to, not `{other}`"));
                None
            }
        };
        let (dataset, path) = (dataset?, path?);
        let Some((collection, field)) = path.split_once('.') else {
            self.errors.push(
                map.at,
                format!("the reference `{path}` must be a collection and a field joined by a dot"),
            );
            return None;
        };
        Some(Reference {
            at: node.at.clone(),
            to: CollectionRef::new(&dataset, collection),
            field: field.to_owned(),
            direction,
        })
    }

    fn collection_refs(&mut self, meta: Mapping<'_>, key: &str) -> Vec<(At, CollectionRef)> {
        let mut refs = Vec::new();
        for (at, text) in meta.texts(key, self.errors) {
            match text.split_once('.') {
                Some((dataset, collection)) if !collection.contains('.') => {
                    refs.push((at, CollectionRef::new(dataset, collection)));
                }
                Some(_) | None => self.errors.push(
                    &at,
                    format!("{key} must name `dataset.collection` with exactly one dot, not `{text}`"),
                ),
            }
        }
        refs
    }

    fn categories(&mut self, map: Mapping<'_>) -> Vec<Category> {
        let mut categories = Vec::new();
        for (at, key) in map.texts("data_categories", self.errors) {
            let category = Category(key);
            if !taxonomy::is_default(&category.0) && !self.declared.contains(&category) {
                self.errors.push(&at, format!("unknown data category `{category}`"));
            }
            categories.push(category);
        }
        categories
    }

    fn texts(&mut self, map: Mapping<'_>, key: &str) -> Vec<String> {
        map.texts(key, self.errors).into_iter().map(|(_, text)| text).collect()
    }

    fn namespace(&mut self, meta: Mapping<'_>) -> BTreeMap<String, String> {
        let Some(node) = meta.get("namespace") else {
            return BTreeMap::new();
        };
        let map = node.map("namespace", self.errors);
        let mut namespace = BTreeMap::new();
        for (key, value) in map.iter() {
            // Other stores keep settings of other shapes here, which are not for us to judge.
            if let Yaml::Text(text) = &value.value {
                namespace.insert(key.name.clone(), text.clone());
            }
        }
        namespace
    }
}
