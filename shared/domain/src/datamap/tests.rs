//! Tests of loading a map and of the graph it makes.

use super::*;

const SHOP: &str = "\
dataset:
  - fides_key: shop
    name: The shop
    lethe: {backups: 35d}
    data_categories: [user]
    collections:
      - name: customers
        data_categories: [user.contact]
        fields:
          - name: id
            data_categories: [user.unique_id]
            fides_meta: {primary_key: true, data_type: integer}
          - name: email
            fides_meta: {identity: email, data_type: string, length: 40}
          - name: address_id
            fides_meta:
              references: [{dataset: shop, field: addresses.id, direction: to}]
      - name: orders
        fields:
          - name: id
            fides_meta: {primary_key: true}
          - name: customer_id
            fides_meta:
              references: [{dataset: shop, field: customers.id, direction: from}]
      - name: items
        fields:
          - name: order_id
            fides_meta:
              primary_key: true
              references: [{dataset: shop, field: orders.id, direction: from}]
          - name: line
            fides_meta: {primary_key: true}
            lethe: {origin: observed}
      - name: addresses
        fields:
          - name: id
            fidesops_meta: {primary_key: true}
";

fn load(text: &str) -> Result<DataMap, MapErrors> {
    DataMap::load([("map.yml", text)])
}

/// The map with one collection `a` and these lines below it.
fn one(lines: &str) -> String {
    format!("dataset:\n- fides_key: d\n  collections:\n  - name: a\n{lines}")
}

/// Two collections: `a` with an identity, `b` with these lines below it, from line 9.
fn two(lines: &str) -> String {
    one(&format!("    fields:\n    - name: id\n      fides_meta: {{identity: email}}\n  - name: b\n{lines}"))
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let errors = load(text).expect_err("this map is wrong").to_string();
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected, "in\n{text}");
}

#[track_caller]
fn refused_field(field: &str, expected: &[&str]) {
    refused(
        &one(&format!("    fields:\n{field}    - name: i\n      fides_meta: {{identity: x}}\n")),
        expected,
    );
}

fn names(groups: &[Vec<NodeId>], graph: &Graph) -> Vec<Vec<String>> {
    let name = |id: &NodeId| graph.node(*id).at.collection.clone();
    groups.iter().map(|group| group.iter().map(name).collect()).collect()
}

#[test]
fn a_map_is_read_whole() {
    let map = load(SHOP).unwrap();

    let shop = map.dataset("shop").unwrap();
    assert_eq!(shop.name.as_deref(), Some("The shop"));
    assert_eq!(shop.organization, "default_organization");
    assert_eq!(shop.backups, Some(35));
    let email = shop.collection("customers").unwrap().field("email").unwrap();
    assert_eq!(email.identity.as_deref(), Some("email"));
    assert_eq!(email.length, Some(40));
    assert_eq!(email.data_type, Some(DataType { scalar: Scalar::String, array: false }));
    assert_eq!(email.at.line, 13);
    let items = shop.collection("items").unwrap();
    assert_eq!(items.field("line").unwrap().origin, Some(Origin::Observed));
    assert!(shop.collection("addresses").unwrap().field("id").unwrap().primary_key);
    assert_eq!(map.identity_names(), ["email"]);
}

#[test]
fn fides_meta_wins_over_its_old_name() {
    let text = one(
        "    fields:\n    - name: id\n      fides_meta: {identity: new}\n      fidesops_meta: {identity: old}\n",
    );

    assert_eq!(load(&text).unwrap().identity_names(), ["new"]);
}

#[test]
fn categories_are_inherited_from_collection_and_dataset() {
    let map = load(SHOP).unwrap();
    let shop = map.dataset("shop").unwrap();
    let of = |collection: &str, field: &str| {
        let collection = shop.collection(collection).unwrap();
        map.categories(shop, collection, collection.field(field).unwrap())[0].to_string()
    };

    assert_eq!(of("customers", "id"), "user.unique_id");
    assert_eq!(of("customers", "email"), "user.contact");
    assert_eq!(of("orders", "id"), "user");
}

#[test]
fn unknown_keys_and_neighbours_of_the_datasets_are_ignored() {
    let text = format!(
        "system: []\n{}      colour: blue\n",
        one("    fields:\n    - name: id\n      fides_meta: {identity: email, data_categories: [x]}\n")
    );

    assert!(load(&text).is_ok());
}

#[test]
fn several_files_make_one_map() {
    let billing = "\
dataset:
- fides_key: billing
  collections:
  - name: bills
    fields:
    - name: customer
      fides_meta: {references: [{dataset: shop, field: customers.id, direction: from}]}
";
    let map = DataMap::load([("billing.yml", billing), ("shop.yml", SHOP)]).unwrap();

    assert_eq!(map.datasets.len(), 2);
    let errors = DataMap::load([("billing.yml", billing)]).unwrap_err().to_string();
    assert_eq!(errors, "billing.yml:7: the referenced collection `shop:customers` does not exist");
}

#[test]
fn every_mistake_is_reported_in_one_go() {
    refused(
        "dataset:\n- name: x\n- fides_key: 'a b'\n  collections:\n  - fields: []\n  - name: c\n",
        &[
            "map.yml:2: a dataset has no fides_key",
            "map.yml:3: the key `a b` may only hold letters, digits and any of `_.<>-`",
            "map.yml:5: a collection has no name",
            "map.yml:6: the collection `c` has no fields",
        ],
    );
}

#[test]
fn what_is_no_map_is_refused() {
    assert!(load("dataset: [").unwrap_err().to_string().starts_with("map.yml:1: not valid YAML"));
    assert!(load("a: 1\na: 2\n").unwrap_err().to_string().starts_with("map.yml:2: not valid YAML"));
    refused(
        "- a\n",
        &["map.yml:1: a data map must be a mapping", "map.yml:1: a data map has no list `dataset`"],
    );
    refused("dataset: {}\n", &["map.yml:1: dataset must be a list"]);
    refused("system: []\n", &["map.yml:1: a data map has no list `dataset`"]);
    refused("dataset: []\n", &["data map:1: there is no dataset"]);
    refused("dataset:\n- fides_key: d\n", &["map.yml:2: the dataset `d` has no collections"]);
}

#[test]
fn names_are_unique() {
    let field = "    fields: [{name: id, fides_meta: {identity: x}}, {name: id}]\n";
    refused(&one(field), &["map.yml:5: the field `id` is there twice"]);
    let collection = "    fields: [{name: id, fides_meta: {identity: x}}]\n  - name: a\n    fields: [{name: id, fides_meta: {identity: x}}]\n";
    refused(&one(collection), &["map.yml:6: the collection `a` is there twice"]);
    let map = one("    fields: [{name: id, fides_meta: {identity: x}}]\n");
    let dataset = format!("{map}{}", map.strip_prefix("dataset:\n").unwrap());
    refused(&dataset, &["map.yml:6: the dataset `d` is there twice"]);
}

#[test]
fn types_are_known_and_fit() {
    refused_field(
        "    - {name: f, fides_meta: {data_type: varchar}}\n",
        &["map.yml:6: unknown data_type `varchar`"],
    );
    refused_field(
        "    - {name: f, fides_meta: {data_type: string, return_all_elements: true}}\n",
        &["map.yml:6: `f` has return_all_elements, but its data_type is no array"],
    );
    refused_field(
        "    - {name: f, fides_meta: {data_type: string}, fields: [{name: g}]}\n",
        &["map.yml:6: `f` has fields of its own, so its data_type can only be object"],
    );
    refused_field(
        "    - {name: f, fides_meta: {length: 0}}\n",
        &["map.yml:6: length must be a whole number above zero"],
    );
    refused_field(
        "    - {name: f, fides_meta: {primary_key: 'yes'}}\n",
        &["map.yml:6: primary_key must be true or false"],
    );
    refused_field("    - {name: f.g}\n", &["map.yml:6: the field name `f.g` must not hold a dot"]);
    refused_field("    - {name: f, fides_meta: {redact: all}}\n", &["map.yml:6: redact can only be `name`"]);
}

#[test]
fn categories_are_of_the_taxonomy_or_declared() {
    let field = "    - {name: f, data_categories: [user.contact.pigeon]}\n";
    refused_field(field, &["map.yml:6: unknown data category `user.contact.pigeon`"]);

    let text = one(&format!("    fields:\n{field}    - {{name: i, fides_meta: {{identity: x}}}}\n"));
    assert!(load(&format!("{text}data_category:\n- fides_key: user.contact.pigeon\n")).is_ok());
}

#[test]
fn only_leaves_carry_keys() {
    let text = one(
        "    fields:\n    - name: o\n      fides_meta: {identity: x, primary_key: true, length: 3,
        references: [{dataset: nowhere, field: a.b}]}\n      fields: [{name: g}]\n    - {name: i, fides_meta: {identity: y}}\n",
    );
    let map = load(&text).unwrap();

    let object = map.datasets[0].collections[0].field("o").unwrap();
    assert_eq!((&object.identity, object.primary_key, object.length), (&None, false, None));
    assert!(object.references.is_empty());
}

#[test]
fn references_lead_to_fields_of_other_collections() {
    let reference = |reference: &str| {
        two(&format!("    fields:\n    - name: f\n      fides_meta: {{references: [{reference}]}}\n"))
    };
    let cases = [
        ("{dataset: d, field: c.id}", "the referenced collection `d:c` does not exist"),
        ("{dataset: e, field: a.id}", "the referenced collection `e:a` does not exist"),
        ("{dataset: d, field: a.x}", "the referenced field `d:a.x` does not exist"),
        ("{dataset: d, field: b.f}", "`f` must not reference its own collection"),
        ("{field: a.id}", "a reference has no dataset"),
        ("{dataset: d}", "a reference has no field"),
        ("{dataset: d, field: a}", "the reference `a` must be a collection and a field joined by a dot"),
        ("{dataset: d, field: a.id, direction: up}", "direction must be from or to, not `up`"),
    ];
    for (written, reason) in cases {
        refused(&reference(written), &[&format!("map.yml:11: {reason}")]);
    }
}

#[test]
fn skipped_collections_do_not_exist() {
    let skipped = |reference: &str| {
        one(&format!(
            "    fides_meta: {{skip_processing: true}}\n    fields: [{{name: id, fides_meta: {{identity: x}}}}]\n  \
             - name: b\n    fields:\n    - {{name: i, fides_meta: {{identity: y{reference}}}}}\n"
        ))
    };

    let map = load(&skipped("")).unwrap();
    assert_eq!(map.collections().count(), 1);
    refused(
        &skipped(", references: [{dataset: d, field: a.id, direction: from}]"),
        &["map.yml:9: the referenced collection `d:a` does not exist"],
    );
}

#[test]
fn orders_name_existing_collections_with_one_dot() {
    for key in ["after", "erase_after"] {
        let text = |name: &str| {
            two(&format!(
                "    fides_meta: {{{key}: [{name}]}}\n    fields: [{{name: i, fides_meta: {{identity: x}}}}]\n"
            ))
        };
        assert!(load(&text("d.a")).is_ok());
        refused(&text("d.x"), &["map.yml:9: the collection `d:x` does not exist"]);
        for name in ["d", "d.a.id"] {
            let reason =
                format!("map.yml:9: {key} must name `dataset.collection` with exactly one dot, not `{name}`");
            refused(&text(name), &[&reason]);
        }
    }
}

#[test]
fn our_settings_must_be_spelled_right() {
    let collection = |lethe: &str| {
        one(&format!("    lethe: {lethe}\n    fields: [{{name: i, fides_meta: {{identity: x}}}}]\n"))
    };
    let cases = [
        ("{erase: shred}", "erase must be delete, mask or keep, not `shred`"),
        ("{erase: keep}", "`erase: keep` needs a legal ground"),
        ("{shared: no-way}", "shared must be keep, anonymise or delete, not `no-way`"),
        (
            "{ersae: keep}",
            "lethe of a collection has no setting `ersae`; expected one of: erase, shared, reason, ground, until",
        ),
        ("keep", "lethe must be a mapping"),
    ];
    for (lethe, reason) in cases {
        refused(&collection(lethe), &[&format!("map.yml:5: {reason}")]);
    }
    assert!(load(&collection("{erase: delete, shared: keep}")).is_ok());

    let kept = load(&collection("{erase: keep, ground: 17(3)(b), reason: tax, until: 10 years}")).unwrap();
    assert_eq!(
        kept.datasets[0].collections[0].erase,
        Some(EraseMethod::Keep {
            ground: "17(3)(b)".into(),
            reason: Some("tax".into()),
            until: Some("10 years".into()),
        })
    );
    refused_field(
        "    - {name: f, lethe: {origin: stolen}}\n",
        &["map.yml:6: origin must be provided, observed, derived or inferred, not `stolen`"],
    );
    refused_field(
        "    - {name: f, fides_meta: {lethe: {origin: provided}}}\n",
        &["map.yml:6: lethe belongs beside fides_meta, not inside"],
    );
    refused(
        &SHOP.replace("35d", "a month"),
        &["map.yml:4: backups must be days such as `35d`, not `a month`"],
    );
}

#[test]
fn methods_are_unsaid_unless_the_map_says_them() {
    let method = |settings: &str| {
        let text = one(&format!(
            "    data_categories: [user]\n{settings}    fields: [{{name: i, fides_meta: {{identity: x}}}}]\n"
        ));
        let map = load(&text).unwrap();
        let collection = &map.datasets[0].collections[0];
        (collection.erase.clone(), collection.shared)
    };
    let delete = "    fides_meta: {masking_strategy_override: {strategy: delete}}\n";

    assert_eq!(method(""), (None, None));
    assert_eq!(
        method("    lethe: {erase: delete, shared: keep}\n"),
        (Some(EraseMethod::Delete), Some(Shared::Keep))
    );
    assert_eq!(
        method("    lethe: {erase: mask, shared: anonymise}\n"),
        (Some(EraseMethod::Mask), Some(Shared::Anonymise))
    );
    assert_eq!(method("    lethe: {shared: delete}\n").1, Some(Shared::Delete));
    assert_eq!(method(delete).0, Some(EraseMethod::Delete));
    assert_eq!(method(&format!("{delete}    lethe: {{erase: mask}}\n")).0, Some(EraseMethod::Mask));
    refused(
        &one(
            "    fides_meta: {masking_strategy_override: {strategy: hash}}\n    fields: [{name: i, fides_meta: {identity: x}}]\n",
        ),
        &["map.yml:5: the strategy of a collection can only be `delete`"],
    );
}

#[test]
fn masking_overrides_are_checked() {
    let field = |data_type: &str, masking: &str| {
        format!(
            "    - {{name: f, fides_meta: {{data_type: {data_type}, masking_strategy_override: {masking}}}}}\n"
        )
    };
    let wrong = [
        ("string", "{strategy: string_rewrite}", "string_rewrite has no rewrite_value"),
        (
            "string",
            "{strategy: string_rewrite, configuration: {rewrite_value: x, sufix: y}}",
            "the configuration of string_rewrite has no setting `sufix`; expected one of: rewrite_value, format_preservation",
        ),
        (
            "string",
            "{strategy: random_string_rewrite, configuration: {length: -1}}",
            "length must be a whole number above zero",
        ),
        ("string", "{strategy: shred}", "unknown masking strategy `shred`"),
        ("string", "{strategy: hash}", "`hash` needs a secret and cannot override the strategy of a field"),
        ("string", "{strategy: hmac}", "`hmac` needs a secret and cannot override the strategy of a field"),
        (
            "string",
            "{strategy: aes_encrypt}",
            "`aes_encrypt` needs a secret and cannot override the strategy of a field",
        ),
        ("string", "{}", "masking_strategy_override has no strategy"),
        ("integer", "{strategy: random_string_rewrite}", "masking `f` with text needs `data_type: string`"),
        (
            "'string[]'",
            "{strategy: random_string_rewrite}",
            "masking `f` with text needs `data_type: string`",
        ),
    ];
    for (data_type, masking, reason) in wrong {
        refused_field(&field(data_type, masking), &[&format!("map.yml:6: {reason}")]);
    }
    let right = [
        ("{strategy: null_rewrite}", Masking::NullRewrite),
        ("{strategy: preserve}", Masking::Preserve),
        (
            "{strategy: string_rewrite, configuration: {rewrite_value: x}}",
            Masking::StringRewrite { value: "x".into(), suffix: None },
        ),
        (
            "{strategy: random_string_rewrite, configuration: {length: 5, format_preservation: {suffix: x}}}",
            Masking::RandomStringRewrite { length: 5, suffix: Some("x".into()) },
        ),
    ];
    for (masking, expected) in right {
        let text = one(&format!(
            "    fields:\n{}    - {{name: i, fides_meta: {{identity: x}}}}\n",
            field("string", masking)
        ));
        assert_eq!(load(&text).unwrap().datasets[0].collections[0].fields[0].masking, Some(expected));
    }
}

#[test]
fn an_override_outside_of_fides_meta_has_no_effect() {
    let text = one(
        "    masking_strategy_override: {strategy: shred}\n    fields:\n    - name: i\n      fides_meta: {identity: x}\n      \
         masking_strategy_override: {strategy: shred}\n",
    );
    let map = load(&text).unwrap();

    let collection = &map.datasets[0].collections[0];
    assert_eq!((&collection.erase, &collection.fields[0].masking), (&None, &None));
}

#[test]
fn arrays_on_a_path_are_cut_unless_one_says_otherwise() {
    let text = one("    fields:
    - {name: i, fides_meta: {identity: x}}
    - {name: tags, fides_meta: {data_type: 'string[]'}}
    - {name: all, fides_meta: {data_type: 'string[]', return_all_elements: true}}
    - name: lines
      fides_meta: {data_type: 'object[]', return_all_elements: true}
      fields: [{name: id}]
    - name: parts
      fields: [{name: all, fides_meta: {data_type: 'string[]', return_all_elements: true}}, {name: id}]
");
    let map = load(&text).unwrap();
    let collection = &map.datasets[0].collections[0];

    for (path, cuts) in [
        ("i", true),
        ("tags", true),
        ("all", false),
        ("lines.id", false),
        ("parts.all", false),
        ("parts.id", true),
    ] {
        assert_eq!(collection.cuts(path), cuts, "{path}");
    }
}

#[test]
fn children_are_walked_after_and_erased_before_their_parents() {
    let map = load(SHOP).unwrap();
    let graph = Graph::new(&map, &Declared).unwrap();

    assert_eq!(names(graph.walk(), &graph), [["customers"], ["orders"], ["items"], ["addresses"]]);
    assert_eq!(names(graph.erase(), &graph), [["addresses"], ["items"], ["orders"], ["customers"]]);
    let reach: Vec<_> = graph.nodes().iter().map(|node| node.reach).collect();
    assert_eq!(reach, [Ownership::Own, Ownership::Own, Ownership::Own, Ownership::Shared]);
}

#[test]
fn a_reference_without_direction_is_used_from_the_end_met_first() {
    let text = two(
        "    fields: [{name: a_id, fides_meta: {references: [{dataset: d, field: a.id}]}}, {name: c_id}]\n  \
         - name: c\n    fields: [{name: id, fides_meta: {references: [{dataset: d, field: b.c_id}]}}]\n",
    );
    let map = load(&text).unwrap();
    let graph = Graph::new(&map, &Declared).unwrap();

    let edges: Vec<_> = (0..3)
        .flat_map(|id| graph.edges_from(NodeId(id)))
        .map(|edge| format!("{}.{} -> {}.{}", edge.from.0, edge.source, edge.to.0, edge.target))
        .collect();
    assert_eq!(edges, ["0.id -> 1.a_id", "1.c_id -> 2.id"]);
}

#[test]
fn an_edge_owns_unless_it_leads_into_a_key() {
    /// The edge from `source` of collection `a` to `target` of `b`.
    fn edge(source: &str, target: &str, lethe: &str) -> (bool, bool) {
        let text = one(&format!(
            "    fields:\n    - {{name: s, fides_meta: {{{source}}}}}\n    - {{name: i, fides_meta: {{identity: x}}}}\n  \
             - name: b\n    data_categories: [user]\n    lethe: {{{lethe}}}\n    fields:\n    - name: n\n    - name: t\n      fides_meta: {{{target} references: [{{dataset: d, field: a.s, direction: from}}]}}\n"
        ));
        let map = load(&text).unwrap();
        let graph = Graph::new(&map, &Declared).unwrap();
        let edge = graph.edges_from(NodeId(0)).next().unwrap();
        (edge.owning, edge.lookup)
    }

    // The orders of a customer.
    assert_eq!(edge("primary_key: true", "", ""), (true, false));
    // A number that is no declared key, but many rows point at it.
    assert_eq!(edge("", "", ""), (true, false));
    // The address of a customer: other people may live there.
    assert_eq!(edge("", "primary_key: true,", ""), (false, true));
    // The profile of a customer, under the same key.
    assert_eq!(edge("primary_key: true", "primary_key: true,", ""), (true, true));
    // The login of a customer, under the e-mail address.
    assert_eq!(edge("identity: email", "primary_key: true,", ""), (true, true));
    // The author of the map knows better.
    assert_eq!(edge("primary_key: true", "", "shared: keep"), (false, false));
    assert_eq!(edge("primary_key: true", "", "shared: anonymise"), (false, false));
    assert_eq!(edge("", "primary_key: true,", "shared: delete"), (true, true));
}

#[test]
fn what_no_identity_reaches_is_refused() {
    refused(&two("    fields: [{name: f}]\n"), &["map.yml:8: no identity leads to `d:b`"]);
    // The reviews of a product are other people's.
    refused(
        &two(
            "    fields:\n    - name: id\n      fides_meta: {primary_key: true}\n  - name: c\n    fields:\n    - name: b_id\n      \
             fides_meta: {references: [{dataset: d, field: b.id, direction: from}]}\n",
        )
        .replace("{identity: email}", "{identity: email}\n    - name: b_id\n      fides_meta: {references: [{dataset: d, field: b.id, direction: to}]}"),
        &["map.yml:14: no identity leads to `d:c` but over rows of `d:b`, which several people share"],
    );
}

#[test]
fn what_is_filled_from_the_request_is_no_part_of_the_walk() {
    let text = two("    fields: [{name: f, fides_meta: {custom_request_field: note}}]\n");
    let map = load(&text).unwrap();

    assert!(map.datasets[0].collections[1].is_manual());
    assert_eq!(Graph::new(&map, &Declared).unwrap().nodes().len(), 1);
}

#[test]
fn cycles_are_one_group() {
    let text = SHOP.replace(
        "          - name: address_id\n",
        "          - name: best_order\n            fides_meta: {references: [{dataset: shop, field: items.order_id, direction: to}]}\n          \
         - name: referrer\n            fides_meta: {references: [{dataset: shop, field: orders.customer_id, direction: from}]}\n          - name: address_id\n",
    );
    let map = load(&text).unwrap();
    let graph = Graph::new(&map, &Declared).unwrap();

    assert_eq!(names(graph.walk(), &graph), [vec!["customers", "orders"], vec!["items"], vec!["addresses"]]);
    assert_eq!(names(graph.erase(), &graph), [vec!["addresses"], vec!["items"], vec!["customers", "orders"]]);
}

#[test]
fn declared_orders_hold_and_contradictions_are_refused() {
    let ordered = |meta: &str| {
        SHOP.replace("      - name: items\n", &format!("      - name: items\n        fides_meta: {meta}\n"))
    };

    let map = load(&ordered("{after: [shop.addresses], erase_after: [shop.addresses]}")).unwrap();
    let graph = Graph::new(&map, &Declared).unwrap();
    assert_eq!(names(graph.walk(), &graph), [["customers"], ["orders"], ["addresses"], ["items"]]);
    assert_eq!(names(graph.erase(), &graph), [["addresses"], ["items"], ["orders"], ["customers"]]);
    refused(
        &ordered("{erase_after: [shop.customers]}"),
        &[
            "map.yml:26: `shop:items` cannot be erased after `shop:customers`: the references need the opposite order",
        ],
    );
}

#[test]
fn erasures_that_would_end_half_done_are_refused() {
    let items = |lethe: &str| {
        let settings = format!("      - name: items\n        lethe: {lethe}\n");
        SHOP.replace("      - name: items\n", &settings).replace(
            "            lethe: {origin: observed}\n",
            "          - name: remark\n            lethe: {origin: observed}\n",
        )
    };
    let reason = "but refers to `shop:orders`, whose rows would be erased";
    refused(
        &items("{erase: keep, ground: 17(3)(b)}"),
        &[&format!("map.yml:31: `shop:items.order_id` is kept, {reason}")],
    );
    refused(&items("{erase: mask}"), &[&format!("map.yml:31: `shop:items.order_id` is masked, {reason}")]);
    refused(
        &SHOP.replace(
            "{primary_key: true}\n            lethe",
            "{primary_key: true, read_only: true}\n            lethe",
        ),
        &["map.yml:31: `shop:items.line` is read_only, but its row would be erased"],
    );
}

#[test]
fn values_nested_in_objects_and_arrays_are_ends_like_others() {
    let text = one(
        "    fields:
    - name: contact
      fields: [{name: email, fides_meta: {identity: email}}]
    - name: keys
      fields: [{name: id, fides_meta: {primary_key: true}}]
    - {name: phones, fides_meta: {data_type: 'string[]', identity: phone_number}}
  - name: b
    fields:
    - name: lines
      fides_meta: {data_type: 'object[]'}
      fields: [{name: owner, fides_meta: {references: [{dataset: d, field: a.keys.id, direction: from}]}}]
    - {name: ids, fides_meta: {data_type: 'integer[]'}}
  - name: c
    fields: [{name: id, fides_meta: {primary_key: true, references: [{dataset: d, field: b.ids, direction: from}]}}]
",
    );
    let map = load(&text).unwrap();
    let graph = Graph::new(&map, &Declared).unwrap();

    assert_eq!(map.identity_names(), ["email", "phone_number"]);
    let seeds: Vec<_> = graph.seeds().iter().map(|seed| (&*seed.field, &*seed.identity)).collect();
    assert_eq!(seeds, [("contact.email", "email"), ("phones", "phone_number")]);
    let edge = |from| graph.edges_from(NodeId(from)).next().unwrap();
    assert_eq!((&*edge(0).source, &*edge(0).target), ("keys.id", "lines.owner"));
    assert!(edge(0).owning && !edge(0).lookup);
    assert_eq!((&*edge(1).source, &*edge(1).target), ("ids", "id"));
    assert!(edge(1).lookup && edge(1).upward);
    assert_eq!(graph.entries(NodeId(1)), ["lines.owner"].into());
    assert_eq!(
        Declared.key(&graph.nodes()[0].at, &map.datasets[0].collections[0], "keys.id"),
        KeyKind::Primary
    );
}
