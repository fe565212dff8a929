//! A sample event of each function, as Lambda gets it: for tests and for `sam local invoke`.

use runtime::{FORM, Trigger, Worker, docs::Operation, queues::Queue};
use serde_json::{Map, Value, json};

use crate::{
    Generated, SynthError,
    sample::{self, ORG, UNKNOWN},
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
pub(crate) fn events(operations: &[Operation], workers: &[Worker]) -> Result<Vec<Generated>, SynthError> {
    let file = |name: &str, event: &Value| Generated {
        path: format!("{FOLDER}/{name}.json"),
        text: format!("{event:#}\n"),
    };
    let mut files = Vec::new();
    for operation in operations {
        files.push(file(operation.route.name, &of_endpoint(operation)?));
    }
    files.extend(workers.iter().map(|worker| file(worker.spec.name, &of_worker(worker))));
    Ok(files)
}

/// API Gateway's payload format 2.0. What is empty is absent.
fn of_endpoint(operation: &Operation) -> Result<Value, SynthError> {
    let route = operation.route;
    let parameters: Map<String, Value> =
        route.params().map(|name| (name.to_owned(), json!(sample::path(name)))).collect();
    let path = parameters.iter().fold(route.path.to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
    });
    let key = format!("{} {}", route.method, route.path);
    let pairs: Vec<(&str, &str)> = operation
        .docs
        .query
        .iter()
        .filter_map(|parameter| Some((parameter.name, parameter.example?)))
        .collect();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
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
    let body = body(operation)?;
    if let (Some((media_type, _)), Some(body)) = (operation.body, &body) {
        headers.insert("content-type".to_owned(), json!(media_type));
        headers.insert("content-length".to_owned(), json!(body.len().to_string()));
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query.join("&"),
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
    if !pairs.is_empty() {
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
        event["queryStringParameters"] = Value::Object(pairs.collect());
    }
    if !parameters.is_empty() {
        event["pathParameters"] = Value::Object(parameters);
    }
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    Ok(event)
}

/// The example of a body, as it is sent: a form as browsers write it.
fn body(operation: &Operation) -> Result<Option<String>, SynthError> {
    let Some(example) = operation.docs.ask else { return Ok(None) };
    if operation.body.is_none_or(|(media_type, _)| media_type != FORM) {
        return Ok(Some(example.to_owned()));
    }
    let fields: std::collections::BTreeMap<String, String> =
        serde_json::from_str(example).map_err(|source| SynthError::Example { example, source })?;
    Ok(Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()))
}

fn of_worker(worker: &Worker) -> Value {
    match worker.spec.trigger {
        Trigger::Queue(queue) => batch(queue),
        Trigger::Every { .. } => tick(worker.spec.name),
        Trigger::Changes => changes(),
    }
}

/// A batch of one message, about a record that is not there.
fn batch(queue: Queue) -> Value {
    let jobs = json!([{"org": ORG, "person": "00112233445566778899", "request": UNKNOWN}]);
    json!({"Records": [{
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": jobs.to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": EPOCH.to_string(),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": (EPOCH + 1).to_string(),
        },
        "messageAttributes": {
            "trace": {"stringValue": TRACE, "dataType": "String", "stringListValues": [], "binaryListValues": []},
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", queue.name()),
        "awsRegion": REGION,
    }]})
}

/// A change of a row, the first consents of somebody.
fn changes() -> Value {
    let key = json!({
        "pk": {"S": format!("ORG#{ORG}#P#00112233445566778899")},
        "sk": {"S": "C#0000000001"},
    });
    let mut row = key.clone();
    row["z"] = json!({"B": "AAECAwQFBgcICQoLDA0ODw=="});
    json!({"Records": [{
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": EPOCH / 1000,
            "Keys": key,
            "NewImage": row,
            "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 128,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": format!(
            "arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/lethe/stream/2026-03-02T00:00:00.000"
        ),
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
