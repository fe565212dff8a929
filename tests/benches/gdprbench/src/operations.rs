//! What each operation of the benchmark is at Lethe, and what it must answer.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use domain::{certificate, request::Kind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Failure,
    dice::{Choice, Dice},
    oracle::{CONSENTED, FRAUD, Fate, PARTNERS, PURPOSES, Purpose, Record, SCORING},
    roles::Operation,
    site::{Site, consents_of, levels, mydata, objection, person, purge, restriction, restrictions, same},
};

/// How many records an operation concerns that is about a purpose.
const BATCH: usize = 10;

impl Site {
    /// Carries out an operation and tells how long it took, if all answers were right.
    pub(crate) async fn carry_out(
        &mut self,
        operation: Operation,
        choice: &Choice,
        dice: &mut Dice,
    ) -> Result<Duration, Failure> {
        if self.living.is_empty() {
            return Err("no record is left".into());
        }
        let rank = choice.next(self.living.len(), dice);
        let of = self.living[rank];
        if operation == Operation::Delete {
            return self.delete(rank).await;
        }
        let began = Instant::now();
        match operation {
            Operation::Insert => self.insert(dice).await?,
            Operation::Delete => {}
            Operation::UpdateMetadataByPurpose => self.update_by_purpose(dice).await?,
            Operation::UpdateMetadataByUser => self.update_by_user(rank, dice).await?,
            Operation::ReadData | Operation::ReadByKey => self.read_data(of).await?,
            Operation::ReadMetadata => self.read_metadata(of).await?,
            Operation::UpdateData => self.update_data(of, dice).await?,
            Operation::UpdateMetadata => self.update_metadata(of, dice).await?,
            Operation::ReadByPurpose => self.read_by_purpose(dice).await?,
            Operation::ReadByUser => self.read_by_user(of, dice).await?,
            Operation::ReadMetadataByUser => self.read_metadata_by_user(of).await?,
            Operation::ReadLogs => self.read_logs(dice).await?,
            Operation::VerifyDeletion => self.verify_deletion(of, dice).await?,
        }
        Ok(began.elapsed())
    }

    async fn insert(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        let number = self.records.len();
        let record = Record::new(number, dice);
        self.insert_rows(std::slice::from_ref(&record)).await?;
        self.caller.call(Method::PUT, &person(&record), Some(&record.person())).await?.expect(201)?;
        self.records.push(record);
        self.living.push(number);
        self.store(number, levels(dice)).await
    }

    /// A deletion is over when it is proven, and that is how long it takes.
    async fn delete(&mut self, rank: usize) -> Result<Duration, Failure> {
        let of = self.living[rank];
        let path = purge(&self.records[of]);
        let began = Instant::now();
        let ask = json!({"suggested_purge_time": self.now()});
        self.caller.call(Method::POST, &path, Some(&ask)).await?.expect(202)?;
        self.stack.drain().await;
        let took = began.elapsed();
        if self.records[of].hold.is_some() {
            self.records[of].fate = Fate::Held;
            same("a purge that is held", &self.caller.get(&path).await?["status"], &"held")?;
            same("rows that are held", &self.rows_of(&self.records[of].email).await?, &1)?;
        } else {
            self.gone(rank).await?;
        }
        Ok(took)
    }

    /// Makes sure that a record was erased.
    async fn gone(&mut self, rank: usize) -> Result<(), Failure> {
        let of = self.living.remove(rank);
        self.erased.push(of);
        self.records[of].fate = Fate::Erased;
        let record = &self.records[of];
        same("a purge", &self.caller.get(&purge(record)).await?["status"], &"purged")?;
        same("rows of somebody erased", &self.rows_of(&record.email).await?, &0)?;
        self.caller.call(Method::GET, &person(record), None).await?.expect(404)
    }

    async fn store(&mut self, of: usize, levels: BTreeSet<&'static str>) -> Result<(), Failure> {
        let record = &mut self.records[of];
        let (method, status) = if record.versions == 0 { (Method::POST, 201) } else { (Method::PUT, 200) };
        let ask = json!({"consent_levels": levels});
        let told = self.caller.call(method, &consents_of(record), Some(&ask)).await?.json(status)?;
        record.allow(levels);
        same("consents as stored", &told_levels(&told), &record.levels.iter().copied().collect())
    }

    /// Some records that may be used for a purpose by consent.
    fn consented(&self, purpose: Purpose, dice: &mut Dice) -> Vec<usize> {
        let first = dice.below(self.living.len());
        let (after, before) = (self.living.iter().skip(first), self.living.iter().take(first));
        let gave = |of: &&usize| purpose.level.is_some_and(|level| self.records[**of].levels.contains(level));
        after.chain(before).filter(gave).take(BATCH).copied().collect()
    }

    /// One purpose is given up in favour of another.
    async fn update_by_purpose(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        let (old, new) = (dice.one(&CONSENTED), dice.one(&CONSENTED));
        for of in self.consented(old, dice) {
            let kept = self.records[of].levels.iter().copied().filter(|level| Some(*level) != old.level);
            let levels = kept.chain(new.level).collect();
            self.store(of, levels).await?;
        }
        Ok(())
    }

    /// Access, time to live or sharing of one person's record.
    async fn update_by_user(&mut self, rank: usize, dice: &mut Dice) -> Result<(), Failure> {
        let of = self.living[rank];
        match dice.below(3) {
            0 => self.restrict(of).await,
            1 => self.hold_or_lift(rank).await,
            _ => {
                let record = &mut self.records[of];
                record.linked = PARTNERS.into_iter().filter(|_| dice.happens(50)).collect();
                let path = person(record);
                let told = self.caller.call(Method::PUT, &path, Some(&record.person())).await?.json(200)?;
                same("who data is shared with", &told["linked_identities"], &json!(record.linked))
            }
        }
    }

    async fn restrict(&mut self, of: usize) -> Result<(), Failure> {
        let record = &mut self.records[of];
        let path = restrictions(record);
        let (method, body, status) = match record.restricted {
            true => (Method::DELETE, None, 204),
            false => (Method::POST, Some(restriction()), 201),
        };
        self.caller.call(method, &path, body.as_ref()).await?.expect(status)?;
        record.restricted = !record.restricted;
        Ok(())
    }

    async fn hold_or_lift(&mut self, rank: usize) -> Result<(), Failure> {
        let of = self.living[rank];
        match self.records[of].hold.take() {
            None => {
                let hold = self.retain(&self.records[of]).await?;
                self.records[of].hold = Some(hold);
                Ok(())
            }
            Some(id) => {
                let path = format!("/lethe/v1/holds/{id}");
                self.caller.call(Method::DELETE, &path, None).await?.expect(204)?;
                if self.records[of].fate == Fate::Held {
                    // It is carried out now that nothing holds it.
                    self.stack.drain().await;
                    self.gone(rank).await?;
                }
                Ok(())
            }
        }
    }

    async fn read_data(&self, of: usize) -> Result<(), Failure> {
        let record = &self.records[of];
        let rows = self.caller.get(&format!("{}/{}", mydata(record), self.entry)).await?;
        same("the data", &rows, &json!([record.told()]))
    }

    async fn read_metadata(&self, of: usize) -> Result<(), Failure> {
        let record = &self.records[of];
        let told = self.caller.get(&person(record)).await?;
        same("identities", &told["identities"], &json!({"email": record.email}))?;
        same("who data is shared with", &told["linked_identities"], &json!(record.linked))?;
        let objections: BTreeSet<&str> =
            told["objections"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        same("objections", &objections, &record.objections)?;
        let told = self.caller.get(&consents_of(record)).await?;
        same("consents", &told_levels(&told), &record.levels.iter().copied().collect())?;
        let told = self.caller.get(&restrictions(record)).await?;
        let told: BTreeSet<&str> = of_each(&told["restrictions"], "type").collect();
        let mut known = BTreeSet::new();
        known.extend(record.restricted.then_some("account_lockout"));
        known.extend((record.fate == Fate::Held).then_some("account_pending_deletion"));
        same("restrictions", &told, &known)
    }

    /// The person asks for a correction, and the company makes it.
    async fn update_data(&mut self, of: usize, dice: &mut Dice) -> Result<(), Failure> {
        let data = Record::new(of, dice).data;
        let record = &mut self.records[of];
        let path = format!("/api/rest/users/{}/personaldatarequest", record.id);
        let ask = json!({"requestType": "CORRECTION", "requestRemarks": "It is out of date."});
        self.caller.call(Method::POST, &path, Some(&ask)).await?.expect(201)?;
        record.corrections += 1;
        let update = sqlx::query("UPDATE records SET data = ? WHERE id = ?");
        update.bind(&data).bind(record.id.to_string()).execute(&self.company).await?;
        record.data = data;
        Ok(())
    }

    async fn update_metadata(&mut self, of: usize, dice: &mut Dice) -> Result<(), Failure> {
        let purpose = match dice.below(3) {
            0 => return self.store(of, levels(dice)).await,
            1 => FRAUD,
            _ => SCORING,
        };
        let record = &mut self.records[of];
        let path = objection(record, purpose.name);
        let (method, status) = match record.objections.contains(purpose.name) {
            true => (Method::DELETE, 204),
            false => (Method::PUT, 201),
        };
        self.caller.call(method, &path, None).await?.expect(status)?;
        if !record.objections.remove(purpose.name) {
            record.objections.insert(purpose.name);
        }
        Ok(())
    }

    /// Whether data may be used for a purpose.
    async fn may(&self, of: usize, purpose: Purpose) -> Result<bool, Failure> {
        let record = &self.records[of];
        let path = format!("{}/processing?purpose={}", person(record), purpose.name);
        let told = self.caller.get(&path).await?;
        let reason = record.reason(purpose);
        same("a reason", &told["reason"], &reason)?;
        let may = matches!(reason, "consent" | "not_required");
        same("a permission", &told["allowed"], &may)?;
        Ok(may)
    }

    async fn read_by_purpose(&self, dice: &mut Dice) -> Result<(), Failure> {
        let purpose = dice.one(&CONSENTED);
        for of in self.consented(purpose, dice) {
            if self.may(of, purpose).await? {
                self.read_data(of).await?;
            }
        }
        Ok(())
    }

    async fn read_by_user(&self, of: usize, dice: &mut Dice) -> Result<(), Failure> {
        self.may(of, dice.one(&PURPOSES)).await?;
        let package = self.caller.get(&mydata(&self.records[of])).await?;
        let entries: Vec<&str> = of_each(&package["dataEntries"], "status").collect();
        same("collections with data", &entries, &["AVAILABLE"])?;
        self.read_data(of).await
    }

    async fn read_metadata_by_user(&self, of: usize) -> Result<(), Failure> {
        let record = &self.records[of];
        let told = self.caller.get(&format!("{}/user", mydata(record))).await?;
        same("identities", &told["identities"], &json!({"email": record.email}))?;
        same("who data is shared with", &told["linked_identities"], &json!(record.linked))?;
        let history = told["consents"].as_array().ok_or("no history of consents")?;
        same("stored consents", &history.len(), &record.versions)?;
        let last = history.last().map(|last| &last["granted"]);
        let last: BTreeSet<&str> = last.into_iter().flat_map(|last| of_each(last, "consent_level")).collect();
        same("the last consents", &last, &record.levels.iter().copied().collect())?;
        let requests = record.corrections + usize::from(record.fate == Fate::Held);
        same("requests", &told["requests"].as_array().map(Vec::len), &Some(requests))?;
        let holds = format!("/lethe/v1/holds?state=active&person_id={}", record.id);
        let holds = self.caller.get(&holds).await?;
        let holds: Vec<&str> = of_each(&holds["holds"], "id").collect();
        same("retentions", &holds, &record.hold.as_deref().into_iter().collect::<Vec<_>>())
    }

    /// The log of the audit from anywhere on, with the signature over all of it up to there.
    async fn read_logs(&self, dice: &mut Dice) -> Result<(), Failure> {
        let from = dice.number() % self.log.max(1);
        let segment = self.segment(from).await?;
        let edge = segment.edge();
        same("entry of the log", &(segment.before.size()..edge.size()).contains(&from), &true)?;
        let root = segment.root.open(&self.keys().await?)?;
        same(
            "signed",
            &(root.tenant, root.size, root.root),
            &(self.stack.identity.org_id, edge.size(), edge.root()),
        )
    }

    /// Somebody erased as often as somebody who is there.
    async fn verify_deletion(&self, of: usize, dice: &mut Dice) -> Result<(), Failure> {
        let of = if dice.happens(50) && !self.erased.is_empty() { dice.one(&self.erased) } else { of };
        let record = &self.records[of];
        let is_erased = record.fate == Fate::Erased;
        let ask = json!({"identities": [
            {"name": "email", "value": record.email},
            {"name": "person_id", "value": record.id},
        ]});
        let told = self.caller.call(Method::POST, "/lethe/v1/check", Some(&ask)).await?.json(200)?;
        for result in told["results"].as_array().ok_or("no results")? {
            same("erased", &result["erased"], &is_erased)?;
        }
        if !is_erased {
            return self.read_data(of).await;
        }
        same("a purge", &self.caller.get(&purge(record)).await?["status"], &"purged")?;
        let requests = format!("/lethe/v1/requests?kind=erasure&person_id={}", record.id);
        let requests = self.caller.get(&requests).await?;
        let id = requests["requests"][0]["id"].as_str().ok_or("no request")?;
        let file = self.caller.call(Method::GET, &format!("/lethe/v1/certificates/{id}"), None).await?;
        file.expect(200)?;
        let verified = certificate::verify(&String::from_utf8(file.body)?, &self.keys().await?)?;
        let certificate = verified.certificate;
        same("certified", &certificate.kind, &Kind::Erasure)?;
        let counts = certificate.collections.iter().map(|of| (of.found, of.erased, of.after));
        same("rows certified", &counts.collect::<Vec<_>>(), &[(1, 1, 0)])
    }
}

/// What a list says in each of its entries.
fn of_each<'a>(list: &'a Value, name: &'static str) -> impl Iterator<Item = &'a str> {
    list.as_array().into_iter().flatten().filter_map(move |entry| entry[name].as_str())
}

/// The consents that an answer tells.
fn told_levels(told: &Value) -> BTreeSet<&str> {
    of_each(&told["result"]["consents"], "consent_level").collect()
}
