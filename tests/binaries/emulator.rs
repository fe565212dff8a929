//! Lambda's Runtime Interface Emulator, which comes with the AWS SAM CLI, and the binaries that run under it.

use std::{
    collections::BTreeMap,
    env::consts::ARCH,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use runtime::SignIn;
use serde_json::{Value, json};
use synth::WORKSPACE;
use tokio::process::Child;

use crate::world::World;

/// The functions as they are shipped.
pub(crate) struct Functions {
    /// Where they lie, each in a folder of its name.
    pub(crate) folder: PathBuf,
    /// Whoever builds them writes over them, running or not, so that only one test has them at a time.
    _alone: File,
}

impl Functions {
    /// Builds them. Whoever has done so before waits a second.
    pub(crate) fn build() -> Self {
        let alone = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions.lock")).unwrap();
        alone.lock().unwrap();
        let processor = format!("--{}", architecture().replace('_', "-"));
        tool(&["cargo", "lambda", "build", "--release", "--bins", "--quiet", &processor]);
        Self { folder: Path::new(WORKSPACE).join("target/lambda"), _alone: alone }
    }
}

/// This machine's processor, as AWS calls it.
pub(crate) fn architecture() -> &'static str {
    if ARCH == "aarch64" { "arm64" } else { "x86_64" }
}

/// Runs a tool at the top of the workspace, with those at hand that `tests/run` installs.
pub(crate) fn tool(words: &[&str]) {
    let installed = Path::new(WORKSPACE).join("target/python/bin");
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([installed].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let (program, arguments) = words.split_first().unwrap();
    let output =
        Command::new(program).args(arguments).env("PATH", path).current_dir(WORKSPACE).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A function under the emulator. Ends with it.
pub(crate) struct Emulator {
    process: Child,
    url: String,
}

impl Emulator {
    /// Starts a function with the environment that the template gives it, in a world that stands in for AWS.
    pub(crate) async fn start(functions: &Functions, name: &str, world: &World) -> Self {
        let (port, api) = (free_port(), free_port());
        let process = tokio::process::Command::new(emulator())
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
            .arg(functions.folder.join(name).join("bootstrap"))
            .env_clear()
            .envs(environment(name, world))
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { process, url: format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations") }
    }

    /// Gives the function an event and takes its answer.
    pub(crate) async fn invoke(mut self, event: &[u8]) -> Vec<u8> {
        let client = reqwest::Client::new();
        // It says nowhere when it listens.
        let mut again = tokio::time::interval(Duration::from_millis(20));
        loop {
            again.tick().await;
            match client.post(&self.url).body(event.to_vec()).send().await {
                Ok(answer) => return answer.bytes().await.unwrap().to_vec(),
                Err(error) if error.is_connect() => {
                    assert!(self.process.try_wait().unwrap().is_none(), "the emulator ended");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Where the emulator is, once `tests/run` has installed what the tests need.
fn emulator() -> PathBuf {
    let library = Path::new(WORKSPACE).join("target/python/lib");
    let name = format!("aws-lambda-rie-{}", architecture());
    let pythons = std::fs::read_dir(&library).into_iter().flatten();
    let emulator = pythons
        .map(|python| python.unwrap().path().join("site-packages/samcli/local/rapid").join(&name))
        .find(|emulator| emulator.exists());
    emulator.unwrap_or_else(|| panic!("no {name} under {}: `tests/run` installs it", library.display()))
}

/// A port that nobody listens at, below those that the system gives to whoever asks for any: between this look and
/// the emulator's own, nobody else takes it. Processes begin at different ones.
fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let candidates = std::iter::repeat_with(|| {
        let number = std::process::id().wrapping_mul(64) + TAKEN.fetch_add(1, Ordering::Relaxed);
        20_000 + u16::try_from(number % 12_000).unwrap()
    });
    candidates.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// What Lambda and the template set for a function, with the services of a world in the place of AWS.
fn environment(name: &str, world: &World) -> BTreeMap<String, String> {
    let config = world.stack.app.config();
    let identity = &world.stack.identity;
    let endpoints = &world.stack.endpoints;
    let tenant = json!([{
        "org": identity.org_id,
        "required_identities": ["default"],
        "return_origins": ["https://app.example.com"],
        "blast_radius": 1_000_000,
    }]);
    let issuer = identity.issuer().unwrap();
    let issuers = json!([{
        "iss": issuer.iss, "audience": issuer.audience, "algorithms": issuer.algorithms, "jwks": issuer.jwks,
    }]);
    let sign_in = config.sign_in.as_ref().map(|sign_in| {
        let SignIn { iss, client_id, client_secret, authorize_url, token_url, scope } = sign_in;
        json!({
            "iss": iss, "client_id": client_id, "client_secret": client_secret, "scope": scope,
            "authorize_url": authorize_url, "token_url": token_url,
        })
    });
    let path = |path: &PathBuf| path.display().to_string();
    let values = BTreeMap::from([
        ("LETHE_TABLE", config.places.table.clone()),
        ("LETHE_KEY_TABLE", config.places.key_table.clone()),
        ("LETHE_TAKEOUT_BUCKET", config.places.takeout_bucket.clone()),
        ("LETHE_AUDIT_BUCKET", config.places.audit_bucket.clone()),
        ("LETHE_ATTACHMENT_BUCKET", config.places.attachment_bucket.clone()),
        ("LETHE_KMS_KEY", config.places.kms_key.clone()),
        ("LETHE_TAKEOUT_QUEUE", config.queues.takeouts.clone()),
        ("LETHE_PURGE_QUEUE", config.queues.purges.clone()),
        ("LETHE_NOTICE_QUEUE", config.queues.notices.clone()),
        ("LETHE_PUBLIC_URL", config.public_url.clone()),
        ("LETHE_MAIL_FROM", config.mail_from.clone()),
        ("LETHE_ISSUERS", issuers.to_string()),
        ("LETHE_TENANTS", tenant.to_string()),
        ("LETHE_SIGN_IN", sign_in.map(|sign_in| sign_in.to_string()).unwrap_or_default()),
        ("LETHE_SCANNER", String::new()),
        ("LETHE_DATAMAPS", config.map.files.iter().map(path).collect::<Vec<_>>().join(":")),
        ("LETHE_CONNECTIONS", config.map.connections.as_ref().map(path).unwrap_or_default()),
    ]);
    let of_lambda = [
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", local::services::REGION),
        ("AWS_ACCESS_KEY_ID", &identity.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &identity.secret_access_key),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_S3", &endpoints.s3),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
        ("AWS_ENDPOINT_URL_KMS", &endpoints.kms),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoints.secrets),
        ("AWS_ENDPOINT_URL_SESV2", &endpoints.ses),
    ];
    let of_lambda = of_lambda.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let of_template = variables(name).into_iter().map(|variable| {
        let value = values.get(variable.as_str()).unwrap_or_else(|| panic!("no value for {variable}"));
        (variable, value.clone())
    });
    of_template.chain(of_lambda).collect()
}

/// The names of the variables that the template sets for a function.
fn variables(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(WORKSPACE).join("template.yaml")).unwrap();
    let template: Value = serde_saphyr::from_str(&text).unwrap();
    let function = template["Resources"]
        .as_object()
        .unwrap()
        .values()
        .find(|resource| resource["Metadata"]["BuildProperties"]["Binary"] == name);
    let globals = &template["Globals"]["Function"];
    let all =
        [globals, &function.unwrap_or_else(|| panic!("no function {name} in the template"))["Properties"]];
    let variables = all.into_iter().filter_map(|level| level["Environment"]["Variables"].as_object());
    variables.flat_map(|variables| variables.keys().cloned()).collect()
}
