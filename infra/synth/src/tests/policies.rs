use runtime::Need;
use serde_json::Value;

use super::{all, lambdas, template};
use crate::{lambda::Caller, role};

/// The statements of all policies that functions have, with the policy or role they stand in.
fn statements(template: &Value) -> Vec<(&str, &Value)> {
    let shared = all(template, "AWS::IAM::ManagedPolicy").map(|(id, policy)| (id, &policy["PolicyDocument"]));
    let own = all(template, "AWS::IAM::Role").map(|(id, role)| (id, &role["Policies"][0]["PolicyDocument"]));
    shared
        .chain(own)
        .flat_map(|(id, document)| document["Statement"].as_array().unwrap().iter().map(move |one| (id, one)))
        .collect()
}

/// One text or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(Value::to_string).collect(),
        one => vec![one.to_string()],
    }
}

#[test]
fn no_policy_allows_any_action_or_any_resource() {
    // What lies in the bucket, and the identities of SES, where the sender is what counts.
    let reviewed = [r#"{"Fn::Sub":"${TakeoutBucket.Arn}/*"}"#, "identity/*"];
    let template = template();
    for (id, statement) in statements(&template) {
        assert!(texts(&statement["Action"]).iter().all(|action| !action.contains('*')), "{id}: {statement}");
        for resource in texts(&statement["Resource"]) {
            let is_reviewed = reviewed.iter().any(|known| resource.contains(known));
            assert!(!resource.contains('*') || is_reviewed, "{id}: {resource}");
        }
    }
}

#[test]
fn nobody_changes_what_is_written() {
    let template = template();
    for (id, statement) in statements(&template) {
        let actions = texts(&statement["Action"]);
        assert!(
            !actions.iter().any(|action| action.contains("UpdateItem") || action.contains("BatchWrite")),
            "{id}"
        );
    }
}

#[test]
fn every_policy_is_needed_by_somebody() {
    let template = template();
    let roles: Vec<String> = all(&template, "AWS::IAM::Role").map(|(_, role)| role.to_string()).collect();
    for (id, _) in all(&template, "AWS::IAM::ManagedPolicy") {
        assert!(roles.iter().any(|role| role.contains(&format!(r#"{{"Ref":"{id}"}}"#))), "{id}");
    }
}

#[test]
fn every_function_has_a_role_of_its_own() {
    let template = template();
    for lambda in lambdas() {
        let role = &template["Resources"][lambda.id()]["Properties"]["Role"]["Fn::GetAtt"][0];
        assert_eq!(*role, role::id(&lambda));
        let policies = template["Resources"][role::id(&lambda)]["Properties"]["ManagedPolicyArns"].as_array();
        // A quota of IAM.
        assert!(policies.is_none_or(|policies| policies.len() <= 10), "{}", lambda.name);
    }
}

#[test]
fn endpoints_erase_no_stores_and_erasers_read_no_takeouts() {
    for lambda in lambdas() {
        let erases = lambda.needs.contains(&Need::EraseStores);
        assert!(!(erases && matches!(lambda.caller, Caller::Gateway(_))), "{}", lambda.name);
        assert!(!(erases && lambda.needs.contains(&Need::ReadTakeouts)), "{}", lambda.name);
    }
}

#[test]
fn the_root_key_trusts_nobody_outside_the_account() {
    let template = template();
    for (id, key) in all(&template, "AWS::KMS::Key") {
        let trusted = key["KeyPolicy"]["Statement"].as_array().unwrap();
        assert!(trusted.iter().all(|statement| !statement["Principal"].to_string().contains('*')), "{id}");
    }
}
