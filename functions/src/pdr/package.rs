//! The package of a person's data: one entry per collection of the data map, read from the stores
//! when it is asked for, so that no copy lies anywhere.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use connectors::{Chunks, ObjectInfo, Sink, SinkError};
use domain::{
    PersonId,
    datamap::{CollectionRef, DataMap},
    row::Row,
    tenant::Tenant,
};
use runtime::{App, Failure};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use wire::{Code, time};

use crate::takeouts::build::access;

/// The package.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MyDataPackage {
    id: String,
    user_id: PersonId,
    status: &'static str,
    data_entries: Vec<Entry>,
    #[schemars(with = "domain::Timestamp")]
    collected_on: String,
    #[schemars(with = "domain::Timestamp")]
    collecting_started_on: String,
}

/// One collection. `data` and `dataIdAsObjectId` are always objects: the vendor's client fails on
/// anything else.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "camelCase")]
struct Entry {
    code: String,
    data_id: String,
    status: &'static str,
    data: Value,
    document: Value,
    backend_system_name: String,
    backend_system: String,
    mime_type: &'static str,
    account: Value,
    #[schemars(with = "domain::Timestamp")]
    updated_on: String,
    data_id_as_object_id: Value,
}

/// The id of a collection's entry: 24 hexadecimal digits, the same for ever.
fn entry_id(at: &CollectionRef) -> String {
    let hash = digest(&SHA256, at.to_string().as_bytes());
    hash.as_ref()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collections(map: &DataMap) -> BTreeMap<String, CollectionRef> {
    map.collections().map(|(at, _, _)| (entry_id(&at), at)).collect()
}

/// The package of a person.
pub(super) async fn of(app: &App, tenant: &Tenant, user: PersonId) -> Result<MyDataPackage, Failure> {
    let started = app.now();
    let (key, person) = app.look_up(tenant, &user).await?;
    let mut counts = Counts::default();
    let engine = app.engine(tenant).await?;
    access(&engine, &person, &mut counts).await.map_err(Failure::unavailable)?;
    let collected = time::millis(app.now());
    let entries = collections(engine.map())
        .into_iter()
        .map(|(data_id, at)| Entry {
            code: at.to_string(),
            status: if counts.0.contains_key(&at) { "AVAILABLE" } else { "NO_DATA" },
            data: json!({"id": data_id, "data": format!("{} records", counts.0.get(&at).copied().unwrap_or(0))}),
            document: json!({}),
            backend_system_name: at.dataset.clone(),
            backend_system: at.dataset.clone(),
            mime_type: "application/json",
            account: json!({}),
            updated_on: collected.clone(),
            data_id_as_object_id: json!({"$oid": data_id}),
            data_id,
        })
        .collect();
    Ok(MyDataPackage {
        id: format!("{:0<24}", key.to_string()),
        user_id: user,
        status: "COLLECTED",
        data_entries: entries,
        collected_on: collected,
        collecting_started_on: time::millis(started),
    })
}

/// The rows of one entry, as a JSON list.
pub(super) async fn entry(
    app: &App,
    tenant: &Tenant,
    user: &PersonId,
    data_id: &str,
) -> Result<Vec<Row>, Failure> {
    let engine = app.engine(tenant).await?;
    let wanted = collections(engine.map()).remove(data_id).ok_or(Code::DataNotFound)?;
    let (_, person) = app.look_up(tenant, user).await?;
    let mut rows = Rows { wanted, rows: Vec::new(), bytes: 0 };
    access(&engine, &person, &mut rows).await.map_err(Failure::unavailable)?;
    if rows.bytes > LARGEST {
        return Err(Code::TooLarge.into());
    }
    Ok(rows.rows)
}

/// The largest entry that is answered; larger ones come in a takeout.
const LARGEST: usize = 4 * 1024 * 1024;

#[derive(Default)]
struct Counts(BTreeMap<CollectionRef, u64>);

#[async_trait::async_trait]
impl Sink for Counts {
    async fn row(&mut self, at: &CollectionRef, _: &Row) -> Result<(), SinkError> {
        *self.0.entry(at.clone()).or_default() += 1;
        Ok(())
    }

    async fn object(
        &mut self,
        _: &CollectionRef,
        _: &ObjectInfo,
        _: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        Ok(())
    }
}

struct Rows {
    wanted: CollectionRef,
    rows: Vec<Row>,
    bytes: usize,
}

#[async_trait::async_trait]
impl Sink for Rows {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        if *at == self.wanted && self.bytes <= LARGEST {
            self.bytes += serde_json::to_vec(row).map_err(SinkError::target)?.len();
            self.rows.push(row.clone());
        }
        Ok(())
    }

    async fn object(
        &mut self,
        _: &CollectionRef,
        _: &ObjectInfo,
        _: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        Ok(())
    }
}
