//! From one sender to one receiver, as fast as it goes: one by one, and 64 at a time.
use std::time::{Duration, Instant};

use super::{sum_of, timed, verify};
use crate::cell::Measure;
use crate::drive::{Again, Message, Result, Rx, Tx};
use crate::place::Side;

const BATCH: u64 = 64;

pub fn send<M: Message>(mut tx: impl Tx<M>, side: &Side<'_>) -> Result<()> {
    side.obey(|order| {
        for number in 0..order.total() {
            tx.send(&M::new(number), &mut Again);
        }
    });
    Ok(())
}

pub fn receive<M: Message, R: Rx<M>>(
    mut rx: R,
    side: &Side<'_>,
    capacity: usize,
    wanted: Duration,
) -> Result<Measure> {
    timed(side, 2 * capacity as u64, wanted, |order| {
        let mut sum = 0_u64;
        for _ in 0..order.warm {
            sum = sum.wrapping_add(rx.recv(&mut Again).sum());
        }
        let start = Instant::now();
        for _ in 0..order.count {
            sum = sum.wrapping_add(rx.recv(&mut Again).sum());
        }
        let took = start.elapsed();
        verify(sum, sum_of::<M>(0, order.total()), "messages").map(|()| took)
    })
}

pub fn send_batches<M: Message>(mut tx: impl Tx<M>, side: &Side<'_>) -> Result<()> {
    side.obey(|order| {
        let mut number = 0;
        while number < order.total() {
            let messages: [M; BATCH as usize] = std::array::from_fn(|at| M::new(number + at as u64));
            let many = BATCH.min(order.total() - number);
            let mut left = messages.get(..many as usize).unwrap_or_default();
            while !left.is_empty() {
                let sent = tx.try_send_batch(left);
                left = left.get(sent..).unwrap_or_default();
            }
            number += many;
        }
    });
    Ok(())
}

pub fn receive_batches<M: Message, R: Rx<M>>(
    mut rx: R,
    side: &Side<'_>,
    capacity: usize,
    wanted: Duration,
) -> Result<Measure> {
    timed(side, 2 * capacity as u64, wanted, |order| {
        let mut sum = 0_u64;
        let mut take = |many: u64| {
            let mut left = many;
            while left > 0 {
                let limit = left.min(BATCH) as usize;
                left -= rx.try_recv_batch(limit, |message| sum = sum.wrapping_add(message.sum())) as u64;
            }
        };
        // Whole batches: who takes only whole ones would wait for ever.
        let warm = order.warm / BATCH * BATCH;
        take(warm);
        let start = Instant::now();
        take(order.total() - warm);
        // What is timed besides is at most a batch.
        let took = start.elapsed();
        verify(sum, sum_of::<M>(0, order.total()), "messages").map(|()| took)
    })
}
