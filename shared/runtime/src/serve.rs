//! The `main` of every Lambda. Not generic and not async, so that each binary is one cheap call.

use std::{process::ExitCode, time::Duration};

use aws_lambda_events::event::sqs::SqsEvent;
use chrono::DateTime;
use lambda_http::{LambdaEvent, RequestExt as _, request::RequestContext, service_fn};
use serde_json::{Value, value::RawValue};
use store::StoreError;

use crate::{
    App, Clients, Clock, Config, Endpoint, EngineSource, Entropy, Log, Need, Parts, Route, Trigger, Worker,
};

/// What Lambda sets in every environment of its own.
const INITIALISATION: &str = "AWS_LAMBDA_INITIALIZATION_TYPE";
/// The longest that the start waits for what the first call will need; the call itself waits longer.
const AHEAD: Duration = Duration::from_secs(8);

/// Serves an endpoint until Lambda ends the process.
pub fn serve(endpoint: Endpoint) -> ExitCode {
    run(endpoint.route.needs, |app| async move {
        let handler =
            service_fn(|request| async { Ok::<_, lambda_http::Error>(endpoint.call(&app, request).await) });
        lambda_http::run(handler).await
    })
}

/// Serves several endpoints until Lambda ends the process; the gateway says by its route which is meant.
pub fn serve_all(endpoints: Vec<Endpoint>) -> ExitCode {
    let needs: Vec<Need> = endpoints.iter().flat_map(|endpoint| endpoint.route.needs).copied().collect();
    run(&needs, |app| async move {
        let handler = service_fn(|request: lambda_http::Request| async {
            let key = match request.request_context() {
                RequestContext::ApiGatewayV2(context) => context.route_key,
                _ => None,
            };
            let is_meant = |endpoint: &&Endpoint| {
                let Route { method, path, .. } = endpoint.route;
                key.as_ref().is_some_and(|key| *key == format!("{method} {path}"))
            };
            match endpoints.iter().find(is_meant) {
                Some(endpoint) => Ok(endpoint.call(&app, request).await),
                None => Err(lambda_http::Error::from("no such route in this function")),
            }
        });
        lambda_http::run(handler).await
    })
}

/// Serves a worker until Lambda ends the process.
pub fn serve_worker(worker: Worker) -> ExitCode {
    run(worker.spec.needs, |app| async move {
        let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| async {
            let LambdaEvent { payload, context } = event;
            match worker.spec.trigger {
                Trigger::Queue(_) => {
                    let batch: SqsEvent = serde_json::from_str(payload.get())?;
                    let deadline =
                        i64::try_from(context.deadline).ok().and_then(DateTime::from_timestamp_millis);
                    let answer = worker.batch(&app, batch, deadline).await;
                    Ok::<_, lambda_http::Error>(serde_json::to_value(answer)?)
                }
                Trigger::Every { .. } => match worker.tick(&app, context.xray_trace_id.as_deref()).await {
                    Ok(()) => Ok(Value::Null),
                    Err(failure) => Err(failure.cause().unwrap_or_default().into()),
                },
                Trigger::Changes => {
                    let event = serde_json::from_str(payload.get())?;
                    match worker.changes(&app, event).await {
                        Ok(()) => Ok(Value::Null),
                        Err(failure) => Err(failure.cause().unwrap_or_default().into()),
                    }
                }
            }
        });
        lambda_runtime::run(handler).await
    })
}

/// Makes the App from the environment and runs `serve` on one thread: below 1,769 MB a Lambda has
/// no more than one.
fn run<S, F>(needs: &[Need], serve: S) -> ExitCode
where
    S: FnOnce(App) -> F,
    F: Future<Output = Result<(), lambda_http::Error>>,
{
    let get = |name: &str| std::env::var(name).ok();
    let config = match Config::from_env(get) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let clients = match Clients::from_env(get) {
        Ok(clients) => clients,
        Err(error) => return refuse(&error),
    };
    let app = App::new(Parts {
        config,
        clients,
        clock: Clock::system(),
        entropy: Entropy::system(),
        log: Log::stdout(),
        engine: EngineSource::Configured,
    });
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    let ahead = std::env::var_os(INITIALISATION).is_some() && needs.iter().any(|need| need.is_of_ledger());
    let life = async move {
        if ahead {
            // Should it fail, the first call says so.
            let _ = tokio::time::timeout(AHEAD, prepare(&app)).await;
        }
        serve(app).await
    };
    match runtime.block_on(life) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(error.as_ref()),
    }
}

/// Opens connections and keys before the first call: while Lambda starts an environment it gives a whole
/// processor, whatever share of one the function pays for.
async fn prepare(app: &App) -> Result<(), StoreError> {
    match app.config().tenants.keys().next() {
        Some(org) => app.ledger(*org).unlock().await,
        None => Ok(()),
    }
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("cannot start: {error}");
    ExitCode::FAILURE
}
