//! A small address book behind the protocol of `docs/http-connector.md`, to try the connector with and to
//! take as a pattern: `cargo run -p connectors --example crm`.

mod service;

use serde_json::json;
use service::{Keys, Service, Tables};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8700").await?;
    let address = listener.local_addr()?;
    // A key for trying things out. A real one is random, and comes from where secrets are kept.
    let secret = json!({
        "current": "2026-11",
        "keys": {"2026-11": "YSBrZXkgZm9yIHRyeWluZyB0aGluZ3Mgb3V0IG9ubHk="},
    });
    println!("A service is ready. In the connections file:");
    println!();
    println!("  crm: {{kind: http, base_url: 'http://{address}', secret: crm, allow_loopback: true}}");
    println!();
    println!("The secret `crm` is:");
    println!();
    println!("  {secret}");
    let keys = Keys::parse(&secret.to_string()).ok_or("no keys")?;
    let service = Service::new(&address.to_string(), keys, Tables::sample().into_handler());
    service.serve(listener).await;
    Ok(())
}
