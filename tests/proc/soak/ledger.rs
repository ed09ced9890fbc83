//! The accounts of a round: what was sent, received and lost must agree to the record.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::AddAssign;

use ringway::Message;
use ringway::ring::Ring;

use super::content::Content;
use super::journal::{Journal, Life};
use super::producer::SoakKind;

/// What happened in a round, or in all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub rounds: u64,
    pub producers: u64,
    pub consumers: u64,
    pub killed_producers: u64,
    pub killed_consumers: u64,
    /// How often several processes were killed at once, and how often all of them.
    pub several_at_once: u64,
    pub all_at_once: u64,
    pub stops: u64,
    pub recoveries: u64,
    pub records: u64,
    pub bytes: u64,
    /// Records that a killed consumer had read and not released, and that came again.
    pub rereads: u64,
    /// Claims that died with their producers, by the ring's own count.
    pub lost: u64,
    /// Items that a consumer had popped when it was killed, before it noted them.
    pub popped: u64,
}

impl Tally {
    fn counts(&mut self) -> [&mut u64; 14] {
        [
            &mut self.rounds,
            &mut self.producers,
            &mut self.consumers,
            &mut self.killed_producers,
            &mut self.killed_consumers,
            &mut self.several_at_once,
            &mut self.all_at_once,
            &mut self.stops,
            &mut self.recoveries,
            &mut self.records,
            &mut self.bytes,
            &mut self.rereads,
            &mut self.lost,
            &mut self.popped,
        ]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, mut other: Self) {
        self.counts().into_iter().zip(other.counts()).for_each(|(sum, count)| *sum += *count);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, producers, consumers, killed_producers, killed_consumers, .. } = self;
        let Self { several_at_once, all_at_once, stops, recoveries, .. } = self;
        let Self { records, bytes, rereads, lost, popped, .. } = self;
        write!(
            f,
            "{rounds} rounds: {producers} producers ({killed_producers} killed), \
             {consumers} consumers ({killed_consumers} killed), killed at once: several {several_at_once} \
             times, all {all_at_once} times, {stops} stops, {recoveries} recoveries, {records} records, \
             {bytes} bytes, {rereads} read again, {lost} claims lost, {popped} items gone with a killed pop"
        )
    }
}

/// The accounts of a round that is over: all processes have ended, and the ring is empty.
pub struct Ledger<'a> {
    pub journal: &'a Journal,
    /// Whether each producer was killed.
    pub killed: &'a [bool],
    pub tally: Tally,
}

impl Ledger<'_> {
    fn lives(&self) -> impl Iterator<Item = (u64, Life, bool)> + '_ {
        (0..).zip(self.killed).map(|(id, killed)| (id, self.journal.life(id), *killed))
    }

    /// Checks that all agree. Returns the counts of the round.
    pub fn balance<K: SoakKind, C: Content + Message + ?Sized>(mut self, ring: &Ring<K, C>) -> Tally {
        let received = self.journal.received();
        self.assert_each_life_is_complete(received);
        let counts_items = C::WORD != <[u8] as Content>::WORD;
        let lost_cells = self.assert_losses::<K>(counts_items);
        self.assert_counters(ring);
        if counts_items && !K::HAS_LOSSES {
            // Each position is an item that was received, or gone with a killed consumer.
            let gone = self.journal.position() - received;
            assert!(gone <= self.journal.popped(), "{gone} items are gone");
            self.assert_lives_adjoin();
            self.tally.popped = gone;
        } else if counts_items && self.tally.killed_consumers == 0 {
            assert_eq!(self.journal.position(), received + lost_cells, "positions, and items with losses");
        }
        let lost: u64 = ring.seats().map(|seat| seat.counters.lost).sum();
        let Self { journal, tally, .. } = self;
        Tally { records: received, bytes: journal.bytes(), rereads: journal.rereads(), lost, ..tally }
    }

    /// All that was sent has come. Of what was begun and not sent, all or nothing has, or a part if
    /// that may be.
    fn assert_each_life_is_complete(&self, received: u64) {
        let mut missing = 0;
        for (id, life, was_killed) in self.lives() {
            let Life { begun, ended, next, .. } = life;
            missing += ended.saturating_sub(next);
            let is_partial = next > ended && next < begun;
            let is_right = if was_killed {
                next <= begun && !(is_partial && life.is_all_or_nothing)
            } else {
                next <= ended
            };
            assert!(is_right, "producer {id} (killed: {was_killed}) of {}: {life:?}", self.killed.len());
        }
        // A consumer that was killed in a pop took with it what it had popped: gaps, or ends.
        let gaps = self.lives().map(|(_, life, _)| life.next).sum::<u64>() - received;
        let popped = self.journal.popped();
        assert!(gaps + missing <= popped, "{gaps} and {missing} have not come, {popped} may be gone");
    }

    /// Each loss is that of a producer that was killed with something begun. Returns how many cells
    /// were reported lost.
    fn assert_losses<K: SoakKind>(&self, counts_items: bool) -> u64 {
        let losses = self.journal.losses();
        assert!(K::HAS_LOSSES || losses.is_empty(), "{losses:?}");
        let mut cells = BTreeMap::new();
        let mut lost_by = BTreeSet::new();
        for loss in &losses {
            match cells.insert(loss.position, loss.cells) {
                None => {
                    let is_first = loss.life.is_none_or(|life| lost_by.insert(life));
                    assert!(
                        is_first,
                        "a producer lost twice: {loss:?}, {:?}",
                        self.journal.life(loss.life.unwrap())
                    );
                }
                // A consumer that was killed had passed over it and not released it.
                Some(before) => {
                    assert!(before == loss.cells && self.tally.killed_consumers > 0, "lost twice: {loss:?}");
                }
            }
        }
        let lost_in = |life: &Life| life.begun - life.next.min(life.begun);
        let may_lose: Vec<_> =
            self.lives().filter(|(_, life, killed)| *killed && lost_in(life) > 0).collect();
        for life in &lost_by {
            let found = may_lose.iter().any(|(id, ..)| id == life);
            assert!(found, "{life} lost nothing: {:?} {:?}", self.journal.life(*life), losses);
        }
        assert!(cells.len() <= may_lose.len(), "{} could be lost: {losses:?}", may_lose.len());
        let lost_cells = cells.values().sum();
        let most: u64 = may_lose.iter().map(|(_, life, _)| lost_in(life)).sum();
        assert!(!counts_items || lost_cells <= most, "{most} items could be lost: {losses:?}");
        lost_cells
    }

    /// The counters of the seats lack at most what killed producers were sending.
    fn assert_counters<K: SoakKind, C: Message + ?Sized>(&self, ring: &Ring<K, C>) {
        let seats = ring.seats().skip(1);
        let (counted, lost) =
            seats.fold((0, 0), |sum, seat| (sum.0 + seat.counters.records, sum.1 + seat.counters.lost));
        let least: u64 = self.lives().map(|(_, life, _)| life.ended).sum();
        let most: u64 =
            self.lives().map(|(_, life, killed)| if killed { life.begun } else { life.ended }).sum();
        // A killed producer may have sent a record and not counted it. What it had noted, it had
        // counted.
        assert!((least..=most).contains(&counted), "{counted} counted, {least} to {most} were sent");
        let losses = self.journal.losses();
        let distinct: BTreeSet<_> = losses.iter().map(|loss| loss.position).collect();
        let reported = losses.len() as u64 + self.journal.dropped();
        if self.tally.killed_consumers == 0 {
            assert_eq!(lost, reported, "losses counted, and losses reported");
        } else {
            // A killed consumer may have counted losses and not reported them; its successor counts
            // those again that were not released.
            assert!(lost >= distinct.len() as u64, "{lost} losses counted, {losses:?} reported");
        }
    }

    /// In one seat, each producer begins where the one before it stopped. Only where a position is
    /// an item.
    fn assert_lives_adjoin(&self) {
        let mut seats: BTreeMap<u64, Vec<(u64, Life)>> = BTreeMap::new();
        for (id, life, _) in self.lives() {
            if let Some(seat) = life.seat {
                seats.entry(seat).or_default().push((id, life));
            }
        }
        for (seat, mut lives) in seats {
            lives.sort_by_key(|(_, life)| life.attached);
            for pair in lives.windows(2) {
                let [(id, life), (successor, after)] = pair else { continue };
                let sent = after.start.checked_sub(life.start);
                let is_right =
                    sent.is_some_and(|sent| (life.ended.max(life.next)..=life.begun).contains(&sent));
                assert!(is_right, "seat {seat}: {successor} begins at {}, after {id}: {life:?}", after.start);
            }
        }
    }
}
