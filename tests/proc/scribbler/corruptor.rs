//! The corruptor: where it writes, and which values.
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::target::Words;
use support::process::Dice;

const HEADER: Range<usize> = 0..512;
const ROLE: usize = 512;
/// The words of a role block. Important words occur several times.
const OF_ROLES: [usize; 13] = [0, 0, 0, 8, 8, 16, 16, 128, 136, 256, 256, 256, 448];
/// After so many corruptions the ring is reset. Otherwise nothing but corruption would be left.
const SPELL: u64 = 64;

/// A writer that knows the format, as far as the ring describes itself: see the page on the format.
pub struct Corruptor<W> {
    bytes: W,
    dice: Dice,
    /// Whether it also changes payload.
    payload_too: bool,
    header: Vec<(usize, u64)>,
    /// The starts of the role blocks.
    roles: Vec<usize>,
    ready: Range<usize>,
    /// The stamps, and the words beside them unless those are items.
    stamps: Vec<usize>,
    seconds: Vec<usize>,
    /// The range that a reset fills with zeros: everything, or everything but payload.
    cleared: Vec<usize>,
}

impl<W: Words> Corruptor<W> {
    /// A corruptor of the ring in `words`.
    pub fn new(bytes: W, dice: Dice, payload_too: bool) -> Self {
        let header: Vec<_> = HEADER.step_by(8).map(|at| (at, bytes.word(at))).collect();
        let field = |at: usize| bytes.word(256 + at) as usize;
        let (kind, is_bytes, producers, capacity, stride) =
            (field(0), field(40) == 2, field(48), field(56), field(64));
        let (first, descriptors, cells, ready) = (field(24), field(80), field(88), field(72));
        let blocks = 1 + usize::from(kind > 1) + producers;
        let roles: Vec<_> = (0..blocks).map(|block| first + ROLE * block).collect();
        let (start, step) = if is_bytes { (descriptors, 16) } else { (cells, stride) };
        let lane = (step * capacity).next_multiple_of(128);
        let lanes = if kind == 3 { producers } else { 1 };
        let stamps: Vec<_> = (0..lanes)
            .flat_map(|index| (0..capacity).map(move |cell| start + lane * index + step * cell))
            .collect();
        let has_seconds = is_bytes || payload_too;
        let seconds = if has_seconds { stamps.iter().map(|at| at + 8).collect() } else { Vec::new() };
        let control = (first..start).step_by(8).chain(stamps.iter().copied()).chain(seconds.iter().copied());
        let cleared =
            if payload_too { (first..bytes.len() & !7).step_by(8).collect() } else { control.collect() };
        let ready = ready..if kind == 3 { ready + 8 * producers.div_ceil(64) } else { ready };
        Self { bytes, dice, payload_too, header, roles, ready, stamps, seconds, cleared }
    }

    /// Corrupts words until `stop` is set. Returns how many.
    pub fn scribble(&mut self, stop: &AtomicBool) -> u64 {
        let mut corruptions = 0;
        while !stop.load(Relaxed) {
            let at = self.place();
            let lie = self.lie(at);
            self.bytes.write(at, lie);
            corruptions += 1;
            if corruptions % SPELL == 0 {
                self.header.iter().for_each(|(at, word)| self.bytes.write(*at, *word));
                self.cleared.iter().for_each(|at| self.bytes.write(*at, 0));
                thread::sleep(Duration::from_millis(1));
            }
            for _ in 0..self.dice.below(1000) {
                std::hint::spin_loop();
            }
        }
        corruptions
    }

    fn one_of(&mut self, places: &[usize]) -> Option<usize> {
        (!places.is_empty()).then(|| places[self.dice.below(places.len() as u64) as usize])
    }

    fn place(&mut self) -> usize {
        let role = self.roles[self.dice.below(self.roles.len() as u64) as usize];
        let found = match self.dice.below(20) {
            0..6 => self.one_of(&self.stamps.clone()),
            6..9 => self.one_of(&self.seconds.clone()),
            9..15 => self.one_of(&OF_ROLES).map(|at| role + at),
            15..17 => Some(role + 8 * self.dice.below(ROLE as u64 / 8) as usize),
            17 => self.one_of(&self.ready.clone().step_by(8).collect::<Vec<_>>()),
            18 => Some(8 * self.dice.below(HEADER.end as u64 / 8) as usize),
            _ if self.payload_too => Some(8 * self.dice.below(self.bytes.len() as u64 / 8) as usize),
            _ => None,
        };
        found.unwrap_or(role)
    }

    /// A plausible value for the word at `at`, or an impossible one.
    fn lie(&mut self, at: usize) -> u64 {
        let position = self.one_of(&self.roles.clone()).map_or(0, |role| self.bytes.word(role));
        let near = position.wrapping_add(self.dice.below(11)).wrapping_sub(5);
        let stamp = near.wrapping_add(1);
        // Half of the values are plausible.
        let sort = match self.dice.below(2) {
            0 if self.seconds.contains(&at) => 2,
            0 if self.stamps.contains(&at) => 9,
            _ => self.dice.below(16),
        };
        match sort {
            0 => self.dice.below(u64::MAX),
            1 => self.dice.below(4),
            2..4 => self.dice.below(1200) | self.dice.below(4) << 32 | self.dice.below(3) << 48,
            4 => stamp | 1 << 63,
            5 => stamp << 1,
            6 => stamp << 1 | 1,
            7..9 => near,
            9..11 => stamp,
            11 => self.bytes.word(at) ^ 1 << self.dice.below(64),
            12 => self.bytes.word(at).wrapping_add(self.dice.below(17)).wrapping_sub(8),
            13 => [1 << 62, (1 << 62) - 1, u64::MAX, u64::MAX >> 1, 1 << 32][self.dice.below(5) as usize],
            14 => self.dice.below(3) << 8 | self.dice.below(5),
            _ => {
                let elsewhere = self.place();
                self.bytes.word(elsewhere)
            }
        }
    }
}
