//! The tables of endpoints and workers in the README.

use runtime::{Endpoint, Trigger, Worker};
use wire::Dialect;

use crate::SynthError;

const BEGIN: &str = "<!-- endpoints -->";
const END: &str = "<!-- /endpoints -->";

/// `readme` with the tables between its two marks. Without marks it stays as it is.
pub(crate) fn with_tables(
    readme: &str,
    endpoints: &[Endpoint],
    workers: &[Worker],
) -> Result<String, SynthError> {
    let (before, after) = match (readme.split_once(BEGIN), readme.split_once(END)) {
        (None, None) => return Ok(readme.to_owned()),
        (Some((before, _)), Some((most, after))) if before.len() < most.len() => (before, after),
        _ => return Err(SynthError::UnclosedBlock),
    };
    let tables = format!("{}\n{}", endpoint_table(endpoints), worker_table(workers));
    Ok(format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))
}

fn endpoint_table(endpoints: &[Endpoint]) -> String {
    let mut table = "| name | method and path | dialect | what for |\n|---|---|---|---|\n".to_owned();
    for dialect in Dialect::ALL {
        for route in endpoints.iter().map(|endpoint| endpoint.route).filter(|route| route.dialect == dialect)
        {
            let calls: Vec<String> = [route.path]
                .iter()
                .chain(route.aliases)
                .map(|path| format!("`{} {path}`", route.method))
                .collect();
            line(
                &mut table,
                &[&format!("`{}`", route.name), &calls.join("<br>"), label(dialect), route.summary],
            );
        }
    }
    table
}

fn worker_table(workers: &[Worker]) -> String {
    let mut table = "| name | called by | what for |\n|---|---|---|\n".to_owned();
    for spec in workers.iter().map(|worker| worker.spec) {
        let caller = match spec.trigger {
            Trigger::Queue(queue) => format!("the queue `{}`", queue.name()),
            Trigger::Changes => "changes of the ledger".to_owned(),
            Trigger::Every { minutes: 1 } => "the clock, every minute".to_owned(),
            Trigger::Every { minutes: 60 } => "the clock, every hour".to_owned(),
            Trigger::Every { minutes } => format!("the clock, every {minutes} minutes"),
        };
        line(&mut table, &[&format!("`{}`", spec.name), &caller, spec.summary]);
    }
    table
}

fn line(table: &mut String, cells: &[&str]) {
    table.push_str(&format!("| {} |\n", cells.join(" | ")));
}

const fn label(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::JsonApi => "JSON:API (PACE)",
        Dialect::Envelope => "envelope (SlashID)",
        Dialect::Connect => "connect (Instacart)",
        Dialect::Detail => "detail (RallyHere)",
        Dialect::Management => "management (Trivore)",
        Dialect::Native => "our own",
        Dialect::Page => "pages",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_lies_between_the_marks_changes() {
        let made = with_tables("a\n<!-- endpoints -->\nold\n<!-- /endpoints -->\nb\n", &[], &[]).unwrap();

        assert!(made.starts_with("a\n<!-- endpoints -->\n\n| name |"), "{made}");
        assert!(made.ends_with("|\n\n<!-- /endpoints -->\nb\n"), "{made}");
        assert!(!made.contains("old"));
        assert_eq!(with_tables(&made, &[], &[]).unwrap(), made);
    }

    #[test]
    fn every_function_has_a_row_with_all_its_paths() {
        let (endpoints, workers) = (functions::catalog::endpoints(), functions::catalog::workers());
        let made = with_tables(&format!("{BEGIN}{END}"), &endpoints, &workers).unwrap();

        for endpoint in &endpoints {
            let row =
                made.lines().find(|row| row.starts_with(&format!("| `{}` |", endpoint.route.name))).unwrap();
            assert_eq!(
                row.matches(&format!("`{} /", endpoint.route.method)).count(),
                1 + endpoint.route.aliases.len()
            );
            assert_eq!(row.matches('|').count(), 5, "{row}");
        }
        for worker in &workers {
            let row =
                made.lines().find(|row| row.starts_with(&format!("| `{}` |", worker.spec.name))).unwrap();
            assert_eq!(row.matches('|').count(), 4, "{row}");
        }
    }

    #[test]
    fn a_readme_without_marks_stays_as_it_is() {
        assert_eq!(with_tables("a\n", &[], &[]).unwrap(), "a\n");
    }

    #[test]
    fn half_a_block_is_refused() {
        assert!(with_tables("<!-- endpoints -->", &[], &[]).is_err());
        assert!(with_tables("<!-- /endpoints --> <!-- endpoints -->", &[], &[]).is_err());
    }
}
