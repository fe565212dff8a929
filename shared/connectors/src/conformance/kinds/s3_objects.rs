//! S3: the notes of a customer are the objects under a prefix of their own.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::conformance::fixture::{Dump, Fixture, Patience, sorted};
use crate::conformance::gate::Gate;
use crate::conformance::world::{Field, LEAF, Of, Row, Table};
use crate::engine::Clients;
use crate::s3_objects::tests::embedded_at;
use crate::testing::patient;

pub(in crate::conformance) struct S3Objects {
    /// The embedded service keeps buckets as folders and objects as files.
    dir: TempDir,
    gate: Gate,
}

impl S3Objects {
    fn bucket(&self) -> PathBuf {
        self.dir.path().join("uploads")
    }

    /// Where the object of a note is; an object needs to be somebody's.
    fn path(&self, row: &Row) -> Option<PathBuf> {
        let customer = row["customer"].as_str().filter(|customer| !customer.is_empty())?;
        Some(self.bucket().join(key(customer, row)))
    }
}

fn key(customer: &str, row: &Row) -> String {
    format!("users/{customer}/{}", row["note"].as_str().unwrap())
}

fn write(path: &Path, row: &Row) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, row["text"].as_str().unwrap()).unwrap();
}

/// Adds the files under a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

#[async_trait]
impl Fixture for S3Objects {
    const CRASHES: usize = 8;
    // More than a page; each is read by a request of its own.
    const MANY: usize = 1_100;

    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (_, address) = embedded_at(s3s_fs::FileSystem::new(dir.path()).unwrap()).await;
        Self { dir, gate: Gate::to(address).await }
    }

    /// Objects have no fields that lead on.
    fn holds(table: &str) -> bool {
        table == LEAF
    }

    /// What is in the key and in the object of a note are not fields of its row.
    fn fields(table: &Table) -> Vec<Field> {
        let fields = table.fields.iter().filter(|field| !["note", "text"].contains(&field.name)).cloned();
        let own =
            [Field::new("key", Of::Text).category("system.operations"), Field::new("content", Of::Text)];
        fields.chain(own).collect()
    }

    fn shown(_: &Table, row: &Row) -> Row {
        let customer = row["customer"].as_str().unwrap();
        let shown = json!({"customer": customer, "key": key(customer, row)});
        shown.as_object().unwrap().clone()
    }

    fn connection(&self, _: Patience) -> String {
        "{kind: s3_objects, bucket: uploads, key: 'users/{customer}/'}".to_owned()
    }

    fn clients(&self, patience: Patience) -> Clients {
        let address = format!("http://{}", self.gate.address);
        patient("http://127.0.0.1:1", &address, patience == Patience::Short)
    }

    async fn fill(&self, tables: &[&Table]) {
        std::fs::create_dir(self.bucket()).unwrap();
        for row in tables.iter().flat_map(|table| &table.rows) {
            if let Some(path) = self.path(row) {
                write(&path, row);
            }
        }
    }

    async fn put(&self, table: &Table, rows: &[Row]) {
        // Notes may have been somebody else's.
        self.remove(table, rows).await;
        rows.iter().for_each(|row| write(&self.path(row).unwrap(), row));
    }

    async fn remove(&self, _: &Table, rows: &[Row]) {
        let notes: HashSet<&str> = rows.iter().map(|row| row["note"].as_str().unwrap()).collect();
        let mut files = Vec::new();
        walk(&self.bucket(), &mut files);
        for file in files.iter().filter(|file| notes.contains(file.file_name().unwrap().to_str().unwrap())) {
            std::fs::remove_file(file).unwrap();
        }
    }

    async fn dump(&self, tables: &[&Table]) -> Dump {
        let mut files = Vec::new();
        if self.bucket().exists() {
            walk(&self.bucket(), &mut files);
        }
        let object = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap();
            json!({"key": path.strip_prefix(self.bucket()).unwrap().to_str().unwrap(), "text": text})
        };
        let objects: Vec<Value> = files.into_iter().map(object).collect();
        tables.iter().map(|table| (table.name.to_owned(), sorted(objects.clone()))).collect()
    }

    async fn lose(&self) {
        std::fs::remove_dir_all(self.bucket()).unwrap();
    }

    async fn stop(&self) {
        self.gate.shut();
    }

    async fn hang(&self) {
        self.gate.hang();
    }

    async fn mend(&self) {
        self.gate.open();
    }
}
