//! What the kernel says about processes.

use std::fs;

/// The kernel's unit of time towards programs, the same on every machine Linux runs on today.
const TICKS_A_SECOND: f64 = 100.0;

/// A line of `/proc/<pid>/stat`, as far as we need it.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: u32,
    state: char,
    parent: u32,
    /// Ticks of its own, user and system.
    own: u64,
    /// Ticks of its children that have ended, and of theirs.
    ended: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
    }

    fn parse(line: &str) -> Option<Self> {
        // A program may be called anything, brackets and spaces included.
        let (head, tail) = line.rsplit_once(')')?;
        let (pid, _name) = head.split_once(' ')?;
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended: ticks(13)? + ticks(14)?,
        })
    }

    /// The ticks of this process and all below it.
    fn total(&self, all: &[Self]) -> u64 {
        let below = all.iter().filter(|other| other.parent == self.pid);
        self.own + self.ended + below.map(|child| child.total(all)).sum::<u64>()
    }
}

/// Whether a process runs: one that only waits to be noticed does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    Stat::of(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// The time that a process and all below it, dead or alive, have kept processors busy.
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    loop {
        let first = Stat::of(pid)?;
        let all: Vec<Stat> = fs::read_dir("/proc")
            .ok()?
            .flatten()
            .filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?))
            .collect();
        // A child that ended meanwhile may be missing.
        if Stat::of(pid)?.ended == first.ended {
            // Exact for 2^53 ticks, three million years.
            return Some(first.total(&all) as f64 / TICKS_A_SECOND);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: u32, parent: u32, own: u64, ended: u64) -> Stat {
        Stat { pid, state: 'S', parent, own, ended }
    }

    #[test]
    fn a_program_s_name_does_not_confuse_its_times() {
        let line = "42 (a) R 9 (b) S 7 42 42 0 -1 4194560 1 2 3 4 10 5 200 100 20 0 1 0 99";

        assert_eq!(Stat::parse(line), Some(stat(42, 7, 15, 300)));
    }

    #[test]
    fn the_dead_and_the_living_count_and_strangers_do_not() {
        let all = [stat(2, 1, 10, 0), stat(3, 2, 100, 1000), stat(4, 9, 5, 5)];

        assert_eq!(stat(1, 0, 1, 0).total(&all), 1111);
    }

    #[test]
    fn work_is_seen() {
        let own = std::process::id();
        let before = cpu_seconds(own).unwrap();
        let mut sum = 0_u64;
        while cpu_seconds(own).unwrap() < before + 0.05 {
            sum = std::hint::black_box(sum + 1);
        }

        assert!(is_alive(own) && sum > 0);
    }

    #[test]
    fn who_has_ended_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();

        assert!(!is_alive(pid));
        assert_eq!(cpu_seconds(pid), None);
    }
}
