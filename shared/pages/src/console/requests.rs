//! All requests: a list that is filtered, sorted, turned page by page, and exported.

use askama::Template;

use super::{Choice, Frame, RequestRow};
use crate::render;

/// A page of the list.
#[derive(Clone, Debug, Template)]
#[template(path = "console/requests.html")]
pub struct Requests<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// Which are shown.
    pub filter: Filter<'a>,
    /// The page.
    pub rows: Vec<RequestRow>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the first page is, if this is another.
    pub first: Option<String>,
    /// Where the list is had as a spreadsheet.
    pub export: String,
}

/// Which requests are shown, as the form says it.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    /// Confirmed or not.
    pub status: Vec<Choice<'a>>,
    /// What is asked for.
    pub kind: Vec<Choice<'a>>,
    /// Through which door.
    pub door: Vec<Choice<'a>>,
    /// How much time is left.
    pub due: Vec<Choice<'a>>,
    /// In which order.
    pub order: Vec<Choice<'a>>,
    /// Received on or after this day.
    pub from: String,
    /// Received on or before this day.
    pub to: String,
    /// Of one person alone, by what stands for them.
    pub person: Option<String>,
}

impl Requests<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Requests<'static> {
    /// An example.
    pub fn sample() -> Self {
        let choice = || vec![Choice { value: "", text: "any", is_chosen: true }];
        Self {
            frame: Frame { here: super::Here::Requests, ..Frame::sample() },
            filter: Filter {
                status: choice(),
                kind: choice(),
                door: choice(),
                due: choice(),
                order: choice(),
                from: "2026-03-01".to_owned(),
                to: String::new(),
                person: Some("00112233445566778899".to_owned()),
            },
            rows: vec![RequestRow::sample()],
            next: Some("/console/requests?cursor=AAAA".to_owned()),
            first: Some("/console/requests".to_owned()),
            export: "/console/requests.xlsx".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_list_is_sound() {
        check_page(&Requests::sample().page());
        check_page(&Requests { rows: Vec::new(), next: None, first: None, ..Requests::sample() }.page());
    }

    #[test]
    fn the_list_escapes_what_it_is_given() {
        let mut page = Requests::sample();
        page.rows[0].person = Some(HOSTILE.to_owned());
        page.filter.from = HOSTILE.to_owned();
        page.next = Some(HOSTILE.to_owned());
        check_page(&page.page());
    }
}
