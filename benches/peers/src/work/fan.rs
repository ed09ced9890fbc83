//! From many senders to one receiver. There are more of them than cores, so nobody insists on its own.
use std::time::{Duration, Instant};

use super::{sum_of, timed, verify};
use crate::cell::Measure;
use crate::drive::{Message, PauseThenYield, Result, Rx, Tx};
use crate::place::Side;

/// The first number of a sender: none has one that another one has.
fn first(sender: usize) -> u64 {
    (sender as u64) << 40
}

pub fn send<M: Message, T: Tx<M>>(mut tx: T, side: &Side<'_>) -> Result<()> {
    let mut idle = PauseThenYield::default();
    side.obey(|order| {
        for number in 0..order.total() {
            tx.send(&M::new(first(side.number) + number), &mut idle);
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
    let senders = side.senders as u64;
    let mut idle = PauseThenYield::default();
    // Each sender by itself: some peers give each one a lane, and some of those lanes have the whole capacity.
    timed(side, 2 * capacity as u64, wanted, |order| {
        let mut sum = 0_u64;
        for _ in 0..order.warm * senders {
            sum = sum.wrapping_add(rx.recv(&mut idle).sum());
        }
        let start = Instant::now();
        for _ in 0..order.count * senders {
            sum = sum.wrapping_add(rx.recv(&mut idle).sum());
        }
        let took = start.elapsed();
        let expected = (0..side.senders)
            .map(|sender| sum_of::<M>(first(sender), order.total()))
            .fold(0, u64::wrapping_add);
        verify(sum, expected, "messages").map(|()| took)
    })
}
