//! Sending mail.

use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use pages::mail::Mail;

use crate::{App, Failure};

impl App {
    /// Sends a mail to one address.
    ///
    /// # Errors
    /// When the mail service does not take it.
    pub async fn send_mail(&self, to: &str, mail: &Mail) -> Result<(), Failure> {
        let content =
            |text: &str| Content::builder().charset("UTF-8").data(text).build().map_err(Failure::internal);
        let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
        let message = Message::builder().subject(content(&mail.subject)?).body(body).build();
        self.clients()
            .ses()
            .send_email()
            .from_email_address(&self.config().mail_from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await
            .map(drop)
            .map_err(Failure::unavailable)
    }
}
