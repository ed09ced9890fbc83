//! What a consumer does: it takes records, and sees whether they are whole.
use std::time::Duration;

use ringway::PopError;
use ringway::ring::{Consumer, Ring};

use super::ledger::{Notes, Seen};
use super::producer::{Many, is_stopped, record, stop_signal};

/// Takes one, if one comes within a moment; whether it did. It is released after it was noted.
pub fn take<K: Many>(rx: &mut Consumer<K, [u8]>, note: impl FnOnce(Seen)) -> bool {
    match rx.read_timeout(Duration::from_millis(20)) {
        Ok(seen) => {
            let payload = seen.payload();
            let (incarnation, number) =
                (payload.read_value_at(0).unwrap(), payload.read_value_at(8).unwrap());
            assert!(payload.to_vec() == record(incarnation, number), "{incarnation}: {number} is torn");
            note(Seen { incarnation, number });
            true
        }
        // All may be dead at the same time; others will come.
        Err(PopError::Elapsed | PopError::Closed(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Given the ring's name, and where to note what it has seen. Ends when it is to end and there is nothing left.
pub fn consume<K: Many>(words: &[&str]) {
    let mut rx = Ring::<K, [u8]>::open(words[0]).unwrap().consumer().unwrap();
    let mut notes = Notes::at(words[1]);
    let signal = stop_signal();
    loop {
        let was_stopped = is_stopped(&signal);
        let has_taken = take(&mut rx, |seen| notes.append(seen.incarnation, seen.number));
        if !has_taken && was_stopped {
            return;
        }
    }
}
