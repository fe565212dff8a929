//! What an erasure does to each collection: the map's own methods, or those of a policy, less what is held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::graph::Graph;
use super::masking::Masking;
use super::model::{
    Category, Collection, CollectionRef, DataMap, Dataset, EraseMethod, Field, Shared, is_within,
};
use crate::hold::Scope;
use crate::plan::Method;
use crate::policy::Policy;

/// What an erasure does to rows of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// They are deleted.
    Delete,
    /// These fields are overwritten.
    Mask(Vec<MaskedField>),
    /// They stay.
    Keep(Kept),
}

impl Treatment {
    /// What it is called in plans and certificates.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Delete => Method::Delete,
            Self::Mask(_) => Method::Mask,
            Self::Keep(_) => Method::Keep,
        }
    }
}

/// A field that is overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MaskedField {
    /// Its dotted path.
    pub path: String,
    /// With what.
    pub masking: Masking,
    /// To how many characters a text is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
}

/// Why rows stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The law demands it.
    Ground {
        /// The legal ground.
        ground: String,
        /// The reason in plain words.
        reason: Option<String>,
        /// How long they stay.
        until: Option<String>,
    },
    /// Nothing in them is what the erasure is about.
    Untargeted,
    /// They are other people's as well.
    Shared,
    /// A hold covers them.
    Held {
        /// Why there is a hold.
        reason: String,
    },
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ground { ground, reason, until } => {
                write!(f, "kept under {ground}")?;
                if let Some(reason) = reason {
                    write!(f, ": {reason}")?;
                }
                if let Some(until) = until {
                    write!(f, " (until {until})")?;
                }
                Ok(())
            }
            Self::Untargeted => f.write_str("not part of what was to be erased"),
            Self::Shared => f.write_str("shared with other people"),
            Self::Held { reason } => write!(f, "held: {reason}"),
        }
    }
}

/// What one erasure does to every collection.
#[derive(Clone, Debug)]
pub struct Treatments(BTreeMap<CollectionRef, Lot>);

#[derive(Clone, Debug)]
struct Lot {
    own: Treatment,
    shared: Treatment,
}

/// What is done to a collection that no map names.
const UNKNOWN: Treatment = Treatment::Keep(Kept::Untargeted);

impl Treatments {
    /// What `policy` does, or the map's own methods if there is none.
    ///
    /// Without a policy rows are deleted unless the map says otherwise; where it says `mask`, every field
    /// with a category under `user` is overwritten, but for keys and the ends of references.
    ///
    /// With one, fields that its targets cover are overwritten, or their rows deleted if the map says
    /// `delete`. A key that a target covers only through a category around it is left out; one that has
    /// the category itself is not, and [`Graph::refusals`] names it.
    #[must_use]
    pub fn new(map: &DataMap, policy: Option<&Policy>) -> Self {
        let fixed = Fixed::new(map);
        let lots = map.collections().map(|(at, dataset, collection)| {
            let planner = Planner { fixed: fixed.of(&at), policy, fields: placed(dataset, collection) };
            (at, planner.lot(collection))
        });
        Self(lots.collect())
    }

    /// What is done to rows that are the person's own.
    #[must_use]
    pub fn of(&self, at: &CollectionRef) -> &Treatment {
        self.0.get(at).map_or(&UNKNOWN, |lot| &lot.own)
    }

    /// What is done to rows to which other people's rows refer as well.
    #[must_use]
    pub fn of_shared(&self, at: &CollectionRef) -> &Treatment {
        self.0.get(at).map_or(&UNKNOWN, |lot| &lot.shared)
    }

    /// Every collection with what is done to the person's own rows.
    pub fn iter(&self) -> impl Iterator<Item = (&CollectionRef, &Treatment)> {
        self.0.iter().map(|(at, lot)| (at, &lot.own))
    }

    /// Keeps what a hold covers, and with it every collection to which rows so kept refer.
    pub fn withhold(&mut self, map: &DataMap, graph: &Graph, scope: &Scope, reason: &str) {
        let mut held: Vec<CollectionRef> = map
            .collections()
            .filter(|(_, dataset, collection)| is_held(scope, dataset, collection))
            .map(|(at, _, _)| at)
            .collect();
        let mut met = BTreeSet::new();
        while let Some(at) = held.pop() {
            if let Some(lot) = self.0.get_mut(&at) {
                lot.hold(reason);
            }
            held.extend(graph.referred_by(&at).filter(|parent| !met.contains(*parent)).cloned());
            met.insert(at);
        }
    }
}

/// Whether the map has anything that a hold of this scope covers.
#[must_use]
pub fn is_known(map: &DataMap, scope: &Scope) -> bool {
    map.collections().any(|(_, dataset, collection)| is_held(scope, dataset, collection))
}

fn is_held(scope: &Scope, dataset: &Dataset, collection: &Collection) -> bool {
    let Scope { dataset: key, collection: name, category } = scope;
    key.as_ref().is_none_or(|key| *key == dataset.key)
        && name.as_ref().is_none_or(|name| *name == collection.name)
        && category.clone().map(Category).is_none_or(|category| {
            let mut values = placed(dataset, collection).into_iter().filter(Placed::is_value);
            values.any(|value| value.categories.iter().any(|found| category.covers(found)))
        })
}

impl Lot {
    fn hold(&mut self, reason: &str) {
        for treatment in [&mut self.own, &mut self.shared] {
            match treatment {
                Treatment::Delete | Treatment::Mask(_) => {
                    *treatment = Treatment::Keep(Kept::Held { reason: reason.to_owned() });
                }
                // It has a reason of its own to stay.
                Treatment::Keep(_) => {}
            }
        }
    }
}

/// Decides about one collection.
struct Planner<'a> {
    fixed: &'a BTreeSet<String>,
    policy: Option<&'a Policy>,
    fields: Vec<Placed<'a>>,
}

impl Planner<'_> {
    fn lot(&self, collection: &Collection) -> Lot {
        let own = match (&collection.erase, self.policy) {
            (Some(EraseMethod::Keep { ground, reason, until }), _) => Treatment::Keep(Kept::Ground {
                ground: ground.clone(),
                reason: reason.clone(),
                until: until.clone(),
            }),
            (None | Some(EraseMethod::Delete), None) => Treatment::Delete,
            (Some(EraseMethod::Delete), Some(_)) if self.is_targeted() => Treatment::Delete,
            (None | Some(EraseMethod::Delete), Some(_)) | (Some(EraseMethod::Mask), _) => self.mask(),
        };
        let shared = match (&own, collection.shared) {
            (Treatment::Keep(kept), _) => Treatment::Keep(kept.clone()),
            (Treatment::Delete | Treatment::Mask(_), Some(Shared::Anonymise)) => self.mask(),
            (Treatment::Delete | Treatment::Mask(_), None | Some(Shared::Keep | Shared::Delete)) => {
                Treatment::Keep(Kept::Shared)
            }
        };
        Lot { own, shared }
    }

    fn is_targeted(&self) -> bool {
        self.fields.iter().any(|placed| self.masking(placed).is_some())
    }

    /// How a field is masked: as it says itself, else as its categories demand; none if it stays.
    fn masking(&self, placed: &Placed<'_>) -> Option<Masking> {
        let strategy = self.strategy(placed.categories).filter(|_| placed.is_value())?;
        let masking = placed.field.masking.clone().unwrap_or(strategy);
        (masking != Masking::Preserve).then_some(masking)
    }

    fn strategy(&self, categories: &[Category]) -> Option<Masking> {
        match self.policy {
            Some(policy) => policy.masking_of(categories).cloned(),
            None => {
                let user = Category("user".to_owned());
                categories.iter().any(|category| user.covers(category)).then_some(Masking::NullRewrite)
            }
        }
    }

    /// Masking that says nothing is a policy that concerns others, but a mistake of the map's own.
    fn mask(&self) -> Treatment {
        let fields = self.masked();
        match self.policy {
            Some(_) if fields.is_empty() => Treatment::Keep(Kept::Untargeted),
            Some(_) | None => Treatment::Mask(fields),
        }
    }

    fn masked(&self) -> Vec<MaskedField> {
        let mut masked = Vec::new();
        // The last field that was decided about with all its parts.
        let mut done: Option<&str> = None;
        for placed in &self.fields {
            let Placed { path, field, .. } = placed;
            if done.is_some_and(|done| is_within(path, done)) {
                continue;
            }
            if field.masking == Some(Masking::Preserve) {
                done = Some(path);
            } else if let Some(masking) = self.masking(placed)
                && self.may_go(placed)
            {
                masked.push(MaskedField { path: path.clone(), masking, length: field.length });
                done = Some(path);
            }
        }
        masked
    }

    /// Whether a field can be masked as one value, or shall be refused by name if it cannot.
    fn may_go(&self, Placed { path, field, own, .. }: &Placed<'_>) -> bool {
        if field.fields.is_empty() {
            return !self.fixed.contains(path) || (*own && self.policy.is_some());
        }
        // An object in which something must stay is masked by its parts.
        let fixed = self.fixed.iter().any(|fixed| is_within(fixed, path));
        let preserved = self
            .fields
            .iter()
            .any(|part| is_within(&part.path, path) && part.field.masking == Some(Masking::Preserve));
        !fixed && !preserved
    }
}

/// A field with its dotted path and the categories that it has or inherits.
pub(super) struct Placed<'a> {
    pub(super) path: String,
    pub(super) field: &'a Field,
    /// Its own, else those of the nearest object, collection or dataset around it that has any.
    pub(super) categories: &'a [Category],
    /// Whether the categories are its own.
    pub(super) own: bool,
}

impl Placed<'_> {
    /// Whether it counts as one value: a leaf, or an object that has a category itself.
    pub(super) fn is_value(&self) -> bool {
        self.own || self.field.fields.is_empty()
    }
}

/// Every field of a collection at any depth, objects before their parts.
pub(super) fn placed<'a>(dataset: &'a Dataset, collection: &'a Collection) -> Vec<Placed<'a>> {
    let around = match collection.data_categories.is_empty() {
        true => &dataset.data_categories,
        false => &collection.data_categories,
    };
    // Objects stand before their parts, so the last of those that hold a field is the nearest.
    let mut objects: Vec<(String, &[Category])> = Vec::new();
    let mut found = Vec::new();
    for (path, field) in collection.all_fields() {
        objects.retain(|(object, _)| is_within(&path, object));
        let own = !field.data_categories.is_empty();
        let inherited = objects.last().map_or(around.as_slice(), |(_, categories)| categories);
        let categories = if own { field.data_categories.as_slice() } else { inherited };
        if own && !field.fields.is_empty() {
            objects.push((path.clone(), categories));
        }
        found.push(Placed { path, field, categories, own });
    }
    found
}

/// The fields that no erasure may change: keys, and what other rows are found by.
pub(super) struct Fixed(BTreeMap<CollectionRef, BTreeSet<String>>);

impl Fixed {
    pub(super) fn new(map: &DataMap) -> Self {
        let mut fixed: BTreeMap<CollectionRef, BTreeSet<String>> = BTreeMap::new();
        for (at, _, collection) in map.collections() {
            for (path, field) in collection.all_fields() {
                for reference in &field.references {
                    fixed.entry(reference.to.clone()).or_default().insert(reference.field.clone());
                }
                if field.primary_key || !field.references.is_empty() {
                    fixed.entry(at.clone()).or_default().insert(path);
                }
            }
        }
        Self(fixed)
    }

    pub(super) fn of(&self, at: &CollectionRef) -> &BTreeSet<String> {
        const NONE: &BTreeSet<String> = &BTreeSet::new();
        self.0.get(at).unwrap_or(NONE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::datamap::Declared;
    use crate::policy::{Action, Rule};

    const SHOP: &str = "\
dataset:
  - fides_key: shop
    data_categories: [user]
    collections:
      - name: customers
        lethe: {erase: mask}
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string, length: 20}}
          - name: name
            data_categories: [user.name]
            fides_meta:
              data_type: string
              masking_strategy_override: {strategy: string_rewrite, configuration: {rewrite_value: gone}}
          - {name: segment, fides_meta: {masking_strategy_override: {strategy: preserve}}}
          - {name: version, data_categories: [system.operations]}
          - name: address
            data_categories: [user.contact.address]
            fields: [{name: street}, {name: city, data_categories: [user.contact.address.city]}]
          - name: account
            fields: [{name: theme}, {name: iban, data_categories: [user.financial.bank_account]}]
          - name: origin
            data_categories: [user.behavior]
            fields: [{name: campaign_id, fides_meta: {references: [{dataset: shop, field: campaigns.id, direction: to}]}}, {name: page}]
      - name: orders
        data_categories: [user.behavior.purchase_history]
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: customer_id, fides_meta: {references: [{dataset: shop, field: customers.id, direction: from}]}}
          - {name: remark}
      - name: items
        lethe: {erase: delete}
        fields:
          - {name: order_id, fides_meta: {references: [{dataset: shop, field: orders.id, direction: from}]}}
          - {name: sku, data_categories: [system.operations]}
      - name: invoices
        lethe: {erase: keep, ground: 17(3)(b), reason: tax law, until: 10 years}
        fields:
          - {name: order_id, fides_meta: {references: [{dataset: shop, field: orders.id, direction: from}]}}
      - name: campaigns
        data_categories: [system]
        fields: [{name: id, fides_meta: {primary_key: true}}]
";

    /// The shop without its invoices, whose orders may then be deleted.
    fn map() -> DataMap {
        let end = SHOP.find("      - name: invoices").unwrap();
        let campaigns = SHOP.find("      - name: campaigns").unwrap();
        load(&format!("{}{}", &SHOP[..end], &SHOP[campaigns..]))
    }

    fn load(text: &str) -> DataMap {
        DataMap::load([("map.yml", text)]).unwrap()
    }

    fn at(collection: &str) -> CollectionRef {
        CollectionRef::new("shop", collection)
    }

    fn category(key: &str) -> Category {
        Category(key.to_owned())
    }

    fn fixed_text() -> Masking {
        Masking::StringRewrite { value: "x".into(), suffix: None }
    }

    fn erasure(targets: &[&str]) -> Policy {
        Policy::erasure_of(targets.iter().map(|key| category(key)), Masking::NullRewrite)
    }

    /// The paths that are masked, each with the name of its strategy.
    #[track_caller]
    fn masked(treatment: &Treatment) -> Vec<(&str, &str)> {
        let Treatment::Mask(fields) = treatment else { panic!("not masked: {treatment:?}") };
        fields.iter().map(|field| (field.path.as_str(), field.masking.name())).collect()
    }

    const UNTARGETED: Treatment = Treatment::Keep(Kept::Untargeted);

    #[test]
    fn without_a_policy_the_map_says_what_is_deleted_and_masked() {
        let treatments = Treatments::new(&map(), None);

        assert_eq!(*treatments.of(&at("orders")), Treatment::Delete);
        assert_eq!(*treatments.of(&at("items")), Treatment::Delete);
        assert_eq!(*treatments.of_shared(&at("items")), Treatment::Keep(Kept::Shared));
        assert_eq!(
            masked(treatments.of(&at("customers"))),
            [
                ("email", "null_rewrite"),
                ("name", "string_rewrite"),
                ("address", "null_rewrite"),
                ("account.theme", "null_rewrite"),
                ("account.iban", "null_rewrite"),
                // The reference in it must stay, so the object is masked by its parts.
                ("origin.page", "null_rewrite"),
            ]
        );
        let Treatment::Mask(fields) = treatments.of(&at("customers")) else { panic!("not masked") };
        assert_eq!(fields[0].length, Some(20));
        assert_eq!(*treatments.of(&CollectionRef::new("shop", "nowhere")), UNTARGETED);
        assert_eq!(treatments.iter().count(), 4);
    }

    #[test]
    fn what_is_kept_by_law_is_kept_under_every_policy() {
        let map = DataMap::load([(
            "map.yml",
            &*SHOP.replace(
                "        data_categories: [user.behavior.purchase_history]\n",
                "        data_categories: [user.behavior.purchase_history]\n        lethe: {erase: mask}\n",
            ),
        )])
        .unwrap();
        for policy in [None, Some(&erasure(&["user"]))] {
            let treatments = Treatments::new(&map, policy);
            let Treatment::Keep(kept) = treatments.of(&at("invoices")) else { panic!("not kept") };
            assert_eq!(kept.to_string(), "kept under 17(3)(b): tax law (until 10 years)");
            assert_eq!(treatments.of_shared(&at("invoices")), treatments.of(&at("invoices")));
        }
    }

    #[test]
    fn a_policy_masks_what_its_targets_cover() {
        let treatments = |targets: &[&str]| Treatments::new(&map(), Some(&erasure(targets)));

        let contact = treatments(&["user.contact"]);
        assert_eq!(
            masked(contact.of(&at("customers"))),
            [("email", "null_rewrite"), ("address", "null_rewrite")]
        );
        assert_eq!(*contact.of(&at("orders")), UNTARGETED);
        assert_eq!(*contact.of(&at("items")), UNTARGETED);

        let city = treatments(&["user.contact.address.city"]);
        assert_eq!(masked(city.of(&at("customers"))), [("address.city", "null_rewrite")]);

        // An inherited category masks what may be masked; an explicit `delete` deletes the row.
        let history = treatments(&["user.behavior.purchase_history"]);
        assert_eq!(masked(history.of(&at("orders"))), [("remark", "null_rewrite")]);
        assert_eq!(*treatments(&["system.operations"]).of(&at("items")), Treatment::Delete);
        // The override of the field goes before the strategy of the rule.
        assert_eq!(masked(treatments(&["user.name"]).of(&at("customers"))), [("name", "string_rewrite")]);
        // Only a key that names the category itself is masked, to be refused.
        let paths = |targets| {
            let treatments = treatments(targets);
            let Treatment::Mask(fields) = treatments.of(&at("customers")) else { panic!("not masked") };
            fields.iter().map(|field| field.path.clone()).collect::<Vec<_>>()
        };
        assert_eq!(paths(&["user.unique_id"]), ["id"]);
        assert_eq!(paths(&["user.behavior"]), ["origin.page"]);
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |target: &str, masking: Masking| Rule {
            key: None,
            action: Action::Erasure,
            targets: vec![category(target)],
            masking_strategy: Some(masking),
        };
        let access = Rule {
            key: None,
            action: Action::Access,
            targets: vec![category("user")],
            masking_strategy: None,
        };
        let rules = vec![
            access,
            rule("user.contact.email", fixed_text()),
            rule("user.contact", Masking::NullRewrite),
        ];
        let treatments = Treatments::new(&map(), Some(&Policy { key: "p".into(), rules }));

        assert_eq!(
            masked(treatments.of(&at("customers"))),
            [("email", "string_rewrite"), ("address", "null_rewrite")]
        );
    }

    #[test]
    fn preserving_rules_and_overrides_leave_fields_alone() {
        let keep = Policy::erasure_of([category("user.contact")], Masking::Preserve);
        assert_eq!(*Treatments::new(&map(), Some(&keep)).of(&at("customers")), UNTARGETED);
        let keep = Policy::erasure_of([category("system")], Masking::Preserve);
        assert_eq!(*Treatments::new(&map(), Some(&keep)).of(&at("items")), UNTARGETED);

        let text = SHOP
            .replace("{name: city, ", "{name: city, fides_meta: {masking_strategy_override: {strategy: preserve}}, ")
            .replace("{erase: keep, ground: 17(3)(b), reason: tax law, until: 10 years}", "{erase: delete}")
            .replace(
                "          - name: account\n",
                "          - name: account\n            fides_meta: {masking_strategy_override: {strategy: preserve}}\n",
            );
        let treatments = Treatments::new(&load(&text), None);
        assert_eq!(
            masked(treatments.of(&at("customers"))).into_iter().map(|(path, _)| path).collect::<Vec<_>>(),
            ["email", "name", "address.street", "origin.page"]
        );
    }

    #[test]
    fn rows_that_others_share_are_masked_where_the_map_says_so() {
        let text = SHOP
            .replace(
                "{erase: keep, ground: 17(3)(b), reason: tax law, until: 10 years}",
                "{shared: anonymise}",
            )
            .replace("invoices\n", "invoices\n        data_categories: [user.financial]\n")
            .replace("      - name: campaigns\n", "          - {name: payer}\n      - name: campaigns\n");
        let map = load(&text);

        let own = Treatments::new(&map, None);
        assert_eq!(*own.of(&at("invoices")), Treatment::Delete);
        assert_eq!(masked(own.of_shared(&at("invoices"))), [("payer", "null_rewrite")]);
        let elsewhere = Treatments::new(&map, Some(&erasure(&["user.contact"])));
        assert_eq!(*elsewhere.of_shared(&at("invoices")), UNTARGETED);
    }

    fn held(scope: &Scope) -> Vec<String> {
        let map = map();
        let graph = Graph::new(&map, &Declared).unwrap();
        let mut treatments = Treatments::new(&map, None);
        treatments.withhold(&map, &graph, scope, "case 7");
        let kept = Treatment::Keep(Kept::Held { reason: "case 7".into() });
        let held = treatments.iter().filter(|(_, treatment)| **treatment == kept);
        let names = held.map(|(at, _)| at.collection.clone()).collect();
        assert!(graph.refusals(&map, &treatments, &Declared).0.is_empty());
        names
    }

    #[test]
    fn a_hold_keeps_what_it_covers_and_what_that_refers_to() {
        let collection = |name: &str| Scope { collection: Some(name.into()), ..Scope::default() };
        let of = |key: &str| Scope { category: Some(key.into()), ..Scope::default() };

        assert_eq!(held(&collection("customers")), ["customers"]);
        assert_eq!(held(&collection("orders")), ["customers", "orders"]);
        assert_eq!(held(&collection("items")), ["customers", "items", "orders"]);
        assert_eq!(held(&of("user.behavior.purchase_history")), ["customers", "orders"]);
        assert_eq!(held(&of("user.financial")), ["customers"]);
        assert_eq!(held(&Scope::default()), ["campaigns", "customers", "items", "orders"]);
        assert!(held(&Scope { dataset: Some("billing".into()), ..of("user") }).is_empty());
        assert_eq!(Kept::Held { reason: "case 7".into() }.to_string(), "held: case 7");
    }

    #[test]
    fn a_treatment_has_one_json_form() {
        let field = MaskedField { path: "name".into(), masking: fixed_text(), length: None };
        assert_eq!(
            serde_json::to_string(&Treatment::Mask(vec![field])).unwrap(),
            r#"{"mask":[{"path":"name","masking":{"strategy":"string_rewrite","configuration":{"rewrite_value":"x"}}}]}"#
        );
        assert_eq!(serde_json::to_string(&Treatment::Delete).unwrap(), r#""delete""#);
        assert_eq!(serde_json::to_string(&UNTARGETED).unwrap(), r#"{"keep":"untargeted"}"#);
    }

    /// Some categories, narrow and wide, real or not.
    fn categories() -> impl Strategy<Value = Category> {
        prop::collection::vec("[ab]{1,2}", 1..4)
            .prop_map(|steps| Category(format!("user.{}", steps.join("."))))
    }

    proptest! {
        #[test]
        fn a_category_covers_whole_segments_only(outer in categories(), inner in categories()) {
            let (wide, narrow): (Vec<_>, Vec<_>) =
                (outer.0.split('.').collect(), inner.0.split('.').collect());
            prop_assert_eq!(outer.covers(&inner), narrow.starts_with(&wide));
            prop_assert!(category("user").covers(&inner));
            prop_assert_eq!(outer.covers(&inner) && inner.covers(&outer), outer == inner);
        }

        #[test]
        fn the_first_covering_rule_wins(
            targets in prop::collection::vec(prop::collection::vec(categories(), 1..3), 1..5),
            found in prop::collection::vec(categories(), 0..3),
        ) {
            let masking = |rule: usize| Masking::StringRewrite { value: rule.to_string(), suffix: None };
            let rules = targets.iter().enumerate().map(|(number, targets)| Rule {
                key: None,
                action: Action::Erasure,
                targets: targets.clone(),
                masking_strategy: Some(masking(number)),
            });
            let policy = Policy { key: "p".into(), rules: rules.collect() };
            let covering = |targets: &Vec<Category>| {
                found.iter().any(|found| targets.iter().any(|target| target.covers(found)))
            };
            let first = targets.iter().position(covering);
            prop_assert_eq!(policy.masking_of(&found).cloned(), first.map(masking));
        }

        /// Nothing that a policy masks lies outside of its targets, twice, or in another masked field.
        #[test]
        fn a_policy_touches_its_targets_only(targets in prop::collection::vec(
            prop::sample::select(vec!["user", "user.contact", "user.contact.address.city", "user.name",
                "user.financial", "user.behavior", "user.behavior.purchase_history", "system", "user.unique_id"]),
            1..4,
        )) {
            let map = map();
            let policy = erasure(&targets);
            let treatments = Treatments::new(&map, Some(&policy));
            for (at, dataset, collection) in map.collections() {
                let Treatment::Mask(fields) = treatments.of(&at) else { continue };
                prop_assert!(!fields.is_empty());
                for field in fields {
                    let placed = placed(dataset, collection);
                    let found = placed.iter().find(|placed| placed.path == field.path).unwrap();
                    prop_assert!(policy.masking_of(found.categories).is_some());
                    let within = |other: &&MaskedField| is_within(&other.path, &field.path);
                    prop_assert_eq!(fields.iter().filter(within).count(), 1);
                }
            }
        }
    }
}
