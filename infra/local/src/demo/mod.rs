//! A small shop of our own for whoever has none at hand: people, orders, support messages and uploads in
//! SQLite, DynamoDB and S3, with the data map that leads through them.
//!
//! It is filled once for a data folder and registers its people once. Whatever was purged since, or changed
//! by hand, stays as it is on the next start.
//!
//! | file       | holds                                                       |
//! |------------|-------------------------------------------------------------|
//! | `tables`   | who the people are, and what they ordered, wrote, uploaded  |
//! | `database` | the tables of the shop                                      |
//! | `avatar`   | the pictures of people                                      |

mod avatar;
mod database;
mod tables;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use domain::{
    OrgId, PersonId,
    person::{EMAIL, Person, PersonError},
};
use runtime::{App, Clients};
use store::StoreError;
use tempfile::TempDir;
use uuid::Uuid;

use self::tables::{MESSAGES, Message, PEOPLE, UPLOADS};
use crate::provision::{self, ProvisionError};

/// The data map.
const DATAMAP: &str = include_str!("datamap.yml");
/// Where its datasets are.
const CONNECTIONS: &str = include_str!("connections.yml");
/// The table of support messages.
const MESSAGE_TABLE: &str = "demo-messages";
/// Its index by address.
const EMAIL_INDEX: &str = "by-email";
/// The bucket of uploads.
const UPLOAD_BUCKET: &str = "demo-uploads";
/// Lies in the folder of a demo whose people were registered.
const REGISTERED: &str = "registered";

/// Why the demo could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Its folder cannot be used.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its database cannot be written.
    #[error("the database of the demo cannot be written: {0}")]
    Database(#[from] sqlx::Error),
    /// An embedded service refused.
    #[error("{call}: {reason}")]
    Service {
        /// What was asked of it.
        call: &'static str,
        /// Why it refused.
        reason: String,
    },
    /// Its bucket could not be made.
    #[error(transparent)]
    Bucket(#[from] ProvisionError),
    /// One of its people is not what the ledger takes.
    #[error("a person of the demo cannot be registered: {0}")]
    Person(#[from] PersonError),
    /// The ledger did not answer.
    #[error("the people of the demo cannot be registered: {0}")]
    Ledger(#[from] StoreError),
}

/// Somebody who is in the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoPerson {
    /// By which Lethe knows them.
    pub id: Uuid,
    /// By which the shop knows them.
    pub external_id: &'static str,
    /// First name.
    pub first_name: &'static str,
    /// Last name.
    pub last_name: &'static str,
    /// Address of mail, which is verified.
    pub email: &'static str,
    /// Telephone number.
    pub phone: &'static str,
    number: i64,
    birthday: &'static str,
    address: i64,
    joined_on: &'static str,
}

/// A demo that has been filled.
pub(crate) struct Demo {
    folder: PathBuf,
    // Of a stack that keeps nothing.
    _temporary: Option<TempDir>,
}

impl Demo {
    /// Fills the demo of a data folder, unless it was filled before; without one, in a temporary folder.
    pub(crate) async fn fill(data: Option<&Path>, clients: &Clients) -> Result<Self, DemoError> {
        let (data, temporary) = match data {
            Some(data) => (data.to_owned(), None),
            None => {
                let temporary = TempDir::new().map_err(folder_error(&std::env::temp_dir()))?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let folder = data.join("demo");
        if !folder.is_dir() {
            // All else can be written again and again; that the folder appears with its last step says
            // that everything is there.
            messages(clients).await?;
            uploads(clients).await?;
            let draft = data.join("demo.draft");
            if draft.exists() {
                fs::remove_dir_all(&draft).map_err(folder_error(&draft))?;
            }
            fs::create_dir_all(&draft).map_err(folder_error(&draft))?;
            for (name, text) in [("datamap.yml", DATAMAP), ("connections.yml", CONNECTIONS)] {
                let file = draft.join(name);
                fs::write(&file, text).map_err(folder_error(&file))?;
            }
            database::fill(&draft.join("shop.sqlite")).await?;
            fs::rename(&draft, &folder).map_err(folder_error(&folder))?;
        }
        Ok(Self { folder, _temporary: temporary })
    }

    /// Its data map.
    pub(crate) fn datamap(&self) -> PathBuf {
        self.folder.join("datamap.yml")
    }

    /// Its connections file.
    pub(crate) fn connections(&self) -> PathBuf {
        self.folder.join("connections.yml")
    }

    /// Registers its people, unless that was done before: who was purged since must not come back.
    ///
    /// To be called before anybody can purge.
    pub(crate) async fn register(&self, app: &App, org: OrgId) -> Result<(), DemoError> {
        let done = self.folder.join(REGISTERED);
        if done.exists() {
            return Ok(());
        }
        let ledger = app.ledger(org);
        for person in &PEOPLE {
            let id = PersonId::from(person.id);
            let key = ledger.key_of(&id).await?;
            if ledger.knows(key).await? {
                continue;
            }
            let identities =
                [(EMAIL, person.email), ("phone_number", person.phone), ("external_id", person.external_id)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
            let person = Person::new(id, app.now()).with_identities(
                identities.into(),
                [EMAIL.to_owned()].into(),
                [].into(),
            )?;
            ledger.put_person(key, &person, None).await?;
        }
        fs::write(&done, "").map_err(folder_error(&done))
    }

    /// Its people whom the ledger knows still.
    pub(crate) async fn people(&self, app: &App, org: OrgId) -> Result<Vec<DemoPerson>, DemoError> {
        let ledger = app.ledger(org);
        let mut people = Vec::new();
        for person in PEOPLE {
            let key = ledger.key_of(&PersonId::from(person.id)).await?;
            if ledger.knows(key).await? {
                people.push(person);
            }
        }
        Ok(people)
    }
}

fn folder_error(path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    move |source| DemoError::Folder { path: path.to_owned(), source }
}

fn service_error<E: std::error::Error>(call: &'static str) -> impl Fn(E) -> DemoError {
    move |error| {
        // The error of a client says little; what it comes from says what is wrong.
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let reason = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        DemoError::Service { call, reason }
    }
}

/// Makes the table of support messages and writes them.
async fn messages(clients: &Clients) -> Result<(), DemoError> {
    let built = |error: aws_sdk_dynamodb::error::BuildError| DemoError::Service {
        call: "CreateTable",
        reason: error.to_string(),
    };
    let attribute = |name: &str, of_type: ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(of_type).build().map_err(built)
    };
    let key = |name: &str, of_type: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(of_type).build().map_err(built)
    };
    let by_email = GlobalSecondaryIndex::builder()
        .index_name(EMAIL_INDEX)
        .key_schema(key("email", KeyType::Hash)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(built)?;
    let created = clients
        .dynamodb()
        .create_table()
        .table_name(MESSAGE_TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("customer_id", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("sent_at", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("email", ScalarAttributeType::S)?)
        .key_schema(key("customer_id", KeyType::Hash)?)
        .key_schema(key("sent_at", KeyType::Range)?)
        .global_secondary_indexes(by_email)
        .send()
        .await;
    if let Err(error) = created {
        let error = error.into_service_error();
        if !error.is_resource_in_use_exception() {
            return Err(DemoError::Service { call: "CreateTable", reason: error.to_string() });
        }
    }
    for Message { customer, email, sent_at, subject, body } in MESSAGES {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        clients
            .dynamodb()
            .put_item()
            .table_name(MESSAGE_TABLE)
            .item("customer_id", AttributeValue::N(customer.to_string()))
            .item("sent_at", text(sent_at))
            .item("email", text(email))
            .item("subject", text(subject))
            .item("body", text(body))
            .send()
            .await
            .map_err(service_error("PutItem"))?;
    }
    Ok(())
}

/// Makes the bucket of uploads and fills everybody's folder.
async fn uploads(clients: &Clients) -> Result<(), DemoError> {
    provision::bucket(clients, UPLOAD_BUCKET).await?;
    let put = async |key: String, content_type: &str, body: Vec<u8>| {
        let put = clients.s3().put_object().bucket(UPLOAD_BUCKET).key(key).content_type(content_type);
        put.body(ByteStream::from(body)).send().await.map_err(service_error("PutObject"))
    };
    for person in &PEOPLE {
        let folder = format!("users/{}", person.external_id);
        put(format!("{folder}/avatar.png"), "image/png", avatar::png(person.external_id)).await?;
        for (_, name, text) in UPLOADS.iter().filter(|(owner, ..)| *owner == person.number) {
            put(format!("{folder}/{name}"), "text/plain; charset=utf-8", text.as_bytes().to_vec()).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::datamap::DataMap;

    use super::*;
    use crate::demo::tables::{ADDRESSES, ORDERS, PRODUCTS};

    #[test]
    fn the_data_map_can_be_read() {
        let map = DataMap::load([("datamap.yml", DATAMAP)]).map_err(|errors| errors.to_string());

        assert_eq!(map.unwrap().identity_names(), ["email", "external_id", "phone_number"]);
    }

    #[test]
    fn whatever_the_tables_refer_to_is_in_them() {
        let numbers: BTreeSet<i64> = PEOPLE.iter().map(|person| person.number).collect();
        let addresses: BTreeSet<i64> = ADDRESSES.iter().map(|address| address.0).collect();
        let products: BTreeSet<i64> = PRODUCTS.iter().map(|product| product.0).collect();
        let emails: BTreeSet<&str> = PEOPLE.iter().map(|person| person.email).collect();

        assert_eq!(numbers.len(), PEOPLE.len());
        for person in &PEOPLE {
            assert!(addresses.contains(&person.address), "{person:?}");
            assert_eq!(person.external_id, format!("c-{}", person.number));
            assert!(UPLOADS.iter().any(|upload| upload.0 == person.number), "{person:?}");
        }
        for order in &ORDERS {
            assert!(numbers.contains(&order.customer), "{}", order.placed_at);
            assert!(order.to.is_none_or(|to| addresses.contains(&to)), "{}", order.placed_at);
            assert!(order.lines.iter().all(|line| products.contains(&line.0)), "{}", order.placed_at);
        }
        assert!(ORDERS.is_sorted_by_key(|order| order.placed_at));
        for message in &MESSAGES {
            let owner = PEOPLE.iter().find(|person| person.email == message.email);
            let signed_in = message.customer != 0;
            assert!(emails.contains(message.email), "{}", message.sent_at);
            assert!(!signed_in || owner.is_some_and(|owner| owner.number == message.customer));
        }
    }
}
