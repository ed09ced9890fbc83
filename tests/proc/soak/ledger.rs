//! The notes of what was begun, sent and received, and their comparison.
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use ringway::Loss;

use super::producers::History;
use support::Name;

/// A record: its sender, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub incarnation: u64,
    pub number: u64,
}

/// Pairs of numbers, which outlive the process that wrote them.
pub struct Notes {
    file: File,
    path: String,
    /// Removes the file with the notes, in the process that created it.
    _name: Option<Name>,
}

impl Notes {
    pub fn new() -> Self {
        let name = Name::unique("ringway-soak-notes");
        let path = format!("/dev/shm/{}", name.as_str());
        File::create(&path).unwrap();
        Self { _name: Some(name), ..Self::at(&path) }
    }

    /// Opens the notes that another process created.
    pub fn at(path: &str) -> Self {
        let file = File::options().read(true).write(true).open(path).unwrap();
        Self { file, path: path.into(), _name: None }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    fn write(&self, at: u64, number: u64) {
        self.file.write_all_at(&number.to_ne_bytes(), at).unwrap();
    }

    /// Notes that a producer begins to send, up to this number.
    pub fn begin(&self, incarnation: u64, number: u64) {
        self.write(16 * incarnation, number);
    }

    /// Notes that it has sent them.
    pub fn end(&self, incarnation: u64, number: u64) {
        self.write(16 * incarnation + 8, number);
    }

    /// Appends a pair: all of it or nothing, also if the writer is killed.
    pub fn append(&mut self, one: u64, other: u64) {
        let mut pair = one.to_ne_bytes().to_vec();
        pair.extend(other.to_ne_bytes());
        assert_eq!(self.file.write(&pair).unwrap(), pair.len());
    }

    pub fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        let bytes = std::fs::read(&self.path).unwrap();
        let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().unwrap());
        let pairs: Vec<_> =
            bytes.chunks_exact(16).map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect();
        pairs.into_iter()
    }
}

/// What was received.
#[derive(Default)]
pub struct Ledger {
    /// How many records of each incarnation.
    received: BTreeMap<u64, u64>,
    last: Option<Seen>,
    /// The record that the last consumer may have read and not released.
    in_hand: Option<Seen>,
    consumers: u64,
}

impl Ledger {
    /// Adds the notes of a consumer. Its successor may receive the last record again.
    pub fn note_life(&mut self, seen: &Notes) {
        self.consumers += 1;
        seen.pairs().for_each(|(incarnation, number)| self.note(Seen { incarnation, number }));
        // If it died before it received anything, the last record of its predecessor is still in
        // the ring.
        self.in_hand = self.last.take().or(self.in_hand);
    }

    /// Checks that each number arrives once and in order.
    pub fn note(&mut self, seen: Seen) {
        let next = self.received.entry(seen.incarnation).or_default();
        if seen.number == *next {
            *next += 1;
        } else {
            assert_eq!(Some(seen), self.in_hand.take(), "of {}, {next} was next", seen.incarnation);
        }
        self.last = Some(seen);
    }

    /// How many consumers there were, if they ran in processes of their own.
    pub fn consumers(&self) -> u64 {
        self.consumers
    }

    pub fn received(&self) -> u64 {
        self.received.values().sum()
    }

    /// Checks that all records sent have arrived. Of the records begun and not sent, all or none
    /// have arrived, and none if a loss was reported.
    pub fn assert_complete(&self, history: &History, notes: &Notes, losses: &[Loss]) {
        let mut lost: HashMap<String, u64> = HashMap::new();
        losses.iter().for_each(|loss| *lost.entry(loss.by.label.to_string()).or_default() += 1);
        // The loss does not name its owner if another producer has taken the seat since.
        lost.remove("");
        let mut not_come = 0;
        for ((incarnation, (begun, sent)), was_killed) in (0..).zip(notes.pairs()).zip(&history.killed) {
            let received = self.received.get(&incarnation).copied().unwrap_or(0);
            let lost = lost.remove(&incarnation.to_string()).unwrap_or(0);
            let what = format!(
                "incarnation {incarnation} (killed: {was_killed}): {begun} begun, {sent} sent, {received} came, {lost} lost"
            );
            assert!(received == sent || *was_killed && received == begun, "{what}");
            assert!(lost <= u64::from(*was_killed && received < begun), "{what}");
            not_come += u64::from(received < begun);
        }
        assert!(lost.is_empty(), "losses of unknown producers: {lost:?}");
        assert!(losses.len() as u64 <= not_come, "{not_come} have not arrived: {losses:?}");
        assert!(self.received.keys().all(|incarnation| *incarnation < history.killed.len() as u64));
    }
}
