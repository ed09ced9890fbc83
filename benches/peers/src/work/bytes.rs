//! Records of bytes from one sender to one receiver: copied in and read, or made in place.
use std::time::{Duration, Instant};

use super::{timed, verify};
use crate::cell::Measure;
use crate::drive::{ByteRx, ByteTx, Result, sum_of};
use crate::place::{Order, Side};

/// The record that is sent, but for its first word, which is the number.
fn record(len: usize) -> Vec<u8> {
    (0..len as u64 / 8).flat_map(|at| (at ^ 0x5ca1_ab1e).to_ne_bytes()).collect()
}

pub fn send(mut tx: impl ByteTx, side: &Side<'_>, len: usize) -> Result<()> {
    let mut record = record(len);
    side.obey(|order| {
        for number in 0..order.total() {
            if let Some(first) = record.first_chunk_mut::<8>() {
                *first = number.to_ne_bytes();
            }
            while !tx.try_send(&record) {}
        }
    });
    Ok(())
}

pub fn receive(
    mut rx: impl ByteRx,
    side: &Side<'_>,
    len: usize,
    capacity: usize,
    wanted: Duration,
) -> Result<Measure> {
    let rest = sum_of(record(len).get(8..).unwrap_or_default());
    stream(side, len, capacity, wanted, rest, move || rx.try_recv())
}

pub fn send_in_place(mut tx: impl ByteTx, side: &Side<'_>, len: usize) -> Result<()> {
    side.obey(|order| {
        for number in 0..order.total() {
            while !tx.try_send_in_place(len, number) {}
        }
    });
    Ok(())
}

pub fn receive_in_place(
    mut rx: impl ByteRx,
    side: &Side<'_>,
    len: usize,
    capacity: usize,
    wanted: Duration,
) -> Result<Measure> {
    stream(side, len, capacity, wanted, 0, move || rx.try_recv_in_place())
}

/// `rest`: what a record's sum is, but for its number.
fn stream(
    side: &Side<'_>,
    len: usize,
    capacity: usize,
    wanted: Duration,
    rest: u64,
    mut take: impl FnMut() -> Option<u64>,
) -> Result<Measure> {
    let laps = 2 * (capacity / len) as u64;
    let mut receive = |order: Order| {
        let mut sum = 0_u64;
        let mut one = || loop {
            if let Some(words) = take() {
                break sum = sum.wrapping_add(words);
            }
        };
        (0..order.warm).for_each(|_| one());
        let start = Instant::now();
        (0..order.count).for_each(|_| one());
        let took = start.elapsed();
        let many = order.total();
        let numbers = (0..many).fold(0, u64::wrapping_add);
        verify(sum, many.wrapping_mul(rest).wrapping_add(numbers), "records").map(|()| took)
    };
    timed(side, laps, wanted, &mut receive).map(|measure| {
        let rate = measure.value * len as f64 / 1e3;
        measure.with("GB/s", rate)
    })
}
