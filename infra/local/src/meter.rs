//! Counts what calls to AWS use, in the units that AWS bills.
//!
//! A meter sits between the SDK's clients and the network, so it sees every call as it is sent. DynamoDB's units
//! are what the database itself reports, by the sizes of the items and of their entries in indexes.

use std::{
    collections::HashMap,
    fmt,
    ops::{Add, Div},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde_json::Value;

/// What calls used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bill {
    /// DynamoDB write request units. A write whose condition fails costs one as well.
    pub wru: f64,
    /// DynamoDB read request units.
    pub rru: f64,
    /// Calls that send messages to SQS.
    pub sends: f64,
    /// The same as AWS bills it: a call counts once for each 64 KB.
    pub chunks: f64,
    /// Messages sent to SQS.
    pub messages: f64,
    /// S3 requests that put, copy or list.
    pub s3_puts: f64,
    /// S3 requests that read.
    pub s3_gets: f64,
    /// KMS requests.
    pub kms: f64,
    /// Mails sent.
    pub mails: f64,
}

impl Bill {
    fn each(self, other: Self, with: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            wru: with(self.wru, other.wru),
            rru: with(self.rru, other.rru),
            sends: with(self.sends, other.sends),
            chunks: with(self.chunks, other.chunks),
            messages: with(self.messages, other.messages),
            s3_puts: with(self.s3_puts, other.s3_puts),
            s3_gets: with(self.s3_gets, other.s3_gets),
            kms: with(self.kms, other.kms),
            mails: with(self.mails, other.mails),
        }
    }

    /// SQS requests when messages come by the ten, as Lambda receives and deletes them under load.
    #[must_use]
    pub fn sqs(&self) -> f64 {
        self.chunks + 2.0 * self.messages / 10.0
    }
}

impl Add for Bill {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.each(other, |one, other| one + other)
    }
}

impl Div<f64> for Bill {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        self.each(self, |one, _| one / by)
    }
}

/// How long a model of time lets a call take, in seconds.
const CALL: f64 = 0.015;
/// Write units that a partition of DynamoDB takes in a second.
pub(crate) const PARTITION_WRITES: f64 = 1000.0;
/// Read units that a partition of DynamoDB gives in a second.
pub(crate) const PARTITION_READS: f64 = 3000.0;

/// The time that calls would take one after the other if each took [`CALL`] and waited wherever a partition of
/// DynamoDB has no units left.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// How many there were.
    pub calls: u32,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Of these, seconds of waiting for units.
    pub waited: f64,
    /// By partition, until when its units are used up.
    busy: HashMap<String, f64>,
}

impl Model {
    /// The most that any partition was used: seconds of its units. Below [`Model::seconds`] nothing is throttled.
    #[must_use]
    pub fn busiest(&self) -> f64 {
        self.busy.values().copied().fold(0.0, f64::max)
    }

    fn call(&mut self, partition: Option<&str>, bill: Bill) {
        self.calls += 1;
        self.seconds += CALL;
        let Some(partition) = partition else { return };
        let free_at = self.busy.entry(partition.to_owned()).or_default();
        // Unused units of the last second may be used up at once.
        let wait = (*free_at - self.seconds - 1.0).max(0.0);
        self.seconds += wait;
        self.waited += wait;
        *free_at = free_at.max(self.seconds - 1.0) + bill.wru / PARTITION_WRITES + bill.rru / PARTITION_READS;
    }
}

/// Counts what passes through it. Clones count together.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<(Bill, Model)>>);

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

impl Meter {
    /// What was used since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> Bill {
        self.take_all().0
    }

    /// The same, and the time that it would have taken.
    #[must_use]
    pub fn take_all(&self) -> (Bill, Model) {
        std::mem::take(&mut *self.lock())
    }

    /// The same client, with what passes through it counted.
    pub fn over(&self, http: SharedHttpClient) -> SharedHttpClient {
        Metered { http, meter: self.clone() }.into_shared()
    }

    fn lock(&self) -> MutexGuard<'_, (Bill, Model)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, bill: Bill, partition: Option<&str>) {
        let (sum, model) = &mut *self.lock();
        *sum = *sum + bill;
        model.call(partition, bill);
    }
}

#[derive(Debug)]
struct Metered {
    http: SharedHttpClient,
    meter: Meter,
}

impl HttpClient for Metered {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.http.http_connector(settings, components);
        SharedHttpConnector::new(MeteredConnector { connector, meter: self.meter.clone() })
    }
}

#[derive(Debug)]
struct MeteredConnector {
    connector: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for MeteredConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let service = service(&request).to_owned();
        let operation = operation(&request).to_owned();
        let meter = self.meter.clone();
        if service == "dynamodb" {
            let partition = ask_for_units(&mut request);
            let answer = self.connector.call(request);
            return HttpConnectorFuture::new(async move {
                let mut response = answer.await?;
                let bill = units(&operation, &mut response).await;
                meter.count(bill, partition.as_deref());
                Ok(response)
            });
        }
        let bill = match (service.as_str(), operation.as_str()) {
            ("sqs", "SendMessage" | "SendMessageBatch") => sent(&request),
            ("kms", _) => Bill { kms: 1.0, ..Bill::default() },
            ("ses", _) => Bill { mails: 1.0, ..Bill::default() },
            ("s3", _) => stored(&request),
            _ => Bill::default(),
        };
        meter.count(bill, None);
        self.connector.call(request)
    }
}

/// The service that a request is signed for.
fn service(request: &HttpRequest) -> &str {
    let scope = request.headers().get("authorization").and_then(|value| value.split("Credential=").nth(1));
    scope.and_then(|scope| scope.split('/').nth(3)).unwrap_or_default()
}

/// The operation, where a header names it.
fn operation(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

fn json(body: &SdkBody) -> Value {
    body.bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

/// Has DynamoDB say what the call uses, and tells which partition it concerns, if only one.
fn ask_for_units(request: &mut HttpRequest) -> Option<String> {
    let mut asked = json(request.body());
    let of = |place: &str| asked.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let partition =
        of("/Key/pk/S").or_else(|| of("/Item/pk/S")).or_else(|| of("/ExpressionAttributeValues/:pk/S"));
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("ReturnConsumedCapacity".into(), "INDEXES".into());
        let body = Value::from(asked.clone()).to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
    }
    partition
}

/// What DynamoDB says that the call used.
async fn units(operation: &str, response: &mut HttpResponse) -> Bill {
    // An answer that breaks off is the client's to notice.
    let bytes = match response.take_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Bill::default(),
    };
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    *response.body_mut() = SdkBody::from(bytes);
    let used = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    };
    let refused =
        answer["__type"].as_str().is_some_and(|kind| kind.ends_with("ConditionalCheckFailedException"));
    match operation {
        "GetItem" | "BatchGetItem" | "Query" | "Scan" => Bill { rru: used, ..Bill::default() },
        _ if refused => Bill { wru: 1.0, ..Bill::default() },
        _ => Bill { wru: used, ..Bill::default() },
    }
}

#[expect(clippy::cast_precision_loss, reason = "a request is far below 2^53 bytes")]
fn sent(request: &HttpRequest) -> Bill {
    let size = request.body().content_length().unwrap_or_default();
    let messages = json(request.body())["Entries"].as_array().map_or(1, Vec::len);
    Bill {
        sends: 1.0,
        chunks: size.div_ceil(64 * 1024).max(1) as f64,
        messages: messages as f64,
        ..Bill::default()
    }
}

fn stored(request: &HttpRequest) -> Bill {
    let is_listing = request.uri().contains("list-type=");
    match request.method() {
        "GET" | "HEAD" if !is_listing => Bill { s3_gets: 1.0, ..Bill::default() },
        "DELETE" => Bill::default(),
        _ => Bill { s3_puts: 1.0, ..Bill::default() },
    }
}
