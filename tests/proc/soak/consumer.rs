//! A consumer: takes records in every way there is, checks that they are whole and in order, and
//! notes each one before it releases it.
use std::thread;
use std::time::Duration;

use ringway::ring::{Consumer, Ring};
use ringway::{Options, PopError};
use support::process::{Act, Dice};

use super::content::{Content, NumberedItem, Words, check};
use super::journal::{Journal, NotedLoss, SEATS, Stamp};
use super::producer::SoakKind;

/// A consumer reads at most so many records before it releases them.
pub const AT_ONCE: u64 = 64;
const MOMENT: Duration = Duration::from_millis(20);

/// What a consumer can take.
pub trait Take: Content {
    /// Takes something, in a way that the dice choose.
    fn take<K: SoakKind>(rx: &mut Consumer<K, Self>, reader: &mut Reader) -> Result<(), PopError>;
}

/// Where a consumer stands in a line of records. A line is a lane, or the whole ring.
#[derive(Clone, Copy, Default)]
struct Place {
    /// How many records of the line lie before it. `None` until the first one has shown whether the
    /// last consumer released what it had read.
    cursor: Option<u64>,
    /// Whether the next record must belong to the same batch, and to which.
    batch: Option<Stamp>,
}

/// What a consumer knows of itself.
pub struct Reader {
    journal: Journal,
    places: [Place; SEATS as usize],
    /// The lines in which it has read records and not released them.
    touched: Vec<u64>,
    /// Whether it may also take items that are gone if it is killed.
    may_pop: bool,
    has_lanes: bool,
    dice: Dice,
}

impl Reader {
    /// Notes a record that was read and not released.
    ///
    /// What a killed consumer had read and not released comes again, in order and without gaps, and
    /// nothing else does.
    fn note(&mut self, stamp: Stamp, len: usize) -> u64 {
        let line = self.line_of(stamp);
        let (journal, place) = (&self.journal, &mut self.places[line as usize]);
        let (noted, released, releasing) =
            (journal.noted(line), journal.released(line), journal.releasing(line));
        let cursor = place.cursor.unwrap_or_else(|| {
            // The last consumer released nothing, or all that it was about to.
            let is_again = released < noted && journal.record(line, released) == stamp;
            let cursor = if is_again { released } else { releasing.max(released) };
            journal.set_released(line, cursor);
            journal.set_releasing(line, cursor);
            cursor
        });
        if cursor < noted {
            let expected = journal.record(line, cursor);
            assert_eq!(stamp, expected, "{} records read before must come again", noted - cursor);
            journal.note_reread();
        } else {
            self.assert_is_next(stamp);
            self.journal.append(line, stamp);
            self.journal.note_bytes(len as u64);
        }
        self.places[line as usize].cursor = Some(cursor + 1);
        if !self.touched.contains(&line) {
            self.touched.push(line);
        }
        // A good moment to be killed, now and then.
        match self.dice.below(1000) {
            0 => self.dice.nap(Duration::from_millis(1)),
            1..10 => thread::yield_now(),
            _ => {}
        }
        line
    }

    fn line_of(&self, stamp: Stamp) -> u64 {
        if !self.has_lanes {
            return 0;
        }
        let seat = self.journal.life(stamp.life).seat;
        seat.unwrap_or_else(|| panic!("{stamp:?} comes from a producer without a seat"))
    }

    /// Checks that a record which comes for the first time comes in its turn.
    fn assert_is_next(&self, stamp: Stamp) {
        let life = self.journal.life(stamp.life);
        assert!(stamp.number < life.begun, "{stamp:?} was never begun: {life:?}");
        let gap = stamp.number.checked_sub(life.next);
        let gap = gap.unwrap_or_else(|| panic!("{stamp:?} comes again or too late: {life:?}"));
        assert!(gap <= self.journal.popped(), "before {stamp:?}, {gap} are missing: {life:?}");
        let Some(last) = self.journal.last_sender(life.seat.unwrap()) else { return };
        let last = self.journal.life(last);
        assert!(last.attached <= life.attached, "{stamp:?} comes after its successor's: {last:?}");
    }

    /// Notes that the records that were read are about to be released.
    fn releases(&self) {
        for line in &self.touched {
            self.journal.set_releasing(*line, self.places[*line as usize].cursor.unwrap());
        }
    }

    /// Notes that they are released.
    fn released(&mut self) {
        self.releases();
        for line in self.touched.drain(..) {
            self.journal.set_released(line, self.places[line as usize].cursor.unwrap());
        }
    }

    /// The last record that was read stays in the ring.
    fn keeps(&mut self, line: u64) {
        let place = &mut self.places[line as usize];
        place.cursor = place.cursor.map(|cursor| cursor - 1);
        self.touched.clear();
    }

    /// Whether no record is to come again.
    fn is_even(&self) -> bool {
        (0..SEATS).all(|line| self.journal.noted(line) == self.journal.released(line))
    }

    /// Notes an item that was taken, and so released before.
    fn note_popped(&mut self, stamp: Stamp, len: usize) {
        let line = self.line_of(stamp);
        self.assert_is_next(stamp);
        let next = self.journal.noted(line) + 1;
        // In this order: a consumer that is killed in between has not noted the item, or it has and
        // its successor knows that it is gone.
        self.journal.set_releasing(line, next);
        self.journal.append(line, stamp);
        self.journal.set_released(line, next);
        self.journal.note_bytes(len as u64);
        self.places[line as usize].cursor = Some(next);
    }

    /// Of a batch all records come, one right after the other.
    fn note_batch(&mut self, line: u64, stamp: Stamp, left: u16) {
        let place = &mut self.places[line as usize];
        if let Some(expected) = place.batch.take() {
            assert_eq!(stamp, expected, "a batch is torn apart");
        }
        place.batch = (left > 0).then_some(Stamp { number: stamp.number + 1, ..stamp });
    }

    /// Checks, where nothing is left to read, that everything was read that must be.
    fn assert_even(&self) {
        for line in 0..SEATS {
            let (noted, released) = (self.journal.noted(line), self.journal.released(line));
            let is_even = noted == released || self.journal.releasing(line) == noted;
            assert!(is_even, "line {line}: {noted} were read, {released} released, and none comes again");
            assert_eq!(self.places[line as usize].batch, None, "line {line}: the rest of a batch is missing");
        }
    }
}

impl<T: NumberedItem> Take for T {
    fn take<K: SoakKind>(rx: &mut Consumer<K, T>, reader: &mut Reader) -> Result<(), PopError> {
        let limit = 1 + reader.dice.below(AT_ONCE);
        match reader.dice.below(8) {
            0 | 1 if reader.may_pop && reader.is_even() => {
                for _ in 0..limit {
                    reader.journal.popping(1);
                    let popped = rx.try_pop();
                    if let Ok(item) = popped {
                        reader.note_popped(item.checked(), size_of::<T>());
                    }
                    reader.journal.popping(0);
                    popped?;
                }
            }
            2 if reader.may_pop && reader.is_even() => {
                rx.wait_timeout(MOMENT)?;
                let mut items = [T::new_zeroed(); AT_ONCE as usize];
                reader.journal.popping(limit);
                let popped = rx.try_pop_slice(&mut items[..limit as usize]);
                for (i, item) in (1..).zip(&items[..*popped.as_ref().unwrap_or(&0)]) {
                    reader.note_popped(item.checked(), size_of::<T>());
                    reader.journal.popping(limit - i);
                }
                reader.journal.popping(0);
                popped?;
            }
            0..4 => {
                for _ in 0..limit {
                    let item = rx.try_peek()?;
                    reader.note(item.checked(), size_of::<T>());
                    reader.releases();
                    assert!(rx.try_pop()? == item, "a pop takes the item that a peek has shown");
                    reader.released();
                }
            }
            way => {
                if way < 6 {
                    rx.wait_timeout(MOMENT)?;
                }
                let drained = rx.drain(limit as usize, |item| {
                    reader.note(item.checked(), size_of::<T>());
                    reader.releases();
                });
                if drained? > 0 {
                    reader.released();
                }
            }
        }
        Ok(())
    }
}

impl Take for [u8] {
    fn take<K: SoakKind>(rx: &mut Consumer<K, [u8]>, reader: &mut Reader) -> Result<(), PopError> {
        let (limit, max) = (1 + reader.dice.below(AT_ONCE), rx.max_record());
        let way = reader.dice.below(8);
        if way < 2 {
            rx.wait_timeout(MOMENT)?;
            let drained = rx.drain(limit as usize, |payload| {
                let (stamp, left) = check(&payload, max);
                let line = reader.note(stamp, payload.len());
                reader.note_batch(line, stamp, left);
                reader.releases();
            });
            if drained? > 0 {
                reader.released();
            }
            return Ok(());
        }
        for _ in 0..limit {
            let record = if way < 5 { rx.read_timeout(MOMENT)? } else { rx.try_read()? };
            let (stamp, left) = check(&record.payload(), max);
            let seat = reader.journal.life(stamp.life).seat;
            assert_eq!(Some(record.seat().into()), seat, "the seat of {stamp:?}");
            let line = reader.note(stamp, record.len());
            // It is the reader's until it is released, however long that took.
            assert_eq!(check(&record.payload(), max), (stamp, left), "the record changes");
            if reader.dice.below(50) == 0 {
                record.keep();
                reader.keeps(line);
            } else {
                reader.note_batch(line, stamp, left);
                reader.releases();
                drop(record);
                reader.released();
            }
        }
        Ok(())
    }
}

/// Takes the ring's name, the journal's path, whether it may pop, and a seed. Ends when all
/// producers have gone for good, and the ring is empty.
fn consume<K: SoakKind, C: Take + ?Sized>(words: &[&str]) {
    let ring = Ring::<K, C>::open_with(words[0], &Options::new().label("consumer")).unwrap();
    let mut rx = ring.consumer().unwrap();
    let journal = Journal::at(words[1]);
    journal.resume();
    let mut reader = Reader {
        journal,
        places: Default::default(),
        touched: Vec::new(),
        may_pop: words[2] == "true",
        has_lanes: K::HAS_LANES,
        dice: Dice::from_seed(words[3].parse().unwrap()),
    };
    loop {
        let was_ended = reader.journal.is_ended();
        let taken = C::take(&mut rx, &mut reader);
        for loss in rx.losses() {
            let life = loss.by.label.to_string().parse().ok();
            reader.journal.note_loss(NotedLoss { position: loss.position, cells: loss.cells, life });
        }
        match taken {
            Ok(()) | Err(PopError::Empty | PopError::Elapsed) if was_ended => {
                // `try_` methods do not look for deaths.
                match rx.wait_timeout(MOMENT) {
                    Ok(()) | Err(PopError::Elapsed | PopError::Closed(_)) => {}
                    Err(error) => panic!("consumer: {error}"),
                }
            }
            Ok(()) | Err(PopError::Empty | PopError::Elapsed) => {}
            Err(PopError::Closed(_)) if was_ended => break,
            // All producers may be dead at the same time. Others will attach.
            Err(PopError::Closed(_)) => {
                let _has_come = rx.wait_for_producer(Duration::from_millis(5));
            }
            Err(error) => panic!("consumer: {error}"),
        }
        // A consumer that pauses lets the ring run full.
        match reader.dice.below(1000) {
            0 => reader.dice.nap(Duration::from_millis(5)),
            1..4 => reader.dice.nap(Duration::from_micros(300)),
            _ => {}
        }
    }
    reader.assert_even();
    reader.journal.note_position(rx.position());
    reader.journal.note_dropped(rx.losses().dropped());
}

/// Plays the role in a ring of what `words[0]` says.
pub fn consume_any<K: SoakKind>(words: &[&str]) {
    let roles: [(&str, Act); 4] = [
        (<u64 as Content>::WORD, consume::<K, u64>),
        (<Words<7> as Content>::WORD, consume::<K, Words<7>>),
        (<Words<8> as Content>::WORD, consume::<K, Words<8>>),
        (<[u8] as Content>::WORD, consume::<K, [u8]>),
    ];
    let found = roles.iter().find(|(word, _)| *word == words[0]);
    found.unwrap().1(&words[1..]);
}
