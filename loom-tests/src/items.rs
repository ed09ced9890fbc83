//! Items that show whether they are torn and which producer sent them, for rings of any kind.
use loom::thread;
use ringway::memory::Model;
use ringway::ring::{Consumer, Kind, Producer};
use ringway::{PopError, PushError};

/// An item of two words, so that it can be torn.
pub type Item = [u64; 2];

/// The item number `i`. Both words depend on `i`.
pub fn item(i: u64) -> Item {
    [i, !i]
}

/// Pushes item `i`, and retries while the ring is full.
pub fn push<K: Kind>(tx: &mut Producer<K, Item, Model>, i: u64) {
    while let Err(error) = tx.try_push(&item(i)) {
        assert_eq!(error, PushError::Full);
        thread::yield_now();
    }
}

/// Pops one item without waiting. `None` if the ring is empty or closed.
pub fn pop<K: Kind>(rx: &mut Consumer<K, Item, Model>) -> Option<u64> {
    match rx.try_pop() {
        Ok([i, not_i]) => {
            assert_eq!(i, !not_i, "torn");
            Some(i)
        }
        Err(PopError::Empty | PopError::Closed(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Asserts that each producer's items arrived completely and in its order: `first` items 0, 1, …
/// and `second` items 10, 11, ….
pub fn assert_each_in_order(got: &[u64], first: u64, second: u64) {
    let of = |range: std::ops::Range<u64>| got.iter().copied().filter(move |i| range.contains(i));
    assert!(of(0..10).eq(0..first), "{got:?}");
    assert!(of(10..20).eq(10..10 + second), "{got:?}");
}
