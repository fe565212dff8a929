//! Deleting and masking rows, and what refers to them.

use std::collections::BTreeMap;

use domain::row::{Place, Value};

use super::driver::{Failure, Purpose, Session};
use super::kind::Kind;
use super::statement::{Dialect, Statement};
use super::table::{Column, Key, Referrer, Table};
use super::{Sql, nested};
use crate::fault::Fault;
use crate::store::{Change, Found, PAGE, Question, Tie};

/// How often a page is tried while other transactions are in its way.
const TRIES: usize = 5;

/// A count, as a statement gives it.
const COUNT: &[&Kind] = &[&Kind::Int(0, i64::MAX)];

impl Sql {
    pub(super) async fn delete_rows(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let table = self.writable(question)?;
        let mut deleted = 0;
        for rows in rows.chunks(PAGE) {
            let mut tries = 1;
            deleted += loop {
                match self.delete_page(table, question, rows).await {
                    Err(failure) if failure.is_passing && tries < TRIES => tries += 1,
                    done => break done.map_err(|failure| failure.fault)?,
                }
            };
        }
        Ok(deleted)
    }

    pub(super) async fn mask_rows(
        &self,
        question: &Question<'_>,
        changes: &[Change<'_>],
    ) -> Result<u64, Fault> {
        let table = self.writable(question)?;
        let mut changed = 0;
        for changes in changes.chunks(PAGE) {
            let mut tries = 1;
            changed += loop {
                match self.mask_page(table, question, changes).await {
                    Err(failure) if failure.is_passing && tries < TRIES => tries += 1,
                    done => break done.map_err(|failure| failure.fault)?,
                }
            };
        }
        Ok(changed)
    }

    pub(super) async fn count_ties(
        &self,
        collection: &str,
        rows: &[&Found],
        erased: &[&str],
    ) -> Result<Vec<Tie>, Failure> {
        let table = self.table(collection)?;
        let mut stays = Vec::new();
        for referrer in &table.referrers {
            if !referrer.collection.as_deref().is_some_and(|name| erased.contains(&name)) {
                stays.push(referrer);
            }
        }
        if stays.is_empty() || rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let mut session = self.driver.begin(Purpose::Read).await?;
        for referrer in stays {
            for rows in rows.chunks(self.dialect.keys_at_once(table.key().len())) {
                let keys: Vec<&[Value]> = rows.iter().map(|found| found.key.as_slice()).collect();
                let mut select = Statement::new(self.dialect, "SELECT count(*)");
                refers(&mut select, table, referrer, |select| select.is_among(table, &keys));
                *counts.entry(&referrer.name).or_default() += count(&mut *session, &select).await?;
            }
        }
        session.commit().await?;
        let ties = counts.into_iter().filter(|(_, rows)| *rows > 0);
        Ok(ties.map(|(table, rows)| Tie { table: table.to_owned(), rows }).collect())
    }

    fn writable(&self, question: &Question<'_>) -> Result<&Table, Fault> {
        let table = self.table(question.collection)?;
        table.is_read_only().map_or(Ok(table), |reason| Err(Fault::new(reason)))
    }

    async fn delete_page(
        &self,
        table: &Table,
        question: &Question<'_>,
        rows: &[Found],
    ) -> Result<u64, Failure> {
        let mut session = self.driver.begin(Purpose::Write).await?;
        let deleted = self.delete_in(&mut *session, table, question, rows).await;
        settle(session, deleted).await
    }

    async fn mask_page(
        &self,
        table: &Table,
        question: &Question<'_>,
        changes: &[Change<'_>],
    ) -> Result<u64, Failure> {
        let mut session = self.driver.begin(Purpose::Write).await?;
        let changed = self.mask_in(&mut *session, table, question, changes).await;
        settle(session, changed).await
    }

    async fn delete_in(
        &self,
        session: &mut dyn Session,
        table: &Table,
        question: &Question<'_>,
        rows: &[Found],
    ) -> Result<u64, Failure> {
        let by = table.known(question.path)?;
        let values = held(question, rows.iter());
        let before = self.all_changes(session).await?;
        let mut deleted = 0;
        for rows in rows.chunks(self.dialect.keys_at_once(table.key().len())) {
            let keys: Vec<&[Value]> = rows.iter().map(|found| found.key.as_slice()).collect();
            self.refuse_followers(session, table, &by, &keys, &values).await?;
            let mut delete = Statement::new(self.dialect, "DELETE FROM ");
            delete.push(&table.sql).push(" WHERE ");
            answers(&mut delete, table, &by, &keys, &values);
            if matches!(table.key, Key::Digest(_)) {
                // Twins of which not all were found stay, whichever they are.
                delete.push(&format!(" LIMIT {}", rows.len()));
            }
            deleted += session.run(&delete).await?;
        }
        self.check(session, before, deleted, rows.len()).await?;
        Ok(deleted)
    }

    async fn mask_in(
        &self,
        session: &mut dyn Session,
        table: &Table,
        question: &Question<'_>,
        changes: &[Change<'_>],
    ) -> Result<u64, Failure> {
        let by = table.known(question.path)?;
        let values = held(question, changes.iter().map(|change| change.found));
        let before = self.all_changes(session).await?;
        let mut changed = 0;
        for (set, found) in alike(changes) {
            for found in found.chunks(self.dialect.keys_at_once(table.key().len())) {
                let keys: Vec<&[Value]> = found.iter().map(|found| found.key.as_slice()).collect();
                let mut update = Statement::new(self.dialect, "UPDATE ");
                update.push(&table.sql).push(" SET ");
                nested::assign(&mut update, table, set)?;
                update.push(" WHERE ");
                answers(&mut update, table, &by, &keys, &values);
                if let [found] = found {
                    nested::still_there(&mut update, table, set, found)?;
                    update.is_repeated = true;
                }
                if matches!(table.key, Key::Digest(_)) {
                    update.push(&format!(" LIMIT {}", keys.len()));
                }
                changed += session.run(&update).await?;
            }
        }
        self.check(session, before, changed, changes.len()).await?;
        Ok(changed)
    }

    /// Fails if more changed than should have.
    async fn check(
        &self,
        session: &mut dyn Session,
        before: u64,
        changed: u64,
        rows: usize,
    ) -> Result<(), Failure> {
        let all = self.all_changes(session).await?;
        if changed > rows as u64 || (self.dialect == Dialect::Sqlite && all != before + changed) {
            return Err(Failure::new(
                "changing these rows would change others as well (a cascade or a trigger)",
            ));
        }
        Ok(())
    }

    /// All changes of a connection to a file, those of cascades and triggers included.
    async fn all_changes(&self, session: &mut dyn Session) -> Result<u64, Failure> {
        match self.dialect {
            Dialect::Sqlite => count(session, &Statement::new(self.dialect, "SELECT total_changes()")).await,
            Dialect::Postgres | Dialect::MySql => Ok(0),
        }
    }

    /// Refuses to delete rows if the database would delete or change those that refer to them.
    async fn refuse_followers(
        &self,
        session: &mut dyn Session,
        table: &Table,
        by: &Column,
        keys: &[&[Value]],
        values: &[&Value],
    ) -> Result<(), Failure> {
        // SQLite counts what follows.
        if self.dialect == Dialect::Sqlite || !table.referrers.iter().any(|referrer| referrer.follows) {
            return Ok(());
        }
        // While these rows are locked, nobody can begin to refer to them.
        let mut lock = Statement::new(self.dialect, "SELECT 1 FROM ");
        lock.push(&table.sql).push(" WHERE ");
        answers(&mut lock, table, by, keys, values);
        lock.push(" FOR UPDATE");
        session.rows(&lock, COUNT).await?;
        for referrer in &table.referrers {
            if !referrer.follows {
                continue;
            }
            let mut select = Statement::new(self.dialect, "SELECT count(*)");
            refers(&mut select, table, referrer, |select| answers(select, table, by, keys, values));
            if referrer.sql == table.sql {
                select.push(" AND NOT (");
                select.is_among(table, keys);
                select.push(")");
            }
            if count(session, &select).await? > 0 {
                let name = &referrer.name;
                let reason = format!("deleting these rows would change rows of `{name}` as well (a cascade)");
                return Err(Failure::new(reason));
            }
        }
        Ok(())
    }
}

/// Makes what was done last, or takes it back at once.
async fn settle(session: Box<dyn Session>, done: Result<u64, Failure>) -> Result<u64, Failure> {
    match done {
        Ok(rows) => session.commit().await.map(|()| rows),
        Err(failure) => {
            // The failure is what matters: a connection that cannot take back has lost everything anyway.
            let _ = session.roll_back().await;
            Err(failure)
        }
    }
}

/// That a row has one of these keys, and still holds one of these values.
fn answers<'q>(
    statement: &mut Statement<'q>,
    table: &Table,
    by: &Column,
    keys: &[&'q [Value]],
    values: &[&'q Value],
) {
    statement.is_among(table, keys);
    statement.push(" AND ");
    statement.still_holds(by, values);
}

/// ` FROM` the rows of a foreign key that refer to such rows of `table`.
fn refers<'q>(
    statement: &mut Statement<'q>,
    table: &Table,
    referrer: &Referrer,
    which: impl FnOnce(&mut Statement<'q>),
) {
    let dialect = statement.dialect();
    let to: Vec<String> = referrer.to.iter().map(|name| dialect.quoted(name)).collect();
    statement.push(&format!(
        " FROM {} WHERE ({}) IN (SELECT {} FROM {} WHERE ",
        referrer.sql,
        referrer.columns.join(", "),
        to.join(", "),
        table.sql
    ));
    which(statement);
    statement.push(")");
}

/// The number that a statement gives.
pub(super) async fn count(session: &mut dyn Session, statement: &Statement<'_>) -> Result<u64, Failure> {
    let rows = session.rows(statement, COUNT).await?;
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Int(count)) => Ok(count.unsigned_abs()),
        _ => Err(Failure::new("the database gave an answer that makes no sense")),
    }
}

/// The values by which these rows were found, each once.
fn held<'q>(question: &Question<'q>, rows: impl Iterator<Item = &'q Found>) -> Vec<&'q Value> {
    let asked: std::collections::HashSet<Value> = question.values.iter().map(Value::canonical).collect();
    let mut values: Vec<&Value> = rows
        .flat_map(|found| found.row.values(question.path))
        .filter(|value| asked.contains(&value.canonical()))
        .collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// New values, and the rows that get them.
type Alike<'c> = (&'c [(Place, Value)], Vec<&'c Found>);

/// The rows that get the same values, which are changed together.
///
/// Elements of arrays have no place of their own: where they lie now has to be asked of each row.
fn alike<'c>(changes: &'c [Change<'_>]) -> Vec<Alike<'c>> {
    let mut alone = Vec::new();
    let mut together: BTreeMap<&[(Place, Value)], Vec<&Found>> = BTreeMap::new();
    for change in changes.iter().filter(|change| !change.set.is_empty()) {
        if change.set.iter().any(|(place, _)| nested::is_movable(place)) {
            alone.push((change.set.as_slice(), vec![change.found]));
        } else {
            together.entry(&change.set).or_default().push(change.found);
        }
    }
    alone.extend(together);
    alone
}
