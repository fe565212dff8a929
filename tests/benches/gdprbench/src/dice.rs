//! What is left to chance, the same for each seed.

/// SplitMix64: enough for a workload, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall alike.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(end.max(1)).unwrap_or(u64::MAX)).unwrap_or_default()
    }

    /// A number from 0 to 1.
    pub fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.number() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }

    /// One of them.
    ///
    /// # Panics
    /// If there are none.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub fn happens(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// How the records are chosen.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Each as often as any other.
    Uniform,
    /// Few of them most of the time, as in YCSB: by the weights of all ranks up to each.
    Zipfian(Vec<f64>),
}

impl Choice {
    /// A zipfian choice from at most so many, with YCSB's exponent.
    #[must_use]
    pub fn zipfian(most: usize) -> Self {
        const EXPONENT: f64 = 0.99;
        let mut sum = 0.0;
        let weight = |rank: usize| {
            sum += f64::from(u32::try_from(rank).unwrap_or(u32::MAX)).powf(-EXPONENT);
            sum
        };
        Self::Zipfian((1..=most).map(weight).collect())
    }

    /// The rank of the next one of `count`, from 0.
    pub fn next(&self, count: usize, dice: &mut Dice) -> usize {
        match self {
            Self::Uniform => dice.below(count),
            Self::Zipfian(sums) => {
                let sums = &sums[..count.min(sums.len())];
                let at = dice.share() * sums.last().copied().unwrap_or_default();
                sums.partition_point(|sum| *sum < at).min(sums.len().saturating_sub(1))
            }
        }
    }
}
