//! The figures beside their bars.

use std::fmt;

/// A figure, measured several times.
#[derive(Debug)]
pub struct Figure {
    what: &'static str,
    unit: &'static str,
    /// The most that the median may be; none if the figure only informs.
    bar: Option<f64>,
    runs: Vec<f64>,
}

impl Figure {
    /// A figure that has a bar.
    #[must_use]
    pub fn barred(what: &'static str, unit: &'static str, bar: f64) -> Self {
        Self { what, unit, bar: Some(bar), runs: Vec::new() }
    }

    /// A figure that only informs.
    #[must_use]
    pub fn plain(what: &'static str, unit: &'static str) -> Self {
        Self { what, unit, bar: None, runs: Vec::new() }
    }

    /// A figure that is the same each time, such as a count of instructions.
    #[must_use]
    pub fn one(what: &'static str, unit: &'static str, bar: Option<f64>, value: f64) -> Self {
        Self { what, unit, bar, runs: vec![value] }
    }

    /// Adds what one run has shown.
    pub fn add(&mut self, value: f64) {
        self.runs.push(value);
    }

    /// The value in the middle; of an even number of them, the higher of the two.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.runs.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Whether the bar is met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.bar.is_none_or(|bar| self.median() <= bar)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, unit, bar, runs } = self;
        let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let bar = bar.map_or_else(String::new, |bar| format!("≤ {bar}"));
        let verdict = match (self.bar, self.is_met()) {
            (None, _) => "",
            (Some(_), true) => "met",
            (Some(_), false) => "MISSED",
        };
        let median = self.median();
        write!(f, "| {what} | {unit} | {bar} | {median:.4} | {least:.4} to {most:.4} | {verdict} |")
    }
}
