//! `GET /lethe/v1/docs`: the OpenAPI document as a page to read. It runs and loads nothing.

use std::sync::LazyLock;

use http::{Method, StatusCode};
use pages::api_docs::{Answer as Answered, ApiDocs, Content, Error, Field, Form, Group, Operation};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, NoBody, Route,
    docs::{Docs, Good},
};
use serde_json::Value;
use wire::Dialect;

use super::openapi;
use crate::takeouts::confirm::page;

/// The route.
pub static ROUTE: Route = Route {
    name: "show-docs",
    method: Method::GET,
    path: "/lethe/v1/docs",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[] as &[Need],
    summary: "Read the OpenAPI document as a page",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The page")]);

/// The page, made when it is first asked for.
static PAGE: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| serde_json::from_str(openapi::DOCUMENT).map(|document| Reader(&document).docs().page()));

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(NoBody: NoBody) -> Result<Answer, Failure> {
    match &*PAGE {
        Ok(html) => Ok(page(StatusCode::OK, html.clone())),
        Err(error) => Err(Failure::internal(error)),
    }
}

/// Reads the document for the page. What it does not know is left out.
struct Reader<'a>(&'a Value);

/// The methods in the order in which they are read best.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

impl<'a> Reader<'a> {
    fn docs(&self) -> ApiDocs<'a> {
        let document = self.0;
        let forms = entries(&document["components"]["schemas"]);
        ApiDocs {
            title: text(&document["info"]["title"]),
            version: text(&document["info"]["version"]),
            about: vec![text(&document["info"]["summary"]), text(&document["info"]["description"])],
            document: openapi::ROUTE.path,
            groups: list(&document["tags"]).map(|tag| self.group(tag)).collect(),
            forms: forms
                .map(|(name, schema)| Form {
                    name,
                    about: text(&schema["description"]),
                    kind: kind(schema),
                    fields: fields(schema),
                })
                .collect(),
        }
    }

    fn group(&self, tag: &'a Value) -> Group<'a> {
        let name = text(&tag["name"]);
        let operations = entries(&self.0["paths"]).flat_map(|(path, item)| {
            let found = METHODS.iter().filter_map(move |method| Some((*method, path, item.get(method)?)));
            found.filter(|(_, _, operation)| list(&operation["tags"]).any(|own| text(own) == name))
        });
        Group {
            name,
            about: text(&tag["description"]),
            operations: operations.map(|(method, path, known)| self.operation(method, path, known)).collect(),
            errors: entries(&self.0["components"]["examples"])
                .filter_map(|(full, example)| {
                    let (group, slug) = full.split_once('-')?;
                    let about = text(&example["summary"]);
                    (group == name).then(|| Error {
                        name: slug,
                        about,
                        example: format!("{:#}", example["value"]),
                    })
                })
                .collect(),
        }
    }

    fn operation(&self, method: &str, path: &'a str, known: &'a Value) -> Operation<'a> {
        Operation {
            id: text(&known["operationId"]),
            method: method.to_uppercase(),
            path,
            summary: text(&known["summary"]),
            access: list(&known["security"]).map(access).collect(),
            parameters: list(&known["parameters"])
                .map(|parameter| {
                    let parameter = self.resolved(parameter);
                    Field {
                        name: text(&parameter["name"]).to_owned(),
                        place: text(&parameter["in"]),
                        kind: kind(&parameter["schema"]),
                        is_required: parameter["required"] == true,
                        about: text(&parameter["description"]),
                    }
                })
                .collect(),
            body: content(&known["requestBody"]),
            answers: entries(&known["responses"])
                .map(|(status, answer)| {
                    // Errors are references: how they look is told once for all operations.
                    let told = self.resolved(answer);
                    Answered { status, about: text(&told["description"]), content: content(answer) }
                })
                .collect(),
        }
    }

    /// What a reference means, or the value itself.
    fn resolved(&self, value: &'a Value) -> &'a Value {
        let pointer = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        pointer.and_then(|pointer| self.0.pointer(pointer)).unwrap_or(value)
    }
}

fn content(of: &Value) -> Option<Content<'_>> {
    let (media_type, content) = entries(&of["content"]).next()?;
    Some(Content {
        media_type,
        kind: kind(&content["schema"]),
        fields: fields(&content["schema"]),
        example: content.get("example").map(|example| format!("{example:#}")),
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// One way to say who calls: the scheme, and the permission that it must come with.
fn access(way: &Value) -> String {
    entries(way)
        .map(|(scheme, permissions)| match list(permissions).next() {
            Some(permission) => format!("{scheme} with {}", text(permission)),
            None => scheme.to_owned(),
        })
        .collect()
}

/// What a schema takes, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(one) = schema.get("const") {
        return one.to_string();
    }
    let choices = ["enum", "anyOf", "oneOf"].into_iter().find_map(|name| schema.get(name)?.as_array());
    if let Some(choices) = choices {
        let is_value = schema.get("enum").is_some();
        let told = choices.iter().map(|choice| if is_value { choice.to_string() } else { kind(choice) });
        return told.collect::<Vec<_>>().join(" or ");
    }
    let name = |name: &str| match (name, text(&schema["format"])) {
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        ("string", format) if !format.is_empty() => format.to_owned(),
        (name, _) => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(one) => name(one),
        Value::Array(several) => several.iter().map(|one| name(text(one))).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

/// The fields of an object, and of the objects in it under dotted names.
fn fields(schema: &Value) -> Vec<Field<'_>> {
    let mut all = Vec::new();
    collect(String::new(), schema, &mut all);
    all
}

fn collect<'a>(prefix: String, schema: &'a Value, all: &mut Vec<Field<'a>>) {
    let required: Vec<&str> = list(&schema["required"]).map(text).collect();
    for (name, field) in entries(&schema["properties"]) {
        let full = format!("{prefix}{name}");
        all.push(Field {
            name: full.clone(),
            place: "",
            kind: kind(field),
            is_required: required.contains(&name),
            about: text(&field["description"]),
        });
        collect(format!("{full}."), field, all);
        collect(format!("{full}[]."), &field["items"], all);
    }
}

endpoint!(handle);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_told_in_a_few_words() {
        let check = |schema: Value, words: &str| assert_eq!(kind(&schema), words, "{schema}");

        check(json!({"type": "string"}), "string");
        check(json!({"type": ["string", "null"], "format": "uuid"}), "uuid or null");
        check(json!({"type": "array", "items": {"$ref": "#/components/schemas/Kind"}}), "list of Kind");
        check(json!({"enum": ["a", "b"], "type": "string"}), r#""a" or "b""#);
        check(json!({"anyOf": [{"const": 1}, {"type": "null"}]}), "1 or null");
        check(json!({}), "anything");
    }

    #[test]
    fn fields_of_fields_have_dotted_names() {
        let schema = json!({"required": ["a"], "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "string"}}},
            "c": {"type": "array", "items": {"properties": {"d": {"type": "boolean"}}}},
        }});

        let named: Vec<_> =
            fields(&schema).into_iter().map(|field| (field.name, field.is_required)).collect();

        let expected = [("a", true), ("a.b", false), ("c", false), ("c[].d", false)];
        assert_eq!(named, expected.map(|(name, is_required)| (name.to_owned(), is_required)));
    }

    #[test]
    fn every_operation_of_the_document_is_on_the_page() {
        let html = PAGE.as_ref().unwrap();
        let document: Value = serde_json::from_str(openapi::DOCUMENT).unwrap();

        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                let id = format!("id=\"{}\"", text(&operation["operationId"]));
                assert!(html.contains(&id), "{method} {path}");
            }
        }
    }
}
