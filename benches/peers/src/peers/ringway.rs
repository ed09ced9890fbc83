//! Ourselves. No privilege: the same loops, cores and checks as for everybody, the default options, the safe functions.
//! Where a trusted slice saves a copy the bar says so; between processes each has its own mapping of a named segment.
use ringway::lanes::Lanes;
use ringway::memory::{Heap, Memory};
use ringway::mpsc::Mpsc;
use ringway::ring::{Consumer, Kind, Producer, Ring};
use ringway::spsc::Spsc;
use ringway::{Message, Options, PopError, PushError, Trust};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::cell::{self, Cell, Processes, Threads};
use crate::drive::{BytePeer, ByteRx, ByteTx, Idle, Peer, Result, Rx, Shape, Tx, Words, sum_of};

/// In one process: memory of the heap.
type Here = Heap;
/// Between processes: a mapping of a named segment.
type There = ringway::Mapping;

pub fn cells(list: &mut Vec<Cell>) {
    one_by_one::<1>(list);
    one_by_one::<7>(list);
    one_by_one::<8>(list);
    one_by_one::<32>(list);
    in_bulk::<1>(list);
    in_bulk::<7>(list);
    in_bulk::<8>(list);
    fan::<1>(list);
    fan::<8>(list);
    cell::copy::<Threads, Records<Here, BY_LINES>>(list, "ringway, read by lines");
    cell::copy::<Threads, Records<Here, COPIED>>(list, "ringway, copied out");
    cell::copy::<Threads, Records<Here, TRUSTED>>(list, "ringway, trusted slice");
    cell::copy::<Processes, Records<There, BY_LINES>>(list, "ringway, read by lines");
    cell::copy::<Processes, Records<There, COPIED>>(list, "ringway, copied out");
    cell::copy::<Processes, Records<There, TRUSTED>>(list, "ringway, trusted slice");
    cell::in_place::<Threads, Records<Here, COPIED>>(list, "ringway");
    cell::in_place::<Processes, Records<There, COPIED>>(list, "ringway");
}

fn one_by_one<const N: usize>(list: &mut Vec<Cell>) {
    cell::typed::<Threads, Items<Spsc, N, Here>, Words<N>>(list, "ringway");
    cell::typed::<Processes, Items<Spsc, N, There>, Words<N>>(list, "ringway");
    cell::pausing::<Threads, Items<Spsc, N, Here>, Words<N>>(list, "ringway");
    cell::pausing::<Processes, Items<Spsc, N, There>, Words<N>>(list, "ringway");
    if N == 8 {
        // A line and a stamp are two lines; a record of a line is another way to send them.
        cell::stream::<Threads, Bulk<N, Here, false>, Words<N>>(list, "ringway, records", 1024);
        cell::stream::<Processes, Bulk<N, There, false>, Words<N>>(list, "ringway, records", 1024);
    }
}

fn in_bulk<const N: usize>(list: &mut Vec<Cell>) {
    cell::batch::<Threads, Items<Spsc, N, Here>, Words<N>>(list, "ringway, slices");
    cell::batch::<Threads, Bulk<N, Here, false>, Words<N>>(list, "ringway, records of 64");
    cell::batch::<Threads, Bulk<N, Here, true>, Words<N>>(list, "ringway, records of 64, trusted");
    cell::batch::<Processes, Items<Spsc, N, There>, Words<N>>(list, "ringway, slices");
    cell::batch::<Processes, Bulk<N, There, false>, Words<N>>(list, "ringway, records of 64");
    cell::batch::<Processes, Bulk<N, There, true>, Words<N>>(list, "ringway, records of 64, trusted");
}

fn fan<const N: usize>(list: &mut Vec<Cell>) {
    cell::fan::<Threads, Items<Mpsc, N, Here>, Words<N>>(list, "ringway mpsc");
    cell::fan::<Threads, Divided<N, Here>, Words<N>>(list, "ringway lanes");
    cell::fan::<Threads, Items<Lanes, N, Here>, Words<N>>(list, "ringway lanes, 1,024 each");
    cell::fan::<Threads, Waiting<Items<Mpsc, N, Here>>, Words<N>>(list, "ringway mpsc, waiting");
    cell::fan::<Threads, Waiting<Divided<N, Here>>, Words<N>>(list, "ringway lanes, waiting");
    cell::fan::<Threads, Waiting<Items<Lanes, N, Here>>, Words<N>>(
        list,
        "ringway lanes, 1,024 each, waiting",
    );
    cell::fan::<Processes, Items<Mpsc, N, There>, Words<N>>(list, "ringway mpsc");
    cell::fan::<Processes, Divided<N, There>, Words<N>>(list, "ringway lanes");
    cell::fan::<Processes, Items<Lanes, N, There>, Words<N>>(list, "ringway lanes, 1,024 each");
    cell::fan::<Processes, Waiting<Items<Mpsc, N, There>>, Words<N>>(list, "ringway mpsc, waiting");
    cell::fan::<Processes, Waiting<Divided<N, There>>, Words<N>>(list, "ringway lanes, waiting");
    cell::fan::<Processes, Waiting<Items<Lanes, N, There>>, Words<N>>(
        list,
        "ringway lanes, 1,024 each, waiting",
    );
}

// ---- Where a ring is

fn options(shape: &Shape) -> Options<'static> {
    Options::new().capacity(shape.capacity).max_producers(shape.producers)
}

/// Memory that a ring is made in, and found in again.
trait Site: Memory + 'static {
    /// What stays with who made it, until it goes.
    type Stay<K: Kind, T: Message + ?Sized + 'static>;
    fn make<K: Kind, T: Message + ?Sized>(shape: &Shape) -> Result<Self::Stay<K, T>>;
    fn ring<K: Kind, T: Message + ?Sized>(stay: &Self::Stay<K, T>) -> Result<Ring<K, T, Self>>;
}

impl Site for Here {
    type Stay<K: Kind, T: Message + ?Sized + 'static> = Ring<K, T, Self>;
    fn make<K: Kind, T: Message + ?Sized>(shape: &Shape) -> Result<Ring<K, T, Self>> {
        Ok(Ring::on_heap(&options(shape))?)
    }
    fn ring<K: Kind, T: Message + ?Sized>(stay: &Ring<K, T, Self>) -> Result<Ring<K, T, Self>> {
        Ok(stay.clone())
    }
}

/// A name, which goes when this does.
struct Name(String);

impl Drop for Name {
    fn drop(&mut self) {
        // If it is gone already, that is what was wanted.
        let _ = Ring::<Spsc, [u8]>::unlink(&self.0);
    }
}

impl Site for There {
    type Stay<K: Kind, T: Message + ?Sized + 'static> = Name;
    fn make<K: Kind, T: Message + ?Sized>(shape: &Shape) -> Result<Name> {
        let name = Name(shape.name.clone());
        Ring::<K, T>::create(&name.0, &options(shape))?;
        Ok(name)
    }
    fn ring<K: Kind, T: Message + ?Sized>(name: &Name) -> Result<Ring<K, T>> {
        Ok(Ring::open(&name.0)?)
    }
}

// ---- Items

struct Items<K: Kind, const N: usize, M: Site>(M::Stay<K, Words<N>>);
struct Sends<K: Kind, T: Message + ?Sized, M: Memory>(Producer<K, T, M>);
struct Takes<K: Kind, T: Message + ?Sized, M: Memory>(Consumer<K, T, M>);

impl<K: Kind, const N: usize, M: Site> Peer<Words<N>> for Items<K, N, M> {
    type Tx = Sends<K, Words<N>, M>;
    type Rx = Takes<K, Words<N>, M>;
    fn make(shape: &Shape) -> Result<Self> {
        M::make(shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(Sends(M::ring(&self.0)?.producer()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(Takes(M::ring(&self.0)?.consumer()?))
    }
}

/// Whether it was done; anything but a lack of room is a failure of the cell.
#[inline(always)]
fn pushed<T>(result: Result<T, PushError>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(PushError::Full) => None,
        Err(error) => panic!("ringway: {error}"),
    }
}

#[inline(always)]
fn popped<T>(result: Result<T, PopError>) -> Option<T> {
    match result {
        Ok(item) => Some(item),
        // Closed: nobody has come yet, or the other one has sent all and left.
        Err(PopError::Empty | PopError::Closed(_)) => None,
        Err(error) => panic!("ringway: {error}"),
    }
}

impl<K: Kind, const N: usize, M: Site> Tx<Words<N>> for Sends<K, Words<N>, M> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        pushed(self.0.try_push(message)).is_some()
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[Words<N>]) -> usize {
        pushed(self.0.try_push_slice(messages)).unwrap_or(0)
    }
}

impl<K: Kind, const N: usize, M: Site> Rx<Words<N>> for Takes<K, Words<N>, M> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        popped(self.0.try_pop())
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&Words<N>)) -> usize {
        popped(self.0.drain(limit, |item| each(&item))).unwrap_or(0)
    }
}

/// Lanes that together have the room that other rings have. (`Items<Lanes>` has that room in each lane.)
struct Divided<const N: usize, M: Site>(Items<Lanes, N, M>);

impl<const N: usize, M: Site> Peer<Words<N>> for Divided<N, M> {
    type Tx = Sends<Lanes, Words<N>, M>;
    type Rx = Takes<Lanes, Words<N>, M>;
    fn make(shape: &Shape) -> Result<Self> {
        let shape = Shape { capacity: shape.capacity / shape.producers, ..shape.clone() };
        Items::make(&shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

/// The same ends, which wait as ours do unless they are told otherwise: they spin, give their core away, and sleep.
struct Waiting<P>(P);

impl<const N: usize, K: Kind, M: Site, P> Peer<Words<N>> for Waiting<P>
where
    P: Peer<Words<N>, Tx = Sends<K, Words<N>, M>, Rx = Takes<K, Words<N>, M>>,
{
    type Tx = Waiting<P::Tx>;
    type Rx = Waiting<P::Rx>;
    fn make(shape: &Shape) -> Result<Self> {
        P::make(shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx().map(Waiting)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx().map(Waiting)
    }
}

impl<K: Kind, const N: usize, M: Site> Tx<Words<N>> for Waiting<Sends<K, Words<N>, M>> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        self.0.try_send(message)
    }
    #[inline(always)]
    fn send(&mut self, message: &Words<N>, _: &mut impl Idle) {
        self.0.0.push(message).unwrap_or_else(|error| panic!("ringway: {error}"));
    }
}

impl<K: Kind, const N: usize, M: Site> Rx<Words<N>> for Waiting<Takes<K, Words<N>, M>> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        self.0.try_recv()
    }
    #[inline(always)]
    fn recv(&mut self, _: &mut impl Idle) -> Words<N> {
        self.0.0.pop().unwrap_or_else(|error| panic!("ringway: {error}"))
    }
}

// ---- Items as records of up to 64: one stamp for all of them

struct Bulk<const N: usize, M: Site, const TRUSTED: bool>(M::Stay<Spsc, [u8]>);
struct BulkTx<M: Site, const TRUSTED: bool>(Producer<Spsc, [u8], M>);
struct BulkRx<M: Site, const TRUSTED: bool>(Consumer<Spsc, [u8], M>);

impl<const N: usize, M: Site, const TRUSTED: bool> Peer<Words<N>> for Bulk<N, M, TRUSTED> {
    type Tx = BulkTx<M, TRUSTED>;
    type Rx = BulkRx<M, TRUSTED>;
    fn make(shape: &Shape) -> Result<Self> {
        M::make(&Shape { capacity: shape.capacity * 8 * N, ..shape.clone() }).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(BulkTx(M::ring(&self.0)?.producer()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        Ok(BulkRx(M::ring(&self.0)?.consumer()?))
    }
}

impl<const N: usize, M: Site, const TRUSTED: bool> Tx<Words<N>> for BulkTx<M, TRUSTED> {
    #[inline(always)]
    fn try_send(&mut self, message: &Words<N>) -> bool {
        self.try_send_batch(std::slice::from_ref(message)) == 1
    }
    #[inline(always)]
    fn try_send_batch(&mut self, messages: &[Words<N>]) -> usize {
        let bytes = messages.as_bytes();
        let sent = if TRUSTED {
            pushed(self.0.try_reserve(bytes.len())).map(|mut record| {
                record.payload().as_mut_slice(trust()).copy_from_slice(bytes);
                record.commit();
            })
        } else {
            pushed(self.0.try_push(bytes))
        };
        sent.map_or(0, |()| messages.len())
    }
}

impl<const N: usize, M: Site, const TRUSTED: bool> Rx<Words<N>> for BulkRx<M, TRUSTED> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<Words<N>> {
        let record = popped(self.0.try_read())?;
        Some(record.payload().read_value_at(0).unwrap_or_else(|error| panic!("ringway: {error}")))
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, _limit: usize, mut each: impl FnMut(&Words<N>)) -> usize {
        let Some(record) = popped(self.0.try_read()) else { return 0 };
        if TRUSTED {
            let items = <[Words<N>]>::ref_from_bytes(record.payload().as_slice(trust()));
            let items = items.unwrap_or_else(|error| panic!("ringway: not a record of items: {error}"));
            items.iter().for_each(&mut each);
            items.len()
        } else {
            let mut copy = [Words::<N>::new_zeroed(); 64];
            let many = record.payload().copy_to(copy.as_mut_bytes()) / size_of::<Words<N>>();
            copy.iter().take(many).for_each(&mut each);
            many
        }
    }
}

fn trust() -> Trust {
    // SAFETY: all processes that have the segment are this program, whose ends keep the protocol; a forked child opens the
    // segment anew; nobody truncates it.
    unsafe { Trust::in_peers() }
}

// ---- Records

/// How a record is read: from the ring itself, through an unsafe promise; as one value after the other, of a line each; or all of it is copied
/// out first, and given back.
const TRUSTED: u8 = 0;
const BY_LINES: u8 = 1;
const COPIED: u8 = 2;

struct Records<M: Site, const HOW: u8>(M::Stay<Spsc, [u8]>);
struct RecordsRx<M: Site, const HOW: u8> {
    rx: Consumer<Spsc, [u8], M>,
    copy: Vec<u8>,
}

impl<M: Site, const HOW: u8> BytePeer for Records<M, HOW> {
    type Tx = Sends<Spsc, [u8], M>;
    type Rx = RecordsRx<M, HOW>;
    fn make(shape: &Shape) -> Result<Self> {
        M::make(shape).map(Self)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        Ok(Sends(M::ring(&self.0)?.producer()?))
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        let rx = M::ring(&self.0)?.consumer()?;
        let copy = vec![1; rx.max_record()];
        Ok(RecordsRx { rx, copy })
    }
}

impl<M: Site> ByteTx for Sends<Spsc, [u8], M> {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        pushed(self.0.try_push(record)).is_some()
    }
    #[inline(always)]
    fn try_send_in_place(&mut self, len: usize, first: u64) -> bool {
        let Some(mut record) = pushed(self.0.try_reserve(len)) else { return false };
        let written = record.payload().write_value_at(&first, 0);
        record.commit();
        written.is_ok()
    }
}

impl<M: Site, const HOW: u8> ByteRx for RecordsRx<M, HOW> {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let record = popped(self.rx.try_read())?;
        Some(match HOW {
            TRUSTED => sum_of(record.payload().as_slice(trust())),
            BY_LINES => {
                let payload = record.payload();
                let line = |at| payload.read_value_at::<[u64; 8]>(at).unwrap_or_default();
                (0..payload.len() / 64).flat_map(|at| line(64 * at)).fold(0, u64::wrapping_add)
            }
            _ => {
                let len = record.payload().copy_to(&mut self.copy);
                // It is the other side's again before the copy is read.
                record.release();
                sum_of(self.copy.get(..len).unwrap_or_default())
            }
        })
    }
    #[inline(always)]
    fn try_recv_in_place(&mut self) -> Option<u64> {
        let record = popped(self.rx.try_read())?;
        Some(record.payload().read_value_at(0).unwrap_or_else(|error| panic!("ringway: {error}")))
    }
}
