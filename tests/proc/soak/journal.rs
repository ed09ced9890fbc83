//! A file of words that outlives the processes that write it: what each producer has begun and
//! sent, and what the consumers have read and released.
//!
//! Each word has one writer at a time. A process that is killed between two stores leaves the words
//! as the first one left them, so the order of the stores in each function matters.
#![allow(clippy::disallowed_types, reason = "the journal is no part of the library")]

use std::fs::File;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use support::Name;

/// Producers that one journal has room for.
pub const LIVES: u64 = 4096;
/// Seats of producers, at most.
pub const SEATS: u64 = 16;
/// Lines of records: one for each lane, or one for the whole ring.
const LINES: u64 = SEATS;
/// More records are never read and not released.
const UNRELEASED: u64 = 128;
/// Losses that one journal has room for.
const LOSSES: u64 = 8192;

const HEADER_WORDS: u64 = 16;
const LINE_WORDS: u64 = 4 + 2 * UNRELEASED;
const LIFE_WORDS: u64 = 8;
const LOSS_WORDS: u64 = 4;
const LINES_AT: u64 = HEADER_WORDS + SEATS;
const LIVES_AT: u64 = LINES_AT + LINES * LINE_WORDS;
const LOSSES_AT: u64 = LIVES_AT + LIVES * LIFE_WORDS;
const WORDS: u64 = LOSSES_AT + LOSSES * LOSS_WORDS;

/// A record: its sender, and its number among the sender's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub life: u64,
    pub number: u64,
}

/// What a producer wrote about itself, and what the consumers received of it.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// It may have sent the records below this number.
    pub begun: u64,
    /// Whether those after `ended` become visible together.
    pub is_all_or_nothing: bool,
    /// It has sent the records below this number: the call returned.
    pub ended: u64,
    /// Its seat, once it has one.
    pub seat: Option<u64>,
    /// Its first position.
    pub start: u64,
    /// How many producers had taken a seat before it.
    pub attached: u64,
    /// The number that the consumer expects next.
    pub next: u64,
}

/// A loss that a consumer reported.
#[derive(Clone, Copy, Debug)]
pub struct NotedLoss {
    pub position: u64,
    pub cells: u64,
    /// The producer that died, if the loss names it.
    pub life: Option<u64>,
}

pub struct Journal {
    words: NonNull<AtomicU64>,
    path: String,
    /// Removes the file, in the process that created it.
    _name: Option<Name>,
}

impl Journal {
    pub fn new() -> Self {
        let name = Name::unique("ringway-soak-journal");
        let path = format!("/dev/shm/{}", name.as_str());
        File::create_new(&path).unwrap().set_len(8 * WORDS).unwrap();
        let mut journal = Self::at(&path);
        journal._name = Some(name);
        journal
    }

    /// Opens the journal that another process created.
    pub fn at(path: &str) -> Self {
        let file = File::options().read(true).write(true).open(path).unwrap();
        let (len, protection) = (8 * WORDS as usize, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let mapped = unsafe { mmap(null_mut(), len, protection, MapFlags::SHARED, &file, 0) };
        let words = NonNull::new(mapped.unwrap().cast()).unwrap();
        Self { words, path: path.into(), _name: None }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    fn word(&self, index: u64) -> &AtomicU64 {
        assert!(index < WORDS);
        // SAFETY: within the mapping, which has `WORDS` words.
        let word = unsafe { self.words.add(index as usize) };
        // SAFETY: mapped as long as `self` lives, aligned, and initialised by the kernel. All
        // processes access it by atomic operations only.
        unsafe { word.as_ref() }
    }

    fn get(&self, index: u64) -> u64 {
        self.word(index).load(Acquire)
    }

    /// Release: a process that is killed has stored everything before.
    fn set(&self, index: u64, value: u64) {
        self.word(index).store(value, Release);
    }

    // The header.

    /// Tells the consumer that no producer comes any more.
    pub fn end(&self) {
        self.set(0, 1);
    }

    pub fn is_ended(&self) -> bool {
        self.get(0) == 1
    }

    /// Notes how many items the consumer may take and release before it notes them.
    pub fn popping(&self, items: u64) {
        self.set(1, items);
    }

    /// After the death of a consumer: how many items it may have taken and not noted.
    pub fn note_dead_consumer(&self) {
        self.set(2, self.popped() + self.get(1));
        self.set(1, 0);
    }

    /// How many items dead consumers may have taken and not noted.
    pub fn popped(&self) -> u64 {
        self.get(2)
    }

    pub fn note_reread(&self) {
        self.set(3, self.rereads() + 1);
    }

    pub fn rereads(&self) -> u64 {
        self.get(3)
    }

    pub fn note_bytes(&self, bytes: u64) {
        self.set(4, self.bytes() + bytes);
    }

    pub fn bytes(&self) -> u64 {
        self.get(4)
    }

    /// Notes where the last consumer stands at its end.
    pub fn note_position(&self, position: u64) {
        self.set(5, position);
    }

    pub fn position(&self) -> u64 {
        self.get(5)
    }

    /// Notes how many losses this consumer has forgotten.
    pub fn note_dropped(&self, losses: u64) {
        self.set(6, losses);
    }

    pub fn dropped(&self) -> u64 {
        self.get(6)
    }

    // Producers.

    fn life_word(&self, life: u64, index: u64) -> u64 {
        assert!(life < LIVES, "{life} is no producer");
        LIVES_AT + life * LIFE_WORDS + index
    }

    pub fn life(&self, life: u64) -> Life {
        let word = |index| self.get(self.life_word(life, index));
        Life {
            begun: word(0) >> 1,
            is_all_or_nothing: word(0) & 1 == 1,
            ended: word(1),
            seat: word(2).checked_sub(1),
            start: word(3),
            attached: word(4),
            next: word(5),
        }
    }

    /// A producer has taken its seat.
    pub fn attach(&self, life: u64, seat: u64, start: u64) {
        self.set(self.life_word(life, 3), start);
        let attached = self.word(7).fetch_add(1, AcqRel);
        self.set(self.life_word(life, 4), attached);
        self.set(self.life_word(life, 2), seat + 1);
    }

    /// Notes that a producer begins to send the records below `number`.
    pub fn begin(&self, life: u64, number: u64, is_all_or_nothing: bool) {
        self.set(self.life_word(life, 0), number << 1 | u64::from(is_all_or_nothing));
    }

    /// Notes that it has sent the records below `number`.
    pub fn end_sending(&self, life: u64, number: u64) {
        self.set(self.life_word(life, 1), number);
    }

    /// Tells a producer to leave.
    pub fn dismiss(&self, life: u64) {
        self.set(self.life_word(life, 6), 1);
    }

    pub fn is_dismissed(&self, life: u64) -> bool {
        self.get(self.life_word(life, 6)) == 1
    }

    // Consumers.

    fn line_word(&self, line: u64, index: u64) -> u64 {
        assert!(line < LINES, "{line} is no line");
        LINES_AT + line * LINE_WORDS + index
    }

    /// How many records were received first from this line.
    pub fn noted(&self, line: u64) -> u64 {
        self.get(self.line_word(line, 0))
    }

    /// How many of them are known to be released.
    pub fn released(&self, line: u64) -> u64 {
        self.get(self.line_word(line, 1))
    }

    /// How many of them the consumer may have released by now.
    pub fn releasing(&self, line: u64) -> u64 {
        self.get(self.line_word(line, 2)).min(self.noted(line))
    }

    pub fn set_released(&self, line: u64, count: u64) {
        self.set(self.line_word(line, 1), count);
    }

    pub fn set_releasing(&self, line: u64, count: u64) {
        self.set(self.line_word(line, 2), count);
    }

    /// Record `index` of those that were received from this line. One of the last.
    pub fn record(&self, line: u64, index: u64) -> Stamp {
        let at = 4 + 2 * (index % UNRELEASED);
        let word = |at| self.get(self.line_word(line, at));
        Stamp { life: word(at), number: word(at + 1) }
    }

    /// Appends a record that was received first.
    pub fn append(&self, line: u64, stamp: Stamp) {
        let noted = self.noted(line);
        assert!(noted - self.released(line) < UNRELEASED);
        let at = 4 + 2 * (noted % UNRELEASED);
        self.set(self.line_word(line, at), stamp.life);
        self.set(self.line_word(line, at + 1), stamp.number);
        self.set(self.line_word(line, 0), noted + 1);
        self.expect_after(stamp);
    }

    /// Does again what a killed consumer may have omitted after its last `append` to each line.
    pub fn resume(&self) {
        for line in (0..LINES).filter(|line| self.noted(*line) > 0) {
            self.expect_after(self.record(line, self.noted(line) - 1));
        }
    }

    fn expect_after(&self, stamp: Stamp) {
        let next = self.life_word(stamp.life, 5);
        self.set(next, self.get(next).max(stamp.number + 1));
        if let Some(seat) = self.life(stamp.life).seat {
            self.set(HEADER_WORDS + seat, stamp.life + 1);
        }
    }

    /// The sender of the last record that came from this seat.
    pub fn last_sender(&self, seat: u64) -> Option<u64> {
        self.get(HEADER_WORDS + seat).checked_sub(1)
    }

    pub fn received(&self) -> u64 {
        (0..LINES).map(|line| self.noted(line)).sum()
    }

    pub fn note_loss(&self, loss: NotedLoss) {
        let count = self.get(8);
        assert!(count < LOSSES);
        let at = LOSSES_AT + count * LOSS_WORDS;
        let life = loss.life.map_or(0, |life| life + 1);
        for (at, word) in (at..).zip([loss.position, loss.cells, life]) {
            self.set(at, word);
        }
        self.set(8, count + 1);
    }

    pub fn losses(&self) -> Vec<NotedLoss> {
        let loss = |at| NotedLoss {
            position: self.get(at),
            cells: self.get(at + 1),
            life: self.get(at + 2).checked_sub(1),
        };
        (0..self.get(8)).map(|index| loss(LOSSES_AT + index * LOSS_WORDS)).collect()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // SAFETY: the mapping that `at` made. No reference into it outlives `self`.
        unsafe { munmap(self.words.as_ptr().cast(), 8 * WORDS as usize) }.unwrap();
    }
}
