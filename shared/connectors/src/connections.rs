//! The connections file: for each dataset, the kind of its store and where that is.

use std::path::{Path, PathBuf};

use domain::datamap::yaml::{Mapping, Node};
use domain::datamap::{At, DataMap, MapErrors};

use crate::s3_objects::Template;

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
    DynamoDb,
    S3Objects { bucket: String, key: Template },
}

/// Kinds of the format that are still to come.
const LATER: [&str; 4] = ["postgres", "mysql", "lake", "http"];

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
            "dynamodb" => {
                self.only(&["kind"]);
                Some(Kind::DynamoDb)
            }
            "s3_objects" => {
                self.only(&["kind", "bucket", "key"]);
                let (bucket, key) = (self.text("bucket"), self.text("key"));
                let key = match Template::parse(&key?) {
                    Ok(template) => template,
                    Err(reason) => {
                        let at = self.map.get("key").map_or(self.at, |node| &node.at);
                        self.errors.push(at, reason);
                        return None;
                    }
                };
                Some(Kind::S3Objects { bucket: bucket?, key })
            }
            later if LATER.contains(&later) => {
                self.refuse_kind(&format!("the kind `{later}` is not supported yet by this build"));
                None
            }
            other => {
                self.refuse_kind(&format!(
                    "unknown kind `{other}`; expected one of: sqlite, dynamodb, s3_objects, {}",
                    LATER.join(", ")
                ));
                None
            }
        }
    }

    fn refuse_kind(&mut self, reason: &str) {
        let at = self.map.get("kind").map_or(self.at, |node| &node.at);
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
            "connections.yml:3: unknown kind `oracle`; expected one of: sqlite, dynamodb, s3_objects, \
             postgres, mysql, lake, http",
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
        assert_eq!(
            load("stores: {}\n").unwrap_err(),
            "connections.yml:1: a connections file has no mapping `connections`"
        );
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let text = "connections:\n  a: {kind: x}\n  b: {kind: sqlite}\n  c: {kind: http}\n";

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
