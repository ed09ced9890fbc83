//! Where the rings lie.
use std::ops::Deref;

use ringway::memory::{Clock, Heap, Memory};
use ringway::ring::{Kind, Ring};
use ringway::{Mapping, Message, Options};
use support::Name;

/// Options for a ring of this capacity, in items or bytes.
pub fn options(capacity: usize) -> Options<'static> {
    Options::new().capacity(capacity).max_producers(3)
}

/// Somewhere to put rings.
pub trait Place {
    type Memory: Memory + Clock + Send + Sync + 'static;

    /// A new ring of this capacity, in items or bytes.
    fn ring<K: Kind, T: Message + ?Sized>(capacity: usize) -> Made<K, T, Self::Memory>;
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

pub struct OnHeap;

impl Place for OnHeap {
    type Memory = Heap;

    fn ring<K: Kind, T: Message + ?Sized>(capacity: usize) -> Made<K, T, Heap> {
        Made { ring: Ring::<K, T>::on_heap(&options(capacity)).unwrap(), _name: None }
    }
}

/// In a named segment, mapped once.
pub struct Named;

impl Place for Named {
    type Memory = Mapping;

    fn ring<K: Kind, T: Message + ?Sized>(capacity: usize) -> Made<K, T, Mapping> {
        let name = Name::unique("ringway-races");
        Made { ring: Ring::create(&name, &options(capacity)).unwrap(), _name: Some(name) }
    }
}
