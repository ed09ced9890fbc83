//! [`WaitStrategy`]: what a waiter does before it sleeps; [`AdaptiveSpin`]: how long it does so.
//!
//! # Adaptive
//! To sleep and be woken costs tens of microseconds; to spin costs as much as the wait is long. Who spins for about as long as a wake-up
//! takes, and sleeps then, never pays more than twice what would have been best (Karlin, Li, Manasse, Owicki, "Empirical studies of
//! competitive spinning", 1991). So [`MOST_LOOKS`] looks are that long, and a wait never spins longer. Who knows how long its waits last
//! can do better:
//! * a wait that ends after `n` looks moves the next one's to `2 n`, by a quarter of the way;
//! * one that had to hand its core over, or to sleep, takes a quarter off: waits are longer, or there is nobody on another core who could
//!   end them. After some of those, [`LEAST`] are left;
//! * each [`EXPLORE`]th wait has all looks again; if it ends after `n` of them, the next one has `2 n`: waits have become short.
/// What an end does while it has to wait: see [`Producer::set_wait_strategy`](crate::ring::Producer::set_wait_strategy) and
/// [`Consumer::set_wait_strategy`](crate::ring::Consumer::set_wait_strategy).
///
/// | | processor time while it waits | until a message is seen | take it if |
/// |---|---|---|---|
/// | `Spin` | a whole core | the time a cache line travels | a core is set aside for it |
/// | `Adaptive` | at most 512 looks for each wait, and fewer if they are in vain; then ten short looks a second | as `Spin` in busy times, a wake-up after pauses | in doubt |
/// | `Park` | ten short looks a second | a wake-up | messages are rare, or cores are few |
///
/// A wake-up also costs the *sender* a system call: once for each time that the other side has gone to sleep.
///
/// Measured between processes, a message at a time to one who waits: from the send until it is seen, of five runs the middle one's
/// median; then the CPU time of receiver and sender. In µs, on a virtual machine, where waking an idle core is dear (2 cores of an AMD
/// EPYC; a pause takes 54 ns):
///
/// | messages | `Adaptive` | `Park` | `Spin` | a bare futex |
/// |---|---|---|---|---|
/// | 10 a second | 117; 94 + 35 | 128; 84 + 34 | 3.2; all + 0.8 | 110; 48 + 29 |
/// | 100 | 81; 66 + 29 | 75; 70 + 23 | 1.7; all + 0.6 | 76; 38 + 29 |
/// | 1,000 | 51; 32 + 19 | 46; 30 + 18 | 0.31; all + 0.08 | 48; 17 + 23 |
/// | 10,000 | 30; 31 + 11 | 28; 26 + 8.3 | 0.12; all + 0.01 | 27; 6.7 + 9.7 |
/// | 100,000 | 0.09; 10 + 0.05 | 1.5; 10 + 0.8 | 0.09; all + 0.01 | 12; 1.6 + 3.3 |
/// | 1,000,000 | 0.08; 1.0 + 0.01 | 0.29; 1.0 + 0.06 | 0.08; all + 0.01 | 2.3; 0.4 + 0.8 |
///
/// Once a second a message comes after 110 µs (a futex: 102). Who waits for ten seconds for nothing sleeps ten times a second and takes
/// 0.09 % of a core. Up to 10,000 messages a second each costs five system calls, one of them the sender's, and, if adaptive, four times
/// `sched_yield`; from 100,000 on next to none. To see it on your machine, in `benches/peers`: `cargo run --release -- --only idle/ --only rest/`.
///
/// # Examples
/// ```
/// # use ringway::{Options, memory::Heap, spsc::Ring};
/// use ringway::WaitStrategy;
/// # let memory = Heap::new(Ring::<u32>::required_len(8));
/// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(8))?;
///
/// let mut rx = ring.consumer()?;
/// rx.set_wait_strategy(WaitStrategy::Park);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitStrategy {
    /// Looks until it is there. Never sleeps, and never gives its core to others: if those it waits for are to run on the same
    /// core, it waits until the system takes it away.
    Spin,
    /// Looks for a while, which depends on how long its waits have lasted so far; lets others run; then sleeps.
    #[default]
    Adaptive,
    /// Sleeps at once.
    Park,
}

/// Looks of one wait, with a pause after each, at most. A pause that doubles, as is usual, overshoots: there are processors on which one
/// takes 50 ns, and a whole round trip 100. Measured, round trips by waiting calls against trying ones: 1.5 to 2.1 times as long
/// with a doubling pause, 0.9 to 1.1 with this.
///
/// They take 28 µs there, and to sleep takes as much CPU time, 27 to 50 (20 of it the barrier, if the sender runs). Medians of five runs
/// with 128, 512 and 2,048: at 10,000 messages a second 21, 22 and 25 µs late for 0.42, 0.43 and 0.49 of a core; at 30,000 14, 12 and 0.3
/// for 0.83, 0.85 and all of it; at 100,000 0.5, 0.3 and 0.3. So 2,048 gain where waits last 30 to 100 µs; where a wake-up takes 5 µs, as
/// without a hypervisor, they would be spun for nothing.
pub(crate) const MOST_LOOKS: u32 = if cfg!(loom) { 0 } else { 512 };

/// And at least, if it is to adapt: who finds no record for some looks because the other side was held up for a moment is not to sleep, nor to
/// have fewer the next time. It is a tenth of what a sleep costs. Round trips by waiting calls, with 8 and with 64: the middle is the
/// same, the slowest hundredth 290 to 520 ns and 170 to 190.
const LEAST: u32 = if cfg!(loom) { 0 } else { 64 };

/// Of so many waits one looks as often as it may.
const EXPLORE: u32 = 32;

/// How often a waiter hands its core over before it parks. Tried, and dropped: up to 64 times, where that has ended waits. With two to eight
/// senders on two cores that is level by lanes, and in one order half as fast.
const HANDOVERS: u32 = if cfg!(loom) { 0 } else { 4 };

/// Looks of one who never sleeps, until it asks whether those it waits for live, and what time it is.
const BETWEEN_QUESTIONS: u32 = 1024;

/// How an end waits, and what it has learnt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdaptiveSpin {
    how: WaitStrategy,
    /// Looks of the next wait.
    looks: u32,
    /// Waits so far.
    waits: u32,
}

impl AdaptiveSpin {
    pub(crate) const fn new(how: WaitStrategy) -> Self {
        Self { how, looks: MOST_LOOKS / 4, waits: 0 }
    }

    pub(crate) const fn how(&self) -> WaitStrategy {
        self.how
    }

    /// Looks of the wait that begins, and how often it hands its core over after them.
    pub(crate) fn begin(&mut self) -> (u32, u32) {
        self.waits = self.waits.wrapping_add(1);
        match self.how {
            WaitStrategy::Spin => (BETWEEN_QUESTIONS, 0),
            WaitStrategy::Adaptive if self.waits % EXPLORE == 0 => (MOST_LOOKS, HANDOVERS),
            WaitStrategy::Adaptive => (self.looks, HANDOVERS),
            WaitStrategy::Park => (0, 0),
        }
    }

    /// That wait is over: after so many looks, or, if none, it took more than looks.
    pub(crate) fn end(&mut self, looks: Option<u32>) {
        self.looks = match looks {
            Some(looks) if looks > self.looks => (2 * looks).min(MOST_LOOKS),
            Some(looks) => (3 * self.looks + 2 * looks).div_ceil(4).clamp(LEAST, MOST_LOOKS),
            None if self.waits % EXPLORE == 0 => self.looks,
            None => (self.looks - self.looks / 4).max(LEAST),
        };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Looks of the next wait that does not explore.
    fn looks(patience: &mut AdaptiveSpin) -> u32 {
        loop {
            let (looks, _) = patience.begin();
            if patience.waits % EXPLORE != 0 {
                return looks;
            }
        }
    }

    fn wait(patience: &mut AdaptiveSpin, lasts: u32) {
        let (most, _) = patience.begin();
        patience.end((lasts <= most).then_some(lasts));
    }

    #[test]
    fn short_waits_are_spun_through() {
        let mut patience = AdaptiveSpin::new(WaitStrategy::Adaptive);
        (0..100).for_each(|_| wait(&mut patience, 50));
        assert!((90..=110).contains(&looks(&mut patience)), "twice as many as needed: {patience:?}");
    }

    #[test]
    fn long_waits_are_not() {
        let mut patience = AdaptiveSpin::new(WaitStrategy::Adaptive);
        (0..100).for_each(|_| wait(&mut patience, MOST_LOOKS + 1));
        assert_eq!(looks(&mut patience), LEAST);
        // What all of them spin, in looks: a thirty-second of what the first does, and a little.
        let spun: u32 = (0..EXPLORE).map(|_| patience.begin().0).sum();
        assert_eq!(spun, MOST_LOOKS + (EXPLORE - 1) * LEAST);
    }

    #[test]
    fn waits_that_become_short_are_found_out() {
        let mut patience = AdaptiveSpin::new(WaitStrategy::Adaptive);
        (0..100).for_each(|_| wait(&mut patience, MOST_LOOKS + 1));
        // Longer than the least: only by exploring is it seen that they end.
        (0..10 * EXPLORE).for_each(|_| wait(&mut patience, 300));
        assert!(looks(&mut patience) > 300, "{patience:?}");
    }

    #[test]
    fn none_looks_more_often_than_it_may() {
        let mut patience = AdaptiveSpin::new(WaitStrategy::Adaptive);
        for lasts in [0, 1, MOST_LOOKS, u32::MAX, 7, MOST_LOOKS - 1].repeat(100) {
            wait(&mut patience, lasts);
            assert!((LEAST..=MOST_LOOKS).contains(&looks(&mut patience)));
        }
        assert_eq!(AdaptiveSpin::new(WaitStrategy::Park).begin(), (0, 0));
    }
}
