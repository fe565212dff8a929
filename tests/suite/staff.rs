//! A browser with somebody of the staff at it: cookies, forms, and the provider of local mode.

use std::collections::BTreeMap;

use local::STAFF;
use reqwest::{Method, RequestBuilder};
use url::Url;

use crate::world::{Reply, World, send};

/// A browser without scripts.
pub(crate) struct Browser<'a> {
    pub(crate) world: &'a World,
    pub(crate) cookies: BTreeMap<String, String>,
    /// What the forms of a session carry, with the cookies of that session.
    form_token: Option<(BTreeMap<String, String>, String)>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, cookies: BTreeMap::new(), form_token: None }
    }

    /// Somebody of the demo's staff, signed in.
    pub(crate) async fn of(world: &'a World, sub: &str) -> Self {
        let mut browser = Self::new(world);
        browser.sign_in(sub, "/console").await;
        browser
    }

    /// A call with the browser's cookies.
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = self.world.call(method, path);
        if cookies.is_empty() { call } else { call.header("cookie", cookies.join("; ")) }
    }

    /// Keeps the cookies of an answer.
    fn keep(&mut self, reply: &Reply) {
        for cookie in reply.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(name.starts_with("__Host-"), "{name}");
            for wanted in [" Path=/;", " Secure;", " HttpOnly;"] {
                assert!(attributes.contains(wanted), "{attributes}");
            }
            assert!(attributes.ends_with("SameSite=Lax") && !attributes.contains("Domain"), "{attributes}");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let reply = send(self.call(Method::GET, path)).await;
        self.keep(&reply);
        reply
    }

    /// Sends a form without the proof that it is ours.
    pub(crate) async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = send(self.call(Method::POST, path).form(fields)).await;
        self.keep(&reply);
        reply
    }

    /// Sends a form as a page of this session would.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = self.form_token().await;
        let mut fields = fields.to_vec();
        fields.push(("form_token", &token));
        self.post_bare(path, &fields).await
    }

    /// What the forms of this session carry.
    pub(crate) async fn form_token(&mut self) -> String {
        match &self.form_token {
            Some((cookies, token)) if *cookies == self.cookies => token.clone(),
            Some(_) | None => {
                let page = self.text("/console").await;
                let token = field(&page, "form_token");
                self.form_token = Some((self.cookies.clone(), token.clone()));
                token
            }
        }
    }

    /// A page that there is.
    pub(crate) async fn text(&mut self, path: &str) -> String {
        let reply = self.get(path).await.expect(200);
        String::from_utf8(reply.bytes).unwrap()
    }

    /// Goes to the provider and picks somebody: the address that leads back.
    pub(crate) async fn leave(&mut self, sub: &str, next: &str) -> String {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let leaving = self.get(&format!("/console/sign-in?next={next}")).await.expect(303);
        let asked = Url::parse(leaving.header("location")).unwrap();
        let asked: BTreeMap<String, String> = asked.query_pairs().into_owned().collect();
        assert_eq!((&*asked["code_challenge_method"], &*asked["response_type"]), ("S256", "code"));
        let chosen = [
            ("sub", sub),
            ("redirect_uri", &asked["redirect_uri"]),
            ("state", &asked["state"]),
            ("nonce", &asked["nonce"]),
            ("code_challenge", &asked["code_challenge"]),
        ];
        let back =
            self.world.call(Method::POST, "/_local/oidc/authorize").form(&chosen).send().await.unwrap();
        let back = back.headers()["location"].to_str().unwrap().to_owned();
        back.strip_prefix(&self.world.stack.gateway).unwrap().to_owned()
    }

    /// Signs in, and gives where that leads.
    pub(crate) async fn sign_in(&mut self, sub: &str, next: &str) -> String {
        assert!(STAFF.iter().any(|staff| staff.sub == sub), "{sub}");
        let back = self.leave(sub, next).await;
        let arrived = self.get(&back).await.expect(303);
        arrived.header("location").to_owned()
    }
}

/// The value of the first hidden field of this name.
pub(crate) fn field(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}
