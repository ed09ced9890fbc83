//! [`ProducerCounters`]: what a seat's holders have sent, for others to read.
use crate::error::Corruption;
use crate::layout::RoleBlock;
use crate::memory::{Region, WordRef};
use crate::sync::Relaxed;

/// A producer's counters. Kept in private, and copied into its role block with each publication; a successor goes on from
/// there.
pub(crate) struct ProducerCounters {
    words: [WordRef; 3],
    /// Published, or staged to be.
    records: u64,
    /// Likewise.
    bytes: u64,
}

impl ProducerCounters {
    pub(crate) fn resume(region: &Region, block: RoleBlock) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let [records, bytes, aborted] = block.sent();
        let mut sent = Self { words: [part(records)?, part(bytes)?, part(aborted)?], records: 0, bytes: 0 };
        sent.forget_staged();
        Ok(sent)
    }

    /// A record is staged.
    #[inline(always)]
    pub(crate) fn stage(&mut self, bytes: u64) {
        self.records = self.records.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// What was staged is published.
    #[inline(always)]
    pub(crate) fn publish(&self) {
        let [records, bytes, _] = &self.words;
        // Relaxed: for display.
        records.store(self.records, Relaxed);
        // Relaxed: for display.
        bytes.store(self.bytes, Relaxed);
    }

    /// `records` of `bytes` in all are published, without having been staged.
    #[inline(always)]
    pub(crate) fn publish_at_once(&mut self, records: u64, bytes: u64) {
        self.records = self.records.wrapping_add(records);
        self.bytes = self.bytes.wrapping_add(bytes);
        self.publish();
    }

    /// What was staged is given up; what was only reserved counts as one.
    pub(crate) fn abort(&mut self) {
        let staged = self.records;
        self.forget_staged();
        let given_up = staged.wrapping_sub(self.records).max(1);
        let [.., aborted] = &self.words;
        // Relaxed: for display.
        let before = aborted.load(Relaxed);
        // Relaxed: for display.
        aborted.store(before.wrapping_add(given_up), Relaxed);
    }

    fn forget_staged(&mut self) {
        let [records, bytes, _] = &self.words;
        // Relaxed: for display, and written by nobody else.
        self.records = records.load(Relaxed);
        // Relaxed: as above.
        self.bytes = bytes.load(Relaxed);
    }
}

/// What stands in a role block: records, bytes, aborted, lost.
pub(crate) fn counts(region: &Region, block: RoleBlock) -> [u64; 4] {
    let [records, bytes, aborted] = block.sent();
    // Relaxed: for display.
    [records, bytes, aborted, block.lost()]
        .map(|at| WordRef::new(region, at).map_or(0, |word| word.load(Relaxed)))
}
