//! The least that a Lambda behind an API Gateway can be: what cold starts are compared with.

use std::process::ExitCode;

use lambda_http::{Body, Error, Request, Response, service_fn};

async fn handle(_: Request) -> Result<Response<Body>, Error> {
    Ok(Response::new(Body::Text("hello".to_owned())))
}

fn main() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(lambda_http::run(service_fn(handle))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
