//! What holds between real processes: order, survival of SIGKILL, seats, sleeping and waking.

mod borders;
mod crew;
mod deaths;
mod forks;
mod many;
mod oddities;
mod seats;
mod silent;
mod streams;
mod truncation;
mod waking;

use ringway::{PopError, PushError};
use support::process::Act;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What child processes of these tests do.
pub const ROLES: &[(&str, Act)] = &[
    ("send items", streams::send_items),
    ("send records", streams::send_records),
    ("feed items", deaths::feed_items),
    ("feed records", deaths::feed_records),
    ("drain items", deaths::drain_items),
    ("drain records", deaths::drain_records),
    ("sit as producer", seats::sit_as_producer),
    ("sit as consumer", seats::sit_as_consumer),
    ("vanish", seats::vanish),
    ("produce", crew::produce),
    ("consume", crew::consume),
    ("elsewhere", borders::elsewhere),
    ("arrive", borders::arrive),
    ("stand on layers", oddities::stand_on_layers),
    ("as nobody", borders::as_nobody),
    ("send in silence", silent::send_in_silence),
    ("receive in silence", silent::receive_in_silence),
    ("break the silence", silent::break_the_silence),
    ("fork and wait", forks::fork_and_wait),
    ("fork and drop", forks::fork_and_drop),
    ("fork and drop guards", forks::fork_and_drop_guards),
    ("fork and look", forks::fork_and_look),
    ("fork and share", forks::fork_and_share),
    ("be cut asleep", truncation::be_cut_asleep),
    ("be cut awake", truncation::be_cut_awake),
    ("go on when told", truncation::go_on_when_told),
    ("go on selecting", truncation::go_on_selecting),
    ("have it mistaken", truncation::have_it_mistaken),
    ("pop for ever", waking::pop_for_ever),
    ("echo", waking::echo),
    ("pass on", waking::pass_on),
];

/// An item of a full cache line (with its stamp) that shows when it was torn: all of it follows from its number.
#[derive(FromBytes, IntoBytes, Immutable, Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Item {
    number: u64,
    rest: [u64; 6],
}

impl Item {
    fn numbered(number: u64) -> Self {
        Self { number, rest: std::array::from_fn(|i| number.wrapping_mul(i as u64 + 3)) }
    }

    fn checked(self) -> u64 {
        assert_eq!(self, Self::numbered(self.number), "torn");
        self.number
    }
}

/// Whether a `try_` form is to be asked again: there was no room.
fn is_full<T>(result: &Result<T, PushError>) -> bool {
    matches!(result, Err(PushError::Full))
}

/// Whether a `try_` form is to be asked again: there was nothing.
fn is_empty<T>(result: &Result<T, PopError>) -> bool {
    matches!(result, Err(PopError::Empty))
}
