//! `sweep-returned`: finds erased persons whose data came back, with a restored backup or a late writer.
//!
//! The stores are asked for all identity values that they hold; each is hashed with the tenant's key and
//! compared with the tombstones. A hit is confirmed by key, and left alone if somebody has registered the
//! value since: they came back themselves. What is left is reported as an open request, or erased again,
//! as the tenant says. A sweep that dies on the way is done again a day later.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use async_trait::async_trait;
use connectors::Census;
use domain::{
    PersonId,
    datamap::{Cast as _, CollectionRef, Scalar},
    person::Person,
    request::{Door, Kind, Request},
    row::Value,
    tenant::{Sweep, Tenant},
};
use runtime::{App, Failure, Need, Trigger, WorkerSpec};
use store::{StoreError, persons::Named};

use crate::purges::{Asked, IfQueued, queue_erasure};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "sweep-returned",
    trigger: Trigger::Every { minutes: 24 * 60 },
    needs: &[Need::WriteLedger, Need::ReadStores, Need::QueuePurges, Need::QueueNotices],
    summary: "Find erased persons whose data came back",
};

/// Sweeps the stores of every tenant.
///
/// # Errors
/// Of the last tenant that could not be swept; the others are swept all the same.
pub async fn handle(app: App) -> Result<(), Failure> {
    let mut result = Ok(());
    for tenant in app.config().tenants.values() {
        if let Err(failure) = sweep(&app, tenant).await {
            result = Err(failure);
        }
    }
    result
}

async fn sweep(app: &App, tenant: &Tenant) -> Result<(), Failure> {
    let ledger = app.ledger(tenant.org);
    let tombstones = ledger.tombstones().await?;
    // Most tenants have erased nobody lately, and their stores need not be read.
    if tombstones.is_empty() {
        return Ok(());
    }
    let engine = app.engine(tenant).await?;
    let hash = ledger.identity_hasher().await?;
    let mut met = Met { hash: &hash, tombstones: &tombstones, hits: BTreeMap::new() };
    // A store that cannot list whom it knows is not swept; that is said where it is connected.
    engine.census(&mut met).await.map_err(Failure::unavailable)?;
    for ((name, value), places) in met.hits {
        report(app, tenant, &name, &value, &places).await?;
    }
    Ok(())
}

/// The values that may be those of erased persons, and where they are.
struct Met<'a> {
    hash: &'a (dyn Fn(&str) -> [u8; 16] + Send + Sync),
    tombstones: &'a HashSet<[u8; 16]>,
    hits: BTreeMap<(String, String), BTreeSet<CollectionRef>>,
}

#[async_trait]
impl Census for Met<'_> {
    async fn met(
        &mut self,
        at: &CollectionRef,
        name: &str,
        values: &[Value],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for value in values {
            if let Some(Value::Text(text)) = Scalar::String.cast(value)
                && self.tombstones.contains(&(self.hash)(&text))
            {
                self.hits.entry((name.to_owned(), text)).or_default().insert(at.clone());
            }
        }
        Ok(())
    }
}

/// Opens a request for somebody who came back, once, and erases them again if the tenant says so.
async fn report(
    app: &App,
    tenant: &Tenant,
    name: &str,
    value: &str,
    places: &BTreeSet<CollectionRef>,
) -> Result<(), Failure> {
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let erased = ledger.erased(&[Named::Identity(value)], now).await?;
    let Some(erased_at) = erased.into_iter().next().flatten() else { return Ok(()) };
    if !ledger.persons_identified_by(value).await?.is_empty() {
        return Ok(());
    }
    let id: PersonId = format!("returned-{}", app.entropy().id(now)).parse().map_err(Failure::internal)?;
    let key = ledger.key_of(&id).await?;
    let identities = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let person = Person::new(id.clone(), now)
        .with_identities(identities, BTreeSet::new(), BTreeSet::new())
        .map_err(Failure::internal)?;
    match ledger.put_person(key, &person, None).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    match tenant.sweep {
        Sweep::Erase => {
            let at_once = Asked::at(Some(now));
            queue_erasure(app, tenant, (key, &person), Door::Native, at_once, IfQueued::Keep).await?;
        }
        Sweep::Report => {
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            let mut request =
                Request::new(app.entropy().request_id(key), key, id, Kind::Erasure, Door::Native, now);
            request.remarks = Some(format!(
                "Erased on {}, but data is back in {}: a restored backup or a late writer.",
                erased_at.date_naive(),
                places.join(", ")
            ));
            ledger.create_request(&request).await?;
        }
    }
    Ok(())
}

worker!(on_tick, handle);
