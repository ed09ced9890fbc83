//! Lies that are told in the middle of an operation, at a moment of the test's choice. For those of all moments see
//! `tests/proc/scribbler`.
use ringway::PopError;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;

use super::ends::{CAPACITY, Cargo};
use super::layout::KindLayout;
use super::memory::Shared;

/// While items are drained, the peers go on stamping, without minding HEAD.
fn a_drain_ends<K: KindLayout, T: Cargo + ?Sized>() {
    let shared = Shared::new();
    let ring = shared.ring::<K, T>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    T::send(&mut tx, 0).unwrap();
    let mut drained = 0;
    let result = T::drain(&mut rx, || {
        drained += 1;
        assert!(drained <= K::LANES * CAPACITY, "more than the ring holds");
        for lane in 0..K::LANES {
            for ahead in 0..CAPACITY {
                let position = shared.word(K::head(lane)) as usize + drained + ahead;
                let cell = K::cell(lane, position);
                // For a byte ring the info of a record of no bytes, else an item.
                shared.write(cell + 8, 1 << 32);
                if shared.word(cell) <= position as u64 {
                    shared.write(cell, position as u64 + 1);
                }
            }
        }
    });
    assert!(result.is_ok() || matches!(result, Err(PopError::Corrupt(_))));
}

#[test]
fn a_drain_of_items_ends_although_the_producers_stamp_on() {
    a_drain_ends::<Spsc, u64>();
    a_drain_ends::<Mpsc, u64>();
    a_drain_ends::<Lanes, u64>();
}

#[test]
fn a_drain_of_records_ends_although_the_producers_stamp_on() {
    a_drain_ends::<Spsc, [u8]>();
    a_drain_ends::<Mpsc, [u8]>();
    a_drain_ends::<Lanes, [u8]>();
}
