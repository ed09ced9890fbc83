//! There and back.
use std::time::Duration;

use super::{sum_of, verify};
use crate::cell::Measure;
use crate::drive::{Again, Message, Result, Rx, Tx};
use crate::place::{Order, Side, ns, percentiles, ticks};

/// At most as many are kept.
const MOST: u64 = 200_000;

pub fn echo<M: Message, R: Rx<M>, T: Tx<M>>((mut rx, mut tx): (R, T), side: &Side<'_>) -> Result<()> {
    side.obey(|order| {
        for _ in 0..order.total() {
            let message = rx.recv(&mut Again);
            tx.send(&message, &mut Again);
        }
    });
    Ok(())
}

pub fn ping<M: Message, T: Tx<M>, R: Rx<M>>(
    (mut tx, mut rx): (T, R),
    side: &Side<'_>,
    wanted: Duration,
) -> Result<Measure> {
    // Its pages are there before the first is timed.
    let mut taken = vec![1_u64; MOST as usize];
    let mut trips = |order: Order| -> Result<f64> {
        let mut sum = 0_u64;
        let mut trip = |number| {
            tx.send(&M::new(number), &mut Again);
            sum = sum.wrapping_add(rx.recv(&mut Again).sum());
        };
        (0..order.warm).for_each(&mut trip);
        let start = ticks();
        let mut last = start;
        for (number, taken) in (order.warm..order.total()).zip(&mut taken) {
            trip(number);
            let now = ticks();
            *taken = now - last;
            last = now;
        }
        verify(sum, sum_of::<M>(0, order.total()), "answers").map(|()| ns(last - start))
    };
    // Known to `ns` from here on: the first call takes its time.
    ns(1);
    let first = Order { warm: 100, count: 100 };
    let (took, _) = side.order(first, || trips(first));
    let each = took? / first.count as f64;
    let count = (wanted.as_nanos() as f64 / each).clamp(100.0, MOST as f64) as u64;
    let order = Order { warm: (count / 10).max(20), count };
    let (took, cpu) = side.order(order, || trips(order));
    took?;
    let [p50, p99, p999] = percentiles(taken.get_mut(..count as usize).unwrap_or_default());
    Ok(Measure::new(p50, "ns", false)
        .with("p99", p99)
        .with("p99.9", p999)
        .with("cpu ns", cpu / (2 * order.total()) as f64))
}
