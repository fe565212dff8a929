//! A sample event of each function, as Lambda gets it: for tests and for `sam local invoke`.

use runtime::{Endpoint, Route, Trigger, Worker, queues::Queue};
use serde_json::{Map, Value, json};

use crate::{
    Generated, SynthError,
    sample::{self, ORG, PERSON, UNKNOWN},
};

/// Where the events lie, each in a file named after its function.
pub(crate) const FOLDER: &str = "infra/events";

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const HOST: &str = "api.example.com";
/// When the events happen, in the three ways in which AWS says so.
const TIME: &str = "2026-03-02T10:00:00Z";
const CLF_TIME: &str = "02/Mar/2026:10:00:00 +0000";
const EPOCH: u64 = 1_772_445_600_000;
/// What follows a call through all functions.
const TRACE: &str = "Root=1-69a55fa0-0123456789abcdef01234567";

/// The events of all functions.
pub(crate) fn events(endpoints: &[Endpoint], workers: &[Worker]) -> Result<Vec<Generated>, SynthError> {
    let file = |name: &str, event: &Value| Generated {
        path: format!("{FOLDER}/{name}.json"),
        text: format!("{event:#}\n"),
    };
    let mut files = Vec::new();
    for route in endpoints.iter().map(|endpoint| endpoint.route) {
        files.push(file(route.name, &of_endpoint(route)?));
    }
    files.extend(workers.iter().map(|worker| file(worker.spec.name, &of_worker(worker))));
    Ok(files)
}

/// API Gateway's payload format 2.0. What is empty is absent.
fn of_endpoint(route: &Route) -> Result<Value, SynthError> {
    let parameters: Map<String, Value> =
        route.params().map(|name| (name.to_owned(), json!(parameter(name)))).collect();
    let path = parameters.iter().fold(route.path.to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
    });
    let key = format!("{} {}", route.method, route.path);
    let (query, body) = asked(route);
    let mut headers = Map::new();
    for (name, value) in [
        ("accept", "*/*"),
        ("host", HOST),
        ("user-agent", "curl/8.5.0"),
        ("x-amzn-trace-id", TRACE),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ] {
        headers.insert(name.to_owned(), json!(value));
    }
    for (name, value) in sample::credentials(route)? {
        headers.insert(name.to_owned(), json!(value));
    }
    if let Some(body) = &body {
        headers.insert("content-type".to_owned(), json!(route.dialect.media_type()));
        headers.insert("content-length".to_owned(), json!(body.len().to_string()));
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "a1b2c3d4e5",
            "domainName": HOST,
            "domainPrefix": "api",
            "http": {
                "method": route.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": key,
            "stage": "$default",
            "time": CLF_TIME,
            "timeEpoch": EPOCH,
        },
        "isBase64Encoded": false,
    });
    if !query.is_empty() {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Map<String, Value> = pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        event["queryStringParameters"] = Value::Object(pairs);
    }
    if !parameters.is_empty() {
        event["pathParameters"] = Value::Object(parameters);
    }
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    Ok(event)
}

/// What stands in the path.
fn parameter(name: &str) -> &'static str {
    match name {
        "version" => "2024-3",
        "person_id" | "userID" | "user_id" | "userId" => PERSON,
        "org_id" => ORG,
        "purpose" => "marketing",
        "sha256" => "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "dataId" => "5f3c1e0d9b8a7c6d5e4f3a2b",
        _ => UNKNOWN,
    }
}

/// Query and body of a call.
fn asked(route: &Route) -> (&'static str, Option<String>) {
    let query = match route.name {
        "get-processing" => "purpose=marketing",
        "withdraw-consents" | "withdraw-person-consents" => "consent_levels=analytics",
        "show-confirm-takeout" | "confirm-takeout" => "token=AAAA",
        _ => "",
    };
    let body = match route.name {
        "request-takeout" | "request-user-takeout" => json!({"data": {
            "type": "GDPRTakeout",
            "attributes": {"password": "correct horse battery", "sentTo": "alice@example.com"},
        }}),
        "store-consents" | "store-person-consents" | "replace-consents" | "replace-person-consents" => {
            json!({"consent_levels": ["necessary", "analytics"]})
        }
        "request-customer-deletion" => json!({"identifier": "alice@example.com"}),
        "get-deletion-status" => json!({"identifiers": ["alice@example.com"]}),
        "issue-token" => json!({
            "client_id": sample::INSTACART,
            "client_secret": sample::SECRET,
            "grant_type": "client_credentials",
        }),
        "queue-purge" | "queue-own-purge" => json!({"suggested_purge_time": "2026-03-09T10:00:00Z"}),
        "restrict-person" => json!({"type": "account_lockout", "reason": "user_request"}),
        "create-request" => json!({
            "requestType": "DATA_RETRIEVAL",
            "requestRemarks": "User called support and requested a copy of their data.",
        }),
        "put-person" => json!({"identities": {"email": "alice@example.com"}, "verified": ["email"]}),
        "import-persons" => json!({"person_id": PERSON, "identities": {"email": "alice@example.com"}}),
        "check-identities" => json!({"identities": [{"name": "email", "value": "alice@example.com"}]}),
        "create-hold" => json!({
            "kind": "legal_hold",
            "ground": "Art. 17(3)(e)",
            "owner": "legal@example.com",
            "reason": "Case 4711",
            "review_on": "2026-09-01",
            "scope": {"person_id": PERSON},
        }),
        "override-objection" => json!({"ground": "The claim is before the court."}),
        "make-plan" => json!({}),
        "release-purge" => json!({"plan": parameter("sha256")}),
        _ => return (query, None),
    };
    (query, Some(body.to_string()))
}

fn of_worker(worker: &Worker) -> Value {
    match worker.spec.trigger {
        Trigger::Queue(queue) => batch(queue),
        Trigger::Every { .. } => tick(worker.spec.name),
    }
}

/// A batch of one message, about a record that is not there.
fn batch(queue: Queue) -> Value {
    let jobs = json!([{"org": ORG, "person": "00112233445566778899aabbccddeeff", "request": UNKNOWN}]);
    json!({"Records": [{
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": jobs.to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "AWSTraceHeader": TRACE,
            "SentTimestamp": EPOCH.to_string(),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": (EPOCH + 1).to_string(),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", queue.name()),
        "awsRegion": REGION,
    }]})
}

/// What EventBridge Scheduler sends where nothing else is asked for.
fn tick(name: &str) -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": TIME,
        "region": REGION,
        "resources": [format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}")],
        "detail": "{}",
    })
}
