//! [`WaitStrategy`]: what an end does before it sleeps. [`AdaptiveSpin`]: how long it polls.
//!
//! # Adaptive
//! Sleeping and being woken costs tens of microseconds; polling costs as much as the wait is long.
//! A thread that polls for about as long as a wake-up takes, and then sleeps, never pays more than
//! twice the optimum (Karlin, Li, Manasse, Owicki, "Empirical studies of competitive spinning",
//! 1991). So [`MAX_LOOKS`] looks take about that long, and a wait never polls longer. A thread that
//! knows how long its waits last can do better:
//! * a wait that ends after `n` looks moves the limit of the next one by a quarter of the way to `2
//!   n`;
//! * a wait that had to yield or sleep takes a quarter off the limit: waits have become longer, or
//!   no other core could end them. After several of those, [`MIN_LOOKS`] remain;
//! * each [`EXPLORE_INTERVAL`]th wait polls up to the maximum; if it ends after `n` looks, the next
//!   limit is `2 n`: waits have become short.
//!
//! What was measured to choose the numbers: `benches/NOTES.md`, "adaptive waiting".

/// What a producer or consumer does while it has to wait.
///
/// Set it with [`Producer::set_wait_strategy`](crate::ring::Producer::set_wait_strategy) or
/// [`Consumer::set_wait_strategy`](crate::ring::Consumer::set_wait_strategy).
///
/// | | processor time while waiting | delay until a message is seen | take it if |
/// |---|---|---|---|
/// | `Spin` | a whole core | the time a cache line travels | a core is reserved for this end |
/// | `Adaptive` | at most 512 polls per wait, fewer if they do not pay off; then ten short checks a second | as `Spin` while the ring is busy, a wake-up after a pause | in doubt |
/// | `Park` | ten short checks a second | a wake-up | messages are rare, or cores are few |
///
/// A wake-up also costs the *sender* one system call, each time the other side has gone to sleep.
/// Measured delays and processor times from 10 to 1,000,000 messages a second are in
/// `benches/NOTES.md`, "adaptive waiting".
///
/// # Examples
/// ```
/// use ringway::{Options, WaitStrategy, spsc::Ring};
///
/// let ring = Ring::<u32>::on_heap(&Options::new())?;
/// let mut rx = ring.consumer()?;
/// rx.set_wait_strategy(WaitStrategy::Park);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Polls until the wait is over. Never sleeps and never yields its core: a peer that is to run
    /// on the same core waits until the scheduler takes the core away.
    Spin,
    /// Polls for a while, depending on how long earlier waits lasted; yields its core; then sleeps.
    #[default]
    Adaptive,
    /// Sleeps at once.
    Park,
}

/// The most looks of one adaptive wait, with one pause of the processor after each.
///
/// The pause does not double, as is usual, because a doubling pause overshoots: a pause takes up to
/// 50 ns, and a whole round trip takes 100.
pub(crate) const MAX_LOOKS: u32 = if cfg!(loom) { 0 } else { 512 };

/// The fewest looks of one adaptive wait. A peer that was interrupted for a moment should not make
/// this end sleep. It costs a tenth of a sleep.
const MIN_LOOKS: u32 = if cfg!(loom) { 0 } else { 64 };

/// Every 32nd adaptive wait polls for the maximum, to find out whether waits have become short
/// again.
const EXPLORE_INTERVAL: u32 = 32;

/// How often an adaptive wait yields its core before it sleeps.
const YIELDS: u32 = if cfg!(loom) { 0 } else { 4 };

/// After how many looks a spinning wait asks whether its peers live and what time it is.
const SPIN_CHECK_INTERVAL: u32 = 1024;

/// The strategy of one end, and what it has learnt about its waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdaptiveSpin {
    strategy: WaitStrategy,
    /// The limit of the next wait, in looks.
    looks: u32,
    /// Waits so far.
    waits: u32,
}

impl AdaptiveSpin {
    pub(crate) const fn new(strategy: WaitStrategy) -> Self {
        Self { strategy, looks: MAX_LOOKS / 4, waits: 0 }
    }

    pub(crate) const fn strategy(&self) -> WaitStrategy {
        self.strategy
    }

    /// Begins a wait. Returns how often it may look, and how often it yields after that.
    pub(crate) fn begin(&mut self) -> (u32, u32) {
        self.waits = self.waits.wrapping_add(1);
        match self.strategy {
            WaitStrategy::Spin => (SPIN_CHECK_INTERVAL, 0),
            WaitStrategy::Adaptive if self.waits % EXPLORE_INTERVAL == 0 => (MAX_LOOKS, YIELDS),
            WaitStrategy::Adaptive => (self.looks, YIELDS),
            WaitStrategy::Park => (0, 0),
        }
    }

    /// Ends that wait: after so many looks, or, if `None`, after yielding or sleeping.
    pub(crate) fn end(&mut self, looks: Option<u32>) {
        self.looks = match looks {
            Some(looks) if looks > self.looks => (2 * looks).min(MAX_LOOKS),
            Some(looks) => (3 * self.looks + 2 * looks).div_ceil(4).clamp(MIN_LOOKS, MAX_LOOKS),
            None if self.waits % EXPLORE_INTERVAL == 0 => self.looks,
            None => (self.looks - self.looks / 4).max(MIN_LOOKS),
        };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The limit of the next wait that does not explore.
    fn looks(spin: &mut AdaptiveSpin) -> u32 {
        loop {
            let (looks, _) = spin.begin();
            if spin.waits % EXPLORE_INTERVAL != 0 {
                return looks;
            }
        }
    }

    fn wait(spin: &mut AdaptiveSpin, lasts: u32) {
        let (most, _) = spin.begin();
        spin.end((lasts <= most).then_some(lasts));
    }

    #[test]
    fn short_waits_are_spun_through() {
        let mut spin = AdaptiveSpin::new(WaitStrategy::Adaptive);
        (0..100).for_each(|_| wait(&mut spin, 50));
        assert!((90..=110).contains(&looks(&mut spin)), "twice as many as needed: {spin:?}");
    }

    #[test]
    fn long_waits_are_slept_through() {
        let mut spin = AdaptiveSpin::new(WaitStrategy::Adaptive);
        (0..100).for_each(|_| wait(&mut spin, MAX_LOOKS + 1));
        assert_eq!(looks(&mut spin), MIN_LOOKS);
        // All of them together poll little more than one maximum.
        let spun: u32 = (0..EXPLORE_INTERVAL).map(|_| spin.begin().0).sum();
        assert_eq!(spun, MAX_LOOKS + (EXPLORE_INTERVAL - 1) * MIN_LOOKS);
    }

    #[test]
    fn waits_that_become_short_are_noticed() {
        let mut spin = AdaptiveSpin::new(WaitStrategy::Adaptive);
        (0..100).for_each(|_| wait(&mut spin, MAX_LOOKS + 1));
        // Longer than the minimum: only an exploring wait sees them end.
        (0..10 * EXPLORE_INTERVAL).for_each(|_| wait(&mut spin, 300));
        assert!(looks(&mut spin) > 300, "{spin:?}");
    }

    #[test]
    fn the_limits_are_kept() {
        let mut spin = AdaptiveSpin::new(WaitStrategy::Adaptive);
        for lasts in [0, 1, MAX_LOOKS, u32::MAX, 7, MAX_LOOKS - 1].repeat(100) {
            wait(&mut spin, lasts);
            assert!((MIN_LOOKS..=MAX_LOOKS).contains(&looks(&mut spin)));
        }
        assert_eq!(AdaptiveSpin::new(WaitStrategy::Park).begin(), (0, 0));
    }
}
