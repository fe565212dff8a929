//! Clocks, and figures beside their bars.

use std::fs;

use crate::Failure;

/// The kernel's unit of time towards programs, the same on every machine Linux runs on today.
const TICKS_A_SECOND: f64 = 100.0;

/// The time that this thread has kept a processor busy.
///
/// # Errors
/// If this is not Linux.
pub fn thread_seconds() -> Result<f64, Failure> {
    let line = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = line.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}

/// The time that the threads of this process have kept processors busy, and its children that have
/// ended.
///
/// # Errors
/// If this is not Linux.
pub fn process_seconds() -> Result<[f64; 2], Failure> {
    let line = fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may hold anything; the times are the 12th to 15th field after it.
    let fields = line.rsplit_once(')').ok_or("no process name")?.1;
    let ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<f64>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?;
    let [own, own_system, children, children_system] = ticks[..] else { return Err("no times".into()) };
    Ok([own + own_system, children + children_system].map(|ticks| ticks / TICKS_A_SECOND))
}

/// The CPU time of this thread for `work`.
///
/// # Errors
/// If this is not Linux, or what `work` says.
pub fn time(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let before = thread_seconds()?;
    work()?;
    Ok(thread_seconds()? - before)
}

/// The most memory that this process has held at any time, in MiB.
///
/// # Errors
/// If this is not Linux.
pub fn peak_mib() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// At least this.
    Least(f64),
    /// At most this.
    Most(f64),
    /// It only informs.
    None,
}

/// The figures so far; they are printed as they come.
#[derive(Debug, Default)]
pub struct Report {
    missed: u32,
}

impl Report {
    /// Adds the median of some runs.
    pub fn figure(&mut self, what: &str, bar: Bar, runs: &[f64]) {
        let mut sorted = runs.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        let (bar, met) = match bar {
            Bar::Least(least) => (format!("≥ {least}"), median >= least),
            Bar::Most(most) => (format!("≤ {most}"), median <= most),
            Bar::None => (String::new(), true),
        };
        let (least, most) =
            (sorted.first().copied().unwrap_or_default(), sorted.last().copied().unwrap_or_default());
        let verdict = if met { "" } else { "MISSED" };
        println!("| {what} | {bar} | {median:.3} | {least:.3} to {most:.3} | {verdict} |");
        self.missed += u32::from(!met);
    }

    /// Whether all bars were met.
    ///
    /// # Errors
    /// If one was missed.
    pub fn end(self) -> Result<(), Failure> {
        if self.missed == 0 { Ok(()) } else { Err(format!("{} bars missed", self.missed).into()) }
    }
}
