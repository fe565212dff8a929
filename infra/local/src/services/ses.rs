//! SES v2: takes every mail and sends none; they wait in the [`Outbox`] to be read.
//!
//! Only `SendEmail` is offered, with simple and with raw content. Senders need no verification.

mod eml;
mod outbox;

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

pub use self::outbox::{Mail, Outbox};

/// The HTTP face, restJson1.
pub(super) fn router(outbox: Outbox) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(send))
        .fallback(|| async { Refusal::NotFound })
        // Mails may have 40 MB on AWS; nothing here needs a smaller limit.
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(outbox)
}

async fn send(
    State(outbox): State<Outbox>,
    ask: Result<Json<SendEmail>, JsonRejection>,
) -> Result<Json<Sent>, Refusal> {
    let Json(ask) = ask.map_err(|error| Refusal::Bad(error.body_text()))?;
    let Destination { mut to_addresses, cc_addresses, bcc_addresses } = ask.destination;
    to_addresses.extend(cc_addresses);
    to_addresses.extend(bcc_addresses);
    let message_id = match ask.content {
        Content { simple: Some(simple), raw: None } => {
            let from = ask.from_email_address.ok_or(Refusal::missing("FromEmailAddress"))?;
            if to_addresses.is_empty() {
                return Err(Refusal::missing("Destination"));
            }
            let Body { text, html } = simple.body;
            let [text, html] = [text, html].map(|part| part.map(|part| part.data));
            if text.is_none() && html.is_none() {
                return Err(Refusal::missing("Body"));
            }
            outbox.put(from, to_addresses, simple.subject.data, text, html).await
        }
        Content { simple: None, raw: Some(raw) } => {
            let raw =
                BASE64.decode(raw.data).map_err(|_| Refusal::Bad("the raw mail is not Base64".into()))?;
            outbox.put_raw(ask.from_email_address, to_addresses, raw).await
        }
        Content { .. } => return Err(Refusal::Bad("either Simple or Raw content is needed".into())),
    };
    message_id.map(|message_id| Json(Sent { message_id })).map_err(|_| Refusal::Unkept)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    #[serde(default)]
    destination: Destination,
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    to_addresses: Vec<String>,
    cc_addresses: Vec<String>,
    bcc_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
    raw: Option<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Part,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Part>,
    html: Option<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    message_id: String,
}

/// Why a mail is refused, by the names the SDK knows.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Bad(String),
    #[error("the operation is not offered here")]
    NotFound,
    #[error("the mail cannot be kept in the data folder")]
    Unkept,
}

impl Refusal {
    fn missing(field: &str) -> Self {
        Self::Bad(format!("{field} is missing"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name) = match self {
            Self::Bad(_) => (StatusCode::BAD_REQUEST, "BadRequestException"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NotFoundException"),
            Self::Unkept => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceErrorException"),
        };
        let body = serde_json::json!({ "message": self.to_string() });
        (status, [("x-amzn-errortype", name)], Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::{
        primitives::Blob,
        types::{Body, Content, Destination, EmailContent, Message, RawMessage},
    };

    use crate::services::testing::World;

    fn content(data: &str) -> Content {
        Content::builder().data(data).build().unwrap()
    }

    fn simple(subject: &str, text: &str, html: &str) -> EmailContent {
        let body = Body::builder().text(content(text)).html(content(html)).build();
        let message = Message::builder().subject(content(subject)).body(body).build();
        EmailContent::builder().simple(message).build()
    }

    async fn send(world: &World, to: &str, content: EmailContent) -> String {
        world
            .ses()
            .send_email()
            .from_email_address("privacy@example.com")
            .destination(Destination::builder().to_addresses(to).build())
            .content(content)
            .send()
            .await
            .unwrap()
            .message_id
            .unwrap()
    }

    #[tokio::test]
    async fn a_sent_mail_is_in_the_outbox() {
        let world = World::new().await;

        let id = send(&world, "alice@example.com", simple("Grüße", "Hello", "<p>Hello</p>")).await;

        let mail = world.services.outbox.get(&id).unwrap();
        assert_eq!(mail.at.to_rfc3339(), "2024-05-01T12:00:00+00:00");
        assert_eq!(mail.from, "privacy@example.com");
        assert_eq!(mail.to, ["alice@example.com"]);
        assert_eq!(mail.subject, "Grüße");
        assert_eq!(mail.text.as_deref(), Some("Hello"));
        assert_eq!(mail.html.as_deref(), Some("<p>Hello</p>"));
        assert_eq!(world.services.outbox.to("alice@example.com"), [mail]);
        assert!(world.services.outbox.to("bob@example.com").is_empty());
    }

    #[tokio::test]
    async fn a_raw_mail_is_kept_as_it_is() {
        let world = World::new().await;
        let raw =
            "From: a@example.com\r\nTo: b@example.com,\r\n c@example.com\r\nSubject: Hi\r\n\r\nHello\r\n";
        let message = RawMessage::builder().data(Blob::new(raw)).build().unwrap();

        let reply = world
            .ses()
            .send_email()
            .content(EmailContent::builder().raw(message).build())
            .send()
            .await
            .unwrap();

        let id = reply.message_id.unwrap();
        let mail = world.services.outbox.get(&id).unwrap();
        assert_eq!(mail.from, "a@example.com");
        assert_eq!(mail.to, ["b@example.com", "c@example.com"]);
        assert_eq!(mail.subject, "Hi");
        assert_eq!(mail.text.as_deref(), Some("Hello\r\n"));
        assert_eq!(world.services.outbox.eml(&id).unwrap(), raw);
    }

    #[tokio::test]
    async fn a_mail_to_nobody_is_refused() {
        let world = World::new().await;

        let sending = world
            .ses()
            .send_email()
            .from_email_address("privacy@example.com")
            .content(simple("Hi", "Hello", "<p>Hello</p>"))
            .send()
            .await;

        assert!(sending.unwrap_err().into_service_error().is_bad_request_exception());
    }

    #[tokio::test]
    async fn mails_are_there_after_a_restart_and_as_files() {
        let world = World::kept().await;
        let first = send(&world, "alice@example.com", simple("One", "1", "<p>1</p>")).await;

        let world = world.restart().await;
        let second = send(&world, "alice@example.com", simple("Two", "2", "<p>2</p>")).await;

        let subjects: Vec<_> =
            world.services.outbox.all().into_iter().map(|mail| (mail.id, mail.subject)).collect();
        assert_eq!(subjects, [(first.clone(), "One".into()), (second, "Two".into())]);
        let eml = std::fs::read_to_string(world.folder().join(format!("mail/{first}.eml"))).unwrap();
        assert!(eml.contains("Subject: One\r\n"));
        assert_eq!(world.services.outbox.eml(&first).unwrap(), eml);
    }

    #[tokio::test]
    async fn the_outbox_tells_of_new_mail() {
        let world = World::new().await;
        let mut count = world.services.outbox.count();

        send(&world, "alice@example.com", simple("One", "1", "<p>1</p>")).await;

        assert_eq!(*count.wait_for(|count| *count > 0).await.unwrap(), 1);
    }
}
