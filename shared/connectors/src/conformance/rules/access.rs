//! What is shown to a person.

use domain::datamap::{Category, Identities, Selection};

use crate::conformance::fixture::Fixture;
use crate::conformance::world::{World, ada, profiles};
use crate::fault::EngineError;
use crate::testing::{Plainly as _, Recorder, Steps, person};

pub(in crate::conformance) async fn each_row_is_shown_once_with_what_it_holds<F: Fixture>() {
    let world = World::<F>::shop().await;
    let before = world.dump().await;
    let mut sink = Recorder::default();

    let counts = world.engine().await.read(&ada(), &mut sink).await.unwrap();

    for count in &counts {
        assert_eq!(count.rows, world.table(&count.at.collection).found as u64, "{}", count.at);
    }
    assert_eq!(counts.len(), world.tables.len());
    let order = |at: &str| counts.iter().position(|count| count.at.to_string() == at).unwrap();
    assert!(sink.rows.is_sorted_by_key(|(at, _)| order(at)), "collection by collection");
    assert_eq!(world.shown().await, world.to_show());
    assert_eq!(world.dump().await, before);
}

pub(in crate::conformance) async fn zeros_and_empty_texts_are_values<F: Fixture>() {
    let world = World::<F>::new(profiles()).await;

    assert_eq!(world.shown().await, world.to_show());
}

pub(in crate::conformance) async fn whoever_is_not_known_is_nowhere<F: Fixture>() {
    let world = World::<F>::shop().await;
    let before = world.dump().await;
    let engine = world.engine().await;

    let mut sink = Recorder::default();
    let stranger = person("email", "nobody@example.org");
    let counts = engine.read(&stranger, &mut sink).await.unwrap();
    let erasure = engine.wipe(&stranger, &mut Steps::default()).await.unwrap();
    assert!(sink.rows.is_empty() && erasure.complete());
    // Nothing leads to the other collections, so they are not called.
    assert_eq!(counts.iter().filter(|count| count.asked).count(), 1);

    // No identity of theirs is one that these stores know.
    for identities in [Identities::default(), person("email", ""), person("phone_number", "1")] {
        let order = engine.order(None, domain::datamap::Masker::random());
        let refused = [
            engine.read(&identities, &mut sink).await.map(drop),
            engine.plan(&identities, &order).await.map(drop),
            engine.wipe(&identities, &mut Steps::default()).await.map(drop),
        ];
        for refused in refused {
            let Err(EngineError::NoIdentity { wanted }) = refused else { panic!("{refused:?}") };
            assert_eq!(wanted, ["email"]);
        }
    }
    assert_eq!(world.dump().await, before);
}

pub(in crate::conformance) async fn a_package_holds_the_categories_asked_for<F: Fixture>() {
    let world = World::<F>::shop().await;
    let engine = world.engine().await;
    let everything = world.to_show();
    for (target, collections, field) in [
        // A category of the collection shows its rows whole.
        ("user.content", &["notes"][..], None),
        ("user.contact", &["customers", "addresses"], Some(["email", "street"])),
        ("user.contact.address", &["addresses"], Some(["street", "street"])),
        // Not by how a name begins.
        ("user.contact.a", &[], None),
    ] {
        let selection = Selection::new(engine.map(), &[Category(target.to_owned())]);
        let mut sink = Recorder::default();

        engine.access(&ada(), &selection, &mut sink).await.unwrap();

        let mut expected = everything.clone();
        expected.retain(|(at, _)| collections.iter().any(|collection| *at == world.at(collection)));
        for (_, row) in &mut expected {
            let row = row.as_object_mut().unwrap();
            row.retain(|name, _| field.is_none_or(|fields| fields.contains(&name.as_str())));
        }
        let key = |(at, row): &(String, serde_json::Value)| format!("{at} {row}");
        expected.sort_by_cached_key(key);
        sink.rows.sort_by_cached_key(key);
        assert_eq!(sink.rows, expected, "{target}");
    }
}
