//! [`Deadline`]: until when a call may wait.
use core::time::Duration;

use crate::memory::Clock;

/// A point in time on the clock `C`, or never.
///
/// The time counts from [`start`](Self::start). A call that does not have to wait never reads the
/// clock.
pub(crate) struct Deadline<C> {
    timeout: Option<Timeout<C>>,
}

struct Timeout<C> {
    duration: Duration,
    now: fn(&C) -> Duration,
    /// When the time is up, once it has started.
    end: Option<Duration>,
}

impl<C> Deadline<C> {
    pub(crate) const fn never() -> Self {
        Self { timeout: None }
    }

    /// Starts the time, unless it runs already. Returns `false` if it is up.
    ///
    /// A caller whose peer shows a record and takes it back can come here again and again: it then
    /// waits no longer than one that comes once.
    pub(crate) fn start(&mut self, clock: &C) -> bool {
        let Some(Timeout { duration, now, end }) = &mut self.timeout else { return true };
        match end {
            Some(end) => now(clock) < *end,
            None => {
                *end = Some(now(clock).saturating_add(*duration));
                true
            }
        }
    }

    /// The time that is left; `None` if there is no limit.
    pub(crate) fn left(&self, clock: &C) -> Option<Duration> {
        let Timeout { duration, now, end } = self.timeout.as_ref()?;
        Some(end.map_or(*duration, |end| end.saturating_sub(now(clock))))
    }
}

impl<C: Clock> Deadline<C> {
    /// `timeout` after [`start`](Self::start).
    pub(crate) const fn after(timeout: Duration) -> Self {
        Self { timeout: Some(Timeout { duration: timeout, now: C::now, end: None }) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::cell::Cell;

    use super::*;

    struct Manual(Cell<u64>);

    impl Clock for Manual {
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.get())
        }
    }

    #[test]
    fn time_counts_from_the_start() {
        let clock = Manual(Cell::new(100));
        let mut deadline = Deadline::after(Duration::from_secs(5));
        assert_eq!(deadline.left(&clock), Some(Duration::from_secs(5)));
        clock.0.set(200);
        assert!(deadline.start(&clock));
        clock.0.set(203);
        assert!(deadline.start(&clock), "starting again changes nothing");
        assert_eq!(deadline.left(&clock), Some(Duration::from_secs(2)));
        clock.0.set(205);
        assert!(!deadline.start(&clock));
        assert_eq!(deadline.left(&clock), Some(Duration::ZERO));
    }

    #[test]
    fn no_timeout_means_no_limit() {
        let clock = Manual(Cell::new(0));
        let mut never = Deadline::never();
        assert!(never.start(&clock));
        assert_eq!(never.left(&clock), None);
    }

    #[test]
    fn a_timeout_of_zero_still_allows_one_look() {
        let clock = Manual(Cell::new(7));
        let mut deadline = Deadline::after(Duration::ZERO);
        assert!(deadline.start(&clock));
        assert_eq!(deadline.left(&clock), Some(Duration::ZERO));
        assert!(!deadline.start(&clock));
    }

    #[test]
    fn a_timeout_beyond_the_clocks_end_is_cut() {
        let clock = Manual(Cell::new(7));
        let mut deadline = Deadline::after(Duration::MAX);
        assert!(deadline.start(&clock));
        assert!(deadline.left(&clock).unwrap() > Duration::from_secs(1 << 40));
    }
}
