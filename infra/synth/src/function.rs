//! The function itself: what it runs, how large it is, what it is told, what calls it.

use std::collections::BTreeMap;

use runtime::queues::Queue;
use serde::Serialize;

use crate::{
    intrinsic::{Given, Intrinsic},
    lambda::{Caller, Lambda, queue_id, sends_to},
    role,
};

/// Where ticks end up that no worker took, or that failed.
pub(crate) const TICKS_DEAD: &str = "TicksDead";

/// The company's layer with the data map: a parameter of the template.
const STORES_LAYER: &str = "StoresLayer";

/// The company's network from which private databases are reached: parameters of the template.
pub(crate) const VPC_SUBNETS: &str = "VpcSubnets";
const VPC_SECURITY_GROUPS: &str = "VpcSecurityGroups";

/// `AWS::Serverless::Function`. What all functions share is in the template's `Globals`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Function {
    r#type: &'static str,
    metadata: Metadata,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    build_method: &'static str,
    build_properties: BuildProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BuildProperties {
    binary: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    description: String,
    timeout: u32,
    memory_size: u32,
    role: Intrinsic,
    logging_config: LoggingConfig,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Intrinsic>,
    #[serde(skip_serializing_if = "Environment::is_empty")]
    environment: Environment,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_config: Option<Given<VpcConfig>>,
    events: BTreeMap<String, Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_invoke_config: Option<EventInvokeConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_group: Intrinsic,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    variables: BTreeMap<&'static str, Intrinsic>,
}

impl Environment {
    fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VpcConfig {
    subnet_ids: Intrinsic,
    security_group_ids: Intrinsic,
}

#[derive(Serialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    #[serde(rename_all = "PascalCase")]
    HttpApi {
        api_id: Intrinsic,
        method: &'static str,
        path: &'static str,
        payload_format_version: &'static str,
    },
    #[serde(rename = "SQS", rename_all = "PascalCase")]
    Sqs {
        queue: Intrinsic,
        batch_size: u32,
        function_response_types: [&'static str; 1],
        scaling_config: ScalingConfig,
    },
    #[serde(rename = "DynamoDB", rename_all = "PascalCase")]
    DynamoDb {
        stream: Intrinsic,
        starting_position: &'static str,
        batch_size: u32,
        maximum_batching_window_in_seconds: u32,
        bisect_batch_on_function_error: bool,
        destination_config: Destinations,
    },
    #[serde(rename_all = "PascalCase")]
    ScheduleV2 {
        schedule_expression: String,
        // Otherwise SAM makes up a name that is the same in every stack of an account.
        omit_name: bool,
        retry_policy: Retry,
        dead_letter_config: DeadLetters,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ScalingConfig {
    maximum_concurrency: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Retry {
    maximum_event_age_in_seconds: u32,
    maximum_retry_attempts: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetters {
    arn: Intrinsic,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventInvokeConfig {
    #[serde(flatten)]
    retry: Retry,
    destination_config: Destinations,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Destinations {
    on_failure: Destination,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    r#type: &'static str,
    destination: Intrinsic,
}

impl From<&Lambda> for Function {
    fn from(lambda: &Lambda) -> Self {
        Self {
            r#type: "AWS::Serverless::Function",
            metadata: Metadata {
                build_method: "rust-cargolambda",
                build_properties: BuildProperties { binary: lambda.name },
            },
            properties: Properties {
                description: shortened(&lambda.summary),
                timeout: lambda.timeout(),
                memory_size: lambda.memory(),
                role: Intrinsic::arn(role::id(lambda)),
                logging_config: LoggingConfig { log_group: Intrinsic::of(role::log_id(lambda)) },
                layers: layers(lambda),
                environment: Environment { variables: variables(lambda) },
                vpc_config: lambda.reaches_stores().then(|| {
                    let network = VpcConfig {
                        subnet_ids: Intrinsic::of(VPC_SUBNETS),
                        security_group_ids: Intrinsic::of(VPC_SECURITY_GROUPS),
                    };
                    Given::by(VPC_SUBNETS, network)
                }),
                events: events(&lambda.caller),
                event_invoke_config: asynchronous(&lambda.caller),
            },
        }
    }
}

/// The data map comes in a layer, which Lambda unpacks into `/opt`.
fn layers(lambda: &Lambda) -> Vec<Intrinsic> {
    if lambda.reaches_stores() { vec![Intrinsic::if_given(STORES_LAYER)] } else { Vec::new() }
}

/// The settings that not every function needs.
fn variables(lambda: &Lambda) -> BTreeMap<&'static str, Intrinsic> {
    let queues = lambda.needs.iter().filter_map(|need| sends_to(*need)).map(|queue| {
        let name = match queue {
            Queue::Takeouts => "LETHE_TAKEOUT_QUEUE",
            Queue::Purges => "LETHE_PURGE_QUEUE",
            Queue::Notices => "LETHE_NOTICE_QUEUE",
        };
        (name, Intrinsic::of(queue_id(queue)))
    });
    let files = [("LETHE_DATAMAPS", "/opt/datamap.yml"), ("LETHE_CONNECTIONS", "/opt/connections.yml")];
    let files = files.into_iter().filter(|_| lambda.reaches_stores());
    queues.chain(files.map(|(name, path)| (name, Intrinsic::text_if_given(STORES_LAYER, path)))).collect()
}

/// What Lambda takes as a description.
fn shortened(text: &str) -> String {
    const MOST: usize = 256;
    if text.len() <= MOST {
        text.to_owned()
    } else {
        format!("{}...", text.chars().take(MOST - 3).collect::<String>())
    }
}

fn events(caller: &Caller) -> BTreeMap<String, Event> {
    match caller {
        Caller::Gateway(routes) => routes
            .iter()
            .flat_map(|route| {
                let paths = std::iter::once(route.path).chain(route.aliases.iter().copied());
                paths.map(|path| (&route.method, path))
            })
            .zip(1..)
            .map(|((method, path), number)| {
                let name = if number == 1 { "Path".to_owned() } else { format!("Path{number}") };
                let event = Event::HttpApi {
                    api_id: Intrinsic::of("Gateway"),
                    method: method.as_str(),
                    path,
                    payload_format_version: "2.0",
                };
                (name, event)
            })
            .collect(),
        Caller::Queue(queue) => {
            // One long job at a time, so that one that fails is delivered again alone. The
            // concurrency spares the stores; a reserved one would instead throttle messages until
            // they are taken for dead, and cannot be had in a new account, which may run ten
            // functions at a time in all.
            let (batch_size, maximum_concurrency) = match queue {
                Queue::Takeouts | Queue::Purges => (1, 10),
                Queue::Notices => (10, 5),
            };
            let event = Event::Sqs {
                queue: Intrinsic::arn(queue_id(*queue)),
                batch_size,
                function_response_types: ["ReportBatchItemFailures"],
                scaling_config: ScalingConfig { maximum_concurrency },
            };
            [("Jobs".to_owned(), event)].into()
        }
        Caller::Changes => {
            let event = Event::DynamoDb {
                stream: Intrinsic::attribute("Ledger", "StreamArn"),
                starting_position: "TRIM_HORIZON",
                // One segment of the log for all that happens in a minute: what it costs follows from how
                // many there are.
                batch_size: 1000,
                maximum_batching_window_in_seconds: 60,
                // What fails is tried for as long as the stream keeps it, a day, which is what happens if
                // nothing else is said; one bad record must not hold up the others.
                bisect_batch_on_function_error: true,
                destination_config: Destinations {
                    on_failure: Destination { r#type: "SQS", destination: Intrinsic::arn(TICKS_DEAD) },
                },
            };
            [("Changes".to_owned(), event)].into()
        }
        &Caller::Clock { minutes } => {
            let unit = if minutes == 1 { "minute" } else { "minutes" };
            let event = Event::ScheduleV2 {
                schedule_expression: format!("rate({minutes} {unit})"),
                omit_name: true,
                retry_policy: until_the_next(minutes),
                dead_letter_config: DeadLetters { arn: Intrinsic::arn(TICKS_DEAD) },
            };
            [("Tick".to_owned(), event)].into()
        }
    }
}

/// The clock calls without waiting for an answer, so failures must be told of elsewhere.
fn asynchronous(caller: &Caller) -> Option<EventInvokeConfig> {
    match caller {
        Caller::Gateway(_) | Caller::Queue(_) | Caller::Changes => None,
        &Caller::Clock { minutes } => Some(EventInvokeConfig {
            retry: until_the_next(minutes),
            destination_config: Destinations {
                on_failure: Destination { r#type: "SQS", destination: Intrinsic::arn(TICKS_DEAD) },
            },
        }),
    }
}

/// A tick is worth trying again only until the next, which does the same.
fn until_the_next(minutes: u32) -> Retry {
    Retry { maximum_event_age_in_seconds: 60 * minutes, maximum_retry_attempts: 2 }
}
