//! The template under the eyes of other people's tools, of the rules in `infra/guard`, and of CloudFormation's
//! limits. `tests/run` installs the tools.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use domain::price;
use runtime::Config;
use serde_json::{Map, Value};

/// A file of the workspace.
fn file(path: &str) -> PathBuf {
    Path::new(synth::WORKSPACE).join(path)
}

/// What a tool under `target` says, called from the root of the workspace, where it finds `samconfig.toml`.
fn run(tool: &str, arguments: &[&str]) -> Output {
    let path = file("target").join(tool);
    assert!(path.exists(), "{tool} is missing: `tests/run` installs it");
    Command::new(path)
        .args(arguments)
        .current_dir(synth::WORKSPACE)
        // Without a region SAM finds nothing valid; it tells its makers of each run unless told not to.
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("SAM_CLI_TELEMETRY", "0")
        .output()
        .unwrap()
}

fn succeeds(tool: &str, arguments: &[&str]) {
    let output = run(tool, arguments);
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&said));
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(file(path)).unwrap()).unwrap()
}

/// The template as CloudFormation gets it from SAM, and `samconfig.toml`.
fn transformed() -> (Value, Value) {
    let output = run("python/bin/python", &["tests/suite/template.py", "template.yaml", "samconfig.toml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut made: Value = serde_json::from_slice(&output.stdout).unwrap();
    (made["template"].take(), made["settings"].take())
}

fn of_type<'a>(template: &'a Value, kind: &'static str) -> Vec<(&'a String, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap().iter();
    resources.filter(|(_, resource)| resource["Type"] == kind).collect()
}

#[test]
fn sam_finds_the_template_valid() {
    succeeds("python/bin/sam", &["validate", "--lint", "--template", "template.yaml"]);
}

#[test]
fn cfn_lint_finds_nothing() {
    succeeds("python/bin/cfn-lint", &["--non-zero-exit-code", "informational", "template.yaml"]);
}

/// Which of `data` keep the rule in `infra/guard/<rule>`. Where a rule has nothing to look at, it is not kept.
fn keeping(rule: &str, data: &[String]) -> BTreeSet<String> {
    let path = format!("infra/guard/{rule}/{rule}.guard");
    let mut arguments = vec![
        "validate",
        "--structured",
        "--output-format",
        "json",
        "--show-summary",
        "none",
        "--rules",
        &path,
    ];
    data.iter().for_each(|data| arguments.extend(["--data", data]));
    let output = run("tools/bin/cfn-guard", &arguments);
    let reports: Vec<Map<String, Value>> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{rule}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(reports.len(), data.len(), "{rule}");
    let kept = reports.iter().filter(|report| report["compliant"].as_array().unwrap().contains(&rule.into()));
    kept.map(|report| report["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_template_keeps_every_rule_and_every_rule_finds_what_it_is_for() {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    for rule in names(&file("infra/guard")) {
        let examples =
            names(&file("infra/guard").join(&rule)).into_iter().filter(|name| name.ends_with(".yaml"));
        let (bad, good): (Vec<String>, Vec<String>) = examples.partition(|name| name.starts_with("bad"));
        assert!(!bad.is_empty() && good == ["good.yaml"], "{rule} has no good or no bad example");

        let examples: Vec<String> =
            bad.iter().chain(&good).map(|name| format!("infra/guard/{rule}/{name}")).collect();
        let data: Vec<String> = examples.into_iter().chain(["template.yaml".to_owned()]).collect();
        let kept = keeping(&rule, &data);

        let kept: BTreeSet<&str> = kept.iter().filter_map(|path| path.rsplit('/').next()).collect();
        assert_eq!(kept, ["good.yaml", "template.yaml"].into(), "{rule}");
    }
}

#[test]
fn what_checkov_finds_is_known_and_has_a_reason() {
    let arguments = ["--file", "template.yaml", "--framework", "cloudformation", "--quiet", "--compact"];
    let output =
        run("checkov/bin/checkov", &[&arguments[..], &["--skip-download", "--output", "json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["summary"]["resource_count"].as_u64() > Some(200), "{}", report["summary"]);
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for check in report["results"]["failed_checks"].as_array().unwrap() {
        let resource = check["resource"].as_str().unwrap();
        found.entry(check["check_id"].as_str().unwrap()).or_default().insert(resource);
    }

    let triaged = yaml("infra/checkov.yaml");
    let triaged = triaged.as_object().unwrap();
    for (check, triage) in triaged {
        assert!(triage["why"].as_str().is_some_and(|why| !why.is_empty()), "{check} has no reason");
        let found = found.get(check.as_str()).unwrap_or_else(|| panic!("checkov no longer finds {check}"));
        let known = triage["on"].as_array().unwrap().iter().map(|on| on.as_str().unwrap());
        let mut left = found.clone();
        for known in known {
            let before = left.len();
            left.retain(|resource| match known.strip_suffix('*') {
                Some(kind) => !resource.starts_with(kind),
                None => *resource != known,
            });
            assert!(left.len() < before, "checkov no longer finds {check} on {known}");
        }
        assert!(left.is_empty(), "{check}: {left:?}");
    }
    let new: Vec<&&str> = found.keys().filter(|check| !triaged.contains_key(**check)).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[test]
fn cloudformation_takes_what_sam_makes_of_it() {
    let (template, _) = transformed();
    let resources = template["Resources"].as_object().unwrap();

    // Limits of CloudFormation, with room for some more functions.
    assert!(resources.len() <= 475, "{} of 500 resources", resources.len());
    assert!(template.to_string().len() <= 500_000, "{} of 1,000,000 bytes", template.to_string().len());
    assert!(template["Parameters"].as_object().unwrap().len() <= 200);
    assert!(template["Outputs"].as_object().unwrap().len() <= 200);
    // What SAM adds of its own to let the clock call.
    for (id, role) in of_type(&template, "AWS::IAM::Role") {
        assert!(
            role["Properties"]
                .get("ManagedPolicyArns")
                .is_none_or(|arns| !arns.to_string().contains(":aws:policy")),
            "{id}"
        );
        let own = role["Properties"]["Policies"].to_string();
        assert!(!own.contains(r#":*""#), "{id}: {own}");
        // A quota of IAM.
        assert!(own.len() <= 10_240, "{id}");
    }
    for (id, api) in of_type(&template, "AWS::ApiGatewayV2::Api") {
        let paths = api["Properties"]["Body"]["paths"].as_object().unwrap();
        let calls = paths.values().flat_map(|path| path.as_object().unwrap().values());
        for call in calls {
            assert_eq!(call["x-amazon-apigateway-integration"]["payloadFormatVersion"], "2.0", "{id}");
        }
    }
}

/// What is charged by the month whether anything happens or not, in dollars at the list price, without the alarms
/// and dashboards that each account has for nothing.
const FEES: [(&str, f64); 4] = [
    ("AWS::KMS::Key", price::KMS_KEY),
    ("AWS::CloudWatch::Alarm", price::ALARM),
    ("AWS::CloudWatch::Dashboard", price::DASHBOARD),
    ("AWS::SecretsManager::Secret", price::SECRET),
];

/// Types that charge for what they do or hold, and nothing while they do and hold nothing.
const FREE_WHEN_IDLE: [&str; 23] = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Budgets::Budget",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::Scheduler::Schedule",
];

#[test]
fn an_idle_stack_costs_less_than_two_dollars_a_month() {
    let (template, _) = transformed();
    let is_default = |condition: &Value| match condition.as_str() {
        None => true,
        // Conditions ask whether a parameter is given; a dashboard is asked for by `true`.
        Some(name) => !["", "false"].contains(
            &template["Parameters"][name.trim_start_matches("Has")]["Default"].as_str().unwrap_or_default(),
        ),
    };
    let mut fees = 0.0;
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        match FEES.iter().find(|(charged, _)| *charged == kind) {
            Some((_, fee)) if is_default(&resource["Condition"]) => {
                // Each metric of a formula is charged.
                let metrics = resource["Properties"]["Metrics"].as_array().map_or(1, Vec::len);
                fees += fee * f64::from(u32::try_from(metrics).unwrap());
            }
            Some(_) => {}
            None => assert!(FREE_WHEN_IDLE.contains(&kind), "what does {id} cost?"),
        }
    }
    // A rotated key costs another dollar, and the first time comes after seven years.
    let key = &template["Resources"]["RootKey"]["Properties"];
    assert!(key["RotationPeriodInDays"].as_u64() >= Some(2_560));
    // Metrics per route are charged like our own.
    let stage = &of_type(&template, "AWS::ApiGatewayV2::Stage")[0].1["Properties"];
    assert_eq!(stage["DefaultRouteSettings"]["DetailedMetricsEnabled"], false);

    assert!(fees < 1.95, "{fees}");
}

#[test]
fn alarms_tell_somebody_and_the_dashboard_shows_what_they_watch() {
    let template = yaml("template.yaml");
    let body =
        template["Resources"]["DashboardPage"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let shown: Value = serde_json::from_str(body).unwrap();
    let mut metrics: BTreeSet<String> = BTreeSet::new();
    for widget in shown["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            metrics.extend(metric.as_array().unwrap().get(1).and_then(Value::as_str).map(str::to_owned));
        }
    }

    for (id, alarm) in of_type(&template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        assert_eq!(properties["AlarmActions"], serde_json::json!([{"Ref": "AlarmTopic"}]), "{id}");
        assert!(metrics.contains(properties["MetricName"].as_str().unwrap()), "{id}");
        assert_eq!(properties["TreatMissingData"], "notBreaching", "{id}");
    }
}

#[test]
fn every_stage_gives_parameters_that_there_are_and_settings_that_can_be_read() {
    let (template, settings) = transformed();
    let parameters = template["Parameters"].as_object().unwrap();
    let required = parameters.iter().filter(|(_, parameter)| parameter.get("Default").is_none());
    let required: BTreeSet<&String> = required.map(|(name, _)| name).collect();

    for stage in ["dev", "staging", "prod"] {
        let deploy = &settings[stage]["deploy"]["parameters"];
        let given = deploy["parameter_overrides"].as_object().unwrap();
        assert!(required.iter().all(|name| given.contains_key(*name)), "{stage}: {required:?}");
        assert_eq!(deploy["stack_name"], format!("lethe-{stage}"));
        assert_eq!(deploy["capabilities"], "CAPABILITY_IAM", "{stage}");
        for (name, value) in given {
            let parameter = parameters.get(name).unwrap_or_else(|| panic!("{stage}: no parameter {name}"));
            let allowed = parameter["AllowedValues"].as_array();
            assert!(allowed.is_none_or(|allowed| allowed.contains(value)), "{stage}: {name}");
            // A quota of CloudFormation.
            assert!(value.as_str().is_none_or(|text| text.len() <= 4_096), "{stage}: {name}");
        }
        let config = Config::from_env(|name| {
            let parameter = match name {
                "LETHE_PUBLIC_URL" => "PublicUrl",
                "LETHE_MAIL_FROM" => "MailFrom",
                "LETHE_ISSUERS" => "Issuers",
                "LETHE_TENANTS" => "Tenants",
                // Only where there is a console.
                "LETHE_SIGN_IN" => return given.get("SignIn")?.as_str().map(str::to_owned),
                "LETHE_SCANNER" => return None,
                _ => return Some("x".to_owned()),
            };
            given[parameter].as_str().map(str::to_owned)
        });
        let config = config.unwrap_or_else(|error| panic!("{stage}: {error}"));
        assert!(!config.issuers.is_empty() && !config.tenants.is_empty(), "{stage}");
    }
}

#[test]
fn every_parameter_and_output_is_told_of() {
    let template = yaml("template.yaml");
    let told = std::fs::read_to_string(file("docs/deploy.md")).unwrap();
    for section in ["Parameters", "Outputs"] {
        for name in template[section].as_object().unwrap().keys() {
            assert!(told.contains(&format!("| `{name}` |")), "docs/deploy.md does not tell of {name}");
        }
    }
}
