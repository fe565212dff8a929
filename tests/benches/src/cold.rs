//! `cargo bench --workspace --bench cold [-- <function>...]`: what a cold start costs, against bars.
//!
//! Builds the functions as they are shipped, and the smallest Lambda there can be beside them, so that whatever
//! compilers and libraries change cancels out.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use benches::Failure;
use benches::callgrind::{Run, inclusive};
use benches::lambda::Services;
use benches::report::Figure;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

/// The write that is measured: what companies will call most.
const WRITE: &str = "store-consents";
const TENANT: &str = "0b6ff2cc-0be8-4f0c-9e09-19e4e4c4e0b1";
const PERSON: &str = "5d3c7f0e-3f5b-4b9c-8a64-0d9a6d5f7f11";

/// How many warm calls are measured.
const WARM: u32 = 50;

/// The roots that functions trust, and what they must not spend a million instructions on.
const ROOTS: &str = include_str!("../../../shared/runtime/src/roots.pem");
const CERTIFICATES: [&str; 4] = ["pem_slice", "RootCertStore", "extract_trust_anchor", "native_certs"];
const ENTROPY: [&str; 4] = ["RAND_", "jent_", "getrandom", "SystemRandom"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    // Cargo adds a `--bench`.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut binaries = build(&wanted)?;
    let hello = binaries.remove("hello").ok_or("no hello")?;
    let folder = tempfile::tempdir()?;
    let bench = Bench { services: Services::start(folder.path(), ROOTS).await?, folder: folder.path() };

    println!("| what | unit | bar | measured | least to most | |\n|---|---|---|---|---|---|");
    let mut figures = Vec::new();
    let floor = bench.init(&bench.run(&hello)).await?;
    figures.push(Figure::one("init of hello", "M Ir", None, millions(floor)));
    let mut dearest = Figure::barred("init of the functions", "of hello's", 2.4);
    let mut zipped = Figure::barred("package", "MB", 2.5);
    for (name, binary) in &binaries {
        let init = bench.init(&bench.run(binary)).await?;
        let size = packed(binary, bench.folder)?;
        dearest.add(ratio(init, floor));
        zipped.add(size);
        eprintln!(
            "{name}: init {:.3} M Ir, {:.2} of hello's; {size:.2} MB",
            millions(init),
            ratio(init, floor)
        );
    }
    figures.extend([dearest, zipped]);
    if let Some(write) = binaries.get(WRITE) {
        figures.extend(bench.write(&bench.warmed(write)).await?);
    }
    for figure in &figures {
        println!("{figure}");
    }
    let met = figures.iter().all(Figure::is_met);
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Bench<'a> {
    services: Services,
    folder: &'a Path,
}

impl Bench<'_> {
    /// A function as Lambda starts it, but for what it does ahead of its first call when Lambda says so.
    fn run(&self, binary: &Path) -> Run {
        let (issuers, event) = call();
        let tenants = json!([{"org": TENANT}]);
        let variables = BTreeMap::from([
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2Vj".repeat(44)),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", "lethe".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "lethe".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "lethe".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.services.dynamodb.clone()),
            ("AWS_ENDPOINT_URL_KMS", self.services.kms.clone()),
            ("AWS_CA_BUNDLE", self.services.bundle.display().to_string()),
            ("LETHE_TABLE", "lethe-ledger".to_owned()),
            ("LETHE_KEY_TABLE", "lethe-keys".to_owned()),
            ("LETHE_TAKEOUT_BUCKET", "lethe-takeouts".to_owned()),
            ("LETHE_AUDIT_BUCKET", "lethe-audit".to_owned()),
            ("LETHE_ATTACHMENT_BUCKET", "lethe-attachments".to_owned()),
            ("LETHE_KMS_KEY", "arn:aws:kms:eu-central-1:123456789012:key/1".to_owned()),
            ("LETHE_PUBLIC_URL", "https://privacy.example.com".to_owned()),
            ("LETHE_MAIL_FROM", "privacy@example.com".to_owned()),
            ("LETHE_ISSUERS", issuers.to_string()),
            ("LETHE_TENANTS", tenants.to_string()),
        ]);
        Run { binary: binary.to_owned(), variables, event }
    }

    /// The same, with what it does ahead.
    fn warmed(&self, binary: &Path) -> Run {
        let mut run = self.run(binary);
        run.variables.insert("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned());
        run
    }

    async fn init(&self, run: &Run) -> Result<u64, Failure> {
        run.instructions(0, &self.folder.join("init.out")).await
    }

    /// The figures of a function that writes.
    async fn write(&self, run: &Run) -> Result<Vec<Figure>, Failure> {
        let profile = self.folder.join("first.out");
        let ahead = self.init(run).await?;
        let first = run.instructions(1, &profile).await?;
        let all = run.instructions(1 + WARM, &self.folder.join("warm.out")).await?;
        let warm = all.saturating_sub(first) / u64::from(WARM);
        let spent = inclusive(&profile)?;
        let most = |names: &[&str]| {
            let of_these =
                spent.iter().filter(|(_, function)| names.iter().any(|name| function.contains(name)));
            of_these.map(|(count, _)| *count).max().unwrap_or_default()
        };
        Ok(vec![
            Figure::one("init of a write with its connections", "M Ir", None, millions(ahead)),
            Figure::one("first answered write", "M Ir", Some(4.2), millions(first)),
            Figure::one("warm write", "M Ir", Some(0.65), millions(warm)),
            Figure::one("reading certificates", "M Ir", Some(1.0), millions(most(&CERTIFICATES))),
            Figure::one("entropy", "M Ir", Some(1.0), millions(most(&ENTROPY))),
            Figure::one("peak of memory after 50 calls", "MiB", Some(8.0), run.peak_mib(50).await?),
        ])
    }
}

/// Who may call, and a call: somebody stores their own consents, with a token of the usual kind.
fn call() -> (Value, Value) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap_or_else(|_| unreachable!());
    let public = pair.public_key();
    let number = |bytes: &[u8]| BASE64.encode(bytes);
    let issuers = json!([{
        "iss": "https://login.example.com/", "audience": "lethe", "algorithms": ["RS256"],
        "jwks": {"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        }]},
    }]);
    let part = |part: Value| BASE64.encode(part.to_string());
    let said = format!(
        "{}.{}",
        part(json!({"alg": "RS256", "typ": "at+jwt", "kid": "1"})),
        part(json!({
            "iss": "https://login.example.com/", "aud": "lethe", "sub": PERSON, "org": TENANT,
            "iat": 1_700_000_000, "exp": 4_102_444_800_u32, "scope": "openid profile email",
        })),
    );
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature)
        .unwrap_or_else(|_| unreachable!());
    let token = format!("{said}.{}", BASE64.encode(signature));
    let event = json!({
        "version": "2.0",
        "routeKey": "POST /consent/gdpr",
        "rawPath": "/consent/gdpr",
        "rawQueryString": "",
        "headers": {
            "accept": "application/json", "content-type": "application/json", "content-length": "43",
            "authorization": format!("Bearer {token}"), "host": "privacy.example.com",
            "user-agent": "curl/8.5.0", "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": "privacy.example.com",
            "domainPrefix": "privacy",
            "http": {
                "method": "POST", "path": "/consent/gdpr", "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "POST /consent/gdpr", "stage": "$default",
            "time": "10/Nov/2026:13:40:02 +0000", "timeEpoch": 1_794_318_002_000_u64,
        },
        "body": json!({"consent_levels": ["necessary", "analytics"]}).to_string(),
        "isBase64Encoded": false,
    });
    (issuers, event)
}

/// Builds the functions as they are shipped, all if none is named, and hello; tells where they are.
fn build(wanted: &[String]) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["build", "--release", "--message-format=json", "--example", "hello"]);
    match wanted {
        [] => cargo.arg("--bins"),
        names => cargo.args(names.iter().flat_map(|name| ["--bin", name.as_str()])),
    };
    let output = cargo.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("the functions cannot be built".into());
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let built = messages.filter_map(|message| {
        let message: Value = serde_json::from_slice(message).ok()?;
        Some((message["target"]["name"].as_str()?.to_owned(), message["executable"].as_str()?.into()))
    });
    Ok(built.collect())
}

/// How large a function is as it is uploaded, in MB.
fn packed(binary: &Path, folder: &Path) -> Result<f64, Failure> {
    let stripped = folder.join("bootstrap");
    let done = Command::new("strip").arg("-o").arg(&stripped).arg(binary).status()?;
    if !done.success() {
        return Err("the function cannot be stripped".into());
    }
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_level(Some(9)).unix_permissions(0o755);
    archive.start_file("bootstrap", options)?;
    archive.write_all(&std::fs::read(stripped)?)?;
    let bytes = u32::try_from(archive.finish()?.into_inner().len())?;
    Ok(f64::from(bytes) / 1e6)
}

fn millions(count: u64) -> f64 {
    thousandths(count) / 1e3
}

fn ratio(count: u64, of: u64) -> f64 {
    thousandths(count) / thousandths(of)
}

/// Counts are far below what this would cut off.
fn thousandths(count: u64) -> f64 {
    f64::from(u32::try_from(count / 1000).unwrap_or(u32::MAX))
}
