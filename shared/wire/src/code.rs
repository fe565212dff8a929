//! The one table of everything that can go wrong for a caller.

/// Something that can go wrong for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each means")]
pub enum Code {
    AuthMalformedAccess,
    AuthNotJwt,
    AuthTokenFormat,
    AuthTokenUnknown,
    AuthInvalidKeyId,
    AuthInvalidVersion,
    AuthTokenInvalidType,
    AuthTokenSigInvalid,
    AuthTokenExpired,
    AuthTokenInvalidClaim,
    AuthUnavailable,
    BadClient,
    CredentialsInQuery,
    InsufficientPermissions,
    MissingLinkedIdentity,
    NotAcceptable,
    UnsupportedMediaType,
    TooLarge,
    Malformed,
    InvalidField,
    InvalidParameter,
    PersonNotFound,
    TakeoutNotFound,
    RequestNotFound,
    PurgeNotFound,
    DataNotFound,
    CertificateNotFound,
    PlanNotFound,
    PlanChanged,
    PlanRefused,
    NothingToRelease,
    SamePerson,
    HoldNotFound,
    ObjectionNotFound,
    UnknownPurpose,
    PurgeInProgress,
    Held,
    IdentityErased,
    IdTaken,
    IdempotencyConflict,
    Conflict,
    FeatureOff,
    TooManyRequests,
    Unavailable,
    Internal,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// A stable name.
    pub slug: &'static str,
    /// The HTTP status in each dialect, in the order of [`crate::Dialect`].
    pub statuses: [u16; 6],
    /// What it means, for people. `{}` stands for a part that depends on the case.
    pub title: &'static str,
}

const fn row(slug: &'static str, statuses: [u16; 6], title: &'static str) -> Row {
    Row { slug, statuses, title }
}

impl Code {
    /// All codes.
    pub const ALL: &'static [Self] = &[
        Self::AuthMalformedAccess,
        Self::AuthNotJwt,
        Self::AuthTokenFormat,
        Self::AuthTokenUnknown,
        Self::AuthInvalidKeyId,
        Self::AuthInvalidVersion,
        Self::AuthTokenInvalidType,
        Self::AuthTokenSigInvalid,
        Self::AuthTokenExpired,
        Self::AuthTokenInvalidClaim,
        Self::AuthUnavailable,
        Self::BadClient,
        Self::CredentialsInQuery,
        Self::InsufficientPermissions,
        Self::MissingLinkedIdentity,
        Self::NotAcceptable,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::Malformed,
        Self::InvalidField,
        Self::InvalidParameter,
        Self::PersonNotFound,
        Self::TakeoutNotFound,
        Self::RequestNotFound,
        Self::PurgeNotFound,
        Self::DataNotFound,
        Self::CertificateNotFound,
        Self::PlanNotFound,
        Self::PlanChanged,
        Self::PlanRefused,
        Self::NothingToRelease,
        Self::SamePerson,
        Self::HoldNotFound,
        Self::ObjectionNotFound,
        Self::UnknownPurpose,
        Self::PurgeInProgress,
        Self::Held,
        Self::IdentityErased,
        Self::IdTaken,
        Self::IdempotencyConflict,
        Self::Conflict,
        Self::FeatureOff,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Name, statuses and meaning of every error there is. The names and texts of the `auth_*`
    /// rows are those of `003_7e754b52a3de9fbd.txt`.
    #[rustfmt::skip]
    pub const fn row(self) -> Row {
        match self {
            //                                                            PACE SlID Inst Rall Triv nat.
            Self::AuthMalformedAccess     => row("auth_malformed_access",    [401, 401, 401, 403, 401, 401], "Invalid Authorization - malformed access token"),
            Self::AuthNotJwt              => row("auth_not_jwt",             [401, 401, 401, 403, 401, 401], "Invalid Authorization"),
            Self::AuthTokenFormat         => row("auth_token_format",        [401, 401, 401, 403, 401, 401], "Invalid Authorization - {}"),
            Self::AuthTokenUnknown        => row("auth_token_unknown",       [401, 401, 401, 403, 401, 401], "Failed to parse token"),
            Self::AuthInvalidKeyId        => row("auth_invalid_key_id",      [401, 401, 401, 403, 401, 401], "Invalid Authorization - Invalid Key ID in Access Token"),
            Self::AuthInvalidVersion      => row("auth_invalid_version",     [401, 401, 401, 403, 401, 401], "Invalid Authorization - version"),
            Self::AuthTokenInvalidType    => row("auth_token_invalid_type",  [401, 401, 401, 403, 401, 401], "Token is of an invalid type"),
            Self::AuthTokenSigInvalid     => row("auth_token_sig_invalid",   [401, 401, 401, 403, 401, 401], "Token Signature is invalid"),
            Self::AuthTokenExpired        => row("auth_token_expired",       [401, 401, 401, 403, 401, 401], "Token is expired"),
            Self::AuthTokenInvalidClaim   => row("auth_token_invalid_claim", [401, 401, 401, 403, 401, 401], "Token contained invalid claim value: {}"),
            Self::AuthUnavailable         => row("auth_unavailable",         [502, 503, 503, 503, 503, 503], "problem connecting to the introspection endpoint"),
            Self::BadClient               => row("auth_bad_client",          [401, 401, 401, 403, 401, 401], "unknown client or wrong secret"),
            Self::CredentialsInQuery      => row("credentials_in_query",     [403, 403, 403, 403, 403, 403], "credentials must not be part of the address"),
            Self::InsufficientPermissions => row("insufficient_permissions", [403, 403, 403, 403, 403, 403], "Insufficient Permissions"),
            Self::MissingLinkedIdentity   => row("missing-linked-identity",  [401, 401, 401, 403, 401, 401], "Missing linked identity for authorized access"),
            Self::NotAcceptable           => row("not_acceptable",           [406, 400, 400, 422, 400, 406], "the answer is not available in the media type asked for"),
            Self::UnsupportedMediaType    => row("unsupported_media_type",   [415, 400, 400, 422, 400, 415], "the body is not of the media type expected"),
            Self::TooLarge                => row("too_large",                [413, 413, 413, 413, 413, 413], "the body is too large"),
            Self::Malformed               => row("malformed",                [422, 400, 400, 422, 400, 400], "the body is not valid JSON"),
            Self::InvalidField            => row("invalid_field",            [422, 400, 400, 422, 400, 422], "a field is not valid"),
            Self::InvalidParameter        => row("invalid_parameter",        [400, 400, 400, 422, 400, 400], "a parameter is not valid"),
            Self::PersonNotFound          => row("person_not_found",         [404, 404, 400, 404, 404, 404], "person not found"),
            Self::TakeoutNotFound         => row("takeout_not_found",        [404, 404, 400, 404, 404, 404], "takeout not found"),
            Self::RequestNotFound         => row("request_not_found",        [404, 404, 400, 404, 404, 404], "request not found"),
            Self::PurgeNotFound           => row("purge_not_found",          [404, 404, 400, 404, 404, 404], "no purge is queued for the person"),
            Self::DataNotFound            => row("data_not_found",           [404, 404, 400, 404, 404, 404], "data not found"),
            Self::CertificateNotFound     => row("certificate_not_found",    [404, 404, 400, 404, 404, 404], "certificate not found"),
            Self::HoldNotFound            => row("hold_not_found",           [404, 404, 400, 404, 404, 404], "hold not found"),
            Self::ObjectionNotFound       => row("objection_not_found",      [404, 404, 400, 404, 404, 404], "objection not found"),
            Self::UnknownPurpose          => row("unknown_purpose",          [422, 400, 400, 422, 400, 422], "the purpose is none of the tenant's"),
            Self::PlanNotFound            => row("plan_not_found",           [404, 404, 400, 404, 404, 404], "plan not found"),
            Self::PlanChanged             => row("plan_changed",             [409, 409, 409, 409, 409, 409], "what would be erased is no longer what the plan says"),
            Self::PlanRefused             => row("plan_refused",             [409, 409, 409, 409, 409, 409], "the plan would end half done"),
            Self::NothingToRelease        => row("nothing_to_release",       [409, 409, 409, 409, 409, 409], "no purge of this request waits for a release"),
            Self::SamePerson              => row("same_person",              [403, 403, 403, 403, 403, 403], "a purge is released by somebody other than who asked for it"),
            Self::PurgeInProgress         => row("purge_in_progress",        [409, 409, 409, 409, 409, 409], "the purge of the person has already begun"),
            Self::Held                    => row("held",                     [409, 409, 409, 409, 409, 409], "a hold forbids it"),
            Self::IdentityErased          => row("identity_erased",          [409, 409, 409, 409, 409, 409], "what identifies the person belonged to somebody who was erased"),
            Self::IdTaken                 => row("id_taken",                 [409, 409, 409, 409, 409, 409], "the id belongs to another resource"),
            Self::IdempotencyConflict     => row("idempotency_conflict",     [409, 409, 409, 409, 409, 409], "the idempotency key was used for another request"),
            Self::Conflict                => row("conflict",                 [409, 409, 409, 409, 409, 409], "somebody else changed the record at the same time"),
            Self::FeatureOff              => row("feature_off",              [403, 403, 400, 403, 403, 403], "Feature not enabled for this client"),
            Self::TooManyRequests         => row("too_many_requests",        [429, 429, 429, 429, 429, 429], "too many requests"),
            Self::Unavailable             => row("unavailable",              [503, 503, 503, 503, 503, 503], "the service is not available right now"),
            Self::Internal                => row("internal",                 [500, 500, 500, 500, 500, 500], "internal error"),
        }
    }
}
