use std::{cell::RefCell, collections::BTreeSet};

use runtime::{Config, queues::Queue};
use serde_json::{Value, json};

use super::{all, lambdas, mappings, template};
use crate::{
    lambda::{Caller, queue_id},
    rights,
};

#[test]
fn whatever_is_named_is_there() {
    let template = template();
    let known = |name: &str| {
        name.starts_with("AWS::")
            || template["Resources"].get(name).is_some()
            || template["Parameters"].get(name).is_some()
    };

    mappings(&template, &mut |map| {
        if let Some(name) = map.get("Ref").and_then(Value::as_str) {
            assert!(known(name), "{name}");
        }
        if let Some(name) = map.get("Fn::GetAtt").and_then(|attribute| attribute[0].as_str()) {
            assert!(known(name), "{name}");
        }
        if let Some(name) = map.get("Fn::If").and_then(|choice| choice[0].as_str()) {
            assert!(template["Conditions"].get(name).is_some(), "{name}");
        }
    });
}

#[test]
fn functions_are_told_every_setting_that_they_need_and_no_other() {
    let template = template();
    let names =
        |variables: &Value| variables.as_object().cloned().unwrap_or_default().keys().cloned().collect();
    let shared: BTreeSet<String> = names(&template["Globals"]["Function"]["Environment"]["Variables"]);

    for (id, function) in all(&template, "AWS::Serverless::Function") {
        let mut told: BTreeSet<String> = names(&function["Environment"]["Variables"]);
        told.extend(shared.clone());
        let asked = RefCell::new(BTreeSet::new());
        let config = Config::from_env(|name| {
            asked.borrow_mut().insert(name.to_owned());
            let value = match name {
                "LETHE_ISSUERS" | "LETHE_TENANTS" => "[]",
                "LETHE_SCANNER" => "guard-duty",
                "LETHE_SIGN_IN" => {
                    r#"{"iss": "x", "client_id": "x", "authorize_url": "x", "token_url": "x"}"#
                }
                _ => "x",
            };
            told.contains(name).then(|| value.to_owned())
        });

        assert!(config.is_ok(), "{id}: {}", config.unwrap_err());
        assert!(told.is_subset(&asked.into_inner()), "{id}");
    }
}

#[test]
fn every_queue_outlasts_its_worker_and_keeps_what_fails() {
    let template = template();
    let resource = |id: &str| &template["Resources"][id]["Properties"];
    for queue in Queue::ALL {
        let worker =
            lambdas().into_iter().find(|lambda| matches!(lambda.caller, Caller::Queue(own) if own == queue));
        let (id, worker) = (queue_id(queue), worker.unwrap());
        let properties = resource(id);
        let dead = properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str().unwrap();

        assert!(properties["VisibilityTimeout"].as_u64().unwrap() >= 6 * u64::from(worker.timeout()), "{id}");
        assert_eq!(resource(dead)["MessageRetentionPeriod"], 14 * 24 * 3600, "{dead}");
        assert!(
            properties["MessageRetentionPeriod"].as_u64() < resource(dead)["MessageRetentionPeriod"].as_u64()
        );
    }
    for (id, properties) in all(&template, "AWS::SQS::Queue") {
        assert_eq!(properties["SqsManagedSseEnabled"], true, "{id}");
        assert!(id.ends_with("Dead") || properties.get("RedrivePolicy").is_some(), "{id}");
    }
}

#[test]
fn whoever_is_not_waited_for_tells_of_failures() {
    let template = template();
    for (id, function) in all(&template, "AWS::Serverless::Function") {
        for event in function["Events"].as_object().unwrap().values() {
            let properties = &event["Properties"];
            match event["Type"].as_str().unwrap() {
                "HttpApi" => assert_eq!(properties["PayloadFormatVersion"], "2.0", "{id}"),
                "SQS" => assert_eq!(
                    properties["FunctionResponseTypes"],
                    json!(["ReportBatchItemFailures"]),
                    "{id}"
                ),
                "ScheduleV2" => {
                    assert!(properties["DeadLetterConfig"]["Arn"].is_object(), "{id}");
                    assert!(
                        function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"].is_object(),
                        "{id}"
                    );
                }
                "DynamoDB" => {
                    assert!(properties["DestinationConfig"]["OnFailure"].is_object(), "{id}");
                    assert_eq!(properties["BisectBatchOnFunctionError"], true, "{id}");
                }
                other => panic!("{id}: {other}"),
            }
        }
    }
}

#[test]
fn keys_are_in_no_backup_and_everything_else_is() {
    let template = template();
    let recovers = |table: &str| {
        template["Resources"][table]["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
            .as_bool()
    };

    assert_eq!(recovers("Ledger"), Some(true));
    assert_eq!(recovers("Keys"), Some(false));
    assert!(template["Resources"]["Keys"]["Properties"].get("StreamSpecification").is_none());
    for (id, table) in all(&template, "AWS::DynamoDB::Table") {
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{id}");
    }
}

#[test]
fn takeouts_are_closed_to_the_public_and_do_not_stay() {
    let template = template();
    let bucket = &template["Resources"]["TakeoutBucket"]["Properties"];
    let closed = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().unwrap();

    assert!(closed.len() == 4 && closed.values().all(|value| value == true));
    assert!(rules.iter().any(|rule| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1));
    assert!(rules.iter().any(|rule| rule["ExpirationInDays"] == 31));
    assert!(bucket.get("VersioningConfiguration").is_none());
}

#[test]
fn every_log_ends() {
    let template = template();
    for (id, log) in all(&template, "AWS::Logs::LogGroup") {
        assert!(log.get("RetentionInDays").is_some(), "{id}");
    }
    for (id, function) in all(&template, "AWS::Serverless::Function") {
        assert!(function["LoggingConfig"]["LogGroup"].is_object(), "{id}");
    }
}

#[test]
fn only_who_reaches_stores_joins_their_network() {
    let template = template();
    for lambda in lambdas() {
        let network = &template["Resources"][lambda.id()]["Properties"]["VpcConfig"]["Fn::If"];
        let joins = rights::of(&template, &lambda).allow.contains_key("ec2:CreateNetworkInterface");

        assert_eq!(network[0] == "HasVpcSubnets", lambda.reaches_stores(), "{}", lambda.name);
        assert_eq!(joins, lambda.reaches_stores(), "{}", lambda.name);
    }
}

#[test]
fn the_log_cannot_be_deleted_and_the_ledger_can_be_watched() {
    let template = template();
    let log = &template["Resources"]["AuditBucket"]["Properties"];
    let lock = &log["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];

    assert_eq!(*lock, json!({"Mode": "COMPLIANCE", "Days": {"Ref": "AuditDays"}}));
    assert_eq!(
        template["Resources"]["Ledger"]["Properties"]["StreamSpecification"]["StreamViewType"],
        "NEW_AND_OLD_IMAGES"
    );
}
