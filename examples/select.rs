//! One thread serves two rings, and sleeps while both are empty.
//!
//! ```text
//! cargo run --example select
//! ```
//! One thread sends prices through a ring of items. Two other threads send orders through a ring of
//! bytes. The server waits for both rings at once. The rings are on the heap to keep this short;
//! named rings, whose producers are other processes, work the same way.
use std::error::Error;
use std::thread;
use std::time::Duration;

use ringway::{Options, PopError, Select, mpsc, spsc};

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let prices = spsc::Ring::<u64>::on_heap(&Options::new().capacity(64))?;
    let orders = mpsc::Ring::<[u8]>::on_heap(&Options::new().capacity(4096).max_producers(2))?;

    let mut senders = Vec::new();
    let mut price = prices.producer()?;
    senders.push(thread::spawn(move || -> Result<()> {
        for pence in (100..200).step_by(10) {
            thread::sleep(Duration::from_millis(7));
            price.push(&pence)?;
        }
        Ok(price.close()?)
    }));
    for side in ["buy", "sell"] {
        let mut order = orders.producer()?;
        senders.push(thread::spawn(move || -> Result<()> {
            for number in 1..=3 {
                thread::sleep(Duration::from_millis(20));
                order.push(format!("{side} {number}").as_bytes())?;
            }
            Ok(order.close()?)
        }));
    }

    let (mut prices, mut orders) = (prices.consumer()?, orders.consumer()?);
    let mut select = Select::new();
    let mut price = 0;
    let (mut has_prices, mut has_orders) = (true, true);
    while has_prices || has_orders {
        // A closed ring is always ready, because reading it returns `Closed`. So it is left out.
        let ready = match (has_prices, has_orders) {
            (true, true) => select.wait(&mut [&mut prices, &mut orders]),
            (true, false) => select.wait(&mut [&mut prices]),
            _ => select.wait(&mut [&mut orders]).map(|_| 1),
        };
        if ready == Some(0) {
            match prices.try_pop() {
                Ok(pence) => price = pence,
                // A producer has left, and another one has attached.
                Err(PopError::Empty) => {}
                Err(PopError::Closed(_)) => has_prices = false,
                Err(error) => return Err(error.into()),
            }
        } else {
            match orders.try_read() {
                Ok(order) => println!("{} at {price}", order.payload().to_vec().escape_ascii()),
                Err(PopError::Empty) => {}
                Err(PopError::Closed(_)) => has_orders = false,
                Err(error) => return Err(error.into()),
            }
        }
    }
    for sender in senders {
        sender.join().map_err(|_| "a sender panicked")??;
    }
    Ok(())
}
