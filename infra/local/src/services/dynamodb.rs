//! DynamoDB: dynoxide over HTTP, on a SQLite file in the data folder or in memory.

use dynoxide::{Database, storage_backend};
use tokio::net::TcpListener;

use super::{
    Clock, StartError,
    folder::Folder,
    server::{Server, Stopping},
};

/// The database behind the server, kept for what has no place in the protocol.
pub(super) struct DynamoDb {
    database: Database,
}

impl DynamoDb {
    /// Opens the database: the file if there is a folder, else memory.
    ///
    /// Only a database in memory follows our clock; the library offers that for no other kind.
    pub(super) fn open(folder: Option<&Folder>, clock: Clock) -> Result<Self, StartError> {
        let database = match folder {
            None => Database::memory_with_clock(std::sync::Arc::new(Following(clock))),
            Some(folder) => {
                let file = folder.path().join("dynamodb.sqlite");
                let file = file.to_str().ok_or_else(|| StartError::DynamoDb {
                    reason: "the path of the data folder is not Unicode".into(),
                })?;
                Database::new(file)
            }
        };
        let database = database.map_err(|error| StartError::DynamoDb { reason: error.to_string() })?;
        Ok(Self { database })
    }

    /// Serves the database.
    pub(super) fn serve(&self, listener: TcpListener, stopping: Stopping) -> Server {
        let database = self.database.clone();
        Server::spawn(async move {
            // It fails only on a broken listener, and then clients notice first.
            let _ = dynoxide::server::serve_with_shutdown(listener, database, stopping.wait()).await;
        })
    }

    /// The database, for what is read of it beside its protocol.
    pub(super) fn database(&self) -> Database {
        self.database.clone()
    }

    /// Deletes the items whose time to live has passed, and says how many.
    pub(super) async fn sweep(&self) -> Result<usize, SweepError> {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || database.sweep_ttl())
            .await
            .map_err(|error| SweepError(error.to_string()))?
            .map_err(|error| SweepError(error.to_string()))
    }
}

/// Why expired items could not be deleted.
#[derive(Debug, thiserror::Error)]
#[error("expired items cannot be deleted: {0}")]
pub struct SweepError(String);

/// Our clock, as dynoxide wants it.
struct Following(Clock);

impl storage_backend::Clock for Following {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)().timestamp()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        // Exact for any date we meet: microseconds of this century need 52 bits.
        (self.0)().timestamp_micros() as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        Client,
        types::{
            AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
            TimeToLiveSpecification,
        },
    };

    use crate::services::testing::World;

    const NAME: &str = "lethe";

    async fn table(world: &World) -> Client {
        let db = world.dynamodb();
        let (pk, kind) = ("pk", ScalarAttributeType::S);
        db.create_table()
            .table_name(NAME)
            .attribute_definitions(
                AttributeDefinition::builder().attribute_name(pk).attribute_type(kind).build().unwrap(),
            )
            .key_schema(
                KeySchemaElement::builder().attribute_name(pk).key_type(KeyType::Hash).build().unwrap(),
            )
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
        db
    }

    async fn has(db: &Client, pk: &str) -> bool {
        let key = AttributeValue::S(pk.into());
        db.get_item().table_name(NAME).key("pk", key).send().await.unwrap().item.is_some()
    }

    #[tokio::test]
    async fn items_survive_a_restart_and_a_crash() {
        let world = World::kept().await;
        let db = table(&world).await;

        db.put_item().table_name(NAME).item("pk", AttributeValue::S("a".into())).send().await.unwrap();
        assert!(has(&db, "a").await);
        let world = world.restart().await;
        assert!(has(&world.dynamodb(), "a").await);
        let world = world.crash().await;
        assert!(has(&world.dynamodb(), "a").await);
    }

    #[tokio::test]
    async fn expired_items_are_swept() {
        let world = World::new().await;
        let db = table(&world).await;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("until").build().unwrap();
        db.update_time_to_live().table_name(NAME).time_to_live_specification(ttl).send().await.unwrap();
        // The clock of the world stands at 1714564800.
        for (pk, until) in [("old", "1714564799"), ("new", "1714564801")] {
            db.put_item()
                .table_name(NAME)
                .item("pk", AttributeValue::S(pk.into()))
                .item("until", AttributeValue::N(until.into()))
                .send()
                .await
                .unwrap();
        }

        assert_eq!(world.services.sweep_expired().await.unwrap(), 1);

        assert!(!has(&db, "old").await);
        assert!(has(&db, "new").await);
    }
}
