//! disruptor: events published alone or in batches, by one producer or by many, and read through its event poller, which
//! leaves the choice of the thread to its user.
use crate::cell::{self, Cell, Threads};
use crate::drive::{Aligned, Ends, Message, Peer, Result, Rx, Shape, Tx, Words};
use disruptor::{
    BusySpin, EventGuard, EventPoller, MissingFreeSlots, MultiProducer, MultiProducerBarrier, Producer,
    SingleConsumerBarrier, SingleProducer, SingleProducerBarrier, build_multi_producer,
    build_single_producer,
};
use std::ptr::NonNull;

type Single<M> = SingleProducer<M, SingleConsumerBarrier>;
type Multi<M> = MultiProducer<M, SingleConsumerBarrier>;

pub struct One<M>(Ends<Single<M>, EventPoller<M, SingleProducerBarrier>>);
pub struct Many<M>(Ends<Multi<M>, EventPoller<M, MultiProducerBarrier>>);
pub struct Publisher<P>(P);

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Threads, One<Words<1>>, _>(list, "disruptor");
    cell::typed::<Threads, One<Words<7>>, _>(list, "disruptor");
    cell::typed::<Threads, One<Words<8>>, _>(list, "disruptor");
    cell::typed::<Threads, One<Words<32>>, _>(list, "disruptor");
    cell::typed::<Threads, One<Aligned<7>>, _>(list, "disruptor, aligned");
    cell::typed::<Threads, One<Aligned<8>>, _>(list, "disruptor, aligned");
    cell::typed::<Threads, One<Aligned<32>>, _>(list, "disruptor, aligned");
    cell::batch::<Threads, One<Words<1>>, _>(list, "disruptor, batches");
    cell::batch::<Threads, One<Words<7>>, _>(list, "disruptor, batches");
    cell::batch::<Threads, One<Words<8>>, _>(list, "disruptor, batches");
    cell::batch::<Threads, One<Aligned<7>>, _>(list, "disruptor, batches, aligned");
    cell::batch::<Threads, One<Aligned<8>>, _>(list, "disruptor, batches, aligned");
    cell::fan::<Threads, Many<Words<1>>, _>(list, "disruptor");
    cell::fan::<Threads, Many<Words<8>>, _>(list, "disruptor");
}

impl<M: Message> Peer<M> for One<M> {
    type Tx = Publisher<Single<M>>;
    type Rx = Poller<M, SingleProducerBarrier>;

    fn make(shape: &Shape) -> Result<Self> {
        let builder = build_single_producer(shape.capacity, || M::new(0), BusySpin);
        let (poller, builder) = builder.new_event_poller();
        Ok(Self(Ends::new((builder.build(), poller), shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None).map(Publisher)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx().map(Poller::new)
    }
}

impl<M: Message> Peer<M> for Many<M> {
    type Tx = Publisher<Multi<M>>;
    type Rx = Poller<M, MultiProducerBarrier>;

    fn make(shape: &Shape) -> Result<Self> {
        let builder = build_multi_producer(shape.capacity, || M::new(0), BusySpin);
        let (poller, builder) = builder.new_event_poller();
        Ok(Self(Ends::new((builder.build(), poller), shape.producers)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|tx| Some(tx.clone())).map(Publisher)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx().map(Poller::new)
    }
}

impl<M: Message, P: Producer<M>> Tx<M> for Publisher<P> {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.0.try_publish(|event| *event = *message).is_ok()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[M]) -> usize {
        let mut publish = |messages: &[M]| {
            let result = self.0.try_batch_publish(messages.len(), |events| {
                events.zip(messages).for_each(|(event, message)| *event = *message);
            });
            result.map(|_| messages.len())
        };
        match publish(messages) {
            Ok(taken) => taken,
            // What there is room for, if there is any.
            Err(MissingFreeSlots(missing)) => match messages.len().checked_sub(missing as usize) {
                None | Some(0) => 0,
                Some(room) => publish(&messages[..room]).unwrap_or(0),
            },
        }
    }
}

/// How the events are had, which differs in type only.
pub trait Poll<M>: Sized + 'static {
    /// All events that are there, but not more than `limit`.
    fn poll(poller: &'static mut EventPoller<M, Self>, limit: u64) -> Option<EventGuard<'static, M, Self>>;
}

impl<M: Message> Poll<M> for SingleProducerBarrier {
    #[inline(always)]
    fn poll(poller: &'static mut EventPoller<M, Self>, limit: u64) -> Option<EventGuard<'static, M, Self>> {
        poller.take(limit).ok()
    }
}

impl<M: Message> Poll<M> for MultiProducerBarrier {
    #[inline(always)]
    fn poll(poller: &'static mut EventPoller<M, Self>, limit: u64) -> Option<EventGuard<'static, M, Self>> {
        poller.take(limit).ok()
    }
}

/// Reads the events that were there at the last poll, and polls anew when they are used up: the loop that the
/// documentation shows, turned inside out.
pub struct Poller<M: 'static, B: Poll<M>> {
    /// The events at hand. As long as there are some, nothing else uses the poller.
    events: Option<EventGuard<'static, M, B>>,
    /// Comes from a `Box`, which it becomes again in the end.
    poller: NonNull<EventPoller<M, B>>,
}

impl<M: Message, B: Poll<M>> Poller<M, B> {
    fn new(poller: EventPoller<M, B>) -> Self {
        Self { events: None, poller: NonNull::from(Box::leak(Box::new(poller))) }
    }

    /// The events at hand, after a poll if there were none.
    #[inline(always)]
    fn events(&mut self, limit: u64) -> Option<&mut EventGuard<'static, M, B>> {
        if self.events.is_none() {
            // SAFETY: it was leaked in `new` and lives until `drop`; the only other borrow of it, `events`, has ended.
            let poller = unsafe { self.poller.as_mut() };
            self.events = B::poll(poller, limit);
        }
        self.events.as_mut()
    }
}

impl<M: Message, B: Poll<M>> Rx<M> for Poller<M, B> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        let mut events = self.events(u64::MAX)?;
        let message = *events.next()?;
        // The last one: all of them are given back to the producer.
        if events.len() == 0 {
            self.events = None;
        }
        Some(message)
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, each: impl FnMut(&M)) -> usize {
        let Some(events) = self.events(limit as u64) else { return 0 };
        let taken = events.len();
        events.for_each(each);
        self.events = None;
        taken
    }
}

impl<M: 'static, B: Poll<M>> Drop for Poller<M, B> {
    fn drop(&mut self) {
        self.events = None;
        // SAFETY: `new` leaked it from a `Box`, and the only borrow of it has just ended.
        drop(unsafe { Box::from_raw(self.poller.as_ptr()) });
    }
}

// SAFETY: it is a poller in a `Box` and a borrow of it; a poller may go to another thread, as the library's own examples
// send it there, if the events may be used from any thread, which a `Message` may.
unsafe impl<M: Message, B: Poll<M>> Send for Poller<M, B> {}
