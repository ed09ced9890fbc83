//! [`EmptyBackoff`]: the pause of a consumer that has caught up.
use crate::sync::pause;

/// Lets the producer get ahead after the ring was found empty.
///
/// Polling an empty ring pulls the cache line that the producer is about to write, and by
/// prefetching the lines after it, into this core. The producer then has to fetch them back, which
/// slows both sides down. The pause grows with the number of records taken since the last one: a
/// consumer that has just taken many records will probably find more. It is zero when nothing was
/// taken, so an idle consumer polls at full rate.
///
/// One pause of the processor for each of the first eight records, then one for each eight records:
/// a record takes 3 to 5 ns and a pause some 30, so a sender of bursts loses no more time than its
/// burst takes, or than it takes to fill the ring. Measurements: `benches/NOTES.md`, "backoff".
#[derive(Debug, Default)]
pub(crate) struct EmptyBackoff {
    /// The count of the previous call.
    taken: u64,
}

impl EmptyBackoff {
    const FEW: u64 = 8;
    /// A microsecond, or two on processors where a pause is long.
    const MAX: u64 = 32;

    /// Pauses. Returns whether records were taken since the previous call, so that another look is
    /// worth it.
    ///
    /// * `taken`: how many records the consumer has taken so far.
    /// * `capacity`: the ring's, in cells.
    /// * `least`: the fewest pauses, also after nothing was taken.
    pub(crate) fn pause(&mut self, taken: u64, capacity: u64, least: u64) -> bool {
        let new = taken.wrapping_sub(core::mem::replace(&mut self.taken, taken));
        let many = new.min(capacity) / 8;
        let pauses = new.min(Self::FEW).max(many.min(Self::MAX)).max(least);
        (0..pauses).for_each(|_| pause());
        new > 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn another_look_is_worth_it_only_after_records_were_taken() {
        let mut backoff = EmptyBackoff::default();
        assert!(!backoff.pause(0, 64, 0));
        assert!(backoff.pause(3, 64, 0));
        assert!(!backoff.pause(3, 64, 1));
        assert!(backoff.pause(1000, 64, 0));
    }
}
