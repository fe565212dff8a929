//! The command line of local mode.

use std::{fs, path::PathBuf, process::ExitCode};

use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand};
use domain::OrgId;
use runtime::{Clients, Log};
use serde_json::json;

use crate::{
    DemoPerson, Identity, IdentityError, Options, Stack, TokenRequest, VirtualClock, engine,
    price::{self, Traffic},
    secrets,
    stack::{TABLE, TAKEOUT_BUCKET},
    verify::{self, Verify},
    verify_log::{self, VerifyLog},
};

/// Lethe on this machine: the whole service in one process.
#[derive(Parser)]
#[command(name = "cargo local", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Command {
    /// Print a token of the local issuer
    Token(Token),
    /// Verify a certificate offline; exits with 2 if it is refused
    Verify(Verify),
    /// Verify a log of the audit offline; exits with 2 if something is wrong with it
    VerifyLog(VerifyLog),
    /// Read, plan or erase a person in given stores, without queues
    #[command(subcommand)]
    Engine(engine::Command),
    /// Measure what each operation uses of AWS, and say what a month would cost
    Price(Traffic),
}

#[derive(Args)]
struct Run {
    /// Port of the gateway; 0 takes any free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Folder in which all state lives
    #[arg(long, default_value = ".lethe")]
    data: PathBuf,
    /// File of the data map; may be given several times
    #[arg(long)]
    datamap: Vec<PathBuf>,
    /// Connections file, which says where the datasets of the map are
    #[arg(long)]
    connections: Option<PathBuf>,
    /// File with the secrets that the connections file names; variables LETHE_SECRET_<NAME> go before it
    #[arg(long)]
    secrets: Option<PathBuf>,
    /// Fill a small shop of our own, with its data map
    #[arg(long, conflicts_with_all = ["datamap", "connections"])]
    demo: bool,
}

#[derive(Args)]
struct Token {
    /// Folder of the local stack
    #[arg(long, default_value = ".lethe")]
    data: PathBuf,
    /// Whom the token names
    #[arg(long)]
    sub: String,
    /// For which tenant; the local one if absent
    #[arg(long)]
    org: Option<OrgId>,
    /// Permission; may be given several times
    #[arg(long)]
    permission: Vec<String>,
    /// Scope; may be given several times
    #[arg(long)]
    scope: Vec<String>,
    /// Linked identity; may be given several times
    #[arg(long)]
    linked_identity: Vec<String>,
    /// Seconds until it expires, on the local clock
    #[arg(long, default_value_t = 365 * 24 * 3600, allow_negative_numbers = true)]
    expires_in: i64,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let Cli { command, run } = Cli::try_parse().unwrap_or_else(|error| engine::discreet(error).exit());
    let result = match command {
        Some(Command::Engine(command)) => return engine::main(&command),
        Some(Command::Token(token)) => print_token(token),
        Some(Command::Verify(verify)) => return verify::main(&verify),
        Some(Command::VerifyLog(verify)) => return verify_log::main(&verify),
        Some(Command::Price(traffic)) => price::main(&traffic),
        None => serve(run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn print_token(token: Token) -> Result<(), String> {
    let identity = Identity::read(&token.data)
        .map_err(|error| format!("{}: {error}; has a stack run there?", token.data.display()))?;
    let clock = VirtualClock::of_folder(&token.data).map_err(|error| error.to_string())?;
    let request = TokenRequest {
        sub: token.sub,
        org: token.org,
        permissions: token.permission,
        scopes: token.scope,
        linked_identities: token.linked_identity,
        expires_in: TimeDelta::try_seconds(token.expires_in).ok_or("--expires-in is out of range")?,
    };
    println!("{}", identity.token(&request, clock.now()).map_err(|error| error.to_string())?);
    Ok(())
}

fn serve(run: Run) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let folder = run.data.clone();
        let identity =
            Identity::of_folder(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let clock = VirtualClock::of_folder(&folder).map_err(|error| error.to_string())?;
        let secrets = secrets::of_machine(run.secrets.as_deref()).map_err(|error| error.to_string())?;
        let stack = Stack::start(Options {
            data: Some(folder.clone()),
            port: run.port,
            datamaps: run.datamap,
            connections: run.connections,
            secrets,
            demo: run.demo,
            clock,
            identity,
            tenants: None,
            issuers: Vec::new(),
            scanner: None,
            log: Log::new(|line| eprintln!("{line}")),
            http: Clients::https(None),
            works: true,
            elsewhere: None,
        })
        .await
        .map_err(|error| error.to_string())?;
        let facts = facts(&stack)?;
        let text = serde_json::to_string_pretty(&facts).map_err(|error| error.to_string())?;
        let file = folder.join("local.json");
        // Written whole before it is seen: scripts wait for it to appear.
        let draft = folder.join("local.json.draft");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &file))
            .map_err(|error| error.to_string())?;
        announce(&stack, &file.display().to_string()).map_err(|error| error.to_string())?;
        stopped().await;
        println!("stopping");
        let _ = fs::remove_file(&file);
        stack.stop().await;
        Ok(())
    })
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without that signal, Ctrl-C alone stops.
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

fn facts(stack: &Stack) -> Result<serde_json::Value, String> {
    let identity = &stack.identity;
    let (user, password) = identity.trivore_basic();
    let (client_id, client_secret) = identity.instacart_client();
    let admin_token = identity.admin_token(stack.clock.now()).map_err(|error| error.to_string())?;
    Ok(json!({
        "gateway": stack.gateway,
        "console": format!("{}/console", stack.gateway),
        "outbox": format!("{}/_local/outbox", stack.gateway),
        "org_id": identity.org_id,
        "slashid_api_key": identity.slashid_api_key(),
        "trivore_basic": {"user": user, "password": password},
        "instacart_client": {"client_id": client_id, "client_secret": client_secret},
        "admin_token": admin_token,
        "endpoints": {
            "dynamodb": stack.endpoints.dynamodb,
            "s3": stack.endpoints.s3,
            "sqs": stack.endpoints.sqs,
            "kms": stack.endpoints.kms,
            "secrets_manager": stack.endpoints.secrets,
            "ses": stack.endpoints.ses,
        },
        "access_key_id": identity.access_key_id,
        "secret_access_key": identity.secret_access_key,
        "table": TABLE,
        "takeout_bucket": TAKEOUT_BUCKET,
    }))
}

/// How many people of the demo are shown at the start.
const SHOWN: usize = 3;

fn announce(stack: &Stack, file: &str) -> Result<(), IdentityError> {
    let identity = &stack.identity;
    let (user, password) = identity.trivore_basic();
    let (client_id, client_secret) = identity.instacart_client();
    println!("Lethe is ready.");
    println!();
    println!("  gateway    {}", stack.gateway);
    println!("  console    {}/console", stack.gateway);
    println!("  outbox     {}/_local/outbox", stack.gateway);
    println!("  org        {}", identity.org_id);
    println!("  SlashID    {}", identity.slashid_api_key());
    println!("  Trivore    {user}:{password}");
    println!("  Instacart  {client_id} {client_secret}");
    println!("  all this   {file}");
    println!();
    if !stack.demo_people.is_empty() {
        println!("In the demo, among others:");
        for person in stack.demo_people.iter().take(SHOWN) {
            let DemoPerson { id, first_name, last_name, email, .. } = person;
            println!("  {id}  {first_name} {last_name} <{email}>");
        }
        println!();
        println!("# Who may do everything");
        println!("TOKEN={}", identity.admin_token(stack.clock.now())?);
    }
    for (what, command) in stack.examples() {
        println!("# {what}");
        println!("{command}");
    }
    println!();
    println!("A token:  cargo local token --sub UUID --permission P --scope S --linked-identity default");
    println!("Ctrl-C stops.");
    Ok(())
}
