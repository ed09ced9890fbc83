//! iceoryx2: publish and subscribe, in its setting that loses nothing (no overflow; who publishes waits for room). A copy is
//! a loan, a write and a send there too, so there is no cheaper way for small messages. Bytes are slices, loaned.
//!
//! It cannot do without names: they all begin with the run's.
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::service::builder::publish_subscribe::Builder;
use iceoryx2::service::port_factory::event;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use super::memory::{self, NAMES, first_word};
use crate::cell::{self, Cell, Plan, Processes};
use crate::drive::{BytePeer, ByteRx, ByteTx, Idle, Message, Peer, Result, Rx, Shape, Tx, Words, sum_of};
use crate::place::ticks;
use crate::{cost, waiting};

pub fn cells(list: &mut Vec<Cell>) {
    cell::typed::<Processes, Iceoryx2, Words<1>>(list, "iceoryx2");
    cell::typed::<Processes, Iceoryx2, Words<7>>(list, "iceoryx2");
    cell::typed::<Processes, Iceoryx2, Words<8>>(list, "iceoryx2");
    cell::copy::<Processes, Slices<4096>>(list, "iceoryx2");
    memory::in_place_of::<Slices<4096>>(list, "iceoryx2", 4096);
    memory::in_place_of::<Slices<MIB>>(list, "iceoryx2", MIB);
    waiting::idle::<Woken>(list, "iceoryx2, with events");
    waiting::wake::<Woken>(list, "iceoryx2, with events");
    waiting::cpu_per_message::<Iceoryx2>(list, "iceoryx2");
    cost::each_case(list, "iceoryx2, 56 B", true, whole_life);
}
const MIB: usize = 1 << 20;

/// The run's name, under which each side makes a node of its own: that does not pass a fork.
struct Name(String);

impl Drop for Name {
    fn drop(&mut self) {
        memory::sweep(&self.0);
    }
}

/// A message as it is sent.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Wire<M>(M);

impl<M> fmt::Debug for Wire<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

// SAFETY: messages are plain words, without pointers, and need no drop; both sides are this very program.
unsafe impl<M: Message> ZeroCopySend for Wire<M> {}

/// What iceoryx2 asks of what it sends.
pub trait Sent: IceoryxSend + ZeroCopySend + fmt::Debug + 'static {}
impl<T: IceoryxSend + ZeroCopySend + fmt::Debug + ?Sized + 'static> Sent for T {}

type Service<T> = PortFactory<ipc::Service, T, ()>;

/// The service, made or joined, by a node that lives as long as it.
fn service<T>(
    name: &str,
    capacity: usize,
    build: impl Fn(Builder<T, (), ipc::Service>) -> Result<Service<T>>,
) -> Result<Service<T>>
where
    T: Sent + ?Sized,
{
    let node = node(name)?;
    patiently(|| {
        let builder = node
            .service_builder(&"ring".try_into()?)
            .publish_subscribe::<T>()
            .enable_safe_overflow(false)
            .history_size(0)
            .subscriber_max_buffer_size(capacity)
            .subscriber_max_borrowed_samples(1)
            .max_publishers(1)
            .max_subscribers(1)
            .max_nodes(2);
        build(builder)
    })
}

fn node(name: &str) -> Result<Node<ipc::Service>> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.prefix = FileName::new(format!("{name}_").as_bytes())?;
    config.global.set_root_path(&Path::new(format!("{NAMES}/{name}-root").as_bytes())?);
    let builder = NodeBuilder::new().config(&config).signal_handling_mode(SignalHandlingMode::Disabled);
    Ok(builder.create::<ipc::Service>()?)
}

/// Both sides come at once: who is too early for what the other one is making tries again.
fn patiently<S>(make: impl Fn() -> Result<S>) -> Result<S> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match make() {
            Ok(made) => return Ok(made),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Whether it went: to nobody as long as no subscriber is there.
#[inline(always)]
fn sent(recipients: Result<usize, impl fmt::Display>) -> bool {
    match recipients {
        Ok(recipients) => recipients == 1,
        Err(error) => panic!("iceoryx2 does not send: {error}"),
    }
}

pub struct Iceoryx2 {
    name: Name,
    capacity: usize,
}

pub struct Sender<T: Sent + ?Sized>(Publisher<ipc::Service, T, ()>);
pub struct Receiver<T: Sent + ?Sized>(Subscriber<ipc::Service, T, ()>);

impl<M: Message> Peer<M> for Iceoryx2 {
    type Tx = Sender<Wire<M>>;
    type Rx = Receiver<Wire<M>>;

    fn make(shape: &Shape) -> Result<Self> {
        match shape.producers {
            1 => Ok(Self { name: Name(shape.name.clone()), capacity: shape.capacity }),
            many => Err(format!("one publisher is made here, not {many}").into()),
        }
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let service =
            service::<Wire<M>>(&self.name.0, self.capacity, |builder| Ok(builder.open_or_create()?))?;
        let publisher = service.publisher_builder();
        let publisher = publisher.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
        Ok(Sender(publisher.create()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        let service =
            service::<Wire<M>>(&self.name.0, self.capacity, |builder| Ok(builder.open_or_create()?))?;
        Ok(Receiver(service.subscriber_builder().create()?))
    }
}

impl<M: Message> Tx<M> for Sender<Wire<M>> {
    /// Waits for room, as its `send` does.
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        sent(self.0.send_copy(Wire(*message)))
    }
}

impl<M: Message> Rx<M> for Receiver<Wire<M>> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        let sample = self.0.receive().expect("the publisher's memory can be mapped")?;
        Some(sample.0)
    }
}

/// Publish and subscribe, and an event for each message, on which the receiver sleeps: that is how iceoryx2 waits.
pub struct Woken(Iceoryx2);
pub struct Wakes<M: Message>(Sender<Wire<M>>, Notifier<ipc::Service>);
pub struct Sleeps<M: Message>(Receiver<Wire<M>>, Listener<ipc::Service>);

impl Woken {
    fn event(&self) -> Result<event::PortFactory<ipc::Service>> {
        let node = node(&self.0.name.0)?;
        patiently(|| Ok(node.service_builder(&"bell".try_into()?).event().open_or_create()?))
    }
}

impl<M: Message> Peer<M> for Woken {
    type Tx = Wakes<M>;
    type Rx = Sleeps<M>;

    fn make(shape: &Shape) -> Result<Self> {
        <Iceoryx2 as Peer<M>>::make(shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let notifier = self.event()?.notifier_builder().create()?;
        Ok(Wakes(Peer::<M>::tx(&mut self.0)?, notifier))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        // First: nothing is sent before there is a subscriber, and then it can be woken.
        let listener = self.event()?.listener_builder().create()?;
        Ok(Sleeps(Peer::<M>::rx(&mut self.0)?, listener))
    }
}

impl<M: Message> Tx<M> for Wakes<M> {
    fn try_send(&mut self, message: &M) -> bool {
        let sent = self.0.try_send(message);
        if sent {
            self.1.notify().expect("the listener can be woken");
        }
        sent
    }
}

impl<M: Message> Rx<M> for Sleeps<M> {
    fn try_recv(&mut self) -> Option<M> {
        self.0.try_recv()
    }
    fn recv(&mut self, _: &mut impl Idle) -> M {
        loop {
            if let Some(message) = self.try_recv() {
                return message;
            }
            // At once, if something came since: an event stays until it is taken.
            self.1.blocking_wait(|_| {}).expect("one may wait for an event");
        }
    }
}

/// A service and its two ends are made and go again; in ticks.
fn whole_life(plan: &Plan) -> Result<[u64; 4]> {
    let name = Name(plan.name.clone());
    let start = ticks();
    let made = service::<Wire<Words<7>>>(&name.0, 1024, |builder| Ok(builder.create()?))?;
    let created = ticks();
    let joined = service::<Wire<Words<7>>>(&name.0, 1024, |builder| Ok(builder.open()?))?;
    let opened = ticks();
    let ends = (made.publisher_builder().create()?, joined.subscriber_builder().create()?);
    let seated = ticks();
    drop((ends, joined, made));
    Ok([created - start, opened - created, seated - opened, ticks() - seated])
}

/// Slices of up to `LEN` bytes.
pub struct Slices<const LEN: usize>(Iceoryx2);

impl<const LEN: usize> Slices<LEN> {
    fn service(&self) -> Result<Service<[u8]>> {
        service::<[u8]>(&self.0.name.0, self.0.capacity, |builder| {
            // On a line, as any record of words would like to lie.
            let alignment = Alignment::new(64).ok_or("64 is a power of two")?;
            Ok(builder.payload_alignment(alignment).open_or_create()?)
        })
    }
}

impl<const LEN: usize> BytePeer for Slices<LEN> {
    type Tx = Sender<[u8]>;
    type Rx = Receiver<[u8]>;

    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(Iceoryx2 { name: Name(shape.name.clone()), capacity: shape.capacity / LEN }))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        let service = self.service()?;
        let publisher = service.publisher_builder().initial_max_slice_len(LEN);
        let publisher = publisher.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
        Ok(Sender(publisher.create()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        let service = self.service()?;
        Ok(Receiver(service.subscriber_builder().create()?))
    }
}

impl ByteTx for Sender<[u8]> {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        let loan = self.0.loan_slice_uninit(record.len()).expect("one loan at a time is there");
        sent(loan.write_from_slice(record).send())
    }
    #[inline(always)]
    fn try_send_in_place(&mut self, len: usize, first: u64) -> bool {
        let mut loan = self.0.loan_slice_uninit(len).expect("one loan at a time is there");
        loan.payload_mut()[..8].write_copy_of_slice(&first.to_ne_bytes());
        // SAFETY: the loan lies in shared memory, all of whose bytes have a value.
        sent(unsafe { loan.assume_init() }.send())
    }
}

impl ByteRx for Receiver<[u8]> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let sample = self.0.receive().expect("the publisher's memory can be mapped")?;
        Some(sum_of(sample.payload()))
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        let sample = self.0.receive().expect("the publisher's memory can be mapped")?;
        Some(first_word(sample.payload()))
    }
}
