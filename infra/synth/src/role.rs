//! What a function may do: the policies of its needs, and what is its own alone.
//!
//! SAM could make the roles, but adds policies of AWS's that reach all logs and all queues.

use std::collections::BTreeMap;

use runtime::Need;
use serde::Serialize;

use crate::{
    function::{TICKS_DEAD, VPC_SUBNETS},
    intrinsic::{Given, Intrinsic},
    lambda::{Caller, Lambda, queue_id},
};

/// The logical id of a function's role.
pub(crate) fn id(lambda: &Lambda) -> String {
    format!("{}Role", lambda.id())
}

/// The logical id of a function's log.
pub(crate) fn log_id(lambda: &Lambda) -> String {
    format!("{}Log", lambda.id())
}

/// `AWS::Logs::LogGroup`: our own, because the one that Lambda would make keeps everything for ever.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Log {
    r#type: &'static str,
    properties: LogProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LogProperties {
    log_group_name: Intrinsic,
    retention_in_days: Intrinsic,
}

/// `AWS::IAM::Role`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Role {
    r#type: &'static str,
    properties: RoleProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleProperties {
    path: Intrinsic,
    assume_role_policy_document: Document<Trust>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    managed_policy_arns: Vec<Intrinsic>,
    policies: [Policy; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    policy_name: &'static str,
    policy_document: Document<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<S> {
    version: &'static str,
    statement: Vec<S>,
}

impl<S> From<Vec<S>> for Document<S> {
    fn from(statement: Vec<S>) -> Self {
        Self { version: "2012-10-17", statement }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Trust {
    effect: &'static str,
    principal: Service,
    action: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    service: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: &'static [&'static str],
    #[serde(flatten)]
    what: What,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

/// What a statement speaks of: some resources, or all but some.
#[derive(Serialize)]
enum What {
    Resource(Vec<Intrinsic>),
    NotResource(Vec<Intrinsic>),
}

/// The keys that must be absent from a call, or present.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    null: BTreeMap<&'static str, &'static str>,
}

/// A statement that always holds, or only where a parameter is given.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Always(Statement),
    Given(Given<Statement>),
}

impl From<&Lambda> for Log {
    fn from(lambda: &Lambda) -> Self {
        Self {
            r#type: "AWS::Logs::LogGroup",
            properties: LogProperties {
                log_group_name: Intrinsic::sub(format!("/lethe/${{AWS::StackName}}/{}", lambda.name)),
                retention_in_days: Intrinsic::of("LogDays"),
            },
        }
    }
}

impl From<&Lambda> for Role {
    fn from(lambda: &Lambda) -> Self {
        let service = "lambda.amazonaws.com";
        let trust = Trust { effect: "Allow", principal: Service { service }, action: "sts:AssumeRole" };
        Self {
            r#type: "AWS::IAM::Role",
            properties: RoleProperties {
                // The key of keys lets in whoever has this path.
                path: Intrinsic::sub("/lethe/${AWS::StackName}/"),
                assume_role_policy_document: vec![trust].into(),
                managed_policy_arns: policies(lambda),
                policies: [Policy { policy_name: "own", policy_document: own(lambda).into() }],
            },
        }
    }
}

/// The policies of a function's needs, each once.
fn policies(lambda: &Lambda) -> Vec<Intrinsic> {
    let mut names: Vec<&'static str> = Vec::new();
    let needed = lambda.needs.iter().flat_map(|need| policies_of(*need)).copied();
    for name in needed {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // Whoever writes the ledger may keep replies in it anyway.
    if lambda.keeps_replies() && !names.contains(&"MayWriteLedger") {
        names.push("MayKeepReplies");
    }
    if lambda.keeps_sessions() && !names.contains(&"MayWriteLedger") && !names.contains(&"MayKeepSessions") {
        names.push("MayKeepSessions");
    }
    names
        .into_iter()
        .map(|name| match name {
            STORES_READ | STORES_ERASE => Intrinsic::if_given(name),
            SECRETS_READ => Intrinsic::resource_if_given("StoreSecrets", name),
            SIGN_IN_SECRET_READ => Intrinsic::resource_if_given("SignInSecretArn", name),
            ours => Intrinsic::of(ours),
        })
        .collect()
}

/// The company's own policies: parameters of the template.
const STORES_READ: &str = "StoresReadPolicy";
const STORES_ERASE: &str = "StoresErasePolicy";

/// A policy of ours that is only there if stores have secrets.
const SECRETS_READ: &str = "MayReadStoreSecrets";

/// A policy of ours that is only there if the console has a secret at its provider.
const SIGN_IN_SECRET_READ: &str = "MayReadSignInSecret";

/// The policies in `base.yaml`, or given as parameters, that satisfy a need.
const fn policies_of(need: Need) -> &'static [&'static str] {
    match need {
        Need::ReadLedger => &["MayReadLedger"],
        Need::KeepSessions => &["MayReadLedger", "MayKeepSessions"],
        Need::KeepLimits => &["MayReadLedger", "MayKeepLimits"],
        Need::WriteLedger => &["MayReadLedger", "MayWriteLedger"],
        Need::ForgetLedger => &["MayReadLedger", "MayWriteLedger", "MayForgetLedger"],
        Need::Certify => &["MayCertify"],
        Need::ReadTakeouts => &["MayReadTakeouts"],
        Need::WriteTakeouts => &["MayWriteTakeouts"],
        Need::ResumeTakeouts => &["MayResumeTakeouts"],
        Need::KeepExports => &["MayKeepExports"],
        Need::DeleteTakeouts => &["MayDeleteTakeouts"],
        Need::NoteChanges => &["MayNoteChanges"],
        Need::ReadAudit => &["MayReadAudit"],
        Need::KeepAttachments => &["MayKeepAttachments"],
        Need::ScanAttachments => &["MayScanAttachments"],
        Need::QueueTakeouts => &["MayQueueTakeouts"],
        Need::QueuePurges => &["MayQueuePurges"],
        Need::QueueNotices => &["MayQueueNotices"],
        Need::SendMail => &["MaySendMail"],
        Need::ReadSignInSecret => &[SIGN_IN_SECRET_READ],
        Need::ReadStores => &[STORES_READ, SECRETS_READ],
        Need::EraseStores => &[STORES_ERASE],
    }
}

/// What is said of this function alone: it may write to its log, and take from where it is called;
/// and what it must not do, whatever the company's own policies allow.
fn own(lambda: &Lambda) -> Vec<Entry> {
    let allow = |action, resource| statement("Allow", action, What::Resource(vec![resource]));
    let log = allow(&["logs:CreateLogStream", "logs:PutLogEvents"], Intrinsic::arn(log_id(lambda)));
    let call = match &lambda.caller {
        Caller::Gateway(_) => None,
        &Caller::Queue(queue) => Some(allow(
            &["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            Intrinsic::arn(queue_id(queue)),
        )),
        Caller::Clock { .. } | Caller::Changes => {
            Some(allow(&["sqs:SendMessage"], Intrinsic::arn(TICKS_DEAD)))
        }
    };
    let stream = matches!(lambda.caller, Caller::Changes).then(|| {
        allow(
            &[
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            ],
            Intrinsic::attribute("Ledger", "StreamArn"),
        )
    });
    let mut entries: Vec<Entry> = [log].into_iter().chain(call).chain(stream).map(Entry::Always).collect();
    if lambda.reaches_stores() {
        entries.extend(restraints(lambda).into_iter().map(Entry::Always));
        entries.push(Entry::Given(Given::by(VPC_SUBNETS, joins_network())));
    }
    entries
}

/// What the policies that a company brings for its stores must not open, however wide they are.
fn restraints(lambda: &Lambda) -> Vec<Statement> {
    let mut restraints = Vec::new();
    if !lambda.needs.contains(&Need::EraseStores) {
        let ours =
            vec![Intrinsic::arn("Ledger"), Intrinsic::arn("Keys"), Intrinsic::sub("${TakeoutBucket.Arn}/*")];
        restraints.push(statement(
            "Deny",
            &[
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteItem",
                "dynamodb:PartiQLDelete",
                "dynamodb:PartiQLInsert",
                "dynamodb:PartiQLUpdate",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:PutObject",
            ],
            What::NotResource(ours),
        ));
    }
    if !lambda.needs.contains(&Need::ReadTakeouts) {
        restraints.push(statement(
            "Deny",
            &["s3:GetObject", "s3:GetObjectVersion"],
            What::Resource(finished_takeouts(lambda)),
        ));
    }
    restraints.push(statement(
        "Deny",
        &["s3:GetObject", "s3:GetObjectVersion"],
        What::Resource(vec![Intrinsic::sub("${AttachmentBucket.Arn}/*")]),
    ));
    restraints
}

/// The takeouts that a function must not read: all that lies there, unless it goes on with those that are not
/// finished.
fn finished_takeouts(lambda: &Lambda) -> Vec<Intrinsic> {
    let names: &[&str] = match lambda.needs.contains(&Need::ResumeTakeouts) {
        true => &["${TakeoutBucket.Arn}/*.zip", "${TakeoutBucket.Arn}/*.age"],
        false => &["${TakeoutBucket.Arn}/*"],
    };
    names.iter().map(|name| Intrinsic::sub(*name)).collect()
}

/// Lambda attaches functions to a network by their roles, for which EC2 knows no resources. The
/// function's own code may not: its calls carry the name of the function.
fn joins_network() -> Statement {
    Statement {
        condition: Some(Condition { null: [("lambda:SourceFunctionArn", "true")].into() }),
        ..statement(
            "Allow",
            &[
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            ],
            What::Resource(vec![Intrinsic::text("*")]),
        )
    }
}

const fn statement(effect: &'static str, action: &'static [&'static str], what: What) -> Statement {
    Statement { effect, action, what, condition: None }
}
