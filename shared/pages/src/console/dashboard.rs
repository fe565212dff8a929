//! The overview: what is due, what waits for somebody, what is under way, how much there is.

use askama::Template;
use chrono::{DateTime, NaiveDate, Utc};

use super::{Badge, Frame, RequestRow};
use crate::render;

/// The overview.
#[derive(Clone, Debug, Template)]
#[template(path = "console/dashboard.html")]
pub struct Dashboard<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// What the reader may see of the requests; nothing without the right.
    pub work: Option<Work>,
    /// Whether they may make a request.
    pub may_make: bool,
}

/// What there is to do.
#[derive(Clone, Debug)]
pub struct Work {
    /// Figures, each with where to see what is counted.
    pub figures: Vec<Figure>,
    /// What waits for somebody, worst first.
    pub waiting: Vec<RequestRow>,
    /// Whether more waits than is shown.
    pub is_more: bool,
    /// Purges that are due soon, the next first.
    pub purges: Vec<Coming>,
    /// Takeouts that are being made.
    pub takeouts: Vec<Coming>,
    /// How many requests were received, day by day.
    pub volume: Plot,
}

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The figure itself.
    pub value: String,
    /// What is counted.
    pub what: &'static str,
    /// Its class in the stylesheet.
    pub class: &'static str,
    /// Where to see it.
    pub path: &'static str,
}

/// Something that Lethe does by itself.
#[derive(Clone, Debug)]
pub struct Coming {
    /// The request.
    pub path: String,
    /// Whose it is, or what stands for them.
    pub person: String,
    /// When it is due, or was asked for.
    pub at: DateTime<Utc>,
    /// How it stands.
    pub status: Badge,
}

/// Bars, one a day, drawn into a box of 720 by 160.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// The days and how many requests each had.
    pub days: Vec<(NaiveDate, usize)>,
    /// Whether older days of the time are left out, because there was too much to count.
    pub is_cut: bool,
}

const WIDTH: usize = 720;
const HEIGHT: usize = 120;

/// A bar of the plot.
struct Bar {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    label: String,
    mark: Option<String>,
}

impl Plot {
    fn most(&self) -> usize {
        self.days.iter().map(|(_, count)| *count).max().unwrap_or_default()
    }

    fn total(&self) -> usize {
        self.days.iter().map(|(_, count)| count).sum()
    }

    fn bars(&self) -> impl Iterator<Item = Bar> {
        let (step, most) = (WIDTH / self.days.len().max(1), self.most().max(1));
        self.days.iter().enumerate().map(move |(place, (day, count))| {
            // Every bar is seen, however little it stands for.
            let height = if *count == 0 { 0 } else { (count * HEIGHT / most).max(2) };
            Bar {
                x: place * step,
                y: HEIGHT + 12 - height,
                width: step.saturating_sub(4).max(1),
                height,
                label: format!("{}: {count}", day.format("%-d %B")),
                mark: (place % 7 == 0).then(|| day.format("%-d %b").to_string()),
            }
        })
    }

    fn caption(&self) -> String {
        let all = self.total();
        let days = self.days.len();
        if self.is_cut {
            format!("The {all} newest requests of the last {days} days, by the day they came")
        } else {
            format!("{all} requests in the last {days} days, by the day they came")
        }
    }
}

impl Dashboard<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Dashboard<'static> {
    /// An example.
    pub fn sample() -> Self {
        let at = crate::time::sample();
        let coming = Coming {
            path: RequestRow::sample().path,
            person: "903c1ff9".to_owned(),
            at,
            status: Badge::new(super::Tone::Busy, "collecting"),
        };
        let day = at.date_naive();
        let days = day.iter_days().zip([0, 3, 8, 1, 0, 2, 5, 9]).collect();
        Self {
            frame: Frame::sample(),
            may_make: true,
            work: Some(Work {
                figures: vec![Figure {
                    value: "3".to_owned(),
                    what: "overdue",
                    class: "late",
                    path: "/console/requests?due=overdue",
                }],
                waiting: vec![RequestRow::sample()],
                is_more: true,
                purges: vec![coming.clone()],
                takeouts: vec![coming],
                volume: Plot { days, is_cut: false },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_overview_is_sound() {
        check_page(&Dashboard::sample().page());
        check_page(&Dashboard { work: None, may_make: false, ..Dashboard::sample() }.page());
        let empty = Work {
            figures: Vec::new(),
            waiting: Vec::new(),
            is_more: false,
            purges: Vec::new(),
            takeouts: Vec::new(),
            volume: Plot::default(),
        };
        check_page(&Dashboard { work: Some(empty), ..Dashboard::sample() }.page());
    }

    #[test]
    fn the_overview_escapes_what_it_is_given() {
        let mut page = Dashboard::sample();
        page.frame.who = HOSTILE;
        if let Some(work) = &mut page.work {
            work.waiting[0].person = Some(HOSTILE.to_owned());
            work.purges[0].person = HOSTILE.to_owned();
        }
        check_page(&page.page());
    }

    #[test]
    fn bars_fill_the_height_and_none_is_lost() {
        let page = Dashboard::sample();
        let plot = page.work.map(|work| work.volume).unwrap_or_default();
        let heights: Vec<usize> = plot.bars().map(|bar| bar.height).collect();

        assert_eq!((heights[0], heights[7]), (0, HEIGHT));
        assert_eq!(plot.total(), 28);
    }
}
