//! SQL text with its values, in the dialect of each database.
//!
//! The text is made of quoted names of the database's own catalogue and of placeholders only.

use domain::row::Value;
use sqlx::AssertSqlSafe;
use sqlx::{SqlSafeStr as _, SqlStr};

use super::kind::Kind;
use super::table::{Column, Table};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// A value of a statement.
#[derive(Debug)]
pub(super) enum Arg<'q> {
    One(&'q Value),
    Own(Value),
    /// An array of texts, null for nothing. PostgreSQL only.
    Many(Vec<&'q Value>),
    /// The same, of texts made for the statement.
    Texts(Vec<String>),
}

/// A statement in the making.
#[derive(Debug)]
pub(super) struct Statement<'q> {
    dialect: Dialect,
    text: String,
    pub(super) args: Vec<Arg<'q>>,
    /// Whether the same text comes again soon.
    pub(super) is_repeated: bool,
}

impl Dialect {
    /// A name in quotes.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::MySql => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// How many keys one statement names at most.
    pub(super) fn keys_at_once(self, parts: usize) -> usize {
        match self {
            // Each key of several parts is a branch of an `OR`, whose depth is limited.
            Self::Sqlite if parts > 1 => 200,
            Self::Sqlite | Self::Postgres | Self::MySql => crate::store::PAGE,
        }
    }

    /// How a column is read so that its value comes out whole.
    fn read(self, column: &Column) -> String {
        let name = &column.sql;
        match (self, &column.kind) {
            (Self::Sqlite, _) => name.clone(),
            (Self::Postgres, kind) if column.is_foreign(kind) => format!("{name}::text{}", array(kind)),
            (Self::Postgres, _) => name.clone(),
            // The binary form of what is no date at all cannot be told from null.
            (Self::MySql, Kind::Date | Kind::Timestamp | Kind::Instant | Kind::Other) => {
                format!("CAST({name} AS CHAR)")
            }
            (Self::MySql, _) => name.clone(),
        }
    }
}

const fn array(kind: &Kind) -> &'static str {
    if matches!(kind, Kind::List(_)) { "[]" } else { "" }
}

impl Column {
    /// Whether PostgreSQL itself has to turn the value into text.
    fn is_foreign(&self, kind: &Kind) -> bool {
        match kind {
            Kind::List(of) => self.is_foreign(of),
            Kind::Decimal(_) | Kind::Label(_) | Kind::Other => true,
            // `citext` and the like are texts under a number that the driver would have to look up.
            Kind::Text(_) => self.is_loose,
            _ => false,
        }
    }
}

impl<'q> Statement<'q> {
    pub(super) fn new(dialect: Dialect, text: impl Into<String>) -> Self {
        Self { dialect, text: text.into(), args: Vec::new(), is_repeated: false }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The text, which holds no value of any row.
    pub(super) fn sql(&self) -> SqlStr {
        AssertSqlSafe(self.text.clone()).into_sql_str()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// `items`, separated.
    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, between: &str, each: impl Fn(&mut Self, T)) {
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                self.push(between);
            }
            each(self, item);
        }
    }

    /// The columns to read.
    pub(super) fn read<'c>(&mut self, columns: impl IntoIterator<Item = &'c Column>) {
        let dialect = self.dialect;
        self.list(columns, ", ", |sql, column| {
            sql.push(&dialect.read(column));
        });
    }

    /// A placeholder, for a value in a column's own type.
    pub(super) fn value(&mut self, column: &Column, arg: Arg<'q>) {
        let (before, after) = match self.dialect {
            _ if column.cast.is_empty() => ("", String::new()),
            Dialect::Sqlite => ("", String::new()),
            Dialect::Postgres => ("", format!("::{}", column.cast)),
            Dialect::MySql if column.kind == Kind::Instant => {
                ("CAST(TRIM(TRAILING 'Z' FROM ", format!(") AS {})", column.cast))
            }
            Dialect::MySql => ("CAST(", format!(" AS {})", column.cast)),
        };
        self.push(before).plain(arg);
        self.push(&after);
    }

    /// A placeholder, for an element of an array.
    pub(super) fn element(&mut self, column: &Column, arg: Arg<'q>) {
        self.plain(arg);
        self.push("::").push(column.cast.trim_end_matches("[]"));
    }

    /// A placeholder, for a text or an array of texts.
    pub(super) fn plain(&mut self, arg: Arg<'q>) {
        self.args.push(arg);
        let mark = match self.dialect {
            Dialect::Sqlite => format!("?{}", self.args.len()),
            Dialect::Postgres => format!("${}", self.args.len()),
            Dialect::MySql => "?".to_owned(),
        };
        self.push(&mark);
    }

    /// That a column holds one of these very values, in a form that leads into an index.
    pub(super) fn holds(&mut self, column: &Column, values: &[&'q Value]) {
        self.resembles(column, values);
        if column.is_loose {
            self.push(" AND ");
            self.is_exactly(column, values);
        }
    }

    /// That a column holds anything at all.
    pub(super) fn has_any(&mut self, column: &Column) {
        self.push(&format!("{} IS NOT NULL", column.sql));
    }

    /// That a column holds one of these very values, in a form that leads into no index.
    pub(super) fn still_holds(&mut self, column: &Column, values: &[&'q Value]) {
        self.push("(");
        self.holds(column, values);
        self.push(") IS TRUE");
    }

    /// That a column equals one of these values as the database sees it, which may be loosely.
    pub(super) fn resembles(&mut self, column: &Column, values: &[&'q Value]) {
        let name = &column.sql;
        if let Kind::Member(path) = &column.kind {
            return self.contains(column, path, values);
        }
        if self.dialect != Dialect::Postgres {
            self.push(&format!("{name} IN ("));
            self.list(values, ", ", |sql, value| sql.value(column, Arg::One(value)));
            self.push(")");
            return;
        }
        self.args.push(Arg::Many(values.to_vec()));
        let array = format!("${}", self.args.len());
        let text = match &column.kind {
            Kind::List(_) => format!("{name} && {array}::{}", column.cast),
            Kind::Other => format!("{name}::text = ANY({array})"),
            _ => format!("{name} = ANY({array}::{}[])", column.cast),
        };
        self.push(&text);
    }

    /// That a document holds one of these values at a path, in whichever element of the arrays on it.
    fn contains(&mut self, column: &Column, path: &str, values: &[&'q Value]) {
        // What the engine hands over has no way to fail as JSON.
        let json = |value: &&Value| serde_json::to_string(value).unwrap_or_default();
        let members: Vec<String> =
            path.split('.').map(|member| format!(".{}", json(&&Value::from(member)))).collect();
        self.args.push(Arg::Own(Value::Text(format!("${}[*]", members.concat()))));
        self.args.push(Arg::Texts(values.iter().map(json).collect()));
        let (name, array) = (&column.sql, self.args.len());
        self.push(&format!(
            "EXISTS (SELECT 1 FROM jsonb_path_query({name}::jsonb, ${}::jsonpath) AS member \
             WHERE member = ANY(${array}::jsonb[]))",
            array - 1
        ));
    }

    /// That a column holds one of these values, to the byte.
    pub(super) fn is_exactly(&mut self, column: &Column, values: &[&'q Value]) {
        let name = &column.sql;
        match self.dialect {
            Dialect::Sqlite => {
                self.push(&format!("+{name} COLLATE BINARY IN ("));
                self.list(values, ", ", |sql, value| sql.value(column, Arg::One(value)));
                self.push(")");
            }
            Dialect::Postgres => {
                self.args.push(Arg::Many(values.to_vec()));
                let array = self.args.len();
                self.push(&format!("{name}::text COLLATE \"C\" = ANY(${array})"));
            }
            // The binary collations of text still ignore spaces at the end.
            Dialect::MySql => {
                self.push(&format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY) IN ("));
                self.list(values, ", ", |sql, value| {
                    sql.args.push(Arg::One(value));
                    sql.push("CAST(? AS BINARY)");
                });
                self.push(")");
            }
        }
    }

    /// That a row is one of those with these keys.
    pub(super) fn is_among(&mut self, table: &Table, keys: &[&'q [Value]]) {
        let columns = table.key();
        if self.dialect == Dialect::Sqlite && columns.len() > 1 {
            self.push("(");
            self.list(keys, " OR ", |sql, key| {
                sql.push("(");
                sql.list(columns.iter().zip(*key), " AND ", |sql, (column, value)| {
                    sql.push(&column.sql).push(" = ");
                    sql.value(column, Arg::One(value));
                });
                sql.push(")");
            });
            self.push(")");
            return;
        }
        let first = self.args.len() + 1;
        self.list(columns.iter().enumerate(), " AND ", |sql, (place, column)| {
            let mut part: Vec<&Value> = keys.iter().filter_map(|key| key.get(place)).collect();
            if sql.dialect == Dialect::MySql {
                part.sort_unstable();
                part.dedup();
            }
            sql.resembles(column, &part);
        });
        if columns.len() == 1 {
            return;
        }
        // Each part is right and leads to the rows; now they have to be right together. Left alone with
        // this, MySQL takes long to see where it leads.
        self.push(" AND ((");
        self.list(&columns, ", ", |sql, column| {
            sql.push(&column.sql);
        });
        self.push(") IN (");
        if self.dialect == Dialect::Postgres {
            self.push("SELECT * FROM unnest(");
            self.list(columns.iter().enumerate(), ", ", |sql, (place, column)| {
                sql.push(&format!("${}::{}[]", first + place, column.cast));
            });
            self.push(")))");
            return;
        }
        self.list(keys, ", ", |sql, key| {
            sql.push("(");
            sql.list(columns.iter().zip(*key), ", ", |sql, (column, value)| {
                sql.value(column, Arg::One(value));
            });
            sql.push(")");
        });
        self.push(")) IS TRUE");
    }

    /// That a row comes after the one with these values, in the order of these columns.
    pub(super) fn comes_after(&mut self, columns: &[&Column], last: &[&'q Value]) {
        // MySQL looks up only the long form in an index, and SQLite only the short one, which knows no null.
        let is_short = self.dialect == Dialect::Sqlite && !last.contains(&&Value::Null);
        if is_short && columns.iter().all(|column| !column.is_nullable) {
            self.push("(");
            self.list(columns, ", ", |sql, column| {
                sql.push(&column.sql);
            });
            self.push(") > (");
            self.list(columns.iter().zip(last), ", ", |sql, (column, value)| {
                sql.value(column, Arg::One(value));
            });
            self.push(")");
            return;
        }
        self.push("(");
        self.list(0..columns.len(), " OR ", |sql, end| {
            sql.push("(");
            sql.list(columns.iter().zip(last).take(end + 1).enumerate(), " AND ", |sql, (place, part)| {
                sql.follows(part.0, part.1, place < end);
            });
            sql.push(")");
        });
        self.push(")");
    }

    /// That a column equals a value, or comes after it. Null comes first.
    fn follows(&mut self, column: &Column, value: &'q Value, is_equal: bool) {
        self.push(&column.sql);
        match (value, is_equal) {
            (Value::Null, true) => self.push(" IS NULL"),
            (Value::Null, false) => self.push(" IS NOT NULL"),
            (_, is_equal) => {
                self.push(if is_equal { " = " } else { " > " });
                self.value(column, Arg::One(value));
                self
            }
        };
    }

    /// The columns of an order.
    pub(super) fn order<'c>(&mut self, columns: impl IntoIterator<Item = &'c Column>) {
        self.push(" ORDER BY ");
        self.list(columns, ", ", |sql, column| {
            sql.push(&column.sql);
        });
    }
}
