//! What is overwritten, and what is left around it.

use domain::datamap::{Category, Erasure, Masker, Masking};
use domain::policy::Policy;
use serde_json::{Value, json};

use crate::conformance::fixture::Fixture;
use crate::conformance::world::{ADA, LEAF, Row, Table, World, ada, effect, profiles, same, threads};
use crate::testing::{Plainly as _, Steps};

/// The same secrets in every run.
fn masker() -> Masker {
    Masker::from_secret([7; 32])
}

/// Masks what has a category of `target`.
async fn mask<F: Fixture>(world: &World<F>, target: &str, masking: Masking) -> Erasure {
    let engine = world.engine().await;
    let policy = Policy::erasure_of([Category(target.to_owned())], masking);
    engine.erase(&ada(), &engine.order(Some(&policy), masker()), &mut Steps::default()).await.unwrap()
}

fn text(value: &Value) -> domain::row::Value {
    domain::row::Value::from(value.as_str().unwrap())
}

pub(in crate::conformance) async fn a_text_is_masked_by_each_strategy<F: Fixture>() {
    let world = World::<F>::shop().await;
    let before = world.dump().await;
    for (strategy, configuration) in [
        ("null_rewrite", None),
        ("string_rewrite", Some(json!({"rewrite_value": "'gone'\\ \u{1f30a}"}))),
        ("random_string_rewrite", Some(json!({"length": 12}))),
        ("hash", Some(json!({"algorithm": "SHA-512"}))),
        ("hmac", None),
        ("aes_encrypt", None),
    ] {
        let masking = Masking::parse(strategy, configuration.as_ref()).unwrap();

        let erasure = mask(&world, "user.content", masking.clone()).await;

        assert!(erasure.complete(), "{strategy}: {erasure:?}");
        assert_eq!(effect(&erasure, LEAF), (3, 0, 3, 0), "{strategy}");
        let shown = world.shown().await;
        for row in &world.table(LEAF).rows[..3] {
            let is_it = |(_, shown): &&(String, Value)| shown.get("note") == Some(&row["note"]);
            let (_, masked) = shown.iter().find(is_it).unwrap();
            match masking {
                Masking::RandomStringRewrite { .. } => {
                    let is_drawn = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                    assert!(
                        masked["text"]
                            .as_str()
                            .is_some_and(|text| text.len() == 12 && text.bytes().all(is_drawn))
                    );
                }
                _ => {
                    let expected = masker().mask(&masking, &text(&row["text"]), None);
                    assert_eq!(masked["text"], json!(expected), "{strategy}");
                }
            }
        }
        // Nothing else was touched, neither of hers nor of anybody's.
        world.restore().await;
        same(&world.dump().await, &before, strategy);
    }
}

pub(in crate::conformance) async fn the_identity_is_masked_last_and_leads_nowhere_then<F: Fixture>() {
    let world = World::<F>::shop().await;
    let masking = Masking::parse("hash", None).unwrap();
    let hashed = |table: &Table| {
        table.changed(|row: &mut Row| {
            for name in ["email", "name", "product", "text"] {
                if let Some(value) = row.get_mut(name) {
                    let length = (name == "email").then_some(120);
                    *value = json!(masker().mask(&masking, &text(value), length));
                }
            }
        })
    };
    let expected: Vec<Table> = world.tables.iter().map(hashed).collect();
    let expected = world.with(&expected).await;
    let engine = world.engine().await;
    let policy = Policy::erasure_of([Category("user".to_owned())], masking.clone());
    let mut steps = Steps::default();

    let erasure = engine.erase(&ada(), &engine.order(Some(&policy), masker()), &mut steps).await.unwrap();

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(steps.seen[steps.seen.len() - 2..], ["customers -1", "customers done"]);
    same(&world.dump().await, &expected, "masked");
    let again = mask(&world, "user", masking).await;
    assert!(again.complete() && again.collections.iter().all(|outcome| outcome.found == 0));
    same(&world.dump().await, &expected, "masked twice");
}

pub(in crate::conformance) async fn members_of_documents_are_masked_in_place<F: Fixture>() {
    let world = World::<F>::new(profiles()).await;
    let hidden = |row: &mut Row| row["doc"]["name"] = json!("hidden");
    let expected = world.with(&[world.table("profiles").changed(hidden)]).await;
    let masking = Masking::parse("string_rewrite", Some(&json!({"rewrite_value": "hidden"}))).unwrap();

    let erasure = mask(&world, "user.name", masking).await;

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, "profiles"), (1, 0, 1, 0));
    same(&world.dump().await, &expected, "masked");
}

pub(in crate::conformance) async fn of_a_common_row_only_her_elements_are_shown_and_masked<F: Fixture>() {
    let world = World::<F>::new(threads()).await;
    let is_hers = |element: &Value| element["email"] == ADA;
    let mut shown = world.shown().await;
    shown.sort_by_key(|(_, row)| row["id"].as_i64());
    let mut expected: Vec<Row> = world.table("threads").rows[..2].to_vec();
    expected.iter_mut().for_each(|row| row["doc"]["people"].as_array_mut().unwrap().retain(is_hers));
    let at = world.at("threads");
    let expected: Vec<_> = expected.into_iter().map(|row| (at.clone(), Value::Object(row))).collect();
    assert_eq!(shown, expected);

    let hide = |row: &mut Row| {
        let people = row["doc"]["people"].as_array_mut().unwrap().iter_mut();
        people.filter(|element| is_hers(element)).for_each(|element| element["name"] = Value::Null);
    };
    let masked = world.with(&[world.table("threads").changed(hide)]).await;
    let erasure = mask(&world, "user.name", Masking::NullRewrite).await;
    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, "threads"), (2, 0, 2, 0));
    same(&world.dump().await, &masked, "masked");

    // The row that is hers alone goes; the other one is somebody else's as well.
    world.restore().await;
    let mut left = world.table("threads").clone();
    left.rows.remove(1);
    let left = world.with(&[left]).await;
    let erasure = world.engine().await.wipe(&ada(), &mut Steps::default()).await.unwrap();
    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, "threads"), (2, 1, 0, 1));
    same(&world.dump().await, &left, "erased");
}
