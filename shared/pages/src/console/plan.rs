//! What an erasure would do, before anything is done.

use askama::Template;

use super::Frame;
use crate::render;

/// A plan.
#[derive(Clone, Debug, Template)]
#[template(path = "console/plan.html")]
pub struct Plan<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// The request that it is for.
    pub request: String,
    /// Where it is carried out.
    pub action: String,
    /// Its hash.
    pub sha256: String,
    /// Each collection with what is done to it.
    pub collections: Vec<Collection>,
    /// Rows that would be deleted or masked.
    pub affected: u64,
    /// Whether somebody else must release it then.
    pub needs_release: bool,
    /// Why it cannot be carried out.
    pub refusals: Vec<String>,
}

/// What is done to a collection.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Which.
    pub name: String,
    /// What is done.
    pub method: String,
    /// Rows that were found.
    pub found: u64,
    /// Rows that change.
    pub affected: u64,
    /// Rows that are kept.
    pub kept: u64,
    /// Why.
    pub because: String,
}

impl Plan<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Plan<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            frame: Frame { here: super::Here::Requests, ..Frame::sample() },
            request: super::RequestRow::sample().path,
            action: "/console/requests/7f3a/purge/apply".to_owned(),
            sha256: "8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e".to_owned(),
            collections: vec![Collection {
                name: "shop.customers".to_owned(),
                method: "delete".to_owned(),
                found: 1,
                affected: 1,
                kept: 0,
                because: String::new(),
            }],
            affected: 1,
            needs_release: true,
            refusals: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_plan_is_sound_and_escapes_what_it_is_given() {
        check_page(&Plan::sample().page());
        let mut page = Plan::sample();
        page.collections[0].name = HOSTILE.to_owned();
        page.collections[0].because = HOSTILE.to_owned();
        page.refusals = vec![HOSTILE.to_owned()];
        check_page(&page.page());
    }
}
