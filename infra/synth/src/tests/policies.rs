use std::collections::BTreeSet;

use runtime::Need;
use serde_json::Value;

use super::{all, lambdas, template};
use crate::{
    lambda::{Caller, Lambda},
    rights::{self, Rights},
    role,
};

/// What each function may do, by what is in the template.
fn table(template: &Value) -> Vec<(Lambda, Rights)> {
    let with_rights = |lambda| {
        let rights = rights::of(template, &lambda);
        (lambda, rights)
    };
    lambdas().into_iter().map(with_rights).collect()
}

/// The functions that may do any of `actions` to anything that begins with `resource`.
fn who_may(template: &Value, actions: &[&str], resource: &str) -> BTreeSet<&'static str> {
    let may = |rights: &Rights| {
        actions
            .iter()
            .filter_map(|action| rights.allow.get(*action))
            .any(|what| what.0.iter().any(|what| what.starts_with(resource) && !what.contains(" where ")))
    };
    table(template).iter().filter(|(_, rights)| may(rights)).map(|(lambda, _)| lambda.name).collect()
}

/// The statements of all policies that functions have, with the policy or role they stand in.
fn statements(template: &Value) -> Vec<(&str, &Value)> {
    let shared = all(template, "AWS::IAM::ManagedPolicy").map(|(id, policy)| (id, &policy["PolicyDocument"]));
    let own = all(template, "AWS::IAM::Role").map(|(id, role)| (id, &role["Policies"][0]["PolicyDocument"]));
    shared
        .chain(own)
        .flat_map(|(id, document)| document["Statement"].as_array().unwrap().iter().map(move |one| (id, one)))
        .map(|(id, one)| (id, one.get("Fn::If").map_or(one, |choice| &choice[1])))
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
    // What lies in the buckets, and the identities of SES, where the sender is what counts.
    let reviewed = [
        r#"{"Fn::Sub":"${TakeoutBucket.Arn}/*"}"#,
        r#"{"Fn::Sub":"${TakeoutBucket.Arn}/exports/*"}"#,
        r#"{"Fn::Sub":"${AuditBucket.Arn}/*"}"#,
        "${TakeoutBucket.Arn}/*.",
        r#"{"Fn::Sub":"${AttachmentBucket.Arn}/*"}"#,
        r#"{"Fn::Sub":"${AttachmentBucket.Arn}/quarantine/*"}"#,
        r#"{"Fn::Sub":"${AttachmentBucket.Arn}/kept/*"}"#,
        "identity/*",
    ];
    // EC2 knows no resources for it, and only Lambda itself may.
    let joins_network = |statement: &Value| {
        texts(&statement["Action"]).iter().all(|action| action.starts_with("\"ec2:"))
            && statement["Condition"]["Null"]["lambda:SourceFunctionArn"] == "true"
    };
    let template = template();
    for (id, statement) in statements(&template) {
        assert!(texts(&statement["Action"]).iter().all(|action| !action.contains('*')), "{id}: {statement}");
        let resources = statement.get("Resource").or(statement.get("NotResource"));
        for resource in texts(resources.unwrap()) {
            let is_reviewed =
                reviewed.iter().any(|known| resource.contains(known)) || joins_network(statement);
            assert!(!resource.contains('*') || is_reviewed, "{id}: {resource}");
        }
    }
}

#[test]
fn nobody_changes_what_is_written() {
    for (lambda, rights) in table(&template()) {
        for action in rights.allow.keys() {
            assert!(
                !action.contains("Update") && !action.contains("BatchWrite"),
                "{}: {action}",
                lambda.name
            );
        }
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
fn only_the_purge_worker_deletes_from_a_companys_stores() {
    for (lambda, rights) in table(&template()) {
        let erases = rights.given.contains("StoresErasePolicy");
        assert_eq!(erases, lambda.name == "erase-person", "{}", lambda.name);
        assert!(!(erases && matches!(lambda.caller, Caller::Gateway(_))), "{}", lambda.name);
        // Whatever the company lets whoever reads its stores do, they change nothing there.
        if rights.given.contains("StoresReadPolicy") && !erases {
            for action in ["dynamodb:DeleteItem", "dynamodb:PutItem", "s3:DeleteObject", "s3:PutObject"] {
                let but_ours = "all but Ledger, Keys, TakeoutBucket/*";
                assert!(rights.deny[action].0.contains(but_ours), "{}: {action}", lambda.name);
            }
        }
    }
}

#[test]
fn what_deletes_from_the_ledger_and_of_takeouts_is_known() {
    let template = template();

    assert_eq!(
        who_may(&template, &["dynamodb:DeleteItem"], "Ledger"),
        ["delete-person", "erase-person"].into()
    );
    assert_eq!(
        who_may(&template, &["dynamodb:DeleteItem"], "Keys"),
        ["delete-person", "erase-person"].into()
    );
    assert_eq!(
        who_may(&template, &["s3:DeleteObject"], "TakeoutBucket"),
        ["build-takeout", "delete-person", "erase-person", "expire-takeouts", "revoke-takeout"].into()
    );
}

#[test]
fn takeouts_are_read_by_whoever_hands_them_out_and_nobody_else() {
    let template = template();
    let read = who_may(&template, &["s3:GetObject", "s3:GetObjectVersion"], "TakeoutBucket");

    // Large exports of requests lie in the same bucket, in a place of their own.
    let readers = [
        "build-takeout",
        "download-requests",
        "download-takeout",
        "download-user-takeout",
        "fetch-takeout",
        "show-takeout",
    ];
    assert_eq!(read, readers.into());
    // The company's policies may name any bucket.
    for (lambda, rights) in table(&template) {
        // Who builds them reads where the building stands, and nothing finished.
        let builds = lambda.name == "build-takeout";
        if builds {
            let own = rights.allow["s3:GetObject"].0.iter().filter(|what| what.starts_with("TakeoutBucket"));
            assert_eq!(own.collect::<Vec<_>>(), ["TakeoutBucket/*.state-?"]);
        }
        if !rights.given.is_empty() {
            let denied = &rights.deny["s3:GetObject"].0;
            let all: &[&str] =
                if builds { &["TakeoutBucket/*.zip", "TakeoutBucket/*.age"] } else { &["TakeoutBucket/*"] };
            assert!(all.iter().all(|what| denied.contains(*what)), "{}", lambda.name);
        }
    }
}

#[test]
fn what_is_in_quarantine_is_read_by_the_scan_alone() {
    let template = template();
    let can = |lambda: &Rights, action: &str, what: &str| {
        lambda.allow.get(action).is_some_and(|allowed| allowed.0.contains(what))
    };
    for (lambda, rights) in table(&template) {
        let is_scan = lambda.name == "scan-attachments";
        assert_eq!(can(&rights, "s3:GetObject", "AttachmentBucket/quarantine/*"), is_scan, "{}", lambda.name);
        assert_eq!(can(&rights, "s3:PutObject", "AttachmentBucket/kept/*"), is_scan, "{}", lambda.name);
        let is_keep = lambda.name == "keep-attachments";
        assert_eq!(can(&rights, "s3:GetObject", "AttachmentBucket/kept/*"), is_keep, "{}", lambda.name);
        // Whatever the company's policies say.
        if rights.given.contains("StoresReadPolicy") {
            assert!(rights.deny["s3:GetObject"].0.contains("AttachmentBucket/*"), "{}", lambda.name);
        }
    }
}

#[test]
fn only_who_certifies_opens_the_keys_of_certificates() {
    for (lambda, rights) in table(&template()) {
        let opens = rights
            .allow
            .get("kms:Decrypt")
            .is_some_and(|what| what.0.iter().any(|what| what.contains("CERT#")));
        assert_eq!(opens, lambda.needs.contains(&Need::Certify), "{}", lambda.name);
    }
}

#[test]
fn the_root_key_opens_for_functions_of_this_stack_alone() {
    let template = template();
    let path = &template["Resources"][role::id(&lambdas()[0])]["Properties"]["Path"]["Fn::Sub"];
    for (id, key) in all(&template, "AWS::KMS::Key") {
        for statement in key["KeyPolicy"]["Statement"].as_array().unwrap() {
            assert!(!statement["Principal"].to_string().contains('*'), "{id}");
            let actions = texts(&statement["Action"]);
            let opens = ["*", "Decrypt", "Encrypt", "DataKey", "CreateGrant", "Mac", "Sign"];
            if actions.iter().any(|action| opens.iter().any(|word| action.contains(word))) {
                let who = &statement["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"];
                let ours = format!(":role{}*", path.as_str().unwrap());
                assert!(who.as_str().is_some_and(|who| who.ends_with(&ours)), "{id}: {statement}");
            }
        }
    }
}
