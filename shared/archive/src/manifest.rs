//! What is in the archive, for machines: the contents of `manifest.json`.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Files about the records, by name.
pub(crate) type Documents = Vec<(String, Vec<u8>)>;

/// What the manifest says beside what was counted.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The program that made the archive, with its version.
    pub generator: String,
    /// The version of the data map that it followed.
    pub data_map: String,
    /// What the data map says about the collections that were searched. One that held nothing
    /// is listed too: that nothing was found is an answer.
    pub collections: Vec<About>,
}

/// What the data map says about one collection.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// `dataset:collection`, as given to [`Archive::record`](crate::Archive::record).
    pub collection: String,
    /// What it holds, for people.
    pub description: Option<String>,
    /// Categories of personal data, such as `user.contact.email`.
    pub categories: Vec<String>,
    /// What it is used for.
    pub purposes: Vec<String>,
    /// The JSON Schema of its records, which becomes a file of the archive.
    pub schema: Option<Vec<u8>>,
    /// Where the data comes from: provided, observed, derived or inferred.
    pub origin: Option<String>,
    /// Origins of single fields, where they differ from the collection's.
    pub field_origins: BTreeMap<String, String>,
}

/// What is in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Version of this format.
    pub schema_version: u32,
    /// The program that made the archive.
    pub generator: String,
    /// When the archive was begun.
    pub created_at: DateTime<Utc>,
    /// Version of the data map.
    pub data_map: String,
    /// Collections with data in the order of their numbers, then those without any.
    pub collections: Vec<Collection>,
}

/// What the archive holds of one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// `dataset:collection`.
    pub collection: String,
    /// What it holds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Categories of personal data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// What it is used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
    /// Where the data comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Origins of single fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub field_origins: BTreeMap<String, String>,
    /// Records in all files together.
    pub records: u64,
    /// Files of records, one JSON document a line.
    pub files: Vec<File>,
    /// The JSON Schema of the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Document>,
    /// The same records as tables, one file for each of the files, if that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub csv: Vec<File>,
    /// Attachments, each a file of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Name in the archive.
    pub name: String,
    /// Lines.
    pub records: u64,
    /// Length when unpacked.
    pub bytes: u64,
    /// SHA-256 of the unpacked file, in hexadecimal.
    pub sha256: String,
}

/// A file about the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Name in the archive.
    pub name: String,
    /// Length when unpacked.
    pub bytes: u64,
    /// SHA-256 of the unpacked file, in hexadecimal.
    pub sha256: String,
}

/// A file that a collection refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Name in the archive.
    pub name: String,
    /// What it was called where it came from.
    pub original_name: String,
    /// Length when unpacked.
    pub bytes: u64,
    /// SHA-256 of the unpacked file, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Version of the format that is written.
    pub const SCHEMA_VERSION: u32 = 1;

    /// The manifest, and the files that it names beside those that were counted.
    pub(crate) fn new(
        created_at: DateTime<Utc>,
        counted: Vec<Collection>,
        facts: Facts,
    ) -> (Self, Documents) {
        let mut collections = counted;
        let mut documents = Vec::new();
        for about in facts.collections {
            let known = collections.iter().position(|collection| collection.collection == about.collection);
            let at = known.unwrap_or_else(|| {
                collections
                    .push(Collection { collection: about.collection.clone(), ..Collection::default() });
                collections.len() - 1
            });
            let collection = &mut collections[at];
            collection.description = about.description;
            collection.categories = about.categories;
            collection.purposes = about.purposes;
            collection.origin = about.origin;
            collection.field_origins = about.field_origins;
            if let Some(schema) = about.schema {
                let name = format!("schema/{:02}.json", at + 1);
                let sha256 = hex::encode(digest(&SHA256, &schema));
                let bytes = schema.len() as u64;
                collection.schema = Some(Document { name: name.clone(), bytes, sha256 });
                documents.push((name, schema));
            }
        }
        let manifest = Self {
            schema_version: Self::SCHEMA_VERSION,
            generator: facts.generator,
            created_at,
            data_map: facts.data_map,
            collections,
        };
        (manifest, documents)
    }

    /// Records of all collections together.
    pub fn records(&self) -> u64 {
        self.collections.iter().map(|collection| collection.records).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_searched_collection_without_data_is_listed() {
        let counted =
            vec![Collection { collection: "shop:orders".into(), records: 2, ..Collection::default() }];
        let about = |collection: &str| About {
            collection: collection.into(),
            description: Some(format!("About {collection}")),
            schema: Some(b"{}".to_vec()),
            ..About::default()
        };
        let facts = Facts { collections: vec![about("crm:notes"), about("shop:orders")], ..Facts::default() };

        let (manifest, documents) = Manifest::new(DateTime::UNIX_EPOCH, counted, facts);

        let told: Vec<_> = manifest
            .collections
            .iter()
            .map(|collection| {
                (collection.collection.as_str(), collection.records, collection.description.as_deref())
            })
            .collect();
        assert_eq!(
            told,
            [("shop:orders", 2, Some("About shop:orders")), ("crm:notes", 0, Some("About crm:notes"))]
        );
        let names: Vec<_> = documents.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["schema/02.json", "schema/01.json"]);
        assert_eq!(manifest.collections[1].schema.as_ref().map(|it| it.name.as_str()), Some(names[0]));
    }
}
