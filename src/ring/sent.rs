//! [`Sent`]: what a seat's holders have sent, for others to read.
use crate::error::Corruption;
use crate::layout::RoleBlock;
use crate::memory::{Region, WordRef};
use crate::sync::Relaxed;

/// A producer's counters. Kept in private, and copied into its role block with each publication; a successor goes on from
/// there.
pub(super) struct Sent {
    records: Counter,
    bytes: Counter,
    aborted: Counter,
    /// Records and bytes staged and not yet published.
    staged: (u64, u64),
}

struct Counter {
    word: WordRef,
    count: u64,
}

impl Counter {
    #[inline(always)]
    fn add(&mut self, n: u64) {
        self.count = self.count.wrapping_add(n);
        // Relaxed: for display.
        self.word.store(self.count, Relaxed);
    }
}

impl Sent {
    pub(super) fn resume(region: &Region, block: RoleBlock) -> Result<Self, Corruption> {
        let counter = |at| {
            let word = WordRef::new(region, at).ok_or(Corruption::Outside)?;
            // Relaxed: for display.
            let count = word.load(Relaxed);
            Ok(Counter { word, count })
        };
        let [records, bytes, aborted] = block.sent();
        Ok(Self {
            records: counter(records)?,
            bytes: counter(bytes)?,
            aborted: counter(aborted)?,
            staged: (0, 0),
        })
    }

    #[inline(always)]
    pub(super) fn stage(&mut self, bytes: u64) {
        self.staged = (self.staged.0 + 1, self.staged.1 + bytes);
    }

    /// What was staged is published.
    #[inline(always)]
    pub(super) fn publish(&mut self) {
        let (records, bytes) = core::mem::take(&mut self.staged);
        self.records.add(records);
        self.bytes.add(bytes);
    }

    /// `records` of `bytes` in all are published, without having been staged.
    #[inline(always)]
    pub(super) fn publish_at_once(&mut self, records: u64, bytes: u64) {
        self.records.add(records);
        self.bytes.add(bytes);
    }

    /// What was staged is given up; what was only reserved counts as one.
    pub(super) fn abort(&mut self) {
        let (records, _) = core::mem::take(&mut self.staged);
        self.aborted.add(records.max(1));
    }
}

/// What stands in a role block: records, bytes, aborted, lost.
pub(crate) fn counts(region: &Region, block: RoleBlock) -> [u64; 4] {
    let [records, bytes, aborted] = block.sent();
    // Relaxed: for display.
    [records, bytes, aborted, block.lost()]
        .map(|at| WordRef::new(region, at).map_or(0, |word| word.load(Relaxed)))
}
