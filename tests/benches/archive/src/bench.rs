//! `cargo bench --workspace --bench archive`; with groups as arguments, only those.

use bench_archive::{Failure, gauge::Report, peers, pieces, whole};

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == whole::WORKER) {
        return whole::work(arguments.drain(1..));
    }
    let wanted = |group: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == group);
    let mut report = Report::default();
    if wanted("pieces") {
        pieces::measure(&mut report)?;
    }
    if wanted("peers") {
        peers::measure(&mut report)?;
    }
    if wanted("records") {
        whole::records(&mut report)?;
    }
    if wanted("workers") {
        whole::workers(&mut report)?;
    }
    if wanted("memory") {
        whole::memory(&mut report, &[10, 1024])?;
    }
    // Takes room for it on the disk, and a while.
    if arguments.iter().any(|argument| argument == "memory-large") {
        whole::memory(&mut report, &[1024, 10 * 1024])?;
    }
    report.end()
}
