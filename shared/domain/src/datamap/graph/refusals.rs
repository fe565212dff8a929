//! Refusing erasures that a store would stop in the middle, or that break what must stay.

use super::{Catalogue, Edge, Graph, KeyKind, Ownership};
use crate::datamap::errors::MapErrors;
use crate::datamap::masking::{Masking, Width};
use crate::datamap::model::{Collection, CollectionRef, DataMap, is_within};
use crate::datamap::treatment::{Fixed, MaskedField, Treatment, Treatments};

impl Graph {
    /// Everything for which `treatments` cannot be carried out whole, with the field named.
    #[must_use]
    pub fn refusals(&self, map: &DataMap, treatments: &Treatments, catalogue: &dyn Catalogue) -> MapErrors {
        let mut errors = MapErrors::default();
        for edge in &self.edges {
            self.refuse_orphans(edge, treatments, &mut errors);
        }
        let fixed = Fixed::new(map);
        for node in &self.nodes {
            let Some(collection) = map.collection(&node.at) else { continue };
            let subject = Subject { at: &node.at, collection, fixed: &fixed, catalogue };
            let (own, shared) = (treatments.of(&node.at), treatments.of_shared(&node.at));
            for treatment in std::iter::once(own).chain((shared != own).then_some(shared)) {
                match treatment {
                    Treatment::Delete if node.reach == Ownership::Own => subject.refuse_deleting(&mut errors),
                    Treatment::Delete | Treatment::Keep(_) => {}
                    Treatment::Mask(fields) => subject.refuse_masking(fields, &mut errors),
                }
            }
        }
        errors
    }

    /// Refuses to delete rows to which others refer that stay.
    fn refuse_orphans(&self, edge: &Edge, treatments: &Treatments, errors: &mut MapErrors) {
        let ((child, field), parent) = (edge.child(), self.node(edge.parent()));
        let child = &self.node(child).at;
        let deleted = parent.reach == Ownership::Own && *treatments.of(&parent.at) == Treatment::Delete;
        let stays = match treatments.of(child) {
            Treatment::Delete => return,
            Treatment::Mask(_) => "masked",
            Treatment::Keep(_) => "kept",
        };
        if deleted {
            let parent = &parent.at;
            errors.push(
                &edge.at,
                format!("`{child}.{field}` is {stays}, but refers to `{parent}`, whose rows would be erased"),
            );
        }
    }
}

/// A collection whose rows are to be changed.
struct Subject<'a> {
    at: &'a CollectionRef,
    collection: &'a Collection,
    fixed: &'a Fixed,
    catalogue: &'a dyn Catalogue,
}

impl Subject<'_> {
    fn refuse_deleting(&self, errors: &mut MapErrors) {
        for (path, field) in self.collection.all_fields() {
            if field.read_only {
                let reason = format!("`{}.{path}` is read_only, but its row would be erased", self.at);
                errors.push(&field.at, reason);
            }
        }
    }

    fn refuse_masking(&self, fields: &[MaskedField], errors: &mut MapErrors) {
        if fields.is_empty() {
            let reason = format!("`{}` is to be masked, but none of its fields can be", self.at);
            errors.push(&self.collection.at, reason);
        }
        for masked in fields {
            let at = self.collection.field_at(&masked.path).map_or(&self.collection.at, |field| &field.at);
            for reason in self.against_changing(&masked.path).into_iter().chain(self.against_value(masked)) {
                errors.push(at, format!("`{}.{}` cannot be masked: {reason}", self.at, masked.path));
            }
        }
    }

    /// Why the field at `path` must stay as it is, whatever the value.
    fn against_changing(&self, path: &str) -> Vec<String> {
        let fields = self.collection.all_fields();
        let mut reasons = Vec::new();
        for (inner, field) in fields.iter().filter(|(inner, _)| is_within(inner, path)) {
            let is_key = field.primary_key || self.catalogue.facts(self.at, self.collection, inner).in_key;
            if is_key || self.catalogue.key(self.at, self.collection, inner) == KeyKind::Primary {
                reasons.push(format!("`{inner}` is part of the primary key"));
            } else if self.fixed.of(self.at).contains(inner) {
                reasons.push(format!("`{inner}` is an end of a reference"));
            }
        }
        let mut read_only = fields
            .iter()
            .filter(|(other, field)| field.read_only && (is_within(other, path) || is_within(path, other)));
        reasons.extend(read_only.next().map(|(other, _)| format!("`{other}` is read_only")));
        reasons
    }

    /// Why the field cannot hold what the masking makes.
    fn against_value(&self, masked: &MaskedField) -> Vec<String> {
        let MaskedField { path, masking, length } = masked;
        let facts = self.catalogue.facts(self.at, self.collection, path);
        let mut reasons = Vec::new();
        if *masking == Masking::NullRewrite && !facts.nullable {
            reasons.push("it is not nullable".to_owned());
        }
        if !masking.makes_text() {
            return reasons;
        }
        if !self.collection.field_at(path).is_some_and(|field| field.is_text()) {
            reasons.push("a text needs `data_type: string`".to_owned());
        }
        if facts.text == Some(false) {
            reasons.push("the store holds no text there".to_owned());
        }
        let is_unique = facts.unique || self.catalogue.key(self.at, self.collection, path) == KeyKind::Unique;
        if is_unique && masking.is_constant() {
            reasons.push("it is unique, but all rows would get the same text".to_owned());
        }
        if let Some(room) = facts.length
            && length.is_none_or(|length| length > room)
            && masking.width() > Width::Fixed(usize::try_from(room).unwrap_or(usize::MAX))
        {
            reasons.push(format!("it holds {room} characters, fewer than the text may have"));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::datamap::{Category, Declared, FieldFacts};
    use crate::policy::Policy;

    const MAP: &str = "\
dataset:
- fides_key: d
  collections:
  - name: a
    fields:
    - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
    - {name: mail, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
    - {name: born, data_categories: [user.demographic], fides_meta: {data_type: integer}}
    - {name: home, data_categories: [user.location], fields: [{name: b_id}, {name: zip}]}
    - {name: cut, data_categories: [user.name], fides_meta: {data_type: string, length: 8}}
  - name: b
    fields:
    - {name: a_id, data_categories: [user.behavior], fides_meta: {references: [{dataset: d, field: a.id, direction: from}]}}
    - {name: note, data_categories: [user.content]}
  - name: c
    lethe: {erase: delete}
    data_categories: [user.financial]
    fields:
    - {name: id, fides_meta: {primary_key: true, references: [{dataset: d, field: b.note, direction: from}]}}
";

    /// A store that knows more about some fields than the map.
    struct Knows(HashMap<&'static str, FieldFacts>);

    impl Catalogue for Knows {
        fn key(&self, at: &CollectionRef, collection: &Collection, field: &str) -> KeyKind {
            Declared.key(at, collection, field)
        }

        fn facts(&self, _: &CollectionRef, _: &Collection, path: &str) -> FieldFacts {
            self.0.get(path).copied().unwrap_or_default()
        }
    }

    fn map(text: &str) -> DataMap {
        DataMap::load([("map.yml", text)]).unwrap()
    }

    fn masking(strategy: &str) -> Masking {
        let rewrite = serde_json::json!({"rewrite_value": "0123456789"});
        Masking::parse(strategy, (strategy == "string_rewrite").then_some(&rewrite)).unwrap()
    }

    /// What stands against masking `target` so, if the store knows `facts`.
    fn refusals(target: &str, strategy: &str, facts: &[(&'static str, FieldFacts)]) -> String {
        let map = map(MAP);
        let catalogue = Knows(facts.iter().copied().collect());
        let graph = Graph::new(&map, &catalogue).unwrap();
        let policy = Policy::erasure_of([Category(target.into())], masking(strategy));
        graph.refusals(&map, &Treatments::new(&map, Some(&policy)), &catalogue).to_string()
    }

    #[track_caller]
    fn refused(target: &str, strategy: &str, facts: &[(&'static str, FieldFacts)], reason: &str) {
        assert_eq!(refusals(target, strategy, facts), reason);
    }

    #[test]
    fn keys_and_ends_of_references_cannot_be_masked_but_identities_can() {
        refused("user.contact.email", "null_rewrite", &[], "");
        refused(
            "user.unique_id",
            "null_rewrite",
            &[],
            "map.yml:6: `d:a.id` cannot be masked: `id` is part of the primary key",
        );
        refused(
            "user.behavior",
            "null_rewrite",
            &[],
            "map.yml:13: `d:b.a_id` cannot be masked: `a_id` is an end of a reference",
        );
        let in_key = FieldFacts { in_key: true, ..FieldFacts::UNKNOWN };
        refused(
            "user.demographic",
            "null_rewrite",
            &[("born", in_key)],
            "map.yml:8: `d:a.born` cannot be masked: `born` is part of the primary key",
        );
        refused(
            "user.location",
            "null_rewrite",
            &[("home.zip", in_key)],
            "map.yml:9: `d:a.home` cannot be masked: `home.zip` is part of the primary key",
        );
    }

    #[test]
    fn a_field_must_be_able_to_hold_what_it_is_masked_with() {
        let facts = FieldFacts::UNKNOWN;
        let required = FieldFacts { nullable: false, ..facts };
        refused(
            "user.contact",
            "null_rewrite",
            &[("mail", required)],
            "map.yml:7: `d:a.mail` cannot be masked: it is not nullable",
        );
        refused("user.contact", "hash", &[("mail", required)], "");
        refused(
            "user.demographic",
            "hash",
            &[],
            "map.yml:8: `d:a.born` cannot be masked: a text needs `data_type: string`",
        );
        refused(
            "user.contact",
            "hash",
            &[("mail", FieldFacts { text: Some(false), ..facts })],
            "map.yml:7: `d:a.mail` cannot be masked: the store holds no text there",
        );
        let unique = FieldFacts { unique: true, ..facts };
        refused(
            "user.contact",
            "string_rewrite",
            &[("mail", unique)],
            "map.yml:7: `d:a.mail` cannot be masked: it is unique, but all rows would get the same text",
        );
        refused("user.contact", "hmac", &[("mail", unique)], "");
        refused("user.contact", "null_rewrite", &[("mail", unique)], "");
    }

    #[test]
    fn a_text_must_fit_or_be_cut() {
        let holds = |length| FieldFacts { length: Some(length), ..FieldFacts::UNKNOWN };
        let fits = |target: &str, field, strategy: &str, length| {
            refusals(target, strategy, &[(field, holds(length))]).is_empty()
        };
        for (strategy, width) in
            [("string_rewrite", 10), ("random_string_rewrite", 30), ("hash", 64), ("hmac", 64)]
        {
            assert!(fits("user.contact", "mail", strategy, width), "{strategy}");
            assert!(!fits("user.contact", "mail", strategy, width - 1), "{strategy}");
        }
        assert!(fits("user.contact", "mail", "null_rewrite", 1));
        assert!(!fits("user.contact", "mail", "aes_encrypt", 10_000));
        assert!(fits("user.name", "cut", "aes_encrypt", 8));
        assert!(!fits("user.name", "cut", "aes_encrypt", 7));
        refused(
            "user.contact",
            "hash",
            &[("mail", holds(40))],
            "map.yml:7: `d:a.mail` cannot be masked: it holds 40 characters, fewer than the text may have",
        );
    }

    #[test]
    fn what_is_read_only_is_not_masked() {
        let check = |from: &str, to: &str, at: &str, named: &str| {
            // Rows of `a` are masked by the map itself, so that loading it refuses.
            let text = MAP.replace("- name: a\n", "- name: a\n    lethe: {erase: mask}\n").replace(from, to);
            let text = text[..text.find("  - name: b\n").unwrap()].to_owned();
            let errors = DataMap::load([("map.yml", text.as_str())]).unwrap_err();
            assert_eq!(errors.to_string(), format!("map.yml:{at} cannot be masked: `{named}` is read_only"));
        };
        check("data_type: integer", "data_type: integer, read_only: true", "9: `d:a.born`", "born");
        check("{name: zip}", "{name: zip, fides_meta: {read_only: true}}", "10: `d:a.home`", "home.zip");
    }

    #[test]
    fn what_others_refer_to_is_not_deleted_before_them() {
        let reason = "whose rows would be erased";
        // A row of `b` refers to its customer, and to the one row of `c` under its key.
        let text = MAP.replace("- name: a\n", "- name: a\n    lethe: {erase: delete}\n");
        let map = map(&text);
        let graph = Graph::new(&map, &Declared).unwrap();
        let refusals = |target: &str| {
            let policy = Policy::erasure_of([Category(target.into())], Masking::NullRewrite);
            graph.refusals(&map, &Treatments::new(&map, Some(&policy)), &Declared).to_string()
        };
        assert_eq!(
            refusals("user.contact"),
            format!("map.yml:14: `d:b.a_id` is kept, but refers to `d:a`, {reason}")
        );
        // Other people's rows may refer to those of `c`, so they stay anyhow.
        assert_eq!(refusals("user.financial"), "");

        let owned = MAP.replace("{erase: delete}", "{erase: delete, shared: delete}");
        let keeping = owned.replace("- name: b\n", "- name: b\n    lethe: {erase: keep, ground: law}\n");
        let keeping = keeping.replace("- name: a\n", "- name: a\n    lethe: {erase: keep, ground: law}\n");
        let errors = DataMap::load([("map.yml", keeping.as_str())]).unwrap_err();
        assert_eq!(
            errors.to_string(),
            format!("map.yml:21: `d:b.note` is kept, but refers to `d:c`, {reason}")
        );
    }

    #[test]
    fn masking_that_changes_nothing_is_refused() {
        let text = "dataset:\n- fides_key: d\n  collections:\n  - name: a\n    lethe: {erase: mask}\n    \
                    fields: [{name: i, fides_meta: {identity: email}}]\n";
        let errors = DataMap::load([("map.yml", text)]).unwrap_err();
        assert_eq!(errors.to_string(), "map.yml:4: `d:a` is to be masked, but none of its fields can be");
    }
}
