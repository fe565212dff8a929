//! The OpenAPI document against what is really said: every answer that any test gets is held against
//! it, and every example in it as well.

use std::{
    collections::HashMap,
    process::Command,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value, json};
use synth::WORKSPACE;

use crate::world::Reply;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../infra/openapi.json")).unwrap());

/// Validators by where their schema stands in the document: making one is slow.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// Checks an answer from the gateway. What it says itself is not ours to document.
pub(crate) fn check(method: &Method, path: &str, reply: &Reply) {
    if !reply.header("apigw-requestid").is_empty() {
        said(method, path, reply);
    }
}

/// Checks that the document says of an answer whatever is in it.
pub(crate) fn said(method: &Method, path: &str, reply: &Reply) {
    let call = format!("{method} {path}");
    let known = operation(method, path).unwrap_or_else(|| panic!("{call} is not documented"));
    let id = reply.header("request-id");
    assert!(id.parse::<xid::Id>().is_ok(), "{call}: the call has no id but {id:?}");
    correlated(id, reply);
    let response = resolved(&known["responses"][reply.status.to_string()]);
    assert!(response.is_object(), "{call}: {} is not documented", reply.status);
    let kind = reply.header("content-type");
    let Some(content) = response.get("content") else {
        assert!(reply.bytes.is_empty(), "{call}: {} has a body", reply.status);
        return;
    };
    assert!(content.get(kind).is_some(), "{call}: {} as {kind:?} is not documented", reply.status);
    let Some(schema) = content[kind].get("schema") else { return };
    if kind == "application/x-ndjson" {
        for line in reply.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            valid(schema, &serde_json::from_slice(line).unwrap(), &call);
        }
    } else {
        valid(schema, &reply.json(), &format!("{call}: {}", reply.status));
    }
}

/// Checks that an error names its call, where the dialect's form has a place for it.
fn correlated(id: &str, reply: &Reply) {
    if let Ok(body) = serde_json::from_slice::<Value>(&reply.bytes) {
        for error in body["errors"].as_array().into_iter().flatten().filter(|_| reply.status >= 400) {
            assert!(error.get("id").is_none_or(|named| named == id), "{error}");
        }
        let instance = body["instance"].as_str();
        assert!(instance.is_none_or(|named| named == format!("urn:lethe:call:{id}")), "{body}");
    }
}

/// The operation behind a path: literal parts count before parameters.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let given: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == given.len()
            && parts.iter().zip(&given).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().iter().filter(|(template, _)| fits(template));
    let (_, item) = paths.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.as_str().to_ascii_lowercase())
}

/// What a reference means, or the value itself.
fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => DOCUMENT.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

#[track_caller]
fn valid(schema: &Value, value: &Value, what: &str) {
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(schema.to_string()).or_insert_with(|| {
        let mut root = schema.clone();
        root["components"] = json!({"schemas": DOCUMENT["components"]["schemas"]});
        close(&mut root);
        for schema in root["components"]["schemas"].as_object_mut().unwrap().values_mut() {
            close(schema);
        }
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    });
    let faults: Vec<String> =
        validator.iter_errors(value).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{value:#}");
}

/// Forbids what the schema does not name: nothing may be said that is not documented.
fn close(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    let is_object = fields.contains_key("properties");
    if is_object && !fields.contains_key("additionalProperties") {
        fields.insert("unevaluatedProperties".into(), json!(false));
    }
    for (name, inner) in fields.iter_mut() {
        match (name.as_str(), inner) {
            ("properties", Value::Object(all)) => all.values_mut().for_each(close),
            ("items" | "additionalProperties", one) => close(one),
            // Where the object goes on in these, it is closed as a whole.
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) if !is_object => all.iter_mut().for_each(close),
            _ => {}
        }
    }
}

/// Calls `each` with every media type of a body or answer, as its schema and all its examples.
fn contents(each: &mut impl FnMut(&'static Value, Vec<&'static Value>, &str)) {
    let mut content = |content: &'static Value, what: &str| {
        for media in content.as_object().into_iter().flat_map(Map::values) {
            let several = media.get("examples").and_then(Value::as_object).into_iter().flat_map(Map::values);
            let examples = media.get("example").into_iter();
            let examples = examples.chain(several.map(|example| &resolved(example)["value"])).collect();
            if let Some(schema) = media.get("schema") {
                each(schema, examples, what);
            }
        }
    };
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            content(&operation["requestBody"]["content"], &what);
            for response in operation["responses"].as_object().unwrap().values() {
                content(&resolved(response)["content"], &what);
            }
        }
    }
}

#[test]
fn every_body_has_an_example_that_is_valid() {
    contents(&mut |schema, examples, what| {
        assert!(!examples.is_empty(), "{what} has no example");
        for example in examples {
            // The seed's own example of a consent shows more than is answered.
            let mut example = example.clone();
            if example.get("result").is_some() {
                example.as_object_mut().unwrap().retain(|name, _| name == "result");
            }
            valid(schema, &example, what);
        }
    });
}

#[test]
fn the_examples_of_the_seeds_are_in_it() {
    let at = |pointer: &str| DOCUMENT.pointer(pointer).unwrap();
    let said = |path: &str, status: &str, kind: &str| {
        let path = path.replace('/', "~1");
        let kind = kind.replace('/', "~1");
        at(&format!("/paths/{path}/post/responses/{status}/content/{kind}/example"))
    };

    let takeout = said("/user/{version}/gdpr/{userID}/takeouts", "200", "application/vnd.api+json");
    assert_eq!(takeout["data"]["id"], "c0daf39b-4df5-4241-9e7d-b1b85f829090");
    let linked = at("/components/examples/PACE-missing-linked-identity/value/errors/0");
    assert_eq!((&linked["id"], &linked["status"]), (&json!("cbgmhslmp1o9or9kh1p0"), &json!("401")));
    let consents = said("/persons/{person_id}/consent/gdpr", "201", "application/json");
    assert_eq!(consents["result"]["consents"][0]["created_at"], "2005-12-24T18:29:30.033157Z");
    let deletion = said("/v2/fulfillment/users/{user_id}/privacy_request", "200", "application/json");
    assert_eq!(*deletion, json!({"success": true}));
    let unknown = at("/components/examples/Instacart-person_not_found/value");
    assert_eq!(
        *unknown,
        json!({"error": {"message": "User Not Found", "code": 1001}, "meta": {"key": "user_id"}})
    );
    let link = said("/api/rest/users/{userId}/personaldatarequest/view-uri", "200", "application/json");
    assert_eq!(*link, json!({"viewUri": "https://id.example.com/personal-data-view?ssdt=abc123..."}));
}

#[test]
fn what_is_not_documented_is_found() {
    let schema = json!({"$ref": "#/components/schemas/Success"});
    let fails = |value: Value| std::panic::catch_unwind(|| valid(&schema, &value, "")).is_err();

    assert!(!fails(json!({"success": true})));
    assert!(fails(json!({"success": true, "more": 1})) && fails(json!({})) && fails(json!({"success": 1})));
}

#[test]
fn the_document_is_valid_openapi() {
    let validator = format!("{WORKSPACE}/target/python/bin/openapi-spec-validator");
    let checked = Command::new(validator)
        .arg(format!("{WORKSPACE}/infra/openapi.json"))
        .output()
        .expect("tests/run installs it");

    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
