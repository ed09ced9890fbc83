//! Memory of any kind as one type, so that a suite that runs on several is compiled once.
use std::time::Duration;

use ringway::memory::{Clock, Liveness, Memory, Park, ParkWord, SeatLock};
use ringway::memory::{Heap, Region, Span};
use ringway::{Identity, Mapping};

/// A heap or a mapping. It forwards all that a ring asks for.
#[derive(Clone, Debug)]
pub enum AnyMemory {
    Heap(Heap),
    Mapping(Mapping),
}

/// Evaluates an expression for whichever memory it is.
macro_rules! forward {
    ($self:ident, $memory:ident => $call:expr) => {
        match $self {
            AnyMemory::Heap($memory) => $call,
            AnyMemory::Mapping($memory) => $call,
        }
    };
}

// SAFETY: both are a `Memory`, a handle never changes from one to the other, and all questions go to it.
unsafe impl Memory for AnyMemory {
    fn region(&self) -> Region {
        forward!(self, memory => memory.region())
    }

    fn len_now(&self) -> u64 {
        forward!(self, memory => memory.len_now())
    }

    fn is_unlinked(&self) -> bool {
        forward!(self, memory => memory.is_unlinked())
    }
}

impl Liveness for AnyMemory {
    fn lock_seat(&self, seat: Span) -> Result<SeatLock, i32> {
        forward!(self, memory => memory.lock_seat(seat))
    }

    fn unlock_seat(&self, seat: Span) {
        forward!(self, memory => memory.unlock_seat(seat));
    }

    fn is_proved_dead(&self, seat: Span) -> bool {
        forward!(self, memory => memory.is_proved_dead(seat))
    }

    fn is_running(&self, who: &Identity) -> bool {
        forward!(self, memory => memory.is_running(who))
    }

    fn is_own_process(&self) -> bool {
        forward!(self, memory => memory.is_own_process())
    }

    fn identity(&self) -> Identity {
        forward!(self, memory => memory.identity())
    }
}

impl Park for AnyMemory {
    fn park(&self, word: &ParkWord, expected: u32, limit: Duration) {
        forward!(self, memory => memory.park(word, expected, limit));
    }

    fn unpark(&self, word: &ParkWord, most: u32) -> u32 {
        forward!(self, memory => memory.unpark(word, most))
    }

    fn register_barrier(&self) -> bool {
        forward!(self, memory => memory.register_barrier())
    }

    fn barrier(&self) -> bool {
        forward!(self, memory => memory.barrier())
    }
}

impl Clock for AnyMemory {
    fn now(&self) -> Duration {
        forward!(self, memory => memory.now())
    }
}
