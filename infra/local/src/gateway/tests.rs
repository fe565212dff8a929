use std::{sync::Arc, time::Duration};

use axum::{Router, http::Method, routing::get};
use lambda_http::{Body, RequestExt, Response, request::RequestContext};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::{GatewayRoute, Handler, serve};

/// A gateway before some functions, and a client for it.
struct World {
    url: String,
    client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

fn route(
    method: Method,
    path: &str,
    handler: impl Fn(lambda_http::Request) -> Response<Body> + Send + Sync + 'static,
) -> GatewayRoute {
    let handler: Handler = Arc::new(move |request| {
        let response = handler(request);
        Box::pin(async move { response })
    });
    GatewayRoute { method, path: path.into(), handler }
}

fn body(request: &lambda_http::Request) -> (&'static str, Vec<u8>) {
    match request.body() {
        Body::Empty => ("empty", vec![]),
        Body::Text(text) => ("text", text.clone().into_bytes()),
        Body::Binary(bytes) => ("binary", bytes.clone()),
        _ => ("other", vec![]),
    }
}

/// Says what the function sees.
fn echo(request: lambda_http::Request) -> Response<Body> {
    let RequestContext::ApiGatewayV2(context) = request.request_context() else { panic!("not a v2 event") };
    let (kind, bytes) = body(&request);
    let parameters = request.path_parameters();
    let mut path: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    path.sort();
    let seen = json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "raw_path": request.raw_http_path(),
        "path": path,
        "query": request.query_string_parameters().all("q"),
        "cookie": request.headers().get("cookie").map(|value| value.to_str().unwrap()),
        "many": request.headers().get("x-many").map(|value| value.to_str().unwrap()),
        "route": context.route_key,
        "stage": context.stage,
        "epoch": context.time_epoch,
        "time": context.time,
        "source": context.http.source_ip,
        "agent": context.http.user_agent,
        "protocol": context.http.protocol,
        "domain": context.domain_name,
        "body": kind,
        "length": bytes.len(),
    });
    Response::builder().header("content-type", "application/json").body(seen.to_string().into()).unwrap()
}

impl World {
    async fn new() -> Self {
        let routes = vec![
            route(Method::GET, "/echo/{person}/{thing}", echo),
            route(Method::POST, "/echo", echo),
            route(Method::GET, "/echo/fixed/{thing}", echo),
            route(Method::POST, "/back", |request| {
                // Without a type that is none of text, `lambda_http` makes text of any bytes, and so ruins them.
                let response = Response::builder().header("content-type", "application/zip");
                response.body(Body::Binary(body(&request).1)).unwrap()
            }),
            route(Method::GET, "/cookies", |_| {
                Response::builder()
                    .status(303)
                    .header("set-cookie", "a=1; Path=/")
                    .header("set-cookie", "b=2")
                    .header("location", "/echo")
                    .body(Body::Empty)
                    .unwrap()
            }),
            route(Method::GET, "/panic", |_| panic!("on purpose")),
            route(Method::GET, "/long", |_| Response::new("x".repeat(6 << 20).into())),
        ];
        let extra = Router::new().route("/_local/mail", get(|| async { "mail" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let clock = Arc::new(|| "2024-05-01T12:00:00Z".parse().unwrap());
        let serving = tokio::spawn(serve(listener, routes, extra, clock, async {
            let _ = stopped.await;
        }));
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { url, client, stop, serving }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn status(&self, method: Method, path: &str) -> StatusCode {
        self.ask(method, path).send().await.unwrap().status()
    }
}

async fn refusal(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_function_sees_what_it_would_see_on_aws() {
    let world = World::new().await;

    let response = world
        .ask(Method::GET, "/echo/alice%40example.com/a%20b?q=1&q=%C3%BC&r")
        .header("cookie", "one=1; two=2")
        .header("x-many", "a")
        .header("x-many", "b")
        .header("user-agent", "test")
        .send()
        .await
        .unwrap();

    assert!(response.headers().contains_key("apigw-requestid"));
    let seen: Value = response.json().await.unwrap();
    assert_eq!(
        seen,
        json!({
            "method": "GET",
            "uri": format!("{}/echo/alice@example.com/a%20b?q=1&q=%C3%BC&r", world.url),
            "raw_path": "/echo/alice@example.com/a b",
            "path": ["person=alice@example.com", "thing=a b"],
            "query": ["1", "ü"],
            "cookie": "one=1; two=2",
            "many": "a,b",
            "route": "GET /echo/{person}/{thing}",
            "stage": "$default",
            "epoch": 1_714_564_800_000_u64,
            "time": "01/May/2024:12:00:00 +0000",
            "source": "127.0.0.1",
            "agent": "test",
            "protocol": "HTTP/1.1",
            "domain": "127.0.0.1",
            "body": "empty",
            "length": 0,
        })
    );
}

#[tokio::test]
async fn what_is_fixed_wins_over_what_is_a_parameter() {
    let world = World::new().await;

    let seen: Value = world.ask(Method::GET, "/echo/fixed/b").send().await.unwrap().json().await.unwrap();

    assert_eq!(seen["route"], "GET /echo/fixed/{thing}");
}

#[tokio::test]
async fn json_is_text_and_a_form_is_not() {
    let world = World::new().await;
    let kind = async |kind: &str, body: &'static [u8]| -> String {
        let request = world.ask(Method::POST, "/echo").header("content-type", kind).body(body);
        let seen: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(seen["length"], body.len());
        seen["body"].as_str().unwrap().to_owned()
    };

    assert_eq!(kind("application/json; charset=utf-8", b"{}").await, "text");
    assert_eq!(kind("application/vnd.api+json", b"{}").await, "text");
    assert_eq!(kind("application/json", b"\xff").await, "binary");
    assert_eq!(kind("application/x-www-form-urlencoded", b"a=b").await, "binary");
}

#[tokio::test]
async fn any_bytes_go_in_and_out() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..=255).collect();

    let back = world.ask(Method::POST, "/back").body(bytes.clone()).send().await.unwrap();

    assert_eq!(back.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn cookies_are_set_one_by_one() {
    let world = World::new().await;

    let response = world.ask(Method::GET, "/cookies").send().await.unwrap();

    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "/echo");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
}

#[tokio::test]
async fn what_is_no_route_is_not_found() {
    let world = World::new().await;
    let not_found = (404, json!({ "message": "Not Found" }));

    assert_eq!(refusal(world.ask(Method::GET, "/nothing")).await, not_found);
    assert_eq!(refusal(world.ask(Method::GET, "/_local/nothing")).await, not_found);
    assert_eq!(refusal(world.ask(Method::DELETE, "/echo")).await, not_found);
    assert_eq!(world.status(Method::HEAD, "/cookies").await, 404);
    assert_eq!(world.ask(Method::GET, "/_local/mail").send().await.unwrap().text().await.unwrap(), "mail");
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let world = World::new().await;
    let too_large = (413, json!({ "message": "Request Entity Too Large" }));
    let post = |length| world.ask(Method::POST, "/echo").body(vec![b'x'; length]);

    assert_eq!(refusal(post((10 << 20) + 1)).await, too_large);
    assert_eq!(refusal(post(7 << 20)).await, too_large);
    assert_eq!(post(5 << 20).send().await.unwrap().status(), 200);
    let headers = world.ask(Method::POST, "/echo").header("x-long", "x".repeat(10_240));
    assert_eq!(refusal(headers).await, (431, json!({ "message": "Request Header Fields Too Large" })));
}

#[tokio::test]
async fn a_failing_function_harms_nobody_else() {
    let world = World::new().await;
    let failed = (500, json!({ "message": "Internal Server Error" }));

    assert_eq!(refusal(world.ask(Method::GET, "/panic")).await, failed);
    assert_eq!(refusal(world.ask(Method::GET, "/long")).await, failed);
    assert_eq!(world.status(Method::GET, "/cookies").await, 303);
}

#[tokio::test]
async fn it_stops_when_told() {
    let world = World::new().await;
    assert_eq!(world.status(Method::GET, "/cookies").await, 303);

    world.stop.send(()).unwrap();

    tokio::time::timeout(Duration::from_secs(5), world.serving).await.unwrap().unwrap().unwrap();
}
