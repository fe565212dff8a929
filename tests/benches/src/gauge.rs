//! What the kernel says about this process.

use std::fs;

use crate::Failure;

/// The kernel's unit of time towards programs, the same on every machine Linux runs on today.
const TICKS_A_SECOND: f64 = 100.0;

/// The time that all threads of this process have kept processors busy.
///
/// # Errors
/// If this is not Linux.
pub fn cpu_seconds() -> Result<f64, Failure> {
    let line = fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may hold anything; user and system time are the 12th and 13th field after it.
    let fields = line.rsplit_once(')').ok_or("no process name")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks = ticks.sum::<Result<u32, _>>()?;
    Ok(f64::from(ticks) / TICKS_A_SECOND)
}

/// The most memory that this process has held at any time, in MiB.
///
/// # Errors
/// If this is not Linux.
pub fn peak_mib() -> Result<f64, Failure> {
    peak_mib_of("self")
}

/// The same of any process.
///
/// # Errors
/// If there is no such process, or this is not Linux.
pub fn peak_mib_of(process: &str) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u32 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(f64::from(kib) / 1024.0)
}
