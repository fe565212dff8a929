//! The connections file: for each dataset, the kind of its store and where that is.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::datamap::yaml::{Mapping, Node};
use domain::datamap::{At, DataMap, MapErrors};

use crate::http;
use crate::s3_objects::{Template, Whose};
use crate::sql::{Server, is_address};

/// Where every dataset's store is.
#[derive(Debug)]
pub struct Connections {
    list: Vec<Connection>,
}

/// Where one dataset's store is.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) at: At,
    pub(crate) dataset: String,
    pub(crate) kind: Kind,
}

/// A kind of store with its settings.
#[derive(Debug)]
pub(crate) enum Kind {
    Sqlite { path: PathBuf },
    Postgres(Server),
    MySql(Server),
    DynamoDb,
    S3Objects { bucket: String, whose: Whose },
    Http(http::Settings),
}

/// Kinds of the format that are still to come.
const LATER: [&str; 1] = ["lake"];

impl Connections {
    /// Reads the connections file `file` with this `text`.
    ///
    /// Relative paths start at `base_dir`; `${NAME}` in any setting is taken from `env`.
    ///
    /// # Errors
    /// Everything that is wrong in the file, with its line.
    pub fn load(
        file: &str,
        text: &str,
        base_dir: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, MapErrors> {
        let tree = Node::parse(file, text)?;
        let mut errors = MapErrors::default();
        let top = tree.map("a connections file", &mut errors);
        let Some(node) = top.get("connections") else {
            errors.push(&tree.at, "a connections file has no mapping `connections`");
            return errors.or(Self { list: Vec::new() });
        };
        let mut list = Vec::new();
        for (key, node) in node.map("connections", &mut errors).iter() {
            let settings = Settings {
                map: node.map("a connection", &mut errors),
                at: &key.at,
                env,
                errors: &mut errors,
            };
            if let Some(kind) = settings.kind(base_dir) {
                list.push(Connection { at: key.at.clone(), dataset: key.name.clone(), kind });
            }
        }
        errors.or(Self { list })
    }

    /// Checks that every dataset of `map` has a connection, and the reverse.
    ///
    /// # Errors
    /// The datasets and connections that lack their other half.
    pub fn check(&self, map: &DataMap) -> Result<(), MapErrors> {
        let mut errors = MapErrors::default();
        for dataset in &map.datasets {
            if self.of(&dataset.key).is_none() {
                errors.push(&dataset.at, format!("the dataset `{}` has no connection", dataset.key));
            }
        }
        for connection in &self.list {
            if map.dataset(&connection.dataset).is_none() {
                errors.push(
                    &connection.at,
                    format!("the connection `{}` belongs to no dataset", connection.dataset),
                );
            }
        }
        errors.or(())
    }

    pub(crate) fn of(&self, dataset: &str) -> Option<&Connection> {
        self.list.iter().find(|connection| connection.dataset == dataset)
    }
}

struct Settings<'a> {
    map: Mapping<'a>,
    at: &'a At,
    env: &'a dyn Fn(&str) -> Option<String>,
    errors: &'a mut MapErrors,
}

impl Settings<'_> {
    fn kind(mut self, base_dir: &Path) -> Option<Kind> {
        let kind = self.text("kind")?;
        match kind.as_str() {
            "sqlite" => {
                self.only(&["kind", "path"]);
                let path = self.text("path")?;
                Some(Kind::Sqlite { path: base_dir.join(path) })
            }
            "postgres" => self.server(&["postgres", "postgresql"]).map(Kind::Postgres),
            "mysql" => self.server(&["mysql", "mariadb"]).map(Kind::MySql),
            "dynamodb" => {
                self.only(&["kind"]);
                Some(Kind::DynamoDb)
            }
            "s3_objects" => {
                self.only(&["kind", "bucket", "key", "prefix", "tag"]);
                let (bucket, whose) = (self.text("bucket"), self.whose());
                Some(Kind::S3Objects { bucket: bucket?, whose: whose? })
            }
            "http" => self.http(base_dir).map(Kind::Http),
            later if LATER.contains(&later) => {
                self.refuse_kind(&format!("the kind `{later}` is not supported yet by this build"));
                None
            }
            other => {
                self.refuse_kind(&format!(
                    "unknown kind `{other}`; expected one of: sqlite, postgres, mysql, dynamodb, s3_objects, http, {}",
                    LATER.join(", ")
                ));
                None
            }
        }
    }

    /// A database server, by its address or by a secret that says where and who.
    fn server(&mut self, schemes: &[&str]) -> Option<Server> {
        self.only(&["kind", "url", "secret", "statement_timeout", "connections"]);
        let (has_url, has_secret) = (self.map.get("url").is_some(), self.map.get("secret").is_some());
        let url = if has_url || !has_secret { Some(self.text("url")?) } else { None };
        if url.as_deref().is_some_and(|url| !is_address(url, schemes)) {
            self.refuse(
                "url",
                &format!("url must be an address such as `{}://user@host/database`", schemes[0]),
            );
        }
        let secret = if has_secret { Some(self.text("secret")?) } else { None };
        let timeout = self.number("statement_timeout", 30, 1..=3600)?;
        // One to read from while the other one writes.
        let connections = self.number("connections", 4, 2..=100)?;
        Some(Server { url, secret, statement_timeout: Duration::from_secs(timeout.into()), connections })
    }

    /// The whole number under `key`, within these bounds.
    fn number(&mut self, key: &str, usual: u32, bounds: RangeInclusive<u32>) -> Option<u32> {
        if self.map.get(key).is_none() {
            return Some(usual);
        }
        let number = self.text(key)?.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = (bounds.start(), bounds.end());
            self.refuse(key, &format!("{key} must be a whole number from {least} to {most}"));
        }
        number
    }

    fn http(&mut self, base_dir: &Path) -> Option<http::Settings> {
        self.only(&["kind", "base_url", "secret", "ca", "allow_private", "allow_loopback"]);
        let reach = http::Reach {
            private: self.map.flag("allow_private", self.errors),
            loopback: self.map.flag("allow_loopback", self.errors),
        };
        // There, the next process on this address is the platform's own, which hands out all calls.
        if reach.loopback && (self.env)("AWS_LAMBDA_RUNTIME_API").is_some() {
            self.refuse("allow_loopback", "allow_loopback is for local mode and not for Lambda");
        }
        let base = self.text("base_url").and_then(|base| match http::BaseUrl::parse(&base, reach) {
            Ok(base) => Some(base),
            Err(reason) => {
                self.refuse("base_url", &reason);
                None
            }
        });
        let secret = self.text("secret");
        let ca = if self.map.get("ca").is_some() { Some(base_dir.join(self.text("ca")?)) } else { None };
        Some(http::Settings { base: base?, secret: secret?, ca, reach })
    }

    /// How a person's objects are told: by `key`, or by `tag` and perhaps `prefix`.
    fn whose(&mut self) -> Option<Whose> {
        let (key, tag) = (self.map.get("key"), self.map.get("tag"));
        let Some(tag) = tag else {
            if let Some(prefix) = self.map.get("prefix") {
                self.errors.push(&prefix.at, "prefix goes with a tag; a key holds its own");
            }
            let key = self.text("key")?;
            return self.template("key", Template::key(&key)).map(Whose::Key);
        };
        if let Some(key) = key {
            self.errors.push(&key.at, "objects are told either by key or by tag");
        }
        let tags = tag.map("tag", self.errors);
        let mut tags = tags.iter();
        let (Some((name, value)), None) = (tags.next(), tags.next()) else {
            self.errors.push(&tag.at, "tag must have one entry, such as `person: \"{external_id}\"`");
            return None;
        };
        let value = value.text("tag", self.errors)?;
        let value = self.template("tag", Template::tag(&value))?;
        let prefix = match self.map.get("prefix") {
            Some(_) => self.text("prefix")?,
            None => String::new(),
        };
        Some(Whose::Tag { prefix, name: name.name.clone(), value })
    }

    fn template(&mut self, setting: &str, template: Result<Template, String>) -> Option<Template> {
        template
            .map_err(|reason| {
                let at = self.map.get(setting).map_or(self.at, |node| &node.at);
                self.errors.push(at, reason);
            })
            .ok()
    }

    fn refuse_kind(&mut self, reason: &str) {
        self.refuse("kind", reason);
    }

    fn refuse(&mut self, key: &str, reason: &str) {
        let at = self.map.get(key).map_or(self.at, |node| &node.at);
        self.errors.push(at, reason);
    }

    fn only(&mut self, known: &[&str]) {
        self.map.only(known, "a connection of this kind", self.errors);
    }

    /// The text under `key`, which must be there, with its variables expanded.
    fn text(&mut self, key: &str) -> Option<String> {
        let Some(node) = self.map.get(key) else {
            self.errors.push(self.at, format!("the connection has no {key}"));
            return None;
        };
        let text = node.text(key, self.errors)?;
        match expand(&text, self.env) {
            Ok(text) if text.is_empty() => {
                self.errors.push(&node.at, format!("{key} must not be empty"));
                None
            }
            Ok(text) => Some(text),
            Err(reason) => {
                self.errors.push(&node.at, reason);
                None
            }
        }
    }
}

/// Puts the values of variables in place of `${NAME}`.
fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            return Err("a `${` is not closed".to_owned());
        };
        let value = env(name).ok_or_else(|| format!("the variable {name} is not set"))?;
        expanded.push_str(&value);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Connections, String> {
        let env = |name: &str| (name == "FILE").then(|| "shop.sqlite".to_owned());
        Connections::load("connections.yml", text, Path::new("/data"), &env)
            .map_err(|errors| errors.to_string())
    }

    fn refused(settings: &str, reason: &str) {
        let text = format!("connections:\n  shop:\n{settings}");
        assert_eq!(load(&text).unwrap_err(), reason, "{text}");
    }

    #[test]
    fn paths_are_relative_to_the_file_and_variables_are_expanded() {
        let text = "connections:\n  shop:\n    kind: sqlite\n    path: ${FILE}\n";
        let connections = load(text).unwrap();

        let Kind::Sqlite { path } = &connections.of("shop").unwrap().kind else {
            panic!("not sqlite");
        };
        assert_eq!(path, Path::new("/data/shop.sqlite"));
        assert_eq!(connections.of("shop").unwrap().at.line, 2);
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_line() {
        refused("    path: a\n", "connections.yml:2: the connection has no kind");
        refused("    kind: sqlite\n", "connections.yml:2: the connection has no path");
        refused(
            "    kind: sqlite\n    path: ${HOME_OF_NOBODY}\n",
            "connections.yml:4: the variable HOME_OF_NOBODY is not set",
        );
        refused("    kind: sqlite\n    path: ${FILE\n", "connections.yml:4: a `${` is not closed");
        refused("    kind: sqlite\n    path: [a]\n", "connections.yml:4: path must be text");
        refused(
            "    kind: sqlite\n    path: a\n    pth: b\n",
            "connections.yml:5: a connection of this kind has no setting `pth`; expected one of: kind, path",
        );
        refused(
            "    kind: oracle\n",
            "connections.yml:3: unknown kind `oracle`; expected one of: sqlite, postgres, mysql, \
             dynamodb, s3_objects, http, lake",
        );
        for kind in LATER {
            refused(
                &format!("    kind: {kind}\n"),
                &format!("connections.yml:3: the kind `{kind}` is not supported yet by this build"),
            );
        }
        refused(
            "    kind: s3_objects\n    bucket: uploads\n    key: users/\n",
            "connections.yml:5: key must hold one identity, such as `users/{external_id}/`",
        );
        let objects = "    kind: s3_objects\n    bucket: uploads\n";
        for (settings, reason) in [
            ("    key: 'a/{id}/'\n    prefix: a/\n", "6: prefix goes with a tag; a key holds its own"),
            ("    key: 'a/{id}/'\n    tag: {p: '{id}'}\n", "5: objects are told either by key or by tag"),
            ("    tag: {p: id}\n", "5: tag must hold one identity, such as `{external_id}`"),
            (
                "    tag: {p: '{id}', q: x}\n",
                "5: tag must have one entry, such as `person: \"{external_id}\"`",
            ),
            ("    prefix: a/\n", "5: prefix goes with a tag; a key holds its own"),
        ] {
            let text = format!("connections:\n  shop:\n{objects}{settings}");
            let refused = load(&text).unwrap_err();
            assert_eq!(
                refused.lines().find(|line| line.ends_with(reason)),
                Some(&*format!("connections.yml:{reason}"))
            );
        }
        assert_eq!(
            load("stores: {}\n").unwrap_err(),
            "connections.yml:1: a connections file has no mapping `connections`"
        );
    }

    #[test]
    fn a_service_is_reached_by_https_and_knows_its_bounds() {
        let service = |settings: &str| format!("    kind: http\n    secret: key\n{settings}");
        refused(
            &service("    base_url: http://crm.example\n"),
            "connections.yml:5: base_url must begin with https://",
        );
        refused(
            &service("    base_url: https://10.0.0.1\n"),
            "connections.yml:5: base_url has an address of a private network, which needs `allow_private: true`",
        );
        refused(
            &service("    base_url: https://crm.example\n    allow_private: 'yes'\n"),
            "connections.yml:6: allow_private must be true or false",
        );
        refused(
            "    kind: http\n    base_url: https://crm.example\n",
            "connections.yml:2: the connection has no secret",
        );
        refused(
            &service("    base_url: https://crm.example\n    timeout: 3\n"),
            "connections.yml:6: a connection of this kind has no setting `timeout`; expected one of: \
             kind, base_url, secret, ca, allow_private, allow_loopback",
        );
        let text =
            service("    base_url: https://crm.example/lethe\n    ca: ca.pem\n    allow_private: true\n");
        let connections = load(&format!("connections:\n  crm:\n{text}")).unwrap();
        let Kind::Http(settings) = &connections.of("crm").unwrap().kind else { panic!("not http") };
        assert_eq!(settings.ca.as_deref(), Some(Path::new("/data/ca.pem")));
        assert_eq!(settings.reach, http::Reach { private: true, loopback: false });
    }

    #[test]
    fn nothing_on_lambda_leads_back_to_its_own_runtime() {
        let text = "connections:\n  crm:\n    kind: http\n    secret: key\n    \
                    base_url: http://127.0.0.1:9001\n    allow_loopback: true\n";
        let lambda = |name: &str| (name == "AWS_LAMBDA_RUNTIME_API").then(|| "127.0.0.1:9001".to_owned());

        let refused = Connections::load("connections.yml", text, Path::new("/"), &lambda).unwrap_err();

        assert_eq!(
            refused.to_string(),
            "connections.yml:6: allow_loopback is for local mode and not for Lambda"
        );
        assert!(load(text).is_ok());
    }

    #[test]
    fn a_server_has_an_address_or_a_secret_and_limits() {
        let text = "connections:\n  a: {kind: postgres, url: 'postgresql://u:${FILE}@h/d?sslmode=require'}\n  \
                    b: {kind: mysql, secret: shop/db, statement_timeout: 5, connections: 2}\n";
        let connections = load(text).unwrap();
        let (Kind::Postgres(a), Kind::MySql(b)) =
            (&connections.of("a").unwrap().kind, &connections.of("b").unwrap().kind)
        else {
            panic!("other kinds");
        };
        assert_eq!(a.url.as_deref(), Some("postgresql://u:shop.sqlite@h/d?sslmode=require"));
        assert_eq!((a.statement_timeout.as_secs(), a.connections), (30, 4));
        assert_eq!((b.secret.as_deref(), b.url.as_deref()), (Some("shop/db"), None));
        assert_eq!((b.statement_timeout.as_secs(), b.connections), (5, 2));
        assert!(!format!("{connections:?}").contains("shop.sqlite"));

        refused("    kind: postgres\n", "connections.yml:2: the connection has no url");
        for (settings, reason) in [
            ("url: mysql://h/d", "4: url must be an address such as `postgres://user@host/database`"),
            ("url: h", "4: url must be an address such as `postgres://user@host/database`"),
            (
                "secret: s\n    statement_timeout: 0",
                "5: statement_timeout must be a whole number from 1 to 3600",
            ),
            ("secret: s\n    connections: 1", "5: connections must be a whole number from 2 to 100"),
        ] {
            let settings = format!("    kind: postgres\n    {settings}\n");
            refused(&settings, &format!("connections.yml:{reason}"));
        }
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let text = "connections:\n  a: {kind: x}\n  b: {kind: sqlite}\n  c: {kind: lake}\n";

        assert_eq!(load(text).unwrap_err().lines().count(), 3);
    }

    #[test]
    fn datasets_and_connections_need_each_other() {
        let map = DataMap::load([(
            "map.yml",
            "dataset:\n  - fides_key: shop\n    collections:\n      - name: a\n        fields:\n          \
             - {name: email, fides_meta: {identity: email}}\n",
        )])
        .unwrap();
        let connections = load("connections:\n  other: {kind: dynamodb}\n").unwrap();

        assert_eq!(
            connections.check(&map).unwrap_err().to_string(),
            "map.yml:2: the dataset `shop` has no connection\n\
             connections.yml:2: the connection `other` belongs to no dataset"
        );
    }
}
