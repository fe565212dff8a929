//! The `main` of every Lambda. Not generic and not async, so that each binary is one cheap call.

use std::process::ExitCode;

use aws_lambda_events::event::sqs::SqsEvent;
use chrono::DateTime;
use lambda_http::{LambdaEvent, RequestExt as _, request::RequestContext, service_fn};
use serde_json::{Value, value::RawValue};

use crate::{
    App, Clients, Clock, Config, Endpoint, EngineSource, Entropy, Log, Parts, Route, Trigger, Worker,
};

/// Serves an endpoint until Lambda ends the process.
pub fn serve(endpoint: Endpoint) -> ExitCode {
    run(|app| async move {
        let handler =
            service_fn(|request| async { Ok::<_, lambda_http::Error>(endpoint.call(&app, request).await) });
        lambda_http::run(handler).await
    })
}

/// Serves several endpoints until Lambda ends the process; the gateway says by its route which is meant.
pub fn serve_all(endpoints: Vec<Endpoint>) -> ExitCode {
    run(|app| async move {
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
    run(|app| async move {
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
            }
        });
        lambda_runtime::run(handler).await
    })
}

/// Makes the App from the environment and runs `serve` on one thread: below 1,769 MB a Lambda has
/// no more than one.
fn run<S, F>(serve: S) -> ExitCode
where
    S: FnOnce(App) -> F,
    F: Future<Output = Result<(), lambda_http::Error>>,
{
    let get = |name: &str| std::env::var(name).ok();
    let config = match Config::from_env(get) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let app = App::new(Parts {
        config,
        clients: Clients::from_env(get),
        clock: Clock::system(),
        entropy: Entropy::system(),
        log: Log::stdout(),
        engine: EngineSource::Configured,
    });
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    match runtime.block_on(serve(app)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(error.as_ref()),
    }
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("cannot start: {error}");
    ExitCode::FAILURE
}
