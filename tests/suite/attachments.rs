//! Files that belong to requests: how they come, what is refused, who is given them, and how they go.

use aws_sdk_s3::types::{Tag, Tagging};
use chrono::TimeDelta;
use domain::{AttachmentId, attachment::Attachment};
use reqwest::Method;
use runtime::Scanner;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::{
    staff::{Browser, field},
    world::{Setup, World, send},
};

const BUCKET: &str = "lethe-attachments";
const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nWe have corrected it.";

/// A request of Alice, as the path of its page.
async fn request(world: &World) -> String {
    let alice = world.person_with_data("alice").await;
    let ask = json!({"requestType": "CORRECTION", "requestRemarks": "Born in May"});
    let path = format!("/api/rest/users/{alice}/personaldatarequest");
    let made = send(world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201).json();
    format!("/console/requests/{}", made["id"].as_str().unwrap())
}

/// A form that sends a file to S3, as a page shows it.
struct UploadForm {
    action: String,
    fields: Vec<(String, String)>,
}

impl UploadForm {
    fn of(page: &str) -> Self {
        let unescape = |text: &str| text.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'");
        let (_, form) =
            page.split_once("enctype=\"multipart/form-data\"").unwrap_or_else(|| panic!("{page}"));
        let (form, _) = form.split_once("</form>").unwrap();
        let fields = form.split("<input type=\"hidden\" name=\"").skip(1).map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name.to_owned(), unescape(rest.split_once('"').unwrap().0))
        });
        let (before, _) = page.split_once("\" enctype=").unwrap();
        let (_, action) = before.rsplit_once("action=\"").unwrap();
        Self { action: unescape(action), fields: fields.collect() }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.to_owned();
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Sends it as a browser does; the status, and where it leads.
    async fn send(&self, world: &World, content: &[u8]) -> (u16, String) {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            body.extend(
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"alice.html\"\r\nContent-Type: text/html\r\n\r\n";
        body.extend(file.bytes());
        body.extend(content);
        body.extend(b"\r\n--b--\r\n");
        let post = world.http.post(&self.action).header("content-type", "multipart/form-data; boundary=b");
        let reply = post.body(body).send().await.unwrap();
        let location = reply.headers().get("location").map_or("", |value| value.to_str().unwrap()).to_owned();
        (reply.status().as_u16(), location)
    }
}

/// Begins to attach a file, and shows the form for it.
async fn begin(browser: &mut Browser<'_>, request: &str, label: &str, purpose: &str) -> UploadForm {
    let fields = [("label", label), ("purpose", purpose)];
    let begun = browser.post(&format!("{request}/attachments"), &fields).await.expect(303);
    let page = browser.get(begun.header("location")).await.expect(200);
    let form = UploadForm::of(std::str::from_utf8(&page.bytes).unwrap());
    let origin = Url::parse(&form.action).unwrap().origin().ascii_serialization();
    assert!(page.header("content-security-policy").contains(&format!("form-action 'self' {origin};")));
    form
}

/// Attaches a file.
pub(crate) async fn attach(
    browser: &mut Browser<'_>,
    request: &str,
    label: &str,
    purpose: &str,
    content: &[u8],
) {
    let form = begin(browser, request, label, purpose).await;
    let (status, next) = form.send(browser.world, content).await;
    assert_eq!(status, 303);
    assert!(next.starts_with(&format!("{}{request}?", browser.world.stack.gateway)), "{next}");
}

async fn objects(world: &World, prefix: &str) -> Vec<String> {
    let list = world.stack.app.clients().s3().list_objects_v2().bucket(BUCKET).prefix(prefix).send();
    list.await.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

/// The path of the first file that can be fetched from a page.
fn file_path(page: &str) -> String {
    let (_, rest) = page.split_once("/attachments/").unwrap_or_else(|| panic!("{page}"));
    let (before, _) = page.split_once("/attachments/").unwrap();
    let (_, start) = before.rsplit_once('"').unwrap();
    format!("{start}/attachments/{}", rest.split_once('"').unwrap().0)
}

async fn confirm(browser: &mut Browser<'_>, request: &str) {
    let version = field(&browser.text(request).await, "version");
    let fields = [("version", &*version), ("comment", "It is corrected.")];
    browser.post(&format!("{request}/confirm"), &fields).await.expect(303);
}

/// The view of Alice, open in a browser.
async fn view(world: &World) -> Browser<'_> {
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    let path = format!("/api/rest/users/{alice}/personaldatarequest/view-uri");
    let reply = send(world.as_trivore(Method::POST, &path)).await.expect(200).json();
    let link = reply["viewUri"].as_str().unwrap().strip_prefix(&world.stack.gateway).unwrap().to_owned();
    let mut browser = Browser::new(world);
    browser.post_bare(&link, &[]).await.expect(303);
    browser
}

#[tokio::test]
async fn a_file_is_sent_looked_at_and_given_to_whom_it_is_for() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    attach(&mut robin, &request, "Letter to Alice", "answer", PDF).await;

    let page = robin.text(&request).await;
    assert!(page.contains("Letter to Alice") && page.contains("being looked at"));
    let id = objects(&world, "quarantine/").await[0].rsplit('/').next().unwrap().to_owned();
    robin.get(&format!("{request}/attachments/{id}")).await.expect(404);
    world.advance(TimeDelta::minutes(1)).await;

    let page = robin.text(&request).await;
    assert!(
        page.contains(&format!("PDF, {} bytes", PDF.len())) && !page.contains("being looked at"),
        "{page}"
    );
    let handed = robin.get(&file_path(&page)).await.expect(303);
    assert_eq!(handed.header("x-content-type-options"), "nosniff");
    let link = Url::parse(handed.header("location")).unwrap();
    assert_ne!(link.origin(), Url::parse(&world.stack.gateway).unwrap().origin());
    assert!(link.query_pairs().any(|(name, value)| name == "X-Amz-Expires" && value == "300"));
    let file = world.http.get(link).send().await.unwrap();
    assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"attachment.pdf\"");
    assert_eq!(file.headers()["content-type"], "application/pdf");
    assert_eq!(file.bytes().await.unwrap(), PDF);
    // What staff call it is sealed, and no name of an object tells of it or of anybody.
    assert!(world.items("lethe").await.iter().all(|item| !item.contains("Letter to Alice")));
    let kept = objects(&world, "").await;
    assert!(kept.len() == 1 && kept[0].starts_with("kept/") && !kept[0].contains("alice"), "{kept:?}");

    // The person sees it once they are answered.
    let own = format!(
        "/personal-data-view/requests{}",
        file_path(&page).strip_prefix("/console/requests").unwrap()
    );
    let mut alice = view(&world).await;
    assert!(!alice.text("/personal-data-view/requests").await.contains("Letter to Alice"));
    alice.get(&own).await.expect(404);
    confirm(&mut robin, &request).await;
    let shown = alice.text("/personal-data-view/requests").await;
    assert!(shown.contains("Letter to Alice") && file_path(&shown) == own, "{shown}");
    let handed = alice.get(&own).await.expect(303);
    assert_eq!(world.http.get(handed.header("location")).send().await.unwrap().bytes().await.unwrap(), PDF);
    Browser::new(&world).get(&own).await.expect(410);
    world.stack.clock.advance(TimeDelta::minutes(15)).unwrap();
    alice.get(&own).await.expect(410);

    // What the person was answered stays.
    assert!(!robin.text(&request).await.contains("/remove\""));
    let removed = robin.post(&format!("{}/remove", file_path(&page)), &[]).await;
    assert_eq!(removed.status, 409);
    let fields = [("label", "One more"), ("purpose", "answer")];
    assert_eq!(robin.post(&format!("{request}/attachments"), &fields).await.status, 409);
}

#[tokio::test]
async fn what_is_for_the_staff_is_not_shown_to_the_person() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    for (label, purpose) in [("Notes", "internal"), ("Mandate of Bo", "mandate")] {
        attach(&mut robin, &request, label, purpose, b"Dear all,").await;
    }
    world.advance(TimeDelta::minutes(1)).await;
    confirm(&mut robin, &request).await;
    let path = file_path(&robin.text(&request).await);
    let mut alice = view(&world).await;

    let shown = alice.text("/personal-data-view/requests").await;

    assert!(!shown.contains("Notes") && !shown.contains("Mandate"), "{shown}");
    let own = path.replace("/console/requests", "/personal-data-view/requests");
    alice.get(&own).await.expect(404);
    let bare = format!("{request}/attachments/{}", Uuid::nil());
    robin.get(&bare).await.expect(404);
    robin.get(&format!("{bare}/upload")).await.expect(404);
    // Those who may not see requests see no files, and those who may not confirm attach none.
    Browser::of(&world, "staff-noa").await.get(&path).await.expect(403);
    let fields = [("label", "x"), ("purpose", "answer")];
    let mut casey = Browser::of(&world, "staff-casey").await;
    assert_eq!(casey.post(&format!("{request}/attachments"), &fields).await.status, 403);
}

#[tokio::test]
async fn the_form_takes_one_file_of_the_size_and_under_the_name_that_it_says() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let form = async |browser: &mut Browser<'_>| begin(browser, &request, "x", "answer").await;
    let largest = usize::try_from(Attachment::LARGEST).unwrap();
    let value = |form: &UploadForm, name: &str| {
        form.fields.iter().find(|(known, _)| known == name).unwrap().1.clone()
    };
    let key = value(&form(&mut robin).await, "key");
    let date = value(&form(&mut robin).await, "x-amz-date");

    let cases = [
        ("too large", form(&mut robin).await, vec![b'a'; largest + 1]),
        ("empty", form(&mut robin).await, Vec::new()),
        (
            "another name",
            form(&mut robin).await.set("key", &key.replace("quarantine/", "kept/")),
            PDF.to_vec(),
        ),
        ("another's name", form(&mut robin).await.set("key", &key), PDF.to_vec()),
        ("a page", form(&mut robin).await.set("Content-Type", "text/html"), PDF.to_vec()),
        (
            "led away",
            form(&mut robin).await.set("success_action_redirect", "https://evil.example"),
            PDF.to_vec(),
        ),
        ("a tag", form(&mut robin).await.with("tagging", "<Tagging/>"), PDF.to_vec()),
        ("public", form(&mut robin).await.with("acl", "public-read"), PDF.to_vec()),
        ("a header", form(&mut robin).await.with("x-amz-meta-a", "b"), PDF.to_vec()),
        ("no policy", form(&mut robin).await.without("policy"), PDF.to_vec()),
        ("no proof", form(&mut robin).await.without("x-amz-signature"), PDF.to_vec()),
        ("wrong proof", form(&mut robin).await.set("x-amz-signature", &"0".repeat(64)), PDF.to_vec()),
        (
            "another key",
            form(&mut robin).await.set("x-amz-credential", "AKIA/20260302/us-east-1/s3/aws4_request"),
            PDF.to_vec(),
        ),
        ("another day", form(&mut robin).await.set("x-amz-date", &date.replace("T", "X")), PDF.to_vec()),
        ("another policy", form(&mut robin).await.set("policy", "e30="), PDF.to_vec()),
    ];
    for (name, form, content) in cases {
        let (status, _) = form.send(&world, &content).await;
        assert!((400..500).contains(&status), "{name}: {status}");
    }
    assert!(objects(&world, "").await.is_empty());
    assert_eq!(form(&mut robin).await.send(&world, &vec![b'a'; largest]).await.0, 303);
}

#[tokio::test]
async fn what_is_refused_is_deleted_and_said_so() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let eicar = [&br"X5O!P%@AP[4\PZX54(P^)7CC)7}"[..], b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let files: [(&str, &[u8]); 5] = [
        ("Page", b"<!doctype html><script>alert(1)</script>"),
        ("Picture", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("Program", b"MZ\x90\0\x03\0\0\0"),
        ("Both", b"%PDF-1.7\nPK\x03\x04...PK\x05\x06\0\0\0\0"),
        ("Harm", &eicar),
    ];
    for (label, content) in files {
        attach(&mut robin, &request, label, "answer", content).await;
    }

    world.advance(TimeDelta::minutes(1)).await;

    let page = robin.text(&request).await;
    assert_eq!(page.matches("refused and deleted: neither").count(), 4, "{page}");
    assert_eq!(page.matches("refused and deleted: it would do harm").count(), 1);
    assert!(!page.contains("<a href=\"/console/requests/") || !page.contains("being looked at"));
    assert!(objects(&world, "").await.is_empty());
}

#[tokio::test]
async fn a_form_that_is_sent_again_changes_nothing_that_was_looked_at() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let form = begin(&mut robin, &request, "Letter", "answer").await;
    form.send(&world, PDF).await;
    world.advance(TimeDelta::minutes(1)).await;

    assert_eq!(form.send(&world, b"MZ something else").await.0, 303);
    world.advance(TimeDelta::minutes(1)).await;

    let path = file_path(&robin.text(&request).await);
    let handed = robin.get(&path).await.expect(303);
    assert_eq!(world.http.get(handed.header("location")).send().await.unwrap().bytes().await.unwrap(), PDF);
    // A form that nobody sends is forgotten.
    begin(&mut robin, &request, "Never sent", "answer").await;
    world.advance(TimeDelta::minutes(19)).await;
    assert!(robin.text(&request).await.contains("Never sent"));
    world.advance(TimeDelta::minutes(1)).await;
    assert!(!robin.text(&request).await.contains("Never sent"));
}

#[tokio::test]
async fn where_there_is_a_scanner_nothing_is_kept_before_it_has_spoken() {
    let mut setup = Setup::new();
    setup.scanner = Some(Scanner::GuardDuty);
    let world = setup.begin().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    for label in ["Clean", "Infected", "Odd", "Silent"] {
        attach(&mut robin, &request, label, "answer", PDF).await;
    }
    world.advance(TimeDelta::minutes(5)).await;
    assert_eq!(robin.text(&request).await.matches("being looked at").count(), 4);
    assert!(objects(&world, "kept/").await.is_empty());

    // They sort by when they were made.
    let mut keys = objects(&world, "quarantine/").await;
    keys.sort_by_key(|key| key.rsplit('/').next().unwrap().parse::<AttachmentId>().unwrap());
    for (key, verdict) in keys.iter().zip(["NO_THREATS_FOUND", "THREATS_FOUND", "UNSUPPORTED"]) {
        let tag = Tag::builder().key("GuardDutyMalwareScanStatus").value(verdict).build().unwrap();
        let tags = Tagging::builder().tag_set(tag).build().unwrap();
        let s3 = world.stack.app.clients().s3();
        s3.put_object_tagging().bucket(BUCKET).key(key).tagging(tags).send().await.unwrap();
    }
    world.advance(TimeDelta::minutes(1)).await;

    let page = robin.text(&request).await;
    assert_eq!(objects(&world, "kept/").await.len(), 1);
    assert_eq!(page.matches("it would do harm").count(), 1, "{page}");
    assert_eq!(page.matches("the scanner could not look at it").count(), 1);
    assert_eq!(page.matches("being looked at").count(), 1);
    world.advance(TimeDelta::hours(2)).await;
    // Signed out by then.
    let page = Browser::of(&world, "staff-robin").await.text(&request).await;
    assert_eq!(page.matches("the scanner could not look at it").count(), 2);
    assert!(objects(&world, "quarantine/").await.is_empty());
}

#[tokio::test]
async fn files_go_with_whom_they_are_about_and_when_staff_take_them_away() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    for label in ["One", "Two"] {
        attach(&mut robin, &request, label, "answer", PDF).await;
    }
    world.advance(TimeDelta::minutes(1)).await;
    let path = file_path(&robin.text(&request).await);
    robin.post(&format!("{path}/remove"), &[]).await.expect(303);
    robin.get(&path).await.expect(404);
    robin.post(&format!("{path}/remove"), &[]).await.expect(404);
    assert_eq!(objects(&world, "").await.len(), 1);
    attach(&mut robin, &request, "Three", "mandate", PDF).await;

    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    let now = json!({"suggested_purge_time": world.now().to_rfc3339()});
    let purge = format!("/users/v1/person/{alice}/purge");
    send(world.as_admin(Method::POST, &purge).json(&now)).await.expect(202);
    world.drain().await;

    assert!(objects(&world, "").await.is_empty());
    let page = robin.text(&request).await;
    assert!(!page.contains("<h2>Files</h2>"), "{page}");
}
