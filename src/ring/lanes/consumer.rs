//! [`LanesConsumer`]: the consumer of many lanes. Each lane is a ring of one producer; this takes from them in turn.
//!
//! ```text
//!   lane 0  █ █ █ · ·   watched ┐
//!   lane 1  · · · · ·   resting │    in turn, up to BUDGET records each,
//!   lane 2  █ · · · ·   watched ┼──▶ among those that are watched
//!   lane 3  · · · · ·   resting │
//!   …                           ┘
//! ```
//!
//! # Watched and resting
//! A lane that was empty for many looks is put to rest, together with others: the consumer *arms* it, and from then on does
//! not look at it. Its producer finds the armed word set when it publishes, and rings the bell (see
//! `seat::bell`), after which the lane is watched again. So lanes in which nothing happens cost nothing, and lanes
//! in which much happens never ring.
//!
//! A few lanes are always watched: that costs less than the barrier it takes to put one to rest. Where the system refuses this
//! process the barrier that the ring relies on (see `wait`), none rests.
//!
//! # Cost
//! Instructions (`cargo bench --bench instructions`, x86-64, Rust 1.95): pop of 8 bytes from the only lane 49, from eight lanes in turn
//! 52; drained by 64, 32 an item; a look that finds nothing in the only lane 341. The producers' side is that of `spsc`.
//! Tried with 1 to 8 producers, 64 bytes, and dropped, both level within what runs differ by: the lane whose turn it is found without index
//! and bounds, a dozen instructions less; no holding back. The consumer waits for lines, and for producers that wait for a core.
//!
//! # Edges
//! | edge | release side | acquire side | makes visible |
//! |---|---|---|---|
//! | E6 | `Bell::ring` ready bits and rung | `LanesConsumer::answer` rung and ready bits | who rang |
//!
//! Progress: looking is bounded by the number of lanes; taking is wait-free. A lane whose producer is stopped, dead or lying
//! delays no other, but for this: what is found to be corrupt poisons the whole consumer.
//!
//! Positions are of each lane; the consumer's own is the sum of all.
use alloc::vec::Vec;

use crate::error::Corruption;
use crate::layout::Geometry;
use crate::memory::{Item, Memory, WordRef};
use crate::ring::cells::bytes::{ByteConsumer, Found};
use crate::ring::cells::items::ItemConsumer;
use crate::ring::cells::{SharedHead, hold_back};
use crate::ring::{Consume, ConsumeBytes, ConsumeItems, InOrder};
use crate::sync::{Acquire, Relaxed};
use crate::wait;

/// Records from one lane before it is the next one's turn.
const BUDGET: u32 = if cfg!(loom) { 2 } else { 64 };
/// While no more lanes than this are watched, none is put to rest; and at least so many are at once.
const FEW: usize = if cfg!(loom) { 1 } else { 8 };
/// Fruitless looks in a row until a lane may rest: more than there are in a wait before it sleeps.
const TIRED: u32 = if cfg!(loom) { 2 } else { wait::MOST_LOOKS + 128 };
/// Turns until the lanes at rest are looked at too.
const SWEEP: u32 = 4096;

/// One lane, seen by the consumer.
struct Line<C> {
    consumer: C,
    armed: WordRef,
    is_watched: bool,
    /// Whether it is among those to be released.
    is_dirty: bool,
    /// Fruitless looks since something was found.
    fruitless: u32,
}

/// The consumer of all lanes.
pub struct LanesConsumer<C, M> {
    memory: M,
    lanes: Vec<Line<C>>,
    /// The lanes that are looked at, in turn.
    watched: Vec<usize>,
    /// Whose turn it is: an index into `watched`.
    turn: usize,
    /// The same: an index into `lanes`.
    current: usize,
    /// Records taken in this turn.
    taken: u32,
    /// Records taken in earlier turns since it last held back.
    taken_before: u64,
    /// Whether some of them were not released.
    is_dirty: bool,
    /// The lanes that had their turn, and in which something was taken and not released.
    dirty: Vec<usize>,
    /// How many watched lanes are tired.
    tired: usize,
    ready: Vec<WordRef>,
    rung: WordRef,
    /// Turns since the last sweep.
    turns: u32,
    /// Whether somebody rang since the consumer lay down: that one's lane is not armed any more.
    is_up: bool,
    /// Whether every producer fences for itself: see `wait`.
    fenced: bool,
}

impl<C: InOrder, M: Memory> LanesConsumer<C, M> {
    fn open(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        let region = memory.region();
        let part = |at| WordRef::new(&region, at).ok_or(Corruption::Outside);
        let lane = |seat: u64| {
            let armed = part(geometry.producer(seat).armed())?;
            // Relaxed: whoever was here before may have left it set; this lane is watched now. A bell in vain is harmless.
            armed.half().store(0, Relaxed);
            // Fits: there are at most 2^16 - 1 seats.
            let consumer = C::resume(&region, geometry, seat as u16)?;
            Ok(Line { consumer, armed, is_watched: true, is_dirty: false, fruitless: 0 })
        };
        let lanes = (0..geometry.producers).map(lane).collect::<Result<Vec<_>, Corruption>>()?;
        let ready = (0..geometry.ready_words()).map(|word| part(geometry.ready(64 * word).0));
        Ok(Self {
            memory: memory.clone(),
            watched: (0..lanes.len()).collect(),
            turn: 0,
            current: 0,
            taken: 0,
            taken_before: 0,
            is_dirty: false,
            dirty: Vec::with_capacity(lanes.len()),
            tired: 0,
            ready: ready.collect::<Result<_, _>>()?,
            rung: part(geometry.common().announcement())?,
            turns: 0,
            is_up: true,
            fenced: geometry.fenced,
            lanes,
        })
    }

    /// The lane whose turn it is.
    #[inline(always)]
    fn line(&mut self) -> Option<&mut Line<C>> {
        self.lanes.get_mut(self.current)
    }

    /// What `look` finds in the lane whose turn it is, or in the next one where there is something.
    #[inline(always)]
    fn find<R>(
        &mut self,
        mut look: impl FnMut(&mut C) -> Result<Option<R>, Corruption>,
    ) -> Result<Option<R>, Corruption> {
        if self.taken < BUDGET {
            if let Some(lane) = self.line() {
                if let Some(found) = look(&mut lane.consumer)? {
                    return Ok(Some(found));
                }
            }
        }
        self.find_further(look)
    }

    /// The turn of the current lane is over, or there is nothing in it.
    fn find_further<R>(
        &mut self,
        mut look: impl FnMut(&mut C) -> Result<Option<R>, Corruption>,
    ) -> Result<Option<R>, Corruption> {
        self.turns += 1;
        if self.turns >= SWEEP {
            self.sweep();
        }
        // Once a turn, also while some lane is never empty.
        self.answer();
        for _ in 0..2 {
            for _ in 0..self.watched.len() {
                self.pass_the_turn();
                let Some(lane) = self.line() else { break };
                let found = look(&mut lane.consumer)?;
                self.was_fruitful(found.is_some());
                if found.is_some() {
                    if self.tired >= FEW {
                        self.rest();
                    }
                    return Ok(found);
                }
            }
            if self.tired >= FEW {
                self.rest();
            }
            if !self.answer() {
                break;
            }
        }
        Ok(None)
    }

    fn pass_the_turn(&mut self) {
        if self.taken > 0 {
            self.was_fruitful(true);
        }
        if core::mem::take(&mut self.is_dirty) {
            if let Some(lane) = self.lanes.get_mut(self.current).filter(|lane| !lane.is_dirty) {
                lane.is_dirty = true;
                // Never grows: no lane is in it twice.
                self.dirty.push(self.current);
            }
        }
        self.taken_before += u64::from(self.taken);
        self.taken = 0;
        self.turn = if self.turn + 1 < self.watched.len() { self.turn + 1 } else { 0 };
        self.current = self.watched.get(self.turn).copied().unwrap_or(0);
    }

    /// Notes whether there was something in the lane whose turn it is.
    fn was_fruitful(&mut self, was: bool) {
        let Some(lane) = self.line() else { return };
        let was_tired = lane.fruitless >= TIRED;
        lane.fruitless = if was { 0 } else { lane.fruitless.saturating_add(1) };
        let is_tired = lane.fruitless >= TIRED;
        self.tired = self.tired + usize::from(is_tired) - usize::from(was_tired);
    }

    /// Puts tired lanes to rest (R1 to R3), but for a few.
    #[cold]
    fn rest(&mut self) {
        if self.watched.len() <= FEW {
            return;
        }
        let current = self.current;
        let may_rest = |lane: &Line<C>, index| lane.fruitless >= TIRED && current != index;
        let mut is_any_armed = false;
        for index in &self.watched {
            if let Some(lane) = self.lanes.get(*index).filter(|lane| may_rest(lane, *index)) {
                arm(&lane.armed);
                is_any_armed = true;
            }
        }
        if !is_any_armed {
            return;
        }
        let fence_reached_all = wait::heavy_fence(&self.memory, self.fenced);
        let lanes = &mut self.lanes;
        self.watched.retain(|index| {
            let Some(lane) = lanes.get_mut(*index) else { return false };
            if !may_rest(lane, *index) {
                return true;
            }
            lane.fruitless = 0;
            // An error is told when the lane's turn comes.
            lane.is_watched = !fence_reached_all || !matches!(lane.consumer.has_record(), Ok(false));
            lane.is_watched
        });
        self.tired =
            self.watched.iter().filter_map(|i| lanes.get(*i)).filter(|l| l.fruitless >= TIRED).count();
        self.turn = self.watched.iter().position(|index| *index == current).unwrap_or(0);
    }

    /// Watches the lanes again whose producers have rung (R4 and R5); whether there are any.
    fn answer(&mut self) -> bool {
        // Relaxed: only says whether to look closer.
        if self.rung.load(Relaxed) == 0 {
            return false;
        }
        // Acquire: E6, pairs with `Bell::ring`; the bits of all who rang are visible.
        self.rung.swap(0, Acquire);
        self.is_up = true;
        let mut any = false;
        for (word, at) in self.ready.iter().zip((0..).step_by(64)) {
            // Relaxed: a bit that is not visible belongs to a ring after our zero above.
            if word.load(Relaxed) == 0 {
                continue;
            }
            // Acquire: E6, pairs with `Bell::ring`; its zero to the armed word is visible.
            let mut bits = word.swap(0, Acquire);
            while bits != 0 {
                let index = at + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                any |= watch(&mut self.lanes, &mut self.watched, index);
            }
        }
        any
    }

    /// Looks at all lanes at rest, and watches those again that have something.
    #[cold]
    fn sweep(&mut self) {
        self.turns = 0;
        for index in 0..self.lanes.len() {
            let has_any =
                |lane: &mut Line<C>| !lane.is_watched && !matches!(lane.consumer.has_record(), Ok(false));
            if self.lanes.get_mut(index).is_some_and(has_any) {
                watch(&mut self.lanes, &mut self.watched, index);
            }
        }
    }

    /// A record of the lane whose turn it is is being taken.
    #[inline(always)]
    fn take_in_turn(&mut self) {
        self.taken += 1;
        self.is_dirty = true;
    }

    /// Releases what was taken in lanes that had their turn.
    #[cold]
    fn release_earlier(&mut self, mut wake: impl FnMut(&SharedHead)) {
        for index in self.dirty.drain(..) {
            if let Some(lane) = self.lanes.get_mut(index) {
                lane.is_dirty = false;
                lane.consumer.release(&mut wake);
            }
        }
    }

    fn sum(&self, of: impl Fn(&C) -> u64) -> u64 {
        self.lanes.iter().map(|lane| of(&lane.consumer)).fold(0, u64::wrapping_add)
    }
}

/// Has the producer that looks at `word` after it has published ring (R1).
fn arm(word: &WordRef) {
    // Relaxed: E4's barrier orders it. A word that is still set is left alone, for its line is the producer's.
    if word.half().load(Relaxed) != 1 {
        // Relaxed: as above.
        word.half().store(1, Relaxed);
    }
}

/// Whether lane `index` is watched only from now on.
fn watch<C>(lanes: &mut [Line<C>], watched: &mut Vec<usize>, index: usize) -> bool {
    let Some(lane) = lanes.get_mut(index).filter(|lane| !lane.is_watched) else { return false };
    lane.is_watched = true;
    lane.fruitless = 0;
    watched.push(index);
    true
}

impl<C: InOrder, M: Memory> Consume<M> for LanesConsumer<C, M> {
    fn resume(memory: &M, geometry: &Geometry) -> Result<Self, Corruption> {
        Self::open(memory, geometry)
    }

    fn at(&self) -> u64 {
        self.sum(|lane| lane.head().get())
    }

    #[inline(always)]
    fn has_record(&mut self) -> Result<bool, Corruption> {
        Ok(self.find(|lane| Ok(lane.has_record()?.then_some(())))?.is_some())
    }

    fn max_records(&self) -> usize {
        usize::try_from(self.sum(InOrder::capacity)).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn release(&mut self, mut wake: impl FnMut(&SharedHead)) {
        if self.is_dirty {
            self.is_dirty = false;
            if let Some(lane) = self.line() {
                lane.consumer.release(&mut wake);
            }
        }
        if !self.dirty.is_empty() {
            self.release_earlier(wake);
        }
    }

    fn hold_back(&mut self) -> bool {
        let of_a_lane = self.lanes.first().map_or(0, |lane| lane.consumer.capacity());
        hold_back(core::mem::take(&mut self.taken_before), of_a_lane)
    }

    fn give_up(&mut self, what: Corruption) {
        self.lanes.iter_mut().for_each(|lane| lane.consumer.poison(what));
        // So that the current lane is asked first, which says so, and nothing else is touched.
        self.taken = 0;
    }

    /// A producer that died before it could ring may have left something.
    fn mend(&mut self) -> Result<(), Corruption> {
        self.sweep();
        Ok(())
    }

    /// Whoever publishes in any lane from now on rings.
    fn arm(&mut self) {
        self.is_up = false;
        for index in &self.watched {
            if let Some(lane) = self.lanes.get(*index) {
                arm(&lane.armed);
            }
        }
    }

    fn is_up(&self) -> bool {
        self.is_up
    }
}

impl<T: Item, M: Memory> ConsumeItems<T, M> for LanesConsumer<ItemConsumer<T>, M> {
    #[inline(always)]
    fn take(&mut self) -> T {
        self.take_in_turn();
        // Never without one: a record was found in it.
        self.line().map_or_else(T::new_zeroed, |lane| lane.consumer.take_item())
    }

    #[inline(always)]
    fn try_take(&mut self) -> Option<T> {
        if self.taken >= BUDGET {
            return None;
        }
        let item = self.line()?.consumer.try_take_item()?;
        self.take_in_turn();
        Some(item)
    }
}

impl<M: Memory> ConsumeBytes<M> for LanesConsumer<ByteConsumer, M> {
    fn max_record(&self) -> usize {
        self.lanes.first().map_or(0, |lane| lane.consumer.largest())
    }

    #[inline(always)]
    fn look(&mut self) -> Result<Option<Found>, Corruption> {
        self.find(ByteConsumer::look_here)
    }

    fn found_before(&mut self) -> Result<Found, Corruption> {
        match self.find(ByteConsumer::look_here)? {
            Some(found) => Ok(found),
            // Tells what it says, and poisons.
            None => self.line().map_or(Err(Corruption::Outside), |lane| lane.consumer.found_before_here()),
        }
    }

    #[inline(always)]
    fn pass(&mut self, found: &Found) {
        self.take_in_turn();
        if let Some(lane) = self.line() {
            lane.consumer.pass_here(found);
        }
    }
}
