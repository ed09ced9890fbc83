//! [`ProducerCounters`]: what the holders of a seat have sent, for display.
use crate::error::Corruption;
use crate::memory::{Region, WordRef};
use crate::ring::layout::RoleBlock;
use crate::sync::Relaxed;

/// A producer's counters. Kept in private and copied into its role block at each publication; a
/// successor continues from there.
pub(crate) struct ProducerCounters {
    words: [WordRef; 3],
    /// Records published or staged.
    records: u64,
    /// Payload bytes published or staged.
    bytes: u64,
}

impl ProducerCounters {
    pub(crate) fn resume(region: &Region, block: RoleBlock) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let [records, bytes, aborted] = block.sent();
        let mut counters =
            Self { words: [part(records)?, part(bytes)?, part(aborted)?], records: 0, bytes: 0 };
        counters.forget_staged();
        Ok(counters)
    }

    /// Counts a record that is staged.
    #[inline(always)]
    pub(crate) fn stage(&mut self, bytes: u64) {
        self.records = self.records.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// Shows what was staged.
    #[inline(always)]
    pub(crate) fn publish(&self) {
        let [records, bytes, _] = &self.words;
        // Relaxed: for display.
        records.store(self.records, Relaxed);
        // Relaxed: for display.
        bytes.store(self.bytes, Relaxed);
    }

    /// Counts and shows `records` of together `bytes` that were not staged.
    #[inline(always)]
    pub(crate) fn publish_at_once(&mut self, records: u64, bytes: u64) {
        self.records = self.records.wrapping_add(records);
        self.bytes = self.bytes.wrapping_add(bytes);
        self.publish();
    }

    /// Counts what was staged as aborted. A mere reservation counts as one record.
    pub(crate) fn abort(&mut self) {
        let staged = self.records;
        self.forget_staged();
        let aborted_now = staged.wrapping_sub(self.records).max(1);
        let [.., aborted] = &self.words;
        // Relaxed: for display.
        let before = aborted.load(Relaxed);
        // Relaxed: for display.
        aborted.store(before.wrapping_add(aborted_now), Relaxed);
    }

    fn forget_staged(&mut self) {
        let [records, bytes, _] = &self.words;
        // Relaxed: for display; only the holder of the seat writes it.
        self.records = records.load(Relaxed);
        // Relaxed: for display; only the holder of the seat writes it.
        self.bytes = bytes.load(Relaxed);
    }
}

/// Reads the counters of a role block: records, bytes, aborted, lost.
pub(crate) fn read_counters(region: &Region, block: RoleBlock) -> [u64; 4] {
    let [records, bytes, aborted] = block.sent();
    // Relaxed: for display.
    [records, bytes, aborted, block.lost()]
        .map(|at| WordRef::new(region, at).map_or(0, |word| word.load(Relaxed)))
}
