//! Items that tell whether they are whole, and which producer's they are, in rings of any kind.
use loom::thread;
use ringway::ring::{Consumer, Kind, Producer};
use ringway::memory::Model;
use ringway::{PopError, PushError};

/// Two words, so that it can be torn.
pub type Item = [u64; 2];

/// The item that says `i` in all its bytes.
pub fn item(i: u64) -> Item {
    [i, !i]
}

/// Puts `i` in, as soon as there is room.
pub fn push<K: Kind>(tx: &mut Producer<K, Item, Model>, i: u64) {
    while let Err(error) = tx.try_push(&item(i)) {
        assert_eq!(error, PushError::Full);
        thread::yield_now();
    }
}

/// What is there now.
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

/// Whether each producer's items came in its order: 0, 1, … from the first, 10, 11, … from the second.
pub fn assert_each_in_order(got: &[u64], first: u64, second: u64) {
    let of = |range: std::ops::Range<u64>| got.iter().copied().filter(move |i| range.contains(i));
    assert!(of(0..10).eq(0..first), "{got:?}");
    assert!(of(10..20).eq(10..10 + second), "{got:?}");
}
