//! Permissions: one table of all names, and the only comparison of a grant with a need.

/// Something a caller may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Order takeouts (PACE scope).
    TakeoutCreate,
    /// List and download takeouts (PACE scope).
    TakeoutRead,
    /// Read consents (SlashID group `member` and up).
    ConsentRead,
    /// Store and withdraw consents (SlashID group `admin`).
    ConsentWrite,
    /// Ask for the deletion of a user (Instacart scope).
    Fulfillment,
    /// Ask for deletions by identifier and follow them (Instacart scope).
    Compliance,
    /// Any purge (RallyHere).
    PurgeAny,
    /// The purge of any person (RallyHere).
    PurgePersonAdmin,
    /// The purge of oneself (RallyHere).
    PurgePersonSelf,
    /// Read anybody's restrictions (RallyHere).
    RestrictionReadAny,
    /// Read one's own restrictions (RallyHere).
    RestrictionReadSelf,
    /// Set and lift anybody's restrictions (RallyHere).
    RestrictionModifyAny,
    /// Create personal data requests and view links (Trivore).
    PdrModify,
    /// Read personal data requests of a user (Trivore).
    PdrView,
    /// See accounts in the console (Trivore).
    AccountView,
    /// See the personal data requests of all users in the console (Trivore).
    PdrViewAll,
    /// Confirm a personal data request as processed (Trivore).
    PdrConfirm,
    /// Read registered persons (native).
    PersonsRead,
    /// Register, change and remove persons (native).
    PersonsWrite,
    /// Read requests of all kinds and doors (native).
    RequestsRead,
    /// Read legal holds and duties of retention (native).
    HoldsRead,
    /// Set and lift them (native).
    HoldsWrite,
    /// Ask whether a person's data may be used for a purpose (native).
    ProcessingRead,
    /// Override a person's objection (native).
    ObjectionsOverride,
    /// Read plans of erasures (native).
    PlansRead,
    /// Make plans and carry them out (native).
    PlansWrite,
    /// Release a purge above the blast radius (native).
    PurgesRelease,
    /// Make new keys for certificates (native).
    KeysWrite,
    /// Let programs sign in with a secret, and see which may (native).
    ClientsWrite,
    /// Read and verify the log of the audit, and what a supervisor is handed (native).
    AuditRead,
}

impl Permission {
    /// Every permission there is.
    pub const ALL: &'static [Self] = {
        use Permission::{
            AccountView, AuditRead, ClientsWrite, Compliance, ConsentRead, ConsentWrite, Fulfillment,
            HoldsRead, HoldsWrite, KeysWrite, ObjectionsOverride, PdrConfirm, PdrModify, PdrView, PdrViewAll,
            PersonsRead, PersonsWrite, PlansRead, PlansWrite, ProcessingRead, PurgeAny, PurgePersonAdmin,
            PurgePersonSelf, PurgesRelease, RequestsRead, RestrictionModifyAny, RestrictionReadAny,
            RestrictionReadSelf, TakeoutCreate, TakeoutRead,
        };
        &[
            TakeoutCreate,
            TakeoutRead,
            ConsentRead,
            ConsentWrite,
            Fulfillment,
            Compliance,
            PurgeAny,
            PurgePersonAdmin,
            PurgePersonSelf,
            RestrictionReadAny,
            RestrictionReadSelf,
            RestrictionModifyAny,
            PdrModify,
            PdrView,
            AccountView,
            PdrViewAll,
            PdrConfirm,
            PersonsRead,
            PersonsWrite,
            RequestsRead,
            HoldsRead,
            HoldsWrite,
            ProcessingRead,
            ObjectionsOverride,
            PlansRead,
            PlansWrite,
            PurgesRelease,
            KeysWrite,
            ClientsWrite,
            AuditRead,
        ]
    };

    /// The name by which tokens and API clients carry the permission.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TakeoutCreate => "user:gdpr:create",
            Self::TakeoutRead => "user:gdpr:read",
            Self::ConsentRead => "consent:gdpr:read",
            Self::ConsentWrite => "consent:gdpr:write",
            Self::Fulfillment => "connect:fulfillment",
            Self::Compliance => "connect:compliance",
            Self::PurgeAny => "purge:*:*",
            Self::PurgePersonAdmin => "purge:person:admin",
            Self::PurgePersonSelf => "purge:person:self",
            Self::RestrictionReadAny => "user:restriction:read:any",
            Self::RestrictionReadSelf => "user:restriction:read:self",
            Self::RestrictionModifyAny => "user:restriction:modify:any",
            Self::PdrModify => "ACCOUNT_MODIFY_PERSONAL_DATA_REQUESTS",
            Self::PdrView => "ACCOUNT_VIEW_PERSONAL_DATA_REQUESTS",
            Self::AccountView => "ACCOUNT_VIEW",
            Self::PdrViewAll => "PERSONAL_DATA_REQUEST_VIEW_ALL",
            Self::PdrConfirm => "PERSONAL_DATA_REQUEST_VERIFY_PROCESSED",
            Self::PersonsRead => "lethe:persons:read",
            Self::PersonsWrite => "lethe:persons:write",
            Self::RequestsRead => "lethe:requests:read",
            Self::HoldsRead => "lethe:holds:read",
            Self::HoldsWrite => "lethe:holds:write",
            Self::ProcessingRead => "lethe:processing:read",
            Self::ObjectionsOverride => "lethe:objections:override",
            Self::PlansRead => "lethe:plans:read",
            Self::PlansWrite => "lethe:plans:write",
            Self::PurgesRelease => "lethe:purges:release",
            Self::KeysWrite => "lethe:keys:write",
            Self::ClientsWrite => "lethe:clients:write",
            Self::AuditRead => "lethe:audit:read",
        }
    }

    /// Whether the permission reaches no further than the caller's own person.
    pub const fn own_only(self) -> bool {
        matches!(self, Self::PurgePersonSelf | Self::RestrictionReadSelf)
    }

    /// Whether a `*` in a grant stands for anything, as in RallyHere's permissions. In all other
    /// dialects a `*` is a character like any other, so that `user:*` opens no takeout.
    const fn wildcards(self) -> bool {
        match self {
            Self::PurgeAny
            | Self::PurgePersonAdmin
            | Self::PurgePersonSelf
            | Self::RestrictionReadAny
            | Self::RestrictionReadSelf
            | Self::RestrictionModifyAny => true,
            Self::TakeoutCreate
            | Self::TakeoutRead
            | Self::ConsentRead
            | Self::ConsentWrite
            | Self::Fulfillment
            | Self::Compliance
            | Self::PdrModify
            | Self::PdrView
            | Self::AccountView
            | Self::PdrViewAll
            | Self::PdrConfirm
            | Self::PersonsRead
            | Self::PersonsWrite
            | Self::RequestsRead
            | Self::HoldsRead
            | Self::HoldsWrite
            | Self::ProcessingRead
            | Self::ObjectionsOverride
            | Self::PlansRead
            | Self::PlansWrite
            | Self::PurgesRelease
            | Self::KeysWrite
            | Self::ClientsWrite
            | Self::AuditRead => false,
        }
    }

    /// Whether `grant`, as written in a token, gives this permission.
    ///
    /// Segments are compared one by one: `*` matches one segment, a trailing `*` the rest (at
    /// least one). Exact otherwise, case and spaces included.
    ///
    /// ```
    /// use domain::Permission;
    ///
    /// assert!(Permission::PurgePersonAdmin.granted_by("purge:person:admin"));
    /// assert!(Permission::RestrictionReadAny.granted_by("user:*"));
    /// assert!(!Permission::TakeoutRead.granted_by("user:*"));
    /// ```
    pub fn granted_by(self, grant: &str) -> bool {
        if !self.wildcards() {
            return grant == self.name();
        }
        let mut need = self.name().split(':');
        let mut grant = grant.split(':').peekable();
        loop {
            match (grant.next(), need.next()) {
                (None, None) => return true,
                (Some("*"), Some(_)) if grant.peek().is_none() => return true,
                (Some("*"), Some(_)) => {}
                (Some(given), Some(needed)) if given == needed => {}
                (Some(_) | None, Some(_) | None) => return false,
            }
        }
    }
}

/// What a verified caller was granted, as written in the token or registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<String>);

impl Grants {
    /// Whether any grant gives `permission`.
    pub fn allow(&self, permission: Permission) -> bool {
        self.0.iter().any(|grant| permission.granted_by(grant))
    }

    /// The grants as written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<T: Into<String>> FromIterator<T> for Grants {
    fn from_iter<I: IntoIterator<Item = T>>(grants: I) -> Self {
        Self(grants.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grant: &str, permission: Permission, expected: bool) {
        assert_eq!(permission.granted_by(grant), expected, "{grant} for {}", permission.name());
    }

    #[test]
    fn grants_match_by_segments() {
        check("purge:person:admin", Permission::PurgePersonAdmin, true);
        check("purge:*:*", Permission::PurgePersonAdmin, true);
        check("purge:*:*", Permission::PurgeAny, true);
        check("purge:*", Permission::PurgePersonAdmin, true);
        check("*", Permission::PurgePersonAdmin, true);
        check("purge:*:admin", Permission::PurgePersonAdmin, true);
        check("purge:person", Permission::PurgePersonAdmin, false);
        check("purge:person:admin:x", Permission::PurgePersonAdmin, false);
        check("purge:person:adm*", Permission::PurgePersonAdmin, false);
        check("Purge:person:admin", Permission::PurgePersonAdmin, false);
        check(" purge:person:admin", Permission::PurgePersonAdmin, false);
        check("", Permission::PurgePersonAdmin, false);
        check("purge:person:self", Permission::PurgePersonAdmin, false);
        check("purge:person:admin", Permission::PurgeAny, false);
    }

    #[test]
    fn wildcards_open_nothing_outside_their_dialect() {
        for grant in ["*", "user:*", "lethe:*", "*:*:*"] {
            for &permission in Permission::ALL.iter().filter(|permission| !permission.wildcards()) {
                check(grant, permission, false);
            }
        }
    }

    #[test]
    fn what_reaches_no_further_than_oneself_is_named_so() {
        for permission in Permission::ALL {
            assert_eq!(permission.own_only(), permission.name().ends_with(":self"), "{}", permission.name());
        }
    }

    #[test]
    fn grants_are_kept_as_written_and_any_of_them_is_enough() {
        let grants = Grants::from_iter(["user:gdpr:read", "purge:*"]);

        assert_eq!(grants.iter().collect::<Vec<_>>(), ["user:gdpr:read", "purge:*"]);
        assert!(grants.allow(Permission::TakeoutRead) && grants.allow(Permission::PurgeAny));
        assert!(!grants.allow(Permission::TakeoutCreate) && !Grants::default().allow(Permission::PurgeAny));
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Permission::ALL.iter().map(|p| p.name()).collect();

        assert_eq!(names.len(), Permission::ALL.len());
    }
}
