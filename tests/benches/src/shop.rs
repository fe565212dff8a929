//! The shop: its map, its people, and what is known of them beforehand.

use std::sync::Arc;

use aws_sdk_dynamodb::config::BehaviorVersion;
use connectors::{Clients, Connections, Engine, NoSecrets, Order};
use domain::datamap::{Category, DataMap, Identities, Masker, Masking};
use domain::policy::Policy;
use servers::Postgres;

use crate::Failure;

const SCHEMA: &str = include_str!("../shop.sql");
const MAP: &str = include_str!("../shop.yml");
const CONNECTIONS: &str = "connections:\n  shop: {kind: postgres, url: \"${SHOP_URL}\"}\n";

/// What an erasure masks.
const TARGETS: [&str; 3] = ["user.name", "user.financial", "user.contact.address"];

/// How many small people the shop has.
pub const SMALL_PEOPLE: u32 = 2000;
/// The customer id of the large person; theirs are all ids from here on.
const LARGE: u32 = 10_000_000;

/// Somebody in the shop.
#[derive(Clone, Copy)]
pub enum Person {
    /// The one with this customer id, of [`SMALL_PEOPLE`].
    Small(u32),
    /// The one with this many rows.
    Large(u32),
}

impl Person {
    /// The person that a worker is told by [`Person::name`].
    ///
    /// # Errors
    /// If it is nobody's name.
    pub fn parse(name: &str) -> Result<Self, Failure> {
        let (kind, number) = name.split_once('-').ok_or("a person is small-<id> or large-<rows>")?;
        match kind {
            "small" => Ok(Self::Small(number.parse()?)),
            "large" => Ok(Self::Large(number.parse()?)),
            _ => Err(format!("nobody is {kind}").into()),
        }
    }

    /// What this person is called.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Small(id) => format!("small-{id}"),
            Self::Large(rows) => format!("large-{rows}"),
        }
    }

    /// What finds this person.
    #[must_use]
    pub fn identities(self) -> Identities {
        let email = match self {
            Self::Small(id) => format!("small{id}@example.org"),
            Self::Large(_) => format!("large{LARGE}@example.org"),
        };
        [("email", email)].into_iter().collect()
    }

    /// How many rows an access finds.
    #[must_use]
    pub fn rows(self) -> u64 {
        match self {
            Self::Small(_) => 17,
            // The customer and the products come on top, and the addresses.
            Self::Large(rows) => u64::from(rows) + 1 + 50 + u64::from(rows) / 25,
        }
    }

    /// How many rows an erasure masks: customer, addresses and cards.
    #[must_use]
    pub fn masked(self) -> u64 {
        match self {
            Self::Small(_) => 1 + 2 + 1,
            Self::Large(rows) => 1 + u64::from(rows) / 25 + u64::from(rows) / 10,
        }
    }
}

/// Makes a shop with all small people and a large one.
pub fn found(server: &Postgres, database: &str, rows: u32) {
    server.create_database(database);
    server.sql(database, SCHEMA);
    server.sql(
        database,
        &format!(
            "CALL small_people({SMALL_PEOPLE}); CALL large_person({LARGE}, {rows}); VACUUM (FREEZE, ANALYZE);"
        ),
    );
}

/// Opens the engine on the shop at `url`.
///
/// # Errors
/// If the shop is not as its map says.
pub async fn open(url: &str) -> Result<Engine, Failure> {
    let map = DataMap::load([("shop.yml", MAP)])?;
    let env = |name: &str| (name == "SHOP_URL").then(|| url.to_owned());
    let connections = Connections::load("connections.yml", CONNECTIONS, "".as_ref(), &env)?;
    Ok(Engine::open(map, connections, nowhere()).await?.whole()?)
}

/// The order to mask names, financial data and addresses with null.
#[must_use]
pub fn order(engine: &Engine) -> Order {
    let targets = TARGETS.map(|target| Category(target.to_owned()));
    engine.order(Some(&Policy::erasure_of(targets, Masking::NullRewrite)), Masker::random())
}

/// Clients of services that the shop does not use.
fn nowhere() -> Clients {
    let dynamodb = aws_sdk_dynamodb::Config::builder().behavior_version(BehaviorVersion::latest()).build();
    let s3 = aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::latest()).build();
    Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
        s3: aws_sdk_s3::Client::from_conf(s3),
        secrets: Arc::new(NoSecrets),
    }
}
