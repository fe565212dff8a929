//! The rows of an access, written as they come.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Seek as _, Write},
};

use async_trait::async_trait;
use connectors::{Chunks, ObjectInfo, Sink, SinkError};
use domain::{
    datamap::{CollectionRef, Graph},
    row::Row,
};
use tempfile::SpooledTempFile;

use super::Ticker;

/// Up to how many bytes of a collection wait in memory; what is more waits in a file without a name.
const SPOOLED: usize = 1 << 20;

/// After how many rows the progress is shown again.
const TICK: u64 = 500;

/// In which form rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One object with a list of rows per collection.
    Json,
    /// Headings and lines.
    Text,
}

/// Writes rows, each collection's together.
pub(super) struct Rows<W> {
    form: Form,
    out: W,
    /// Collections that lead to each other: the walk goes to and fro between them.
    cyclic: BTreeSet<CollectionRef>,
    /// Their rows, until all are there.
    waiting: BTreeMap<CollectionRef, SpooledTempFile>,
    /// The collection that is being written.
    current: Option<CollectionRef>,
    counts: Vec<(CollectionRef, u64)>,
    ticker: Ticker,
}

impl<W: Write> Rows<W> {
    pub(super) fn new(form: Form, out: W, graph: &Graph, ticker: Ticker) -> Self {
        let cycles = graph.walk().iter().filter(|group| group.len() > 1);
        Self {
            form,
            out,
            cyclic: cycles.flatten().map(|id| graph.node(*id).at.clone()).collect(),
            waiting: BTreeMap::new(),
            current: None,
            counts: Vec::new(),
            ticker,
        }
    }

    /// Writes what waited, and the end.
    pub(super) fn finish(mut self) -> io::Result<()> {
        for (at, mut file) in std::mem::take(&mut self.waiting) {
            self.begin(&at)?;
            file.rewind()?;
            io::copy(&mut file, &mut self.out)?;
        }
        self.ticker.clear();
        match (self.form, &self.current) {
            (Form::Json, None) => writeln!(self.out, "{{}}")?,
            (Form::Json, Some(_)) => writeln!(self.out, "\n]}}")?,
            (Form::Text, _) => {
                let rows: u64 = self.counts.iter().map(|(_, rows)| rows).sum();
                writeln!(self.out, "{rows} rows in {} collections", self.counts.len())?;
                for (at, rows) in &self.counts {
                    writeln!(self.out, "{rows:>8}  {at}")?;
                }
            }
        }
        self.out.flush()
    }

    fn write(&mut self, at: &CollectionRef, row: &Row) -> io::Result<()> {
        let form = self.form;
        let first = self.count(at);
        if self.cyclic.contains(at) {
            let file = self.waiting.entry(at.clone()).or_insert_with(|| SpooledTempFile::new(SPOOLED));
            return write_row(file, form, row, first);
        }
        self.begin(at)?;
        write_row(&mut self.out, form, row, first)
    }

    /// Counts a row; says whether it is the first of its collection.
    fn count(&mut self, at: &CollectionRef) -> bool {
        let (place, rows) = match self.counts.iter().position(|(known, _)| known == at) {
            Some(place) => (place, self.counts[place].1 + 1),
            None => {
                self.counts.push((at.clone(), 0));
                (self.counts.len() - 1, 1)
            }
        };
        self.counts[place].1 = rows;
        if rows % TICK == 1 {
            self.ticker.show(at, rows);
        }
        rows == 1
    }

    /// Ends the collection before and begins this one, unless it is the same.
    fn begin(&mut self, at: &CollectionRef) -> io::Result<()> {
        if self.current.as_ref() == Some(at) {
            return Ok(());
        }
        match (self.form, self.current.replace(at.clone())) {
            (Form::Json, before) => {
                self.out.write_all(if before.is_some() { b"\n],\n" } else { b"{" })?;
                serde_json::to_writer(&mut self.out, &at.to_string())?;
                self.out.write_all(b": [\n")
            }
            (Form::Text, None) => writeln!(self.out, "{at}"),
            (Form::Text, Some(_)) => writeln!(self.out, "\n{at}"),
        }
    }
}

fn write_row(out: &mut impl Write, form: Form, row: &Row, first: bool) -> io::Result<()> {
    match form {
        Form::Json => {
            out.write_all(if first { b"" } else { b",\n" })?;
            Ok(serde_json::to_writer(out, row)?)
        }
        Form::Text => {
            for (place, (name, value)) in row.iter().enumerate() {
                write!(out, "{}{name}: ", if place == 0 { "  " } else { ", " })?;
                // As JSON, in which no text can pass for another field or steer a terminal.
                serde_json::to_writer(&mut *out, value)?;
            }
            writeln!(out)
        }
    }
}

#[async_trait]
impl<W: Write + Send> Sink for Rows<W> {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        self.write(at, row).map_err(SinkError::target)
    }

    async fn object(
        &mut self,
        _: &CollectionRef,
        _: &ObjectInfo,
        _: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        // The row before it says which object it is; its content has no place in a list of rows.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::datamap::{DataMap, Declared};
    use domain::row::Value;
    use serde_json::json;

    use super::*;

    /// Two collections that lead to each other, and one that they lead to.
    const MAP: &str = "
dataset:
  - fides_key: shop
    collections:
      - name: people
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: email, fides_meta: {identity: email}}
          - name: home
            fides_meta: {references: [{dataset: shop, field: homes.id, direction: from}]}
      - name: homes
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: owner
            fides_meta: {references: [{dataset: shop, field: people.id, direction: from}]}
      - name: keys
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: home
            fides_meta: {references: [{dataset: shop, field: homes.id, direction: from}]}
";

    async fn written(form: Form, rows: &[(&str, i64)]) -> String {
        let map = DataMap::load([("map.yml", MAP)]).unwrap();
        let graph = Graph::new(&map, &Declared).unwrap();
        let mut out = Vec::new();
        let mut sink = Rows::new(form, &mut out, &graph, Ticker { on: false });
        for (collection, id) in rows {
            let row: Row = [("id", Value::from(*id))].into_iter().collect();
            sink.row(&CollectionRef::new("shop", collection), &row).await.unwrap();
        }
        sink.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn the_rows_of_each_collection_stand_together() {
        let rows = [("people", 1), ("homes", 2), ("people", 3), ("homes", 4), ("keys", 5), ("keys", 6)];
        let json: serde_json::Value = serde_json::from_str(&written(Form::Json, &rows).await).unwrap();

        let ids = |ids: [i64; 2]| ids.map(|id| json!({"id": id}));
        assert_eq!(
            json,
            json!({"shop:people": ids([1, 3]), "shop:homes": ids([2, 4]), "shop:keys": ids([5, 6])})
        );
    }

    #[tokio::test]
    async fn nothing_is_an_empty_object() {
        assert_eq!(written(Form::Json, &[]).await, "{}\n");
        assert_eq!(written(Form::Text, &[]).await, "0 rows in 0 collections\n");
    }

    #[tokio::test]
    async fn as_text_every_collection_has_a_heading_and_a_count() {
        let text = written(Form::Text, &[("people", 1), ("keys", 2), ("keys", 3)]).await;

        let expected = "shop:keys\n  id: 2\n  id: 3\n\nshop:people\n  id: 1\n\
                        3 rows in 2 collections\n       1  shop:people\n       2  shop:keys\n";
        assert_eq!(text, expected);
    }
}
