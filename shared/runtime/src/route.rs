//! What is particular to an endpoint, as data.

use domain::Permission;
use http::Method;
use wire::{Code, Dialect};

/// Everything about an endpoint but what it does.
#[derive(Debug)]
pub struct Route {
    /// The Lambda's name: verb-noun, in kebab case.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path, in API Gateway's syntax.
    pub path: &'static str,
    /// Other paths under which it is known.
    pub aliases: &'static [&'static str],
    /// The dialect in which it answers.
    pub dialect: Dialect,
    /// How the caller says who they are.
    pub credentials: Credentials,
    /// Who may call it.
    pub allow: Allow,
    /// The errors of its own, beside those that every endpoint has.
    pub errors: &'static [Code],
    /// What it touches; becomes its IAM policy.
    pub needs: &'static [Need],
    /// What it is for, in a few words.
    pub summary: &'static str,
}

/// How the caller says who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// They need not.
    None,
    /// `Authorization: Bearer`.
    Bearer,
    /// The same, or a cookie of that name (RallyHere).
    BearerOrCookie,
    /// `SlashID-API-Key` and `SlashID-OrgID`.
    ApiKey,
    /// HTTP Basic of an API client, or a bearer token.
    BasicOrBearer,
    /// The cookie of somebody of the staff who signed in to the console; what they send comes from a form of
    /// ours.
    Session,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug)]
pub enum Allow {
    /// Whoever was verified, or everybody if no credentials are asked for.
    Anyone,
    /// Whoever has any of these permissions. Those that reach no further than oneself count only
    /// where the path names nobody else.
    AnyOf(&'static [Permission]),
    /// Whoever has all of these.
    AllOf(&'static [Permission]),
}

/// What a function touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Reads the ledger.
    ReadLedger,
    /// Reads and writes the ledger.
    WriteLedger,
    /// Begins, renews and ends sessions of the console.
    KeepSessions,
    /// Counts what strangers do.
    KeepLimits,
    /// Deletes from the ledger what a forgotten person leaves, and their files.
    ForgetLedger,
    /// Signs certificates, and puts a new key for it in place of the one before.
    Certify,
    /// Reads finished takeouts.
    ReadTakeouts,
    /// Writes takeouts.
    WriteTakeouts,
    /// Reads what a takeout that is being built needs to go on; no finished one.
    ResumeTakeouts,
    /// Puts spreadsheets beside the takeouts, and hands them out.
    KeepExports,
    /// Deletes takeouts.
    DeleteTakeouts,
    /// Goes on with the log of the audit.
    NoteChanges,
    /// Reads the log of the audit.
    ReadAudit,
    /// Lets staff send files into quarantine, hands out those that are kept, and takes them away.
    KeepAttachments,
    /// Reads files in quarantine, and keeps them.
    ScanAttachments,
    /// Sends to the queue of takeouts.
    QueueTakeouts,
    /// Sends to the queue of purges.
    QueuePurges,
    /// Sends to the queue of mails.
    QueueNotices,
    /// Sends mails.
    SendMail,
    /// Reads the secret by which the console says at the provider of identities who it is.
    ReadSignInSecret,
    /// Reads the stores of the data map.
    ReadStores,
    /// Erases from the stores of the data map.
    EraseStores,
}

impl Need {
    /// Whether it cannot be met without the ledger.
    pub const fn is_of_ledger(self) -> bool {
        match self {
            Self::ReadLedger
            | Self::WriteLedger
            | Self::KeepSessions
            | Self::KeepLimits
            | Self::ForgetLedger => true,
            Self::Certify
            | Self::ReadTakeouts
            | Self::WriteTakeouts
            | Self::ResumeTakeouts
            | Self::KeepExports
            | Self::DeleteTakeouts
            | Self::NoteChanges
            | Self::ReadAudit
            | Self::KeepAttachments
            | Self::ScanAttachments
            | Self::QueueTakeouts
            | Self::QueuePurges
            | Self::QueueNotices
            | Self::SendMail
            | Self::ReadSignInSecret
            | Self::ReadStores
            | Self::EraseStores => false,
        }
    }
}

impl Route {
    /// Whether an `Idempotency-Key` counts: forms of pages have none.
    pub fn takes_idempotency_key(&self) -> bool {
        let keyed = match self.credentials {
            Credentials::None | Credentials::Session => false,
            Credentials::Bearer
            | Credentials::BearerOrCookie
            | Credentials::ApiKey
            | Credentials::BasicOrBearer => true,
        };
        self.method == Method::POST && keyed
    }

    /// The names of the path's parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The name of the parameter that names a person, if one does.
    pub fn person_param(&self) -> Option<&'static str> {
        self.params().find(|name| matches!(*name, "person_id" | "userID" | "user_id" | "userId"))
    }
}
