//! What went wrong, told to people on a page: what it means for them and what they can do, never how.

use pages::message::{Message, Way};
use wire::{Code, Problem};

use crate::SIGN_IN;

/// The page about a problem.
pub(crate) fn page(problem: &Problem, is_console: bool) -> String {
    let start = Way { path: "/console", text: "Back to the overview" };
    let sign_in = Way { path: SIGN_IN, text: "Sign in" };
    let (title, text, way) = match problem.code {
        Code::SignedOut => ("You are signed out", SIGNED_OUT, sign_in),
        Code::SignInFailed => ("Signing in did not work", SIGN_IN_FAILED, sign_in),
        Code::FeatureOff => ("This is switched off", FEATURE_OFF, start),
        Code::InsufficientPermissions => ("You may not do this", NOT_ALLOWED, start),
        Code::FormExpired => ("This form is too old", FORM_EXPIRED, start),
        Code::Conflict | Code::PlanChanged | Code::NothingToRelease => {
            ("Somebody was faster", CONFLICT, start)
        }
        Code::SamePerson => ("Somebody else must do this", SAME_PERSON, start),
        Code::PurgeInProgress => ("The erasure has begun", BEGUN, start),
        Code::PersonNotFound
        | Code::TakeoutNotFound
        | Code::RequestNotFound
        | Code::PurgeNotFound
        | Code::DataNotFound
        | Code::CertificateNotFound
        | Code::PlanNotFound
        | Code::HoldNotFound
        | Code::ClientNotFound
        | Code::ObjectionNotFound => ("There is nothing here", NOT_FOUND, start),
        Code::TooManyRequests => ("Too often", TOO_MANY, start),
        Code::TooLarge => ("This is too large", TOO_LARGE, start),
        Code::Unavailable | Code::AuthUnavailable | Code::Internal => ("Something is broken", BROKEN, start),
        Code::AuthMalformedAccess
        | Code::AuthNotJwt
        | Code::AuthTokenFormat
        | Code::AuthTokenUnknown
        | Code::AuthInvalidKeyId
        | Code::AuthInvalidVersion
        | Code::AuthTokenInvalidType
        | Code::AuthTokenSigInvalid
        | Code::AuthTokenExpired
        | Code::AuthTokenInvalidClaim
        | Code::BadClient
        | Code::CredentialsInQuery
        | Code::MissingLinkedIdentity
        | Code::NotAcceptable
        | Code::UnsupportedMediaType
        | Code::Malformed
        | Code::InvalidField
        | Code::InvalidParameter
        | Code::PlanRefused
        | Code::UnknownPurpose
        | Code::Held
        | Code::IdentityErased
        | Code::IdTaken
        | Code::IdempotencyConflict => ("This cannot be done", "", start),
    };
    let detail = problem.detail();
    let text = if text.is_empty() { detail.as_str() } else { text };
    // Strangers have no console to go back to.
    let way = Some(way).filter(|way| is_console || way.path == SIGN_IN);
    let permission = problem.about.as_deref().filter(|_| problem.code == Code::InsufficientPermissions);
    Message { title, text, detail: permission, way }.page()
}

const SIGNED_OUT: &str = "You signed out, or were away for too long. Nothing that you sent was done.";
const SIGN_IN_FAILED: &str = "It took too long, or was not completed in this browser. Please try again.";
const FEATURE_OFF: &str = "It was not set up for this installation.";
const NOT_ALLOWED: &str =
    "Your account lacks a permission for it. Whoever manages your accounts can grant it.";
const FORM_EXPIRED: &str =
    "It was not sent from a page of this session. Open the page again, and repeat what you wanted to do.";
const CONFLICT: &str = "Somebody else changed this at the same time, and their change was kept. Yours was not \
                        made. Look at how it stands now before you go on.";
const SAME_PERSON: &str = "What somebody asked for is released by somebody else.";
const BEGUN: &str = "It can no longer be moved or called off.";
const NOT_FOUND: &str = "It never existed, or is no longer kept.";
const TOO_MANY: &str = "Please wait a while and try again.";
const TOO_LARGE: &str = "Please send less.";
const BROKEN: &str = "It is our fault. Please try again in a moment.";
