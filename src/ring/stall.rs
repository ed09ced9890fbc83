//! [`Stall`]: the participant that is in the way.
use core::fmt;
use core::time::Duration;

use crate::identity::{Identity, Label, Role};
use crate::memory::Clock;
use crate::seat::Presence;

/// The participant that is in the way: what `stalled` returns.
///
/// # Examples
/// ```
/// # use ringway::{Options, PushError, spsc::Ring};
/// let ring = Ring::<u32>::on_heap(&Options::new().capacity(2))?;
/// let mut tx = ring.producer()?;
/// assert_eq!(tx.try_push_slice(&[1, 2, 3])?, 2);
/// assert_eq!(tx.try_push(&3), Err(PushError::Full));
/// let stall = tx.stalled().unwrap();
/// assert_eq!(stall.to_string(), "no consumer has come yet; 2 cells wait for one");
/// assert_eq!((stall.cells, stall.alive), (2, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// Its role in the ring.
    pub role: Role,
    /// Its seat; 0 for the consumer.
    pub seat: u16,
    /// Its label.
    pub label: Label,
    /// Its process id; 0 if it is not known, or if the seat was never taken.
    pub pid: u64,
    /// For a consumer: how many cells it has not released. For a producer: how many cells its unpublished
    /// record holds up, its own included.
    pub cells: u64,
    /// For how long it has not moved, as far as this handle knows: since `stalled` first found it there.
    pub since: Duration,
    /// Whether it is attached. Memory that cannot prove life says so of a dead participant too. A successor or
    /// the consumer deals with what a dead one left.
    pub alive: bool,
    /// Whether its seat was never taken.
    never_came: bool,
}

impl Stall {
    pub(super) fn new(role: Role, seat: u16, who: Presence, cells: u64, since: Duration) -> Self {
        let Identity { pid, label, .. } = who.identity().unwrap_or_else(Identity::unknown);
        Self {
            role,
            seat,
            label,
            pid,
            cells,
            since,
            alive: matches!(who, Presence::Here(_)),
            never_came: who == Presence::Never,
        }
    }
}

/// ``the consumer, process 4711 `plotter`, is alive and 1024 cells behind, for 2.5 s``
impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, seat, label, pid, cells, since, alive, never_came } = *self;
        let of = if cells == 1 { "cell" } else { "cells" };
        if never_came {
            return match role {
                Role::Consumer if cells == 1 => f.write_str("no consumer has come yet; 1 cell waits for one"),
                Role::Consumer => write!(f, "no consumer has come yet; {cells} cells wait for one"),
                Role::Producer => f.write_str("no producer has come yet"),
            };
        }
        let who = Identity { pid, label, ..Identity::unknown() };
        match role {
            Role::Consumer => write!(f, "the consumer, {who}, ")?,
            Role::Producer => write!(f, "the producer in seat {seat}, {who}, ")?,
        }
        f.write_str(if alive { "is alive and " } else { "is gone and " })?;
        match (role, cells) {
            (Role::Producer, 0) => f.write_str("has sent nothing more")?,
            (Role::Producer, _) => write!(f, "holds up {cells} {of}")?,
            (Role::Consumer, _) => write!(f, "{cells} {of} behind")?,
        }
        write!(f, ", for {:.1} s", since.as_secs_f64())
    }
}

/// For how long a number has not changed, as far as its readers have seen.
pub(crate) struct StallTimer {
    /// The number, and when it was first seen.
    seen: Option<(u64, Duration)>,
}

impl StallTimer {
    pub(super) const fn new() -> Self {
        Self { seen: None }
    }

    /// For how long the number has been `now_seen`.
    pub(super) fn since(&mut self, now_seen: u64, clock: &impl Clock) -> Duration {
        let now = clock.now();
        match self.seen {
            Some((seen, first)) if seen == now_seen => now.saturating_sub(first),
            _ => {
                self.seen = Some((now_seen, now));
                Duration::ZERO
            }
        }
    }
}
