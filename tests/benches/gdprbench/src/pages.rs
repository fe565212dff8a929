//! `cargo bench --workspace --bench pages`: what a page of the console's list costs its handler.
//!
//! The handlers run in a thread of their own; the embedded services, and whoever calls, in others. What that thread
//! took of a processor is the call whole: our side of HTTP, the session, the SDK's client, and the page.

use std::{collections::BTreeMap, error::Error, fs, future::pending, path::PathBuf, sync::Arc, thread};

use chrono::TimeDelta;
use domain::{
    PersonId,
    request::{Door, Kind, Request},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use local::{Identity, Options, Process, Stack, VirtualClock};
use reqwest::{Client, Response, redirect::Policy};
use runtime::{App, Clients, Clock, EngineSource, Entropy, Log, Parts};
use tokio::{runtime::Builder, sync::oneshot};
use url::Url;

type Failure = Box<dyn Error + Send + Sync>;

/// With how many requests in the ledger a page is asked for.
const SIZES: [u32; 3] = [200, 2_000, 20_000];
/// How many pages are asked for at each size, after as many that are not counted.
const PAGES: u32 = 200;
/// Of the demo's staff, somebody who sees all requests.
const MEMBER: &str = "staff-robin";

fn main() -> Result<(), Failure> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let stack = Stack::start(Options {
        data: None,
        port: 0,
        datamaps: Vec::new(),
        connections: None,
        secrets: Default::default(),
        demo: false,
        clock: VirtualClock::standing_at("2026-03-02T10:00:00Z".parse()?),
        identity: Identity::generate()?,
        tenants: None,
        issuers: Vec::new(),
        scanner: None,
        log: Log::new(|_| {}),
        http: Clients::https(None),
        works: false,
        elsewhere: None,
    })
    .await?;
    let http = Client::builder().redirect(Policy::none()).build()?;
    let cookies = sign_in(&http, &stack.gateway).await?;
    let stack = Arc::new(stack);
    let handlers = Handlers::begin(Arc::clone(&stack)).await?;
    println!("| requests | CPU of a page of 50, ms | its weight, KiB |\n|---|---|---|");
    let mut made = 0;
    for size in SIZES {
        fill(&stack, made, size).await?;
        made = size;
        let page = format!("{}/console/requests", handlers.gateway);
        let ask = async || read(http.get(&page).header("cookie", &cookies).send().await?).await;
        let mut weight = 0;
        for _ in 0..PAGES {
            weight = ask().await?;
        }
        let before = handlers.cpu_seconds()?;
        for _ in 0..PAGES {
            ask().await?;
        }
        let taken = (handlers.cpu_seconds()? - before) / f64::from(PAGES);
        println!("| {size} | {:.2} | {:.1} |", taken * 1e3, weight as f64 / 1024.0);
    }
    Ok(())
}

/// A thread with all handlers in it, and nothing else.
struct Handlers {
    gateway: String,
    /// What the kernel tells of the thread.
    accounts: PathBuf,
}

impl Handlers {
    /// Begins one, which ends with the program.
    async fn begin(stack: Arc<Stack>) -> Result<Self, Failure> {
        let (tell, told) = oneshot::channel();
        let run = async move || -> Result<(), Failure> {
            let clock = stack.clock.clone();
            let app = App::new(Parts {
                config: stack.app.config().clone(),
                clients: stack.clients(Clients::https(None)),
                clock: Clock::new(move || clock.now()),
                entropy: Entropy::system(),
                log: Log::new(|_| {}),
                engine: EngineSource::Configured,
            });
            let process = Process::beside(&stack, app).await?;
            let thread = fs::read_link("/proc/thread-self")?;
            let accounts = PathBuf::from("/proc").join(thread).join("schedstat");
            let _ = tell.send(Self { gateway: process.gateway.clone(), accounts });
            pending().await
        };
        thread::spawn(move || -> Result<(), Failure> {
            Builder::new_current_thread().enable_all().build()?.block_on(run())
        });
        told.await.map_err(|_| "the handlers do not begin".into())
    }

    /// For how long it has kept a processor busy.
    fn cpu_seconds(&self) -> Result<f64, Failure> {
        let text = fs::read_to_string(&self.accounts)?;
        let nanoseconds: u64 = text.split_whitespace().next().ok_or("no accounts")?.parse()?;
        Ok(nanoseconds as f64 / 1e9)
    }
}

/// The length of a page that there is.
async fn read(reply: Response) -> Result<usize, Failure> {
    Ok(reply.error_for_status()?.bytes().await?.len())
}

/// Makes requests of as many persons, by their numbers.
async fn fill(stack: &Stack, from: u32, to: u32) -> Result<(), Failure> {
    let ledger = stack.app.store().of(stack.identity.org_id);
    let made = stream::iter(from..to).map(async |number| -> Result<(), Failure> {
        let id: PersonId = format!("person-{number}").parse()?;
        let key = ledger.key_of(&id).await?;
        let at = stack.clock.now() - TimeDelta::seconds(i64::from(number));
        let number = stack.app.entropy().request_id(key);
        let mut request = Request::new(number, key, id, Kind::Correction, Door::Trivore, at);
        request.remarks = Some("Born in May".to_owned());
        ledger.create_request(&request).await?;
        Ok(())
    });
    made.buffer_unordered(16).try_collect().await
}

/// Signs in; the cookies of the session.
async fn sign_in(http: &Client, gateway: &str) -> Result<String, Failure> {
    let leaving = http.get(format!("{gateway}/console/sign-in")).send().await?;
    let mut form: BTreeMap<String, String> =
        Url::parse(location(&leaving)?)?.query_pairs().into_owned().collect();
    form.insert("sub".to_owned(), MEMBER.to_owned());
    let chosen = http.post(format!("{gateway}/_local/oidc/authorize")).form(&form).send().await?;
    let back = http.get(location(&chosen)?).header("cookie", cookies(&leaving)?).send().await?;
    cookies(&back)
}

fn location(reply: &Response) -> Result<&str, Failure> {
    Ok(reply.headers().get("location").ok_or("it leads nowhere")?.to_str()?)
}

/// The cookies that it sets, as they are sent back.
fn cookies(reply: &Response) -> Result<String, Failure> {
    let set = reply.headers().get_all("set-cookie").iter().map(|cookie| -> Result<String, Failure> {
        Ok(cookie.to_str()?.split(';').next().unwrap_or_default().to_owned())
    });
    Ok(set.collect::<Result<Vec<_>, _>>()?.join("; "))
}
