//! A cell: one work, done with one peer, in one place. And the list of all.
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::drive::{BytePeer, Hold, HoldBack, Idling, Message, Pause, Peer, Result, Shape};
use crate::place::{Between, Ends};
pub use crate::place::{Processes, Threads};
use crate::work;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Threads,
    Processes,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Threads => "threads",
            Self::Processes => "processes",
        })
    }
}

/// What a run of a cell is given.
pub struct Plan {
    /// Unique to this run, for whatever has to have a name.
    pub name: String,
    /// How long the timed part shall be, about.
    pub timed: Duration,
}

/// What a run of a cell finds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measure {
    pub value: f64,
    pub unit: String,
    /// Whether bigger is better.
    pub bigger: bool,
    pub extra: BTreeMap<String, f64>,
}

impl Measure {
    pub fn new(value: f64, unit: &str, bigger: bool) -> Self {
        Self { value, unit: unit.into(), bigger, extra: BTreeMap::new() }
    }

    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.extra.insert(name.into(), value);
        self
    }
}

type Run = Box<dyn Fn(&Plan) -> Result<Measure>>;

pub struct Cell {
    pub work: &'static str,
    /// Of what size, and the like.
    pub case: String,
    pub place: Place,
    pub peer: String,
    run: Run,
}

impl Cell {
    /// `work/case/place/peer`.
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.work, self.case, self.place, self.peer)
    }

    pub fn run(&self, plan: &Plan) -> Result<Measure> {
        (self.run)(plan)
    }
}

/// All there are, those of one work one after the other.
pub fn all() -> Vec<Cell> {
    let mut list = Vec::new();
    crate::peers::cells(&mut list);
    crate::baseline::cells(&mut list);
    crate::waiting::cells(&mut list);
    crate::cost::cells(&mut list);
    // Stable: within a work and a case, in the order of registration.
    let works = |cell: &Cell| work::ORDER.iter().position(|work| *work == cell.work).unwrap_or(usize::MAX);
    list.sort_by_key(works);
    list
}

// ---- How they are made

/// A peer for messages of one type.
pub struct Typed<P, M>(P, PhantomData<fn(M)>);
impl<M, P: Peer<M>> Ends for Typed<P, M> {
    type Tx = P::Tx;
    type Rx = P::Rx;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(P::make(shape)?, PhantomData))
    }
    fn tx(&mut self) -> Result<P::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<P::Rx> {
        self.0.rx()
    }
}

/// A peer for records of bytes.
pub struct Bytes<P>(P);
impl<P: BytePeer> Ends for Bytes<P> {
    type Tx = P::Tx;
    type Rx = P::Rx;
    fn make(shape: &Shape) -> Result<Self> {
        Ok(Self(P::make(shape)?))
    }
    fn tx(&mut self) -> Result<P::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<P::Rx> {
        self.0.rx()
    }
}

/// Two, for the way there and the way back: the receiver sends first, and has its answer from the sender.
pub struct Twice<E>(E, E);
impl<E: Ends> Ends for Twice<E> {
    type Tx = (E::Rx, E::Tx);
    type Rx = (E::Tx, E::Rx);
    fn make(shape: &Shape) -> Result<Self> {
        let one = |way: &str| E::make(&Shape { name: format!("{}-{way}", shape.name), ..shape.clone() });
        Ok(Self(one("there")?, one("back")?))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok((self.0.rx()?, self.1.tx()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok((self.0.tx()?, self.1.rx()?))
    }
}

/// "8 B", "4 KiB", "1 MiB".
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// "1,024".
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

/// How another form of a peer is told from it, after the peer's name.
pub const HELD_BACK: &str = ", held back";
/// As [`HELD_BACK`]: who waits pauses between two looks.
pub const PAUSING: &str = ", pausing";
/// As [`HELD_BACK`]: who has caught up stays away for long. Of what is bare only.
pub const RESTING: &str = ", resting";
/// As [`HELD_BACK`]: by the calls that wait, where the plain one only tries.
pub const WAITING: &str = ", waiting";
/// As [`HELD_BACK`]: with more room in the kernel than it gives by default.
pub const MORE_ROOM: &str = ", 1 MiB";

/// Anything.
pub fn custom(
    list: &mut Vec<Cell>,
    work: &'static str,
    case: impl Into<String>,
    place: Place,
    peer: impl Into<String>,
    run: impl Fn(&Plan) -> Result<Measure> + 'static,
) {
    list.push(Cell { work, case: case.into(), place, peer: peer.into(), run: Box::new(run) });
}

/// Capacities that streams of so long messages go through.
pub fn capacities(len: usize) -> &'static [usize] {
    if len == 8 || len == 64 { &[1024, 65_536] } else { &[1024] }
}

/// The usual for a typed peer: streams, and round trips of what is small.
pub fn typed<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<P, M>> + Between<Twice<Typed<P, M>>>,
{
    for capacity in capacities(M::LEN) {
        stream::<B, P, M>(list, peer, *capacity);
    }
    if M::LEN <= 64 {
        trip::<B, P, M>(list, peer);
    }
}

/// The usual for a channel, whose own work hides what a larger ring gains: the smaller one only.
pub fn channel<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<P, M>> + Between<Twice<Typed<P, M>>>,
{
    stream::<B, P, M>(list, peer, 1024);
    trip::<B, P, M>(list, peer);
}

/// One by one.
pub fn stream<B, P, M>(list: &mut Vec<Cell>, peer: &str, capacity: usize)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<P, M>>,
{
    let case = format!("{}, ring of {}", size(M::LEN), grouped(capacity));
    custom(list, "stream", case, B::PLACE, peer, move |plan| {
        let shape = Shape { name: plan.name.clone(), capacity, producers: 1 };
        B::run(&shape, P::HOLD, work::stream::send, |rx, side| {
            work::stream::receive::<M, _>(rx, side, capacity, plan.timed)
        })
    });
}

/// In batches of 64, through the smaller ring: the larger one's table says the same.
pub fn batch<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<P, M>>,
{
    let capacity = 1024;
    let case = format!("{}, ring of {}", size(M::LEN), grouped(capacity));
    custom(list, "batch", case, B::PLACE, peer, move |plan| {
        let shape = Shape { name: plan.name.clone(), capacity, producers: 1 };
        B::run(&shape, P::HOLD, work::stream::send_batches, |rx, side| {
            work::stream::receive_batches::<M, _>(rx, side, capacity, plan.timed)
        })
    });
}

/// Once more, for who looks again at once: one by one with a receiver that holds back once it has caught up, as ours does, and
/// there and back with pauses.
pub fn held_back<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<Idling<P, HoldBack>, M>> + Between<Twice<Typed<Idling<P, Pause>, M>>>,
{
    for capacity in capacities(M::LEN) {
        stream::<B, Idling<P, HoldBack>, M>(list, &format!("{peer}{HELD_BACK}"), *capacity);
    }
    pausing::<B, P, M>(list, peer);
}

/// There and back, once more: who waits pauses between two looks, and so leaves the line to who is about to write it. Of those lengths
/// that are compared with a bare line.
pub fn pausing<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Twice<Typed<Idling<P, Pause>, M>>>,
{
    if M::LEN <= 56 {
        trip::<B, Idling<P, Pause>, M>(list, &format!("{peer}{PAUSING}"));
    }
}

/// In batches of 64, once more: as [`held_back`].
pub fn batch_held_back<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<Idling<P, HoldBack>, M>>,
{
    batch::<B, Idling<P, HoldBack>, M>(list, &format!("{peer}{HELD_BACK}"));
}

/// There and back.
pub fn trip<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Twice<Typed<P, M>>>,
{
    custom(list, "trip", size(M::LEN), B::PLACE, peer, |plan| {
        let shape = Shape { name: plan.name.clone(), capacity: 1024, producers: 1 };
        B::run(&shape, P::HOLD, work::trip::echo::<M, _, _>, |ends, side| {
            work::trip::ping::<M, _, _>(ends, side, plan.timed)
        })
    });
}

/// From 1, 2, 4 and 8 producers. Small messages, whose table says the same, from 4 only.
pub fn fan<B, P, M>(list: &mut Vec<Cell>, peer: &str)
where
    M: Message,
    P: Peer<M>,
    B: Between<Typed<P, M>>,
{
    let all: &[usize] = if M::LEN == 8 { &[4] } else { &[1, 2, 4, 8] };
    for producers in all.iter().copied() {
        let case = format!("{}, {producers} to 1", size(M::LEN));
        custom(list, "fan", case, B::PLACE, peer, move |plan| {
            let shape = Shape { name: plan.name.clone(), capacity: 1024, producers };
            B::run(&shape, Hold::Free, work::fan::send::<M, _>, |rx, side| {
                work::fan::receive::<M, _>(rx, side, 1024, plan.timed)
            })
        });
    }
}

/// Records of 4 KiB through 1 MiB: copied in, all read.
pub fn copy<B, P>(list: &mut Vec<Cell>, peer: &str)
where
    P: BytePeer,
    B: Between<Bytes<P>>,
{
    let (len, capacity) = (4 << 10, 1 << 20);
    let case = format!("{} through {}", size(len), size(capacity));
    custom(list, "copy", case, B::PLACE, peer, move |plan| {
        let shape = Shape { name: plan.name.clone(), capacity, producers: 1 };
        B::run(
            &shape,
            P::HOLD,
            move |tx, side| work::bytes::send(tx, side, len),
            |rx, side| work::bytes::receive(rx, side, len, capacity, plan.timed),
        )
    });
}

/// Records of 4 KiB through 1 MiB, and of 1 MiB through 4 MiB: made in place, one line written and read.
pub fn in_place<B, P>(list: &mut Vec<Cell>, peer: &str)
where
    P: BytePeer,
    B: Between<Bytes<P>>,
{
    in_place_of::<B, P>(list, peer, 4 << 10, 1 << 20);
    in_place_of::<B, P>(list, peer, 1 << 20, 4 << 20);
}

/// Records of this length through so much.
pub fn in_place_of<B, P>(list: &mut Vec<Cell>, peer: &str, len: usize, capacity: usize)
where
    P: BytePeer,
    B: Between<Bytes<P>>,
{
    let case = format!("{} through {}", size(len), size(capacity));
    custom(list, "in place", case, B::PLACE, peer, move |plan| {
        let shape = Shape { name: plan.name.clone(), capacity, producers: 1 };
        B::run(
            &shape,
            P::HOLD,
            move |tx, side| work::bytes::send_in_place(tx, side, len),
            |rx, side| work::bytes::receive_in_place(rx, side, len, capacity, plan.timed),
        )
    });
}
