//! Memory stays flat. Alone in its process, because it measures the process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(dead_code, reason = "only a part of the shared support is needed")]

#[path = "suite/support/mod.rs"]
mod support;

use std::fs;

use archive::{Archive, Facts};
use support::{Bucket, now, password};

const MIB: u64 = 1 << 20;

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A line of which a fifth cannot be made smaller, the same for the same `seed`. The high bits keep
/// line breaks out of it.
fn line(seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut line = vec![b' '; 100_000];
    for eight in line[..20_000].chunks_exact_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        eight.copy_from_slice(&(state | 0x8080_8080_8080_8080).to_le_bytes());
    }
    line
}

#[tokio::test]
async fn three_hundred_megabytes_need_no_more_memory_than_one_hundred() {
    let bucket = Bucket::new().await;
    let first = Archive::create(bucket.destination(), password(), now());
    first.finish(Facts::default(), |_| String::new()).await.unwrap();
    let start = peak();
    let mut archive = Archive::create(bucket.destination(), password(), now());

    for seed in 0..1_000 {
        archive.record("shop:events", &line(seed)).await.unwrap();
    }
    let before = peak();
    for seed in 1_000..3_000 {
        archive.record("shop:events", &line(seed)).await.unwrap();
    }
    archive.finish(Facts::default(), |_| String::new()).await.unwrap();

    let more = peak() - before;
    assert!(more < 20 * MIB, "{} MiB more", more / MIB);
    // With what the object store needs, which is in this process, too.
    let all = peak() - start;
    assert!(all < 56 * MIB, "{} MiB", all / MIB);
    assert!(bucket.object().metadata().unwrap().len() > 30 * MIB);
}
