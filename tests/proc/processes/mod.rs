//! Order, survival of SIGKILL, seats, sleeping and waking, between real processes.

mod barriers;
mod descriptors;
mod forks;
mod inherited;
mod liveness_corner_cases;
mod multi_producer;
mod namespaces;
mod no_syscalls;
mod random_kills;
mod scripted_process;
mod seats;
mod streaming;
mod truncation;
mod wakeups;

use ringway::{PopError, PushError};
use support::process::Act;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The roles of child processes.
pub const ROLES: &[(&str, Act)] = &[
    ("take a seat", barriers::take_a_seat),
    ("send items", streaming::send_items),
    ("send records", streaming::send_records),
    ("feed items", random_kills::feed_items),
    ("feed records", random_kills::feed_records),
    ("drain items", random_kills::drain_items),
    ("drain records", random_kills::drain_records),
    ("sit as producer", seats::sit_as_producer),
    ("sit as consumer", seats::sit_as_consumer),
    ("vanish", seats::vanish),
    ("produce", scripted_process::produce),
    ("consume", scripted_process::consume),
    ("elsewhere", namespaces::elsewhere),
    ("arrive", namespaces::arrive),
    ("stand on layers", liveness_corner_cases::stand_on_layers),
    ("as nobody", namespaces::as_nobody),
    ("send in silence", no_syscalls::send_in_silence),
    ("receive in silence", no_syscalls::receive_in_silence),
    ("break the silence", no_syscalls::break_the_silence),
    ("fork and wait", forks::fork_and_wait),
    ("fork and drop", forks::fork_and_drop),
    ("fork and drop guards", forks::fork_and_drop_guards),
    ("fork and look", forks::fork_and_look),
    ("fork and share", forks::fork_and_share),
    ("use inherited ends", inherited::use_inherited_ends),
    ("lose the descriptor of a ring", descriptors::lose_the_descriptor_of_a_ring),
    ("lose the descriptors of a pollable", descriptors::lose_the_descriptors_of_a_pollable),
    ("keep all descriptors", descriptors::keep_all_descriptors),
    ("be cut asleep", truncation::be_cut_asleep),
    ("be cut awake", truncation::be_cut_awake),
    ("go on when told", truncation::go_on_when_told),
    ("go on selecting", truncation::go_on_selecting),
    ("have it mistaken", truncation::have_it_mistaken),
    ("pop for ever", wakeups::pop_for_ever),
    ("echo", wakeups::echo),
    ("pass on", wakeups::pass_on),
];

/// An item of a full cache line, with its stamp. Its number determines all of its bytes, so that it
/// shows whether it is torn.
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

/// Whether a `try_` method found no room.
fn is_full<T>(result: &Result<T, PushError>) -> bool {
    matches!(result, Err(PushError::Full))
}

/// Whether a `try_` method found no record.
fn is_empty<T>(result: &Result<T, PopError>) -> bool {
    matches!(result, Err(PopError::Empty))
}
