//! The messages, each method that sends or receives them, and the differences between the kinds of
//! ring.
use std::mem;
use std::time::Duration;

use ringway::Message;
use ringway::lanes::Lanes;
use ringway::memory::{Clock, Memory};
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer};
use ringway::spsc::Spsc;
use ringway::{Options, PopError, PushError};

use super::workload::Parts;
use support::process::Dice;

/// Cells of the rings here, or of each lane.
const CELLS: usize = 8;

/// Memory with a clock.
pub trait TimedMemory: Memory + Clock {}
impl<M: Memory + Clock> TimedMemory for M {}

pub trait RingKind: Kind {
    /// Seats for producers.
    const SEATS: usize;
    const NAME: &'static str;
    /// The parts of each of our threads.
    const OUR_SIDE: [Parts; 4] = [
        Parts { producers: 1, consumer: false, inspector: false },
        Parts { producers: 1, consumer: false, inspector: false },
        Parts { producers: 0, consumer: true, inspector: false },
        Parts { producers: 0, consumer: false, inspector: true },
    ];

    fn options<T: TestMessage + ?Sized>() -> Options<'static> {
        Options::new().capacity(T::CAPACITY).max_producers(Self::SEATS)
    }
}

impl RingKind for Spsc {
    const SEATS: usize = 1;
    const NAME: &'static str = "spsc";
}

impl RingKind for Mpsc {
    const SEATS: usize = 3;
    const NAME: &'static str = "mpsc";
}

impl RingKind for Lanes {
    const SEATS: usize = 3;
    const NAME: &'static str = "lanes";
}

/// The limit of a wait.
pub const SOON: Duration = Duration::from_micros(100);

pub trait TestMessage: Message {
    const NAME: &'static str;
    const CAPACITY: usize;

    /// Sends a message by one of all methods.
    fn send<K: RingKind, M: TimedMemory>(
        tx: &mut Producer<K, Self, M>,
        dice: &mut Dice,
    ) -> Result<(), PushError>;
    /// Receives by one of all methods. Returns how many messages.
    fn receive<K: RingKind, M: TimedMemory>(
        rx: &mut Consumer<K, Self, M>,
        dice: &mut Dice,
    ) -> Result<usize, PopError>;
}

impl TestMessage for u64 {
    const NAME: &'static str = "items";
    const CAPACITY: usize = CELLS;

    fn send<K: RingKind, M: TimedMemory>(
        tx: &mut Producer<K, u64, M>,
        dice: &mut Dice,
    ) -> Result<(), PushError> {
        match dice.below(12) {
            0 => tx.push_timeout(&8, SOON),
            1 => tx.push_slice_timeout(&[10; 11][..1 + dice.below(11) as usize], SOON).map(drop),
            2..5 => tx.try_push_slice(&[9; 11][..1 + dice.below(11) as usize]).map(drop),
            _ => tx.try_push(&7),
        }
    }

    fn receive<K: RingKind, M: TimedMemory>(
        rx: &mut Consumer<K, u64, M>,
        dice: &mut Dice,
    ) -> Result<usize, PopError> {
        match dice.below(12) {
            0 => rx.pop_timeout(SOON).map(|_| 1),
            1 => rx.try_peek().map(|_| 0),
            2 => rx.try_iter().take(CELLS).try_fold(0, |received, item| item.map(|_| received + 1)),
            3..5 => rx.try_pop_slice(&mut [0; 11][..1 + dice.below(11) as usize]),
            5..8 => rx.drain(1 + dice.below(100) as usize, |_| ()),
            _ => rx.try_pop().map(|_| 1),
        }
    }
}

impl TestMessage for [u8] {
    const NAME: &'static str = "records";
    const CAPACITY: usize = 64 * CELLS;

    fn send<K: RingKind, M: TimedMemory>(
        tx: &mut Producer<K, [u8], M>,
        dice: &mut Dice,
    ) -> Result<(), PushError> {
        let max = tx.max_record();
        let len = dice.below(max as u64 + 1) as usize;
        match dice.below(24) {
            0 => tx.push_timeout(&vec![1; len], SOON),
            1 => tx.reserve_timeout(len, SOON).map(|reserved| reserved.commit()),
            2..6 => {
                let mut reserved = tx.try_reserve(len)?;
                reserved.payload().write_at(&vec![3; len], 0).unwrap();
                reserved.commit_len(len / 2)
            }
            6..8 => tx.try_reserve(len).map(|reserved| reserved.abort()),
            8..10 => tx.try_reserve(len).map(mem::forget),
            10..15 => {
                let room = (4 * len).min(max);
                let mut batch =
                    if room % 7 == 1 { tx.batch_timeout(room, SOON) } else { tx.try_batch(room) }?;
                let pushed = (0..4).try_for_each(|_| batch.try_push(&vec![4; len]));
                match dice.below(3) {
                    0 => batch.commit(),
                    1 => batch.abort(),
                    _ => mem::forget(batch),
                }
                pushed
            }
            _ => tx.try_push(&vec![2; len]),
        }
    }

    fn receive<K: RingKind, M: TimedMemory>(
        rx: &mut Consumer<K, [u8], M>,
        dice: &mut Dice,
    ) -> Result<usize, PopError> {
        let max = rx.max_record();
        let check = |payload: ringway::ring::Payload<'_>| assert!(payload.to_vec().len() <= max);
        match dice.below(12) {
            0 => rx.read_timeout(SOON).map(|record| check(record.payload())).map(|()| 1),
            1..3 => rx.try_read().map(|record| record.keep()).map(|()| 0),
            3..5 => rx.try_read().map(mem::forget).map(|()| 0),
            5..8 => rx.drain(1 + dice.below(100) as usize, check),
            _ => rx.try_read().map(|record| check(record.payload())).map(|()| 1),
        }
    }
}
