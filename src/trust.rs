//! [`Trust`]: a promise about the other processes, made once.

/// The promise that the peers keep the protocol: they write a record's bytes only while it is theirs.
///
/// With it, payloads can be had as slices, without a copy. Without it everything else works.
#[derive(Clone, Copy, Debug)]
pub struct Trust(());

impl Trust {
    /// Promises it.
    ///
    /// # Safety
    /// Every process that can write the memory of the rings with which this value is used keeps to the ring's
    /// protocol: it uses this library, or does what this library does. A peer that writes to a record which this
    /// process holds as a slice causes undefined behaviour here.
    pub const unsafe fn in_peers() -> Self {
        Self(())
    }
}
