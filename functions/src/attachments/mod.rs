//! Files that belong to requests: how they come, are looked at, and are handed out.

pub mod attach;
pub mod download;
pub mod download_own;
pub mod remove;
pub mod scan;
mod sniff;
pub mod upload;

use std::process::ExitCode;

use domain::{
    AttachmentId,
    attachment::{FileKind, FileState},
    request::Request,
};
use runtime::{Answer, App, Endpoint, Failure};
use store::attachments::FilePlace;
use wire::Code;

/// The Lambda of all that has to do with files, but for the scan.
const KEEP: &str = "keep-attachments";

/// The Lambda `keep-attachments`.
pub fn keep() -> ExitCode {
    runtime::serve_all(kept())
}

fn kept() -> Vec<Endpoint> {
    vec![
        attach::endpoint(),
        upload::endpoint(),
        download::endpoint(),
        remove::endpoint(),
        download_own::endpoint(),
    ]
}

#[cfg(test)]
pub(crate) fn groups() -> Vec<(&'static str, Vec<Endpoint>)> {
    vec![(KEEP, kept())]
}

fn place(org: domain::OrgId, request: &Request, id: AttachmentId) -> FilePlace {
    FilePlace { org, person: request.person, request: request.id, id }
}

/// What a kept file is, and how large.
pub(crate) fn size(state: FileState) -> String {
    let FileState::Kept { kind, size } = state else { return String::new() };
    let name = match kind {
        FileKind::Pdf => "PDF",
        FileKind::Png => "PNG",
        FileKind::Jpeg => "JPEG",
        FileKind::Text => "text",
    };
    match size {
        ..1_000 => format!("{name}, {size} bytes"),
        1_000..1_000_000 => format!("{name}, {} KB", size / 1_000),
        1_000_000.. => format!("{name}, {} MB", size / 1_000_000),
    }
}

/// Leads to a file that is kept, in a bucket whose addresses are none of ours.
async fn handed_out(app: &App, place: &FilePlace, state: FileState) -> Result<Answer, Failure> {
    match state {
        FileState::Kept { kind, .. } => {
            Ok(Answer::see_other(app.store().attachments().link(place, kind).await?))
        }
        FileState::Awaited | FileState::Refused(_) => Err(Code::DataNotFound.into()),
    }
}
