//! `GET /console/requests.xlsx`: the list, as it is filtered, as a spreadsheet.
//!
//! Rows are written as they are read, and the workbook keeps one at a time. Every cell is text or a time,
//! never a formula, whatever it begins with.

use bytes::Bytes;
use domain::{Permission, Timestamp, request::Request, tenant::Tenant};
use http::{Method, StatusCode};
use runtime::{
    Allow, Answer, App, Caller, Credentials, Failure, Need, Org, Route, State,
    docs::{Docs, Good},
};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use wire::{Code, Dialect, Query};

use super::{
    answer_by, door_name, kind_name,
    listing::{self, Listing},
    status_of,
};

/// The route.
pub static ROUTE: Route = Route {
    name: "download-requests",
    method: Method::GET,
    path: "/console/requests.xlsx",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AllOf(&[Permission::AccountView, Permission::PdrViewAll]),
    errors: &[Code::InvalidParameter],
    needs: &[Need::ReadLedger, Need::KeepExports],
    summary: "Export all requests as a spreadsheet",
};

/// The media type of spreadsheets.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// How many requests are read at once.
const PIECE: usize = 500;
/// The largest spreadsheet that is answered as it is; a larger one is fetched from where it was put.
const INLINE: usize = 4 * 1024 * 1024;
/// The most rows that a sheet takes.
const MOST: u32 = 1_048_575;

/// What the OpenAPI document says of it.
static DOCS: Docs =
    Docs::answers(&[Good::raw(200, "The spreadsheet", XLSX), Good::empty(303, "Where a large one is")])
        .query(&listing::PARAMS);

/// The columns.
const HEAD: [(&str, f64); 11] = [
    ("Number", 38.0),
    ("Person", 38.0),
    ("Type", 12.0),
    ("Door", 12.0),
    ("Received", 22.0),
    ("To be answered by", 22.0),
    ("Status", 24.0),
    ("Remarks", 40.0),
    ("Confirmed", 22.0),
    ("Confirmed by", 24.0),
    ("Comment for the person", 40.0),
];

/// Exports it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    query: Query,
) -> Result<Answer, Failure> {
    let listing = Listing::of(&query)?;
    let book = written(&app, &tenant, &listing).await?;
    let name = format!("requests-{}.xlsx", app.now().format("%Y-%m-%d"));
    if book.len() <= INLINE {
        let headers = vec![("content-disposition", format!("attachment; filename=\"{name}\""))];
        return Ok(Answer {
            status: StatusCode::OK,
            content_type: Some(XLSX.to_owned()),
            headers,
            body: Bytes::from(book),
        });
    }
    let key = format!("exports/{}/{}.xlsx", caller.org, app.entropy().id(app.now()));
    let takeouts = app.store().takeouts();
    takeouts.put(&key, Bytes::from(book)).await?;
    Ok(Answer::see_other(takeouts.link_as(&key, &name, XLSX).await?))
}

async fn written(app: &App, tenant: &Tenant, listing: &Listing) -> Result<Vec<u8>, Failure> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().map_err(Failure::internal)?;
    head(sheet).map_err(Failure::internal)?;
    let mut cursor = None;
    let mut line = 0;
    loop {
        let (requests, next) = listing.page(app, tenant, cursor, PIECE).await?;
        for request in &requests {
            line += 1;
            if line <= MOST {
                row(sheet, line, tenant, request).map_err(Failure::internal)?;
            }
        }
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    book.save_to_buffer().map_err(Failure::internal)
}

fn head(sheet: &mut Worksheet) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    sheet.set_name("Requests")?.set_freeze_panes(1, 0)?;
    for ((name, width), column) in HEAD.into_iter().zip(0..) {
        sheet.set_column_width(column, width)?;
        sheet.write_string_with_format(0, column, name, &bold)?;
    }
    Ok(())
}

fn row(sheet: &mut Worksheet, line: u32, tenant: &Tenant, request: &Request) -> Result<(), XlsxError> {
    let time = |at: Timestamp| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let confirmation = request.confirmation.as_ref();
    let cells = [
        request.id.to_string(),
        request.person_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        kind_name(request.kind).to_owned(),
        door_name(request.door).to_owned(),
        time(request.received_at),
        answer_by(tenant, request).format("%Y-%m-%d").to_string(),
        status_of(request).text,
        request.remarks.clone().unwrap_or_default(),
        confirmation.map(|confirmation| time(confirmation.at)).unwrap_or_default(),
        confirmation.map(|confirmation| confirmation.by.clone()).unwrap_or_default(),
        confirmation.and_then(|confirmation| confirmation.comment.clone()).unwrap_or_default(),
    ];
    for (cell, column) in cells.iter().zip(0..) {
        sheet.write_string(line, column, plain(cell))?;
    }
    Ok(())
}

/// What a cell can hold: no control characters, which are no XML, and no more than Excel takes.
fn plain(text: &str) -> String {
    const LONGEST: usize = 32_767;
    let shown = |c: &char| match c {
        '\n' | '\t' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    // Excel counts as UTF-16 does.
    let mut length = 0;
    text.chars()
        .filter(shown)
        .take_while(|c| {
            length += c.len_utf16();
            length <= LONGEST
        })
        .collect()
}

endpoint!(handle);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::{
        PersonKey, RequestId,
        request::{Door, Kind},
    };
    use uuid::Uuid;

    use super::*;

    /// What this process has needed at most, in KiB. Each test has a process of its own.
    fn peak() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn a_hundred_thousand_rows_need_no_more_memory_than_there_is() {
        let tenant = Tenant::new("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap());
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory().unwrap();
        head(sheet).unwrap();
        let before = peak();
        for line in 1..=100_000 {
            let id = RequestId(Uuid::from_u128(line.into()));
            let person = format!("person-{line}").parse().unwrap();
            let mut request = Request::new(id, PersonKey([1; 10]), person, Kind::Access, Door::Trivore, now);
            request.remarks = Some(format!("Called support {line} times and wants a copy of everything."));
            row(sheet, line, &tenant, &request).unwrap();
        }
        let book = book.save_to_buffer().unwrap();

        let more = peak() - before;
        assert!(book.len() > 1_000_000 && more <= 64 * 1024, "{} bytes, {more} KiB", book.len());
    }

    #[test]
    fn a_cell_holds_what_excel_takes() {
        assert_eq!(plain("=1+1\u{0}\u{1b}\r\n\u{ffff}x"), "=1+1\nx");
        assert_eq!(plain(&"😀".repeat(20_000)).encode_utf16().count(), 32_766);
    }
}
