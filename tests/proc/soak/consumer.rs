//! The consumer, which takes records and checks that they are whole.
use std::time::Duration;

use ringway::PopError;
use ringway::ring::{Consumer, Ring};

use super::ledger::{Notes, Seen};
use super::producer::{MultiProducerKind, is_stopped, record, stop_signal};

/// Takes a record, if one arrives within a moment. Returns `true` if one did. Notes the record
/// before it releases it.
pub fn take<K: MultiProducerKind>(rx: &mut Consumer<K, [u8]>, note: impl FnOnce(Seen)) -> bool {
    match rx.read_timeout(Duration::from_millis(20)) {
        Ok(seen) => {
            let payload = seen.payload();
            let (incarnation, number) =
                (payload.read_value_at(0).unwrap(), payload.read_value_at(8).unwrap());
            assert!(payload.to_vec() == record(incarnation, number), "{incarnation}: {number} is torn");
            note(Seen { incarnation, number });
            true
        }
        // All producers may be dead at the same time. Others will attach.
        Err(PopError::Elapsed | PopError::Closed(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Takes the ring's name and the path of the notes. Ends when the parent hangs up and the ring is
/// empty.
pub fn consume<K: MultiProducerKind>(words: &[&str]) {
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
