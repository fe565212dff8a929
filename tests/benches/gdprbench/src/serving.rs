//! Consents read and stored while persons are erased.
//!
//! The functions that answer and the worker that erases have clients of their own towards AWS, as they have as
//! Lambdas; so what a consent uses is counted apart from what an erasure does.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use bench_archive::gauge::process_seconds;
use futures_util::future::try_join_all;
use local::{Bill, Meter, Process};
use reqwest::Method;
use runtime::{App, Clients, Clock, EngineSource, Entropy, Log, Parts};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    Failure,
    dice::Dice,
    oracle::{Fate, Record},
    site::{Caller, Site, Workers, consents_of, levels, purge, same},
};

/// How many callers there are.
const CALLERS: u64 = 2;
/// How many persons are erased in a row where nothing else is to be waited for, as Lambda is handed them.
const AT_ONCE: usize = 10;

/// What happens beside the consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purging {
    /// Nothing.
    Idle,
    /// A person is erased each second.
    Paced,
    /// One person after the other is erased, as fast as one worker can.
    FlatOut,
}

/// What a while of it has shown.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// How long it was.
    pub seconds: f64,
    /// Consents that were read or stored.
    pub consents: f64,
    /// CPU seconds of the whole process: callers, gateway, functions, worker and embedded services.
    pub cpu: f64,
    /// Calls to AWS of the functions that answered.
    pub calls: f64,
    /// What these used.
    pub bill: Bill,
    /// Persons that were erased.
    pub purges: f64,
}

/// Somebody who reads and stores the consents of their own persons.
struct Client {
    caller: Caller,
    dice: Dice,
    records: Vec<(usize, Record)>,
}

impl Client {
    /// Reads and stores until the time is over, and tells how often.
    async fn work(&mut self, end: Instant) -> Result<u32, Failure> {
        let mut done = 0;
        while Instant::now() < end {
            let at = self.dice.below(self.records.len());
            let levels = levels(&mut self.dice);
            let (_, record) = &mut self.records[at];
            let path = consents_of(record);
            let told = self.caller.get(&path).await?;
            let of = |told: &serde_json::Value| -> BTreeSet<String> {
                let list = told["result"]["consents"].as_array().into_iter().flatten();
                list.filter_map(|entry| entry["consent_level"].as_str().map(str::to_owned)).collect()
            };
            same(
                "consents as read",
                &of(&told),
                &record.levels.iter().map(|&level| level.to_owned()).collect(),
            )?;
            record.allow(levels);
            let ask = json!({"consent_levels": record.levels});
            let told = self.caller.call(Method::PUT, &path, Some(&ask)).await?.json(200)?;
            same(
                "consents as stored",
                &of(&told),
                &record.levels.iter().map(|&level| level.to_owned()).collect(),
            )?;
            done += 2;
        }
        Ok(done)
    }
}

/// A site whose consents are asked for while persons are erased beside.
pub struct Serving {
    site: Site,
    meter: Meter,
    clients: Vec<Client>,
    process: Process,
    purger: Caller,
    /// Who is yet to be erased.
    doomed: Vec<usize>,
}

impl Serving {
    /// A site with so many records, half of those of which is asked being there to be erased.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn load(asked: usize, records: usize, seed: u64) -> Result<Self, Failure> {
        let meter = Meter::default();
        let site = Site::load(asked, records, seed, Workers::Beside, Some(meter.clone())).await?;
        let clock = site.stack.clock.clone();
        let app = App::new(Parts {
            config: site.stack.app.config().clone(),
            clients: site.stack.clients(Clients::https(None)),
            clock: Clock::new(move || clock.now()),
            entropy: Entropy::system(),
            log: Log::new(|_| {}),
            engine: EngineSource::Configured,
        });
        let process = Process::beside(&site.stack, app).await?;
        let purger = site.caller.at(&process.gateway);
        let (asked, doomed) = site.living.split_at(asked / 2);
        let doomed = doomed.iter().copied().filter(|of| site.records[*of].hold.is_none()).collect();
        let client = |number: u64| {
            let own = asked.iter().filter(|of| u64::try_from(**of).is_ok_and(|of| of % CALLERS == number));
            Client {
                caller: site.caller.clone(),
                dice: Dice::new(seed ^ number),
                records: own.map(|of| (*of, site.records[*of].clone())).collect(),
            }
        };
        let clients = (0..CALLERS).map(client).collect();
        Ok(Self { clients, process, purger, doomed, meter, site })
    }

    /// Has consents asked for during a while, and persons erased beside it.
    ///
    /// # Errors
    /// When an answer is not as it must be.
    pub async fn window(&mut self, purging: Purging, length: Duration) -> Result<Window, Failure> {
        let Self { clients, process, purger, doomed, meter, site } = self;
        let _ = meter.take_all();
        let ([before, _], began) = (process_seconds()?, Instant::now());
        let end = began + length;
        let asking = async {
            let done: u32 =
                try_join_all(clients.iter_mut().map(|client| client.work(end))).await?.iter().sum();
            let ([after, _], (bill, model)) = (process_seconds()?, meter.take_all());
            Ok::<_, Failure>((done, began.elapsed().as_secs_f64(), after - before, bill, model))
        };
        let erasing = erase(site, process, purger, doomed, (purging, end));
        let ((consents, seconds, cpu, bill, model), purges) = tokio::try_join!(asking, erasing)?;
        let (consents, calls) = (f64::from(consents), f64::from(model.calls));
        Ok(Window { seconds, consents, cpu, calls, bill, purges })
    }

    /// CPU seconds of one erasure, by a while in which nothing else happens.
    ///
    /// # Errors
    /// When one fails.
    pub async fn purge_alone(&mut self, length: Duration) -> Result<f64, Failure> {
        let [before, _] = process_seconds()?;
        let until = (Purging::FlatOut, Instant::now() + length);
        let purges = erase(&mut self.site, &self.process, &self.purger, &mut self.doomed, until).await?;
        let [after, _] = process_seconds()?;
        Ok((after - before) / purges)
    }

    /// Compares everything at the end.
    ///
    /// # Errors
    /// What is not as it must be.
    pub async fn settle(mut self) -> Result<(), Failure> {
        for (of, record) in self.clients.into_iter().flat_map(|client| client.records) {
            self.site.records[of] = record;
        }
        self.site.settle().await
    }
}

/// Erases persons until the time is over, and tells how many.
async fn erase(
    site: &mut Site,
    process: &Process,
    purger: &Caller,
    doomed: &mut Vec<usize>,
    (purging, end): (Purging, Instant),
) -> Result<f64, Failure> {
    let at_once = match purging {
        Purging::Idle => return Ok(0.0),
        Purging::Paced => 1,
        Purging::FlatOut => AT_ONCE,
    };
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut erased = 0;
    while Instant::now() < end {
        if purging == Purging::Paced {
            seconds.tick().await;
        }
        let these = doomed.split_off(doomed.len().saturating_sub(at_once));
        if these.is_empty() {
            return Err("nobody is left to be erased".into());
        }
        for of in &these {
            let ask = json!({"suggested_purge_time": site.now()});
            purger.call(Method::POST, &purge(&site.records[*of]), Some(&ask)).await?.expect(202)?;
        }
        process.work().await;
        for of in these {
            let record = &mut site.records[of];
            same("a purge", &purger.get(&purge(record)).await?["status"], &"purged")?;
            record.fate = Fate::Erased;
            site.living.retain(|living| *living != of);
            site.erased.push(of);
            erased += 1;
        }
    }
    Ok(f64::from(erased))
}
