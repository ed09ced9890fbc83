//! One thread that serves several rings: whichever has something.
//!
//! ```text
//! cargo run --example select
//! ```
//! Prices come in a typed ring from one thread, orders as bytes from two others. The server sleeps while there is nothing, and is woken
//! by any of them.
use std::error::Error;
use std::thread;
use std::time::Duration;

use ringway::memory::Heap;
use ringway::{Options, PopError, Select, mpsc, spsc};

fn main() -> Result<(), Box<dyn Error>> {
    // In memory of this process, to keep it short. Named segments, and senders in other processes, work the same.
    let memory = Heap::new(spsc::Ring::<u64>::required_len(64));
    let prices = spsc::Ring::<u64, _>::format(memory, &Options::new().capacity(64))?;
    let memory = Heap::new(mpsc::Ring::<[u8]>::required_len(4096, 2));
    let orders = mpsc::Ring::<[u8], _>::format(memory, &Options::new().capacity(4096).max_producers(2))?;

    let mut price = prices.producer()?;
    let market = thread::spawn(move || {
        for pence in (100..200).step_by(10) {
            thread::sleep(Duration::from_millis(7));
            price.push(&pence)?;
        }
        Ok::<_, ringway::PushError>(())
    });
    let traders = ["buy", "sell"].map(|what| {
        let order = orders.producer();
        thread::spawn(move || -> Result<(), Box<dyn Error + Send + Sync>> {
            let mut order = order?;
            for number in 1..=3 {
                thread::sleep(Duration::from_millis(20));
                order.push(format!("{what} {number}").as_bytes())?;
            }
            Ok(())
        })
    });

    let (mut prices, mut orders) = (prices.consumer()?, orders.consumer()?);
    let mut select = Select::new();
    let (mut now, mut open) = (0, [true, true]);
    while open != [false, false] {
        // Those that are closed are left out.
        let which = match open {
            [true, true] => select.wait(&mut [&mut prices, &mut orders]),
            [true, false] => select.wait(&mut [&mut prices]),
            _ => select.wait(&mut [&mut orders]).map(|_| 1),
        };
        if which == Some(0) {
            match prices.try_pop() {
                Ok(pence) => now = pence,
                // A sender went, and another has come.
                Err(PopError::Empty) => {}
                Err(PopError::Closed(_)) => open[0] = false,
                Err(error) => return Err(error.into()),
            }
        } else {
            match orders.try_read() {
                Ok(order) => println!("{} at {now}", String::from_utf8_lossy(&order.payload().to_vec())),
                Err(PopError::Empty) => {}
                Err(PopError::Closed(_)) => open[1] = false,
                Err(error) => return Err(error.into()),
            }
        }
    }
    market.join().map_err(|_| "the market panicked")??;
    for trader in traders {
        trader.join().map_err(|_| "a trader panicked")?.map_err(|error| error.to_string())?;
    }
    Ok(())
}
