//! What is archived: made, not stored, and always the same.

use std::fmt::Write as _;

/// Numbers without meaning, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// Begins anew.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        // SplitMix64: good enough that nothing compresses it.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.draw() % most
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let at = self.below(of.len() as u64);
        usize::try_from(at).ok().and_then(|at| of.get(at)).copied().unwrap_or_default()
    }
}

const WORDS: &[&str] = &[
    "the", "order", "has", "arrived", "late", "please", "call", "me", "about", "invoice", "thank", "you",
    "for", "your", "help", "with", "account", "we", "will", "return", "it", "tomorrow", "address", "changed",
    "and", "delivery", "was", "not", "there", "kind", "regards", "question", "refund", "again", "never",
    "always",
];

/// One record as a store would hold it: 55 % events, 25 % messages, 17 % orders, 3 % profiles.
pub fn record(noise: &mut Noise, line: &mut String) {
    line.clear();
    let (id, day, second) = (noise.draw(), noise.below(28) + 1, noise.below(60));
    let _ =
        write!(line, r#"{{"id":"{id:016x}","at":"2026-03-{day:02}T12:{:02}:{second:02}Z","#, noise.below(60));
    let _ = match noise.below(100) {
        0..55 => write!(
            line,
            r#""event":"{}","page":"/{}/{}","agent":"Mozilla/5.0 (X11; Linux x86_64)","ip":"10.{}.{}.{}"}}"#,
            noise.pick(&["view", "click", "login", "search", "scroll"]),
            noise.pick(WORDS),
            noise.below(10_000),
            noise.below(256),
            noise.below(256),
            noise.below(256),
        ),
        55..80 => {
            let text: Vec<_> = (0..10 + noise.below(30)).map(|_| noise.pick(WORDS)).collect();
            write!(
                line,
                r#""from":"customer","subject":"{}","text":"{}"}}"#,
                noise.pick(WORDS),
                text.join(" ")
            )
        }
        80..97 => write!(
            line,
            r#""order":{},"total":{}.{:02},"currency":"EUR","items":[{{"sku":"A-{:05}","count":{}}},{{"sku":"B-{:05}","count":1}}],"status":"{}"}}"#,
            noise.below(1_000_000),
            noise.below(500),
            noise.below(100),
            noise.below(100_000),
            noise.below(5) + 1,
            noise.below(100_000),
            noise.pick(&["paid", "sent", "returned"]),
        ),
        _ => write!(
            line,
            r#""name":"{} {}","city":"{}","phone":"+49 30 {}","newsletter":{}}}"#,
            noise.pick(WORDS),
            noise.pick(WORDS),
            noise.pick(&["Berlin", "Oxford", "Lyon"]),
            noise.below(10_000_000),
            noise.below(2) == 0,
        ),
    };
}

/// So many bytes of records, a line each.
#[must_use]
pub fn records(bytes: usize) -> Vec<u8> {
    let (mut noise, mut line, mut all) = (Noise::new(1), String::new(), Vec::with_capacity(bytes + 1024));
    while all.len() < bytes {
        record(&mut noise, &mut line);
        all.extend_from_slice(line.as_bytes());
        all.push(b'\n');
    }
    all
}

/// So many bytes that look like a JPEG and cannot be made smaller.
#[must_use]
pub fn picture(bytes: usize) -> Vec<u8> {
    let mut noise = Noise::new(2);
    let mut all: Vec<u8> = (0..bytes.div_ceil(8)).flat_map(|_| noise.draw().to_le_bytes()).collect();
    all.truncate(bytes);
    for (at, byte) in b"\xFF\xD8\xFF\xE0".iter().enumerate() {
        if let Some(first) = all.get_mut(at) {
            *first = *byte;
        }
    }
    all
}
