//! The model of a typed ring with one producer, of whatever kind: a queue that holds so many items.
use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use ringway::memory::Heap;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::{Departure, Options, PopError, PushError, lanes, mpsc, spsc};

#[derive(Clone, Debug)]
enum Step {
    Push,
    PushSlice(usize),
    Pop,
    PopSlice(usize),
    Drain(usize),
    /// Another producer takes the seat. In between, the ring is closed once it is empty.
    NextProducer,
    NextConsumer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        2 => (0..40_usize).prop_map(Step::PushSlice),
        4 => Just(Step::Pop),
        1 => (0..40_usize).prop_map(Step::PopSlice),
        1 => (0..40_usize).prop_map(Step::Drain),
        1 => Just(Step::NextProducer),
        1 => Just(Step::NextConsumer),
    ]
}

type Item = [u64; 2];

struct Pair<K: Kind> {
    ring: Ring<K, Item, Heap>,
    tx: Option<Producer<K, Item, Heap>>,
    rx: Option<Consumer<K, Item, Heap>>,
    model: VecDeque<Item>,
    sent: u64,
}

impl<K: Kind> Pair<K> {
    fn new(capacity: usize) -> Self {
        let options = Options::new().capacity(capacity).max_producers(1);
        let memory = Heap::new(Ring::<K, Item>::required_len(&options));
        let ring = Ring::format(memory, &options).unwrap();
        let (tx, rx) = (ring.producer().ok(), ring.consumer().ok());
        Self { ring, tx, rx, model: VecDeque::new(), sent: 0 }
    }

    fn tx(&mut self) -> &mut Producer<K, Item, Heap> {
        self.tx.as_mut().unwrap()
    }

    fn rx(&mut self) -> &mut Consumer<K, Item, Heap> {
        self.rx.as_mut().unwrap()
    }

    fn room(&self) -> usize {
        self.ring.capacity() - self.model.len()
    }

    /// The `n`th item from now on.
    fn item(&self, n: usize) -> Item {
        let count = self.sent + n as u64;
        [count, !count]
    }

    /// Notes that `n` items were sent.
    fn sent(&mut self, n: usize) {
        self.model.extend((0..n).map(|i| self.item(i)).collect::<Vec<_>>());
        self.sent += n as u64;
    }

    fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Push => {
                let item = self.item(0);
                let expected = if self.room() > 0 { Ok(()) } else { Err(PushError::Full) };
                prop_assert_eq!(self.tx().try_push(&item), expected);
                self.sent(usize::from(expected.is_ok()));
            }
            Step::PushSlice(n) => {
                let items: Vec<_> = (0..n).map(|i| self.item(i)).collect();
                let fitting = n.min(self.room());
                let expected = if fitting == 0 && n > 0 { Err(PushError::Full) } else { Ok(fitting) };
                prop_assert_eq!(self.tx().try_push_slice(&items), expected);
                self.sent(fitting);
            }
            Step::Pop => {
                let expected = self.model.pop_front().ok_or(PopError::Empty);
                prop_assert_eq!(self.rx().try_pop(), expected);
            }
            Step::PopSlice(n) => {
                let mut items = vec![[0; 2]; n];
                let popped = self.rx().try_pop_slice(&mut items);
                self.taken(n, popped, &items)?;
            }
            Step::Drain(n) => {
                let mut items = Vec::new();
                let drained = self.rx().drain(n, |item| items.push(item));
                prop_assert_eq!(drained.unwrap_or(0), items.len());
                self.taken(n, drained, &items)?;
            }
            Step::NextProducer => {
                self.tx = None;
                if self.model.is_empty() {
                    let closed = Err(PopError::Closed(Departure::Left));
                    prop_assert_eq!(self.rx().try_pop(), closed);
                }
                self.tx = self.ring.producer().ok();
            }
            Step::NextConsumer => {
                self.rx = None;
                self.rx = self.ring.consumer().ok();
            }
        }
        let sent = self.sent;
        prop_assert_eq!(self.tx().position(), sent);
        let taken = self.sent - self.model.len() as u64;
        prop_assert_eq!(self.rx().position(), taken);
        Ok(())
    }

    /// Checks what was taken when `limit` items were asked for.
    fn taken(
        &mut self,
        limit: usize,
        n: Result<usize, PopError>,
        items: &[Item],
    ) -> Result<(), TestCaseError> {
        let there = limit.min(self.model.len());
        prop_assert_eq!(n, if there == 0 && limit > 0 { Err(PopError::Empty) } else { Ok(there) });
        let expected: Vec<_> = self.model.drain(..there).collect();
        prop_assert_eq!(&items[..there], expected);
        Ok(())
    }
}

/// A ring of so many bytes, after `start` items, through these steps.
fn run<K: Kind>(capacity: usize, start: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut pair = Pair::<K>::new(capacity);
    for _ in 0..start {
        pair.apply(&Step::Push)?;
        pair.apply(&Step::Pop)?;
    }
    for step in steps {
        pair.apply(step)?;
    }
    // Nothing is left behind, and nothing is missing.
    while !pair.model.is_empty() {
        pair.apply(&Step::Pop)?;
    }
    pair.apply(&Step::Pop)
}

proptest! {
    #![proptest_config(super::config(500))]

    #[test]
    fn a_ring_of_items_does_what_the_model_does(
        capacity in 1..20_usize,
        start in 0..64_usize,
        steps in vec(step(), 1..80),
    ) {
        run::<spsc::Spsc>(capacity, start, &steps)?;
        run::<mpsc::Mpsc>(capacity, start, &steps)?;
        run::<lanes::Lanes>(capacity, start, &steps)?;
    }
}
