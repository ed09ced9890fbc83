//! The model of lanes: a queue for each, and any merge of them that keeps the order of each.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::collections::VecDeque;
use std::mem;

use proptest::collection::vec;
use proptest::prelude::*;
use ringway::Message;
use ringway::lanes::{Consumer, Producer, Ring};
use ringway::memory::Heap;
use ringway::{Options, PopError, PushError};

/// More than are watched in any case, so that some come to rest.
const LANES: usize = 12;
/// So many looks put lanes to rest.
const TIRING: usize = 650;

#[derive(Clone, Debug)]
enum Step {
    /// Sends so many in a lane.
    Send(usize, usize, How),
    /// Takes one out.
    Take(How),
    Drain(usize),
    /// Looks often, if there is nothing.
    Idle,
    /// Another producer takes the lane.
    NextProducer(usize),
    NextConsumer,
}

/// One by one, together, or not after all.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Singly,
    Together,
    Undone,
    Forgotten,
}

fn step() -> impl Strategy<Value = Step> {
    let how = || prop_oneof![4 => Just(How::Singly), 2 => Just(How::Together), 1 => Just(How::Undone), 1 => Just(How::Forgotten)];
    prop_oneof![
        8 => (0..LANES, 0..10_usize, how()).prop_map(|(lane, count, how)| Step::Send(lane, count, how)),
        8 => how().prop_map(Step::Take),
        2 => (0..200_usize).prop_map(Step::Drain),
        1 => Just(Step::Idle),
        1 => (0..LANES).prop_map(Step::NextProducer),
        1 => Just(Step::NextConsumer),
    ]
}

/// Lane and number.
type Item = [u32; 2];

/// What lanes carry, here always one cell each.
trait Kind: Message {
    /// Of a lane of so many cells.
    fn capacity(cells: usize) -> usize;
    /// Sends as many of the items as there is room for, in this way; how many that were.
    fn send(tx: &mut Producer<Self, Heap>, items: &[Item], how: How) -> Result<usize, PushError>;
    fn take(rx: &mut Consumer<Self, Heap>, how: How) -> Result<Item, PopError>;
    fn drain(rx: &mut Consumer<Self, Heap>, limit: usize, seen: &mut Vec<Item>) -> Result<usize, PopError>;
    /// Whether what is taken in this way is gone.
    fn takes(how: How) -> bool;
}

impl Kind for Item {
    fn capacity(cells: usize) -> usize {
        cells
    }

    fn send(tx: &mut Producer<Self, Heap>, items: &[Item], how: How) -> Result<usize, PushError> {
        match how {
            How::Together => tx.try_push_slice(items),
            How::Singly => Ok(items.iter().take_while(|item| tx.try_push(item).is_ok()).count()),
            How::Undone | How::Forgotten => Ok(0),
        }
    }

    fn take(rx: &mut Consumer<Self, Heap>, _: How) -> Result<Item, PopError> {
        rx.try_pop()
    }

    fn drain(rx: &mut Consumer<Self, Heap>, limit: usize, seen: &mut Vec<Item>) -> Result<usize, PopError> {
        rx.drain(limit, |item| seen.push(item))
    }

    fn takes(_: How) -> bool {
        true
    }
}

fn bytes([lane, count]: Item) -> [u8; 8] {
    (u64::from(lane) << 32 | u64::from(count)).to_le_bytes()
}

fn item(bytes: [u8; 8]) -> Item {
    let word = u64::from_le_bytes(bytes);
    [(word >> 32) as u32, word as u32]
}

impl Kind for [u8] {
    fn capacity(cells: usize) -> usize {
        64 * cells
    }

    fn send(tx: &mut Producer<Self, Heap>, items: &[Item], how: How) -> Result<usize, PushError> {
        if how == How::Singly {
            return Ok(items.iter().take_while(|item| tx.try_push(&bytes(**item)).is_ok()).count());
        }
        let mut batch = tx.try_batch(0)?;
        let staged = items.iter().take_while(|item| batch.try_push(&bytes(**item)).is_ok()).count();
        match how {
            How::Undone => batch.abort(),
            How::Forgotten => mem::forget(batch),
            _ => {
                batch.commit();
                return Ok(staged);
            }
        }
        Ok(0)
    }

    fn take(rx: &mut Consumer<Self, Heap>, how: How) -> Result<Item, PopError> {
        let record = rx.try_read()?;
        let found = item(record.payload().read_value_at(0).unwrap());
        assert_eq!(u32::from(record.seat()), found[0]);
        match how {
            How::Undone => record.keep(),
            How::Forgotten => mem::forget(record),
            _ => record.release(),
        }
        Ok(found)
    }

    fn drain(rx: &mut Consumer<Self, Heap>, limit: usize, seen: &mut Vec<Item>) -> Result<usize, PopError> {
        rx.drain(limit, |payload| seen.push(item(payload.read_value_at(0).unwrap())))
    }

    fn takes(how: How) -> bool {
        matches!(how, How::Singly | How::Together)
    }
}

struct Scene<T: Kind + ?Sized> {
    ring: Ring<T, Heap>,
    ends: Vec<Option<Producer<T, Heap>>>,
    rx: Option<Consumer<T, Heap>>,
    /// What is in each lane.
    model: Vec<VecDeque<Item>>,
    cells: usize,
    sent: [u32; LANES],
}

impl<T: Kind + ?Sized> Scene<T> {
    fn new(cells: usize) -> Self {
        let capacity = T::capacity(cells);
        let options = Options::new().capacity(capacity).max_producers(LANES);
        let memory = Heap::new(Ring::<T>::required_len(&options));
        let ring = Ring::<T, _>::format(memory, &options).unwrap();
        let ends = (0..LANES).map(|_| ring.producer().ok()).collect();
        let rx = ring.consumer().ok();
        Self { ring, ends, rx, model: vec![VecDeque::new(); LANES], cells, sent: [0; LANES] }
    }

    fn is_empty(&self) -> bool {
        self.model.iter().all(VecDeque::is_empty)
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Send(lane, count, how) => {
                let next = |i| [lane as u32, self.sent[lane] + i];
                let items: Vec<_> = (0..count as u32).map(next).collect();
                let room = self.cells - self.model[lane].len();
                let sent = T::send(self.ends[lane].as_mut().unwrap(), &items, how);
                let is_gone = matches!(how, How::Undone | How::Forgotten);
                let fitting = if is_gone { 0 } else { count.min(room) };
                prop_assert!(sent == Ok(fitting) || sent == Err(PushError::Full) && room == 0);
                self.model[lane].extend(&items[..fitting]);
                self.sent[lane] += fitting as u32;
            }
            Step::Take(how) => match T::take(self.rx.as_mut().unwrap(), how) {
                Ok(item) => self.came(item, T::takes(how))?,
                Err(error) => prop_assert!(error == PopError::Empty && self.is_empty()),
            },
            Step::Drain(limit) => {
                let mut seen = Vec::new();
                let drained = T::drain(self.rx.as_mut().unwrap(), limit, &mut seen);
                let there = self.model.iter().map(VecDeque::len).sum::<usize>().min(limit);
                let is_nothing = there == 0 && limit > 0;
                prop_assert_eq!(drained, if is_nothing { Err(PopError::Empty) } else { Ok(there) });
                seen.into_iter().try_for_each(|item| self.came(item, true))?;
            }
            Step::Idle if self.is_empty() => {
                for _ in 0..TIRING {
                    prop_assert!(T::take(self.rx.as_mut().unwrap(), How::Singly).is_err());
                }
            }
            Step::Idle => {}
            Step::NextProducer(lane) => {
                self.ends[lane] = None;
                self.ends[lane] = self.ring.producer().ok();
                prop_assert_eq!(self.ends[lane].as_ref().map(Producer::seat), Some(lane as u16));
            }
            Step::NextConsumer => {
                self.rx = None;
                self.rx = self.ring.consumer().ok();
            }
        }
        let taken = |lane: usize| u64::from(self.sent[lane]) - self.model[lane].len() as u64;
        prop_assert_eq!(self.rx.as_ref().unwrap().position(), (0..LANES).map(taken).sum::<u64>());
        Ok(())
    }

    /// Checks that an item was the next in its lane.
    fn came(&mut self, item: Item, is_gone: bool) -> Result<(), TestCaseError> {
        let lane = &mut self.model[item[0] as usize];
        prop_assert_eq!(lane.front(), Some(&item));
        if is_gone {
            lane.pop_front();
        }
        Ok(())
    }
}

fn run<T: Kind + ?Sized>(cells: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut scene = Scene::<T>::new(cells);
    for step in steps {
        scene.apply(step)?;
    }
    // Nothing is left behind, and nothing is missing.
    while !scene.is_empty() {
        scene.apply(&Step::Take(How::Singly))?;
    }
    scene.apply(&Step::Idle)
}

proptest! {
    #![proptest_config(super::config(300))]

    #[test]
    fn lanes_of_items_do_what_queues_do(bits in 0..5_u32, steps in vec(step(), 1..150)) {
        run::<Item>(1 << bits, &steps)?;
    }

    #[test]
    fn lanes_of_records_do_what_queues_do(bits in 1..5_u32, steps in vec(step(), 1..150)) {
        run::<[u8]>(1 << bits, &steps)?;
    }
}
