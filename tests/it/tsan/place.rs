//! Where the rings are, and what differs between the kinds.
use std::ops::Deref;

use ringway::Message;
use ringway::lanes::{self, Lanes};
use ringway::memory::Clock;
use ringway::memory::{Heap, Memory};
use ringway::mpsc::{self, Mpsc};
use ringway::ring::{Batch, Kind, Producer, Ring};
use ringway::spsc::{self, Spsc};
use ringway::{Mapping, Options, PushError};

use support::Name;

pub trait AnyKind: Kind {
    /// Seats for producers.
    const PRODUCERS: usize;

    fn required_len<T: Message + ?Sized>(capacity: usize) -> usize;

    /// Begins a batch; room for so many bytes is set aside where that has to be done first.
    fn batch<M: Memory>(
        tx: &mut Producer<Self, [u8], M>,
        room: usize,
    ) -> Result<Batch<'_, Self, M>, PushError>;
}

impl AnyKind for Spsc {
    const PRODUCERS: usize = 1;

    fn required_len<T: Message + ?Sized>(capacity: usize) -> usize {
        spsc::Ring::<T>::required_len(capacity)
    }
    fn batch<M: Memory>(tx: &mut Producer<Self, [u8], M>, _: usize) -> Result<Batch<'_, Self, M>, PushError> {
        Ok(tx.batch())
    }
}

impl AnyKind for Mpsc {
    const PRODUCERS: usize = 3;

    fn required_len<T: Message + ?Sized>(capacity: usize) -> usize {
        mpsc::Ring::<T>::required_len(capacity, Self::PRODUCERS)
    }
    fn batch<M: Memory>(
        tx: &mut Producer<Self, [u8], M>,
        room: usize,
    ) -> Result<Batch<'_, Self, M>, PushError> {
        tx.try_batch(room)
    }
}

impl AnyKind for Lanes {
    const PRODUCERS: usize = 3;

    fn required_len<T: Message + ?Sized>(capacity: usize) -> usize {
        lanes::Ring::<T>::required_len(capacity, Self::PRODUCERS)
    }
    fn batch<M: Memory>(tx: &mut Producer<Self, [u8], M>, _: usize) -> Result<Batch<'_, Self, M>, PushError> {
        Ok(tx.batch())
    }
}

/// Somewhere to put rings.
pub trait Place {
    type Memory: Memory + Clock + Send + Sync + 'static;

    /// A new ring of this capacity, in items or bytes.
    fn ring<K: AnyKind, T: Message + ?Sized>(capacity: usize) -> Made<K, T, Self::Memory>;
}

/// A ring, and the name that is removed with it. Lives longer than the threads: who frees the bytes has joined them.
pub struct Made<K, T: ?Sized, M> {
    ring: Ring<K, T, M>,
    _name: Option<Name>,
}

impl<K, T: ?Sized, M> Deref for Made<K, T, M> {
    type Target = Ring<K, T, M>;

    fn deref(&self) -> &Ring<K, T, M> {
        &self.ring
    }
}

/// Bytes for such a ring, and how to make it.
pub fn heap<K: AnyKind, T: Message + ?Sized>(capacity: usize) -> (Heap, Options<'static>) {
    let options = Options::new().capacity(capacity).max_producers(K::PRODUCERS);
    (Heap::new(K::required_len::<T>(capacity)), options)
}

pub struct OnHeap;

impl Place for OnHeap {
    type Memory = Heap;

    fn ring<K: AnyKind, T: Message + ?Sized>(capacity: usize) -> Made<K, T, Heap> {
        let (memory, options) = heap::<K, T>(capacity);
        Made { ring: Ring::format(memory, &options).unwrap(), _name: None }
    }
}

/// In a named segment, mapped once.
pub struct Named;

impl Place for Named {
    type Memory = Mapping;

    fn ring<K: AnyKind, T: Message + ?Sized>(capacity: usize) -> Made<K, T, Mapping> {
        let name = Name::unique("ringway-races");
        let options = Options::new().capacity(capacity).max_producers(K::PRODUCERS);
        Made { ring: Ring::create(&name, &options).unwrap(), _name: Some(name) }
    }
}
