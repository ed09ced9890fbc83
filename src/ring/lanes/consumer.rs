//! [`LanesConsumer`]: takes from many rings of one producer each, in turn.
use alloc::vec::Vec;

use crate::error::Corruption;
use crate::memory::{Item, Memory, Position, Region, WordRef};
use crate::ring::RingSeat;
use crate::ring::cells::bytes::{ByteConsumer, PeekedRecord};
use crate::ring::cells::items::ItemConsumer;
use crate::ring::layout::Geometry;
use crate::ring::{AtHead, Consume, ConsumeBytes, ConsumeItems, Sequence};
use crate::sync::{Acquire, Relaxed};
use crate::wait;

/// The most records from one lane before the turn passes to the next.
const BUDGET: u32 = if cfg!(loom) { 2 } else { 64 };
/// So many lanes always stay active; and so many become idle at once, at least.
const MIN_ACTIVE: usize = if cfg!(loom) { 1 } else { 8 };
/// After how many empty polls in a row a lane may become idle: more than one wait has before it
/// sleeps.
const IDLE_AFTER: u32 = if cfg!(loom) { 2 } else { wait::MAX_LOOKS + 128 };
/// After how many turns the idle lanes are looked at too.
const SCAN_INTERVAL: u32 = 4096;

/// One lane, as the consumer sees it.
struct LaneState<C> {
    consumer: C,
    armed: WordRef,
    is_active: bool,
    /// Whether it is in `LanesConsumer::unreleased`.
    is_unreleased: bool,
    /// Polls that found nothing, since something was found.
    empty_polls: u32,
}

/// The consumer of all lanes.
pub struct LanesConsumer<C> {
    lanes: Vec<LaneState<C>>,
    /// The lanes that are polled, in turn.
    active: Vec<usize>,
    /// The lane whose turn it is: an index into `active`.
    turn: usize,
    /// The lane whose turn it is: an index into `lanes`.
    current: usize,
    /// Records taken in this turn.
    taken: u32,
    /// Records taken in all turns before.
    taken_before: u64,
    /// Whether records of the current lane are not released.
    is_unreleased: bool,
    /// The lanes before the current one in which records are not released.
    unreleased: Vec<usize>,
    /// How many active lanes have had enough empty polls to become idle.
    idle_candidates: usize,
    ready: Vec<WordRef>,
    notified: WordRef,
    /// Turns since the idle lanes were scanned.
    turns: u32,
    /// Whether a lane has notified since `arm`: that lane is not armed any more.
    was_notified: bool,
}

impl<C: Sequence> LanesConsumer<C> {
    /// The lane whose turn it is.
    #[inline(always)]
    fn current(&mut self) -> Option<&mut LaneState<C>> {
        self.lanes.get_mut(self.current)
    }

    /// What `peek` finds in the lane whose turn it is, or in the next active one in which it finds
    /// something.
    #[inline(always)]
    fn find<R, M: Memory>(
        &mut self,
        seat: &RingSeat<M>,
        mut peek: impl FnMut(&mut C) -> Result<Option<R>, Corruption>,
    ) -> Result<Option<R>, Corruption> {
        if self.taken < BUDGET {
            if let Some(lane) = self.current() {
                if let Some(found) = peek(&mut lane.consumer)? {
                    return Ok(Some(found));
                }
            }
        }
        self.find_in_next(seat, peek)
    }

    /// Passes the turn until a lane with a record has it.
    fn find_in_next<R, M: Memory>(
        &mut self,
        seat: &RingSeat<M>,
        mut peek: impl FnMut(&mut C) -> Result<Option<R>, Corruption>,
    ) -> Result<Option<R>, Corruption> {
        self.turns += 1;
        if self.turns >= SCAN_INTERVAL {
            self.scan_idle();
        }
        // Once a turn, also while some lane is never empty.
        self.drain_notifications();
        for _ in 0..2 {
            for _ in 0..self.active.len() {
                self.next_lane();
                let Some(lane) = self.current() else { break };
                let found = peek(&mut lane.consumer)?;
                self.record_poll(found.is_some());
                if found.is_some() {
                    if self.idle_candidates >= MIN_ACTIVE {
                        self.park_idle(seat);
                    }
                    return Ok(found);
                }
            }
            if self.idle_candidates >= MIN_ACTIVE {
                self.park_idle(seat);
            }
            if !self.drain_notifications() {
                break;
            }
        }
        Ok(None)
    }

    /// Ends the current lane's turn.
    fn next_lane(&mut self) {
        if self.taken > 0 {
            self.record_poll(true);
        }
        if core::mem::take(&mut self.is_unreleased) {
            if let Some(lane) = self.lanes.get_mut(self.current).filter(|lane| !lane.is_unreleased) {
                lane.is_unreleased = true;
                // Never grows: no lane is in it twice.
                self.unreleased.push(self.current);
            }
        }
        self.taken_before = self.taken_before.wrapping_add(self.taken.into());
        self.taken = 0;
        self.turn = if self.turn + 1 < self.active.len() { self.turn + 1 } else { 0 };
        self.current = self.active.get(self.turn).copied().unwrap_or(0);
    }

    /// Counts a poll of the current lane.
    fn record_poll(&mut self, found: bool) {
        let Some(lane) = self.current() else { return };
        let was_candidate = lane.empty_polls >= IDLE_AFTER;
        lane.empty_polls = if found { 0 } else { lane.empty_polls.saturating_add(1) };
        let is_candidate = lane.empty_polls >= IDLE_AFTER;
        self.idle_candidates = self.idle_candidates + usize::from(is_candidate) - usize::from(was_candidate);
    }

    /// R1 to R3 of the doorbell, for all lanes that have had enough empty polls. One fence serves
    /// them all.
    #[cold]
    fn park_idle<M: Memory>(&mut self, seat: &RingSeat<M>) {
        if self.active.len() <= MIN_ACTIVE {
            return;
        }
        let current = self.current;
        let may_park = |lane: &LaneState<C>, index| lane.empty_polls >= IDLE_AFTER && current != index;
        let mut is_any_armed = false;
        for index in &self.active {
            if let Some(lane) = self.lanes.get(*index).filter(|lane| may_park(lane, *index)) {
                arm(&lane.armed);
                is_any_armed = true;
            }
        }
        if !is_any_armed {
            return;
        }
        let can_rely_on_wake_up = wait::heavy_fence(seat.memory(), seat.is_fenced());
        let lanes = &mut self.lanes;
        self.active.retain(|index| {
            let Some(lane) = lanes.get_mut(*index) else { return false };
            if !may_park(lane, *index) {
                return true;
            }
            lane.empty_polls = 0;
            // An error is reported when the lane's turn comes.
            lane.is_active = !can_rely_on_wake_up || !matches!(lane.consumer.is_published(), Ok(false));
            lane.is_active
        });
        let candidates = self.active.iter().filter_map(|index| lanes.get(*index));
        self.idle_candidates = candidates.filter(|lane| lane.empty_polls >= IDLE_AFTER).count();
        self.turn = self.active.iter().position(|index| *index == current).unwrap_or(0);
    }

    /// R4 and R5: makes the lanes active that have notified. Returns whether there are any new
    /// ones.
    fn drain_notifications(&mut self) -> bool {
        // Relaxed: only says whether to look closer.
        if self.notified.load(Relaxed) == 0 {
            return false;
        }
        // Acquire: E6, pairs with `Doorbell::notify`; the bits of all lanes that have notified are
        // visible.
        self.notified.swap(0, Acquire);
        self.was_notified = true;
        let mut any = false;
        for (word, first) in self.ready.iter().zip((0..).step_by(64)) {
            // Relaxed: a bit that is not visible belongs to a notification after our zero above.
            if word.load(Relaxed) == 0 {
                continue;
            }
            // Acquire: E6, pairs with `Doorbell::notify`; its zero in the armed word is visible.
            let mut bits = word.swap(0, Acquire);
            while bits != 0 {
                let index = first + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                any |= activate(&mut self.lanes, &mut self.active, index);
            }
        }
        any
    }

    /// Looks at the idle lanes, as a producer that was killed before it notified needs it.
    #[cold]
    fn scan_idle(&mut self) {
        self.turns = 0;
        for index in 0..self.lanes.len() {
            let has_record = |lane: &mut LaneState<C>| {
                !lane.is_active && !matches!(lane.consumer.is_published(), Ok(false))
            };
            if self.lanes.get_mut(index).is_some_and(has_record) {
                activate(&mut self.lanes, &mut self.active, index);
            }
        }
    }

    #[inline(always)]
    fn count_taken(&mut self) {
        self.taken += 1;
        self.is_unreleased = true;
    }

    #[cold]
    fn release_earlier<M: Memory>(&mut self, seat: &RingSeat<M>) {
        for index in self.unreleased.drain(..) {
            if let Some(lane) = self.lanes.get_mut(index) {
                lane.is_unreleased = false;
                lane.consumer.release(seat);
            }
        }
    }

    fn sum(&self, of: impl Fn(&C) -> u64) -> u64 {
        self.lanes.iter().map(|lane| of(&lane.consumer)).fold(0, u64::wrapping_add)
    }
}

/// R1, unless the word is set already.
fn arm(word: &WordRef) {
    // Relaxed: E4's barrier orders it. A word that is still set is left alone: its line is the
    // producer's.
    if word.half().load(Relaxed) != 1 {
        // Relaxed: E4's barrier orders it.
        word.half().store(1, Relaxed);
    }
}

/// Polls the lane at `index` again from now on, if there is one and it is idle. Returns whether it
/// was.
fn activate<C>(lanes: &mut [LaneState<C>], active: &mut Vec<usize>, index: usize) -> bool {
    let Some(lane) = lanes.get_mut(index).filter(|lane| !lane.is_active) else { return false };
    lane.is_active = true;
    lane.empty_polls = 0;
    active.push(index);
    true
}

impl<C: Sequence> Consume for LanesConsumer<C> {
    fn resume(region: &Region, geometry: &Geometry) -> Result<Self, Corruption> {
        let part = |at| WordRef::new(region, at).ok_or(Corruption::Outside);
        let lane = |seat: u64| {
            let armed = part(geometry.producer(seat).armed())?;
            // Relaxed: the last consumer may have left it set, and this lane is active now. A
            // superfluous notification is harmless.
            armed.half().store(0, Relaxed);
            // Fits: there are at most 2^16 - 1 seats.
            let consumer = C::resume_lane(region, geometry, seat as u16)?;
            Ok(LaneState { consumer, armed, is_active: true, is_unreleased: false, empty_polls: 0 })
        };
        let lanes = (0..geometry.producers).map(lane).collect::<Result<Vec<_>, Corruption>>()?;
        let ready = (0..geometry.ready_words()).map(|word| part(geometry.ready(64 * word).0));
        Ok(Self {
            active: (0..lanes.len()).collect(),
            turn: 0,
            current: 0,
            taken: 0,
            taken_before: 0,
            is_unreleased: false,
            unreleased: Vec::with_capacity(lanes.len()),
            idle_candidates: 0,
            ready: ready.collect::<Result<_, _>>()?,
            notified: part(geometry.common().notified())?,
            turns: 0,
            was_notified: true,
            lanes,
        })
    }

    fn position(&self) -> Position {
        Position::START.plus(self.sum(|lane| lane.head().get()))
    }

    fn taken(&self) -> u64 {
        self.taken_before
    }

    fn capacity(&self) -> u64 {
        self.lanes.first().map_or(0, |lane| lane.consumer.capacity())
    }

    fn max_records(&self) -> u64 {
        self.sum(C::capacity)
    }

    #[inline(always)]
    fn has_record<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<bool, Corruption> {
        Ok(self.find(seat, |lane| Ok(lane.is_published()?.then_some(())))?.is_some())
    }

    #[inline(always)]
    fn release<M: Memory>(&mut self, seat: &RingSeat<M>) {
        if self.is_unreleased {
            self.is_unreleased = false;
            if let Some(lane) = self.current() {
                lane.consumer.release(seat);
            }
        }
        if !self.unreleased.is_empty() {
            self.release_earlier(seat);
        }
    }

    fn poison(&mut self, corruption: Corruption) {
        self.lanes.iter_mut().for_each(|lane| lane.consumer.poison(corruption));
        // So that the current lane is asked first. It reports the corruption, and nothing else is
        // touched.
        self.taken = 0;
    }

    fn recover<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<AtHead, Corruption> {
        self.scan_idle();
        Ok(if self.has_record(seat)? { AtHead::Record } else { AtHead::Nothing })
    }

    fn arm(&mut self) {
        self.was_notified = false;
        for index in &self.active {
            if let Some(lane) = self.lanes.get(*index) {
                arm(&lane.armed);
            }
        }
    }

    fn must_look_again(&self) -> bool {
        self.was_notified
    }
}

impl<T: Item> ConsumeItems<T> for LanesConsumer<ItemConsumer<T>> {
    #[inline(always)]
    fn take(&mut self) -> T {
        self.count_taken();
        // Never without a lane: a record was found in it.
        self.current().map_or_else(T::new_zeroed, |lane| lane.consumer.take())
    }

    #[inline(always)]
    fn try_take(&mut self) -> Option<T> {
        if self.taken >= BUDGET {
            return None;
        }
        let item = self.current()?.consumer.try_take()?;
        self.count_taken();
        Some(item)
    }

    fn peek(&self) -> T {
        // Never without a lane: a record was found in it.
        self.lanes.get(self.current).map_or_else(T::new_zeroed, |lane| lane.consumer.peek())
    }
}

impl ConsumeBytes for LanesConsumer<ByteConsumer> {
    fn max_record(&self) -> usize {
        self.lanes.first().map_or(0, |lane| lane.consumer.max_record())
    }

    #[inline(always)]
    fn peek<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<Option<PeekedRecord>, Corruption> {
        self.find(seat, ByteConsumer::peek_at_head)
    }

    fn peek_again<M: Memory>(&mut self, seat: &RingSeat<M>) -> Result<PeekedRecord, Corruption> {
        match self.peek(seat)? {
            Some(record) => Ok(record),
            // Poisons, with what stands there.
            None => {
                self.current().map_or(Err(Corruption::Outside), |lane| lane.consumer.peek_again_at_head())
            }
        }
    }

    #[inline(always)]
    fn pass(&mut self, record: &PeekedRecord) {
        self.count_taken();
        if let Some(lane) = self.current() {
            lane.consumer.pass_at_head(record);
        }
    }

    /// One lookup of the lane for both.
    #[inline(always)]
    fn pass_and_release<M: Memory>(&mut self, record: &PeekedRecord, seat: &RingSeat<M>) {
        self.taken += 1;
        self.is_unreleased = false;
        if let Some(lane) = self.current() {
            lane.consumer.pass_at_head(record);
            lane.consumer.release(seat);
        }
        if !self.unreleased.is_empty() {
            self.release_earlier(seat);
        }
    }
}
