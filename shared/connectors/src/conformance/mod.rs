//! One suite for all connectors: what holds for every store, whatever its kind.
//!
//! A *kind* is a [`fixture::Fixture`]: a real store that the suite fills, looks into and breaks without the
//! connector. A *rule* is a function over any fixture, in `rules`. Below is said once which rules a kind
//! can have; there is a test for each of them and each kind, such as `conformance::mysql::exactly_her_rows_go`.
//!
//! | kind | lacks | because |
//! |---|---|---|
//! | `sqlite` | `members_lead`, `answers_late` | documents are searched by their columns only; a file answers as long as it can be read |
//! | `mysql` | `members_lead` | documents are searched by their columns only |
//! | `dynamodb` | `fields_are_known`, `foreign_keys` | attributes are not declared, and every type can be compared; there are no foreign keys |
//! | `s3_objects` | `rows_have_fields`, `members_lead`, `foreign_keys` | objects have nothing that could be masked or that leads on: they are refused to be masked instead |
//! | `http` | `foreign_keys` | they are the service's own business, which answers `referenced` |

mod fixture;
mod gate;
mod kinds;
mod rules;
mod world;

/// A test for each rule.
macro_rules! rules {
    ($kind:ty; $($of:ident: $($rule:ident),+;)+) => { $($(
        #[tokio::test]
        async fn $rule() {
            crate::conformance::rules::$of::$rule::<$kind>().await;
        }
    )+)+ };
}

/// What every kind can have.
macro_rules! everywhere {
    ($kind:ty) => {
        rules! { $kind;
            access: each_row_is_shown_once_with_what_it_holds, whoever_is_not_known_is_nowhere,
                a_package_holds_the_categories_asked_for;
            plans: a_plan_changes_nothing_and_is_the_same_twice, other_peoples_rows_leave_a_plan_as_it_is,
                another_plan_than_the_one_approved_is_not_carried_out;
            erasing: exactly_her_rows_go, shared_rows_stay, what_the_law_keeps_stays_with_its_ground,
                a_row_that_changes_hands_after_the_plan_is_left_alone,
                a_row_that_changes_hands_once_it_is_read_is_not_deleted,
                what_is_written_while_the_last_rows_go_goes_as_well, a_large_person_goes_page_by_page;
            interruptions: a_stop_at_any_step_and_another_run_end_alike, the_smallest_budget_gets_to_the_end,
                an_access_goes_on_where_it_rested, a_crash_at_any_moment_and_another_run_end_alike;
            trouble: a_store_in_trouble_is_told_and_all_else_goes, a_takeout_fails_with_its_store,
                what_a_loose_store_finds_too_much_is_nobodys, a_store_that_stops_is_told_and_all_else_goes,
                a_store_that_cannot_be_opened_fails_alone, a_lost_table_is_told_and_all_else_goes;
            refusals: what_is_missing_is_told_at_open;
        }
    };
}

/// Rows have fields of their own, which lead on to other rows and can be masked.
macro_rules! rows_have_fields {
    ($kind:ty) => {
        rules! { $kind;
            access: zeros_and_empty_texts_are_values;
            erasing: shared_rows_are_anonymised_if_the_map_says_so,
                a_row_that_changes_hands_once_it_is_read_is_not_masked;
            interruptions: a_crash_while_masking_and_another_run_end_alike;
            masking: a_text_is_masked_by_each_strategy, the_identity_is_masked_last_and_leads_nowhere_then,
                members_of_documents_are_masked_in_place;
            trouble: a_store_that_does_not_mask_is_told,
                what_a_failed_collection_leads_to_is_not_taken_for_proven;
            refusals: an_identity_that_a_field_cannot_hold_finds_nobody, null_where_none_may_be_is_refused;
        }
    };
}

/// Rows can be found by what stands in an array of theirs.
macro_rules! members_lead {
    ($kind:ty) => {
        rules! { $kind; masking: of_a_common_row_only_her_elements_are_shown_and_masked; }
    };
}

/// Fields and their types are known before rows are read.
macro_rules! fields_are_known {
    ($kind:ty) => {
        rules! { $kind;
            refusals: a_missing_field_is_told_at_open, a_field_that_cannot_be_compared_is_refused_at_open;
        }
    };
}

/// The store itself refuses to delete what others refer to.
macro_rules! foreign_keys {
    ($kind:ty) => {
        rules! { $kind; refusals: rows_that_rows_outside_the_map_refer_to_are_refused; }
    };
}

/// Nothing of it can be masked.
macro_rules! nothing_is_masked {
    ($kind:ty) => {
        rules! { $kind; refusals: masking_is_refused_as_a_whole; }
    };
}

/// The store is asked over a network or waits for others.
macro_rules! answers_late {
    ($kind:ty) => {
        rules! { $kind; trouble: a_store_that_does_not_answer_is_given_up; }
    };
}

macro_rules! kinds {
    ($($kind:ident: $fixture:ident::$type:ident, [$($group:ident),+];)+) => { $(
        mod $kind {
            use crate::conformance::kinds::$fixture::$type;

            $($group!($type);)+
        }
    )+ };
}

kinds! {
    sqlite: sql::Sqlite, [everywhere, rows_have_fields, fields_are_known, foreign_keys];
    postgres: sql::Postgres,
        [everywhere, rows_have_fields, members_lead, fields_are_known, foreign_keys, answers_late];
    mysql: sql::MySql, [everywhere, rows_have_fields, fields_are_known, foreign_keys, answers_late];
    dynamodb: dynamodb::DynamoDb, [everywhere, rows_have_fields, members_lead, answers_late];
    s3_objects: s3_objects::S3Objects, [everywhere, fields_are_known, nothing_is_masked, answers_late];
    http: http::HttpService, [everywhere, rows_have_fields, members_lead, fields_are_known, answers_late];
}
