//! One of the producers: a process of its own.
use std::time::Duration;

use ringway::Options;
use ringway::ring::{Kind, Ring};

use crate::{Load, Result};

/// How long it waits for the consumer to make the ring, and to join it.
const A_WHILE: Duration = Duration::from_secs(10);

pub fn send<K: Kind>(name: &str, load: &Load, label: &str) -> Result<()> {
    let ring = Ring::<K, [u8]>::open_timeout_with(name, A_WHILE, &Options::new().label(label))?;
    let sent = send_all(&ring, load);
    if sent.is_err() {
        // The consumer is gone, and perhaps it has not removed the name.
        let _gone_already = Ring::<K, [u8]>::unlink(name);
    }
    sent
}

fn send_all<K: Kind>(ring: &Ring<K, [u8]>, load: &Load) -> Result<()> {
    let mut tx = ring.producer()?; // takes the first free seat
    if !tx.wait_for_consumer(A_WHILE) {
        return Err("the consumer did not come".into());
    }
    for number in 0..load.records() {
        let line = load.line(number);
        let mut record = tx.reserve(8 + line.len())?; // waits while there is no room
        // Until `commit`, the consumer of an `mpsc` ring waits here. So only fill the record,
        // nothing else.
        record.payload().write_value_at(&number, 0)?;
        record.payload().write_at(line, 8)?;
        record.commit();
    }
    Ok(tx.close()?) // gives the seat back
}
