//! Reading the rows that answer a question, page by page and each once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use domain::row::{Row, Value};
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::SemaphorePermit;

use super::Sql;
use super::driver::{Failure, Purpose, Session};
use super::kind::Kind;
use super::statement::{Dialect, Statement};
use super::table::{Column, Key, Table};
use super::write::count;
use crate::fault::Fault;
use crate::store::{Found, PAGE, Page, Pages, Question, Values};

/// How many values one statement asks for if an index leads to them.
const FEW: usize = 500;

/// How many values one statement asks for if it reads the whole table anyway, or takes them as one array.
const MANY: usize = 5000;

/// What is read, in which order.
struct Selection<'a> {
    table: &'a Table,
    /// The column that is asked for.
    by: Cow<'a, Column>,
    key: Vec<&'a Column>,
    want: Vec<&'a Column>,
    /// The columns that put the rows of one value in the order of the index, no two in the same place.
    within: Vec<&'a Column>,
    names: Vec<Arc<str>>,
    /// Where the asked column is among the wanted ones.
    place: usize,
    /// The values asked for; every row that has one if absent.
    values: Option<Vec<&'a Value>>,
}

impl<'a> Selection<'a> {
    fn new(table: &'a Table, question: &'a Question<'_>) -> Result<Self, Fault> {
        let want = question.want.iter().map(|name| table.wanted(name)).collect::<Result<Vec<_>, _>>()?;
        Self::of(table, question.path, want, Some(question.values.iter().collect()))
    }

    /// Of every row, what stands at `path`.
    fn census(table: &'a Table, path: &'a str) -> Result<Self, Fault> {
        let top = path.split('.').next().unwrap_or(path);
        Self::of(table, path, vec![table.wanted(top)?], None)
    }

    fn of(
        table: &'a Table,
        path: &'a str,
        want: Vec<&'a Column>,
        values: Option<Vec<&'a Value>>,
    ) -> Result<Self, Fault> {
        let by = table.known(path)?;
        let place = want.iter().position(|column| column.name == by.name);
        let place = place.ok_or_else(|| Fault::new("the asked column is not among the wanted ones"))?;
        Ok(Self {
            table,
            by,
            key: table.key(),
            names: want.iter().map(|column| Arc::clone(&column.name)).collect(),
            want,
            within: Vec::new(),
            place,
            values,
        })
    }

    /// Reads rows in the order of the index on the asked column.
    fn follow_index(&mut self) {
        let Some(index) = &self.by.index else { return };
        let further: Option<Vec<&Column>> =
            index.further().iter().map(|name| self.table.column(name)).collect();
        let mut within = further.unwrap_or_default();
        for column in &self.key {
            if column.name != self.by.name && within.iter().all(|known| known.name != column.name) {
                within.push(column);
            }
        }
        self.within = within;
    }

    fn columns(&self) -> impl Iterator<Item = &'a Column> {
        self.key.iter().chain(&self.want).chain(&self.within).copied()
    }

    fn kinds(&self) -> Vec<&'a Kind> {
        self.columns().map(|column| &column.kind).collect()
    }

    /// `SELECT` … `WHERE`.
    fn select<'q>(&self, dialect: Dialect) -> Statement<'q> {
        let mut statement = Statement::new(dialect, "SELECT ");
        statement.read(self.columns());
        statement.push(" FROM ").push(&self.table.sql);
        // Left to itself, MariaDB looks up the value in the index and then counts its rows from the first
        // to the last key of the page before, again and again.
        if let (Dialect::MySql, Some(index), Some(_)) = (dialect, &self.by.index, &self.values) {
            statement.push(&format!(" FORCE INDEX ({})", dialect.quoted(&index.name)));
        }
        statement.push(" WHERE ");
        statement
    }

    /// That a row is among those asked for, by these of the values.
    fn asks<'q>(&self, select: &mut Statement<'q>, values: &[&'q Value]) {
        match self.values {
            Some(_) => select.holds(&self.by, values),
            None => select.has_any(&self.by),
        }
    }

    fn found(&self, mut values: Vec<Value>) -> Found {
        let fields = values.split_off(self.key.len());
        let mut row = Row::new();
        // What comes behind the wanted columns was read for the sake of order only.
        for (name, value) in self.names.iter().zip(fields) {
            row.push(Arc::clone(name), value);
        }
        Found { key: values, row }
    }

    /// How many rows to read at first.
    fn first_limit(&self) -> usize {
        if self.want.iter().any(|column| column.kind.may_be_large()) { PAGE / 10 } else { PAGE }
    }

    fn page(&self, rows: Vec<Vec<Value>>) -> Page {
        Page { rows: rows.into_iter().map(|row| self.found(row)).collect(), ..Page::default() }
    }
}

impl Sql {
    pub(super) fn pages<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        let selection = self.table(question.collection).and_then(|table| Selection::new(table, question));
        match (selection, self.dialect) {
            (Err(fault), _) => stream::iter([Err(fault)]).boxed(),
            (Ok(selection), Dialect::Postgres) => self.cursor(selection),
            (Ok(selection), Dialect::Sqlite | Dialect::MySql) => self.keyset(selection),
        }
    }

    /// Every value that stands at `path` in any row, some at a time.
    pub(super) fn values<'a>(&'a self, collection: &'a str, path: &'a str) -> Values<'a> {
        let selection = self.table(collection).and_then(|table| Selection::census(table, path));
        let pages = match (selection, self.dialect) {
            (Err(fault), _) => return stream::iter([Err(fault)]).boxed(),
            (Ok(selection), Dialect::Postgres) => self.cursor(selection),
            (Ok(selection), Dialect::Sqlite | Dialect::MySql) => self.keyset(selection),
        };
        let values = move |page: Page| {
            let rows = page.rows.iter();
            rows.flat_map(|found| found.row.values(path)).cloned().collect::<Vec<Value>>()
        };
        pages.map(move |page| page.map(values)).boxed()
    }

    /// The pages of a cursor, for which a connection is kept until it has been read.
    fn cursor<'a>(&'a self, selection: Selection<'a>) -> Pages<'a> {
        let limit = selection.first_limit();
        let state = Some(CursorState { selection, part: 0, limit, open: None });
        stream::try_unfold(state, move |state| async move {
            let Some(mut state) = state else { return Ok(None) };
            let (page, is_full) = state.next(self).await?;
            let more = is_full || state.advance().await?;
            Ok::<_, Failure>(Some((page, more.then_some(state))))
        })
        .map(|page| page.map_err(|failure| failure.fault))
        .boxed()
    }

    /// Pages that each begin behind the last row of the one before; nothing stays open in between.
    fn keyset<'a>(&'a self, selection: Selection<'a>) -> Pages<'a> {
        let scan = Scan::new(selection);
        stream::try_unfold(Some(scan), move |scan| async move {
            let Some(mut scan) = scan else { return Ok(None) };
            let (page, more) = scan.next(self).await?;
            Ok::<_, Failure>(Some((page, more.then_some(scan))))
        })
        .map(|page| page.map_err(|failure| failure.fault))
        .boxed()
    }
}

/// How many rows to read next, so that a page of rows like these is not too large: one of few numbers,
/// since statements are kept.
fn next_limit(rows: &[Vec<Value>]) -> usize {
    /// How many bytes a page should have at most.
    const BYTES: usize = 16 << 20;
    let each = rows.iter().flatten().map(size).sum::<usize>() / rows.len().max(1);
    let mut limit = PAGE;
    while limit > 1 && each.saturating_mul(limit) > BYTES {
        limit /= 10;
    }
    limit
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 8,
        Value::Decimal(text) | Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(values) => values.iter().map(size).sum(),
        Value::Map(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
    }
}

/// How far a cursor has been read.
struct CursorState<'a> {
    selection: Selection<'a>,
    /// Which of the chunks of values is being asked for.
    part: usize,
    limit: usize,
    open: Option<OpenCursor<'a>>,
}

struct OpenCursor<'a> {
    session: Box<dyn Session>,
    name: String,
    _permit: SemaphorePermit<'a>,
}

impl<'a> CursorState<'a> {
    fn parts(&self) -> usize {
        self.selection.values.as_ref().map_or(1, |values| values.len().div_ceil(MANY))
    }

    /// The next page, and whether it is as long as it may be.
    async fn next(&mut self, sql: &'a Sql) -> Result<(Page, bool), Failure> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => declare(sql, &self.selection, self.part).await?,
        };
        let mut fetch = Statement::new(sql.dialect, format!("FETCH {} FROM {}", self.limit, open.name));
        fetch.is_repeated = true;
        let rows = open.session.rows(&fetch, &self.selection.kinds()).await?;
        self.open = Some(open);
        let is_full = rows.len() == self.limit;
        self.limit = next_limit(&rows);
        Ok((self.selection.page(rows), is_full))
    }

    /// Goes on to the next chunk of values, if there is one.
    async fn advance(&mut self) -> Result<bool, Failure> {
        if let Some(open) = self.open.take() {
            open.session.commit().await?;
        }
        self.part += 1;
        Ok(self.part < self.parts())
    }
}

/// Opens a cursor for a chunk of the values.
async fn declare<'a>(
    sql: &'a Sql,
    selection: &Selection<'a>,
    part: usize,
) -> Result<OpenCursor<'a>, Failure> {
    let permit = sql.cursors.acquire().await.map_err(|_| Failure::new("the database is closed"))?;
    let values = selection.values.as_deref().unwrap_or_default();
    let values = values.chunks(MANY).nth(part).unwrap_or_default();
    let mut select = selection.select(sql.dialect);
    selection.asks(&mut select, values);
    // The same name for the same columns, so that the server need not learn to fetch them again.
    let mut hasher = DefaultHasher::new();
    select.text().hash(&mut hasher);
    let name = format!("lethe_{:016x}", hasher.finish());
    let mut declare = Statement::new(sql.dialect, format!("DECLARE {name} CURSOR FOR "));
    declare.push(select.text());
    declare.args = select.args;
    declare.is_repeated = true;
    let mut session = sql.driver.begin(Purpose::Read).await?;
    session.run(&declare).await?;
    Ok(OpenCursor { session, name, _permit: permit })
}

/// In which order pages follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By the asked column, then by key: an index has them so.
    Value,
    /// By key, since the whole table has to be read.
    Key,
    /// As they come, since nothing tells rows apart.
    Number,
}

/// How far pages have been read.
struct Scan<'a> {
    selection: Selection<'a>,
    order: Order,
    /// The chunk of values that is being asked for.
    part: Vec<&'a Value>,
    /// Those of the chunk of which no row was seen yet.
    unseen: Vec<&'a Value>,
    /// Values that come after this chunk.
    later: std::vec::IntoIter<&'a Value>,
    limit: usize,
    /// The last row of the page before.
    last: Option<Last>,
    /// A row that nothing tells from others, and how many of those are still to come.
    twins: Option<(Vec<Value>, u64)>,
}

/// The last row of a page.
struct Last {
    value: Value,
    key: Vec<Value>,
    /// Where it stands among the rows of its value.
    within: Vec<Value>,
    /// How many rows there were up to here.
    number: u64,
}

impl<'a> Scan<'a> {
    fn new(mut selection: Selection<'a>) -> Self {
        let index = selection.by.index.as_ref().filter(|_| selection.values.is_some());
        let order = match (&selection.table.key, index) {
            (Key::Whole, _) => Order::Number,
            (Key::Unique(_) | Key::Digest(_), Some(_)) => Order::Value,
            (Key::Unique(_) | Key::Digest(_), None) => Order::Key,
        };
        if order == Order::Value {
            selection.follow_index();
        }
        let later = selection.values.as_mut().map(std::mem::take).unwrap_or_default().into_iter();
        let limit = selection.first_limit();
        let (part, unseen) = (Vec::new(), Vec::new());
        let mut scan = Self { selection, order, part, unseen, later, limit, last: None, twins: None };
        scan.next_part();
        scan
    }

    /// Takes the next chunk of values; says whether there is one.
    fn next_part(&mut self) -> bool {
        let size = if self.order == Order::Value { FEW } else { MANY };
        self.part = self.later.by_ref().take(size).collect();
        self.unseen.clone_from(&self.part);
        self.last = None;
        !self.part.is_empty()
    }

    /// The next page, and whether there may be another one.
    async fn next(&mut self, sql: &Sql) -> Result<(Page, bool), Failure> {
        if let Some((row, count)) = self.twins.take() {
            let (now, later) = (count.min(self.limit as u64), count.saturating_sub(self.limit as u64));
            self.twins = (later > 0).then(|| (row.clone(), later));
            return Ok((self.selection.page((0..now).map(|_| row.clone()).collect()), true));
        }
        let mut session = sql.driver.begin(Purpose::Read).await?;
        let rows = session.rows(&self.statement(sql.dialect), &self.selection.kinds()).await?;
        if rows.len() == self.limit && matches!(self.selection.table.key, Key::Digest(_)) {
            self.twins = self.twins_of_last(sql, &mut *session, &rows).await?;
        }
        session.commit().await?;
        let is_full = rows.len() == self.limit;
        self.limit = next_limit(&rows);
        let was_within = self.last.is_some();
        let more = match self.order {
            Order::Value => {
                self.see(&rows);
                self.last = self.last_of(&rows).filter(|_| is_full);
                // After the rest of one value come the other values, unless those were all of them.
                is_full || (was_within && !self.unseen.is_empty()) || self.next_part()
            }
            Order::Key | Order::Number => {
                self.last = self.last_of(&rows).filter(|_| is_full);
                is_full || self.next_part()
            }
        };
        Ok((self.selection.page(rows), more))
    }

    /// The last row of a page, if others like it did not fit in: what comes next begins behind all of them.
    async fn twins_of_last(
        &self,
        sql: &Sql,
        session: &mut dyn Session,
        rows: &[Vec<Value>],
    ) -> Result<Option<(Vec<Value>, u64)>, Failure> {
        let (Some(row), Some(last)) = (rows.last(), self.last_of(rows)) else { return Ok(None) };
        let mut select = Statement::new(sql.dialect, "SELECT count(*) FROM ");
        select.push(&self.selection.table.sql).push(" WHERE ");
        select.holds(&self.selection.by, &[&last.value]);
        select.push(" AND ");
        select.is_among(self.selection.table, &[&last.key]);
        let all = count(session, &select).await?;
        let here = rows.iter().filter(|row| row.starts_with(&last.key)).count() as u64;
        Ok((all > here).then(|| (row.clone(), all - here)))
    }

    fn statement(&self, dialect: Dialect) -> Statement<'_> {
        let Selection { by, key, within, .. } = &self.selection;
        let mut select = self.selection.select(dialect);
        match (self.order, &self.last) {
            (Order::Value, None) => {
                select.holds(by, &self.unseen);
                select.order([&**by].into_iter().chain(within.iter().copied()));
            }
            // The rows of the last value that are still to come. What the column takes for the same
            // value lies among them.
            (Order::Value, Some(last)) => {
                select.resembles(by, &[&last.value]);
                if by.is_loose {
                    select.push(" AND ");
                    select.is_exactly(by, &self.part);
                }
                select.push(" AND ");
                if within.is_empty() {
                    select.push("1 = 0");
                } else {
                    select.comes_after(within, &last.within.iter().collect::<Vec<_>>());
                }
                select.order([&**by].into_iter().chain(within.iter().copied()));
            }
            (Order::Key, last) => {
                self.selection.asks(&mut select, &self.part);
                if let Some(last) = last {
                    select.push(" AND ");
                    select.comes_after(key, &last.key.iter().collect::<Vec<_>>());
                }
                select.order(key.iter().copied());
            }
            (Order::Number, _) => {
                self.selection.asks(&mut select, &self.part);
                select.order(key.iter().copied());
            }
        }
        select.push(&format!(" LIMIT {}", self.limit));
        if let (Order::Number, Some(last)) = (self.order, &self.last) {
            select.push(&format!(" OFFSET {}", last.number));
        }
        select
    }

    /// Notes of which values rows were seen: up to the last one of a page, they are complete.
    fn see(&mut self, rows: &[Vec<Value>]) {
        let place = self.selection.key.len() + self.selection.place;
        let seen: HashSet<Value> =
            rows.iter().filter_map(|row| row.get(place)).map(Value::canonical).collect();
        self.unseen.retain(|value| !seen.contains(&value.canonical()));
    }

    fn last_of(&self, rows: &[Vec<Value>]) -> Option<Last> {
        let row = rows.last()?;
        let place = self.selection.key.len();
        let within = row.iter().skip(place + self.selection.want.len()).cloned();
        Some(Last {
            value: row.get(place + self.selection.place)?.clone(),
            key: row.get(..place)?.to_vec(),
            within: within.collect(),
            number: self.last.as_ref().map_or(0, |last| last.number) + rows.len() as u64,
        })
    }
}

#[cfg(test)]
impl Sql {
    /// The statements of the first page and of the one after the row that the first one ends with.
    pub(super) async fn statements(&self, question: &Question<'_>) -> [String; 2] {
        let selection = Selection::new(self.table(question.collection).unwrap(), question).unwrap();
        let mut scan = Scan::new(selection);
        let first = scan.statement(self.dialect).text().to_owned();
        scan.next(self).await.unwrap();
        [first, scan.statement(self.dialect).text().to_owned()]
    }
}
