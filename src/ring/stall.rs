//! [`Stall`]: the participant that another one waits for.
use core::fmt;
use core::time::Duration;

use crate::identity::{Identity, Label, Role};
use crate::memory::Clock;
use crate::seat::Presence;

/// The participant that the caller of `stalled` waits for.
///
/// # Examples
/// ```
/// # use ringway::{Options, PushError, spsc::Ring};
/// let ring = Ring::<u32>::on_heap(&Options::new().capacity(2))?;
/// let mut tx = ring.producer()?;
/// assert_eq!(tx.try_push_slice(&[1, 2, 3])?, 2);
/// assert_eq!(tx.try_push(&3), Err(PushError::Full));
/// let stall = tx.stalled().unwrap();
/// assert_eq!(stall.to_string(), "no consumer has attached yet; 2 cells are unread");
/// assert_eq!((stall.cells, stall.attached), (2, false));
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
    /// For a consumer: how many cells it has not released. For a producer: how many cells its
    /// unpublished record holds up, those of the record included; 0 if it has claimed nothing.
    pub cells: u64,
    /// For how long it has not moved, counted from the first call of `stalled` on this handle that
    /// found it where it is.
    pub stalled_for: Duration,
    /// Whether it is attached. Also `true` for a dead participant if the memory cannot prove
    /// deaths.
    pub attached: bool,
    /// Whether its seat was never taken.
    never_attached: bool,
}

impl Stall {
    pub(super) fn new(role: Role, seat: u16, who: Presence, cells: u64, stalled_for: Duration) -> Self {
        let Identity { pid, label, .. } = who.identity().unwrap_or_else(Identity::unknown);
        Self {
            role,
            seat,
            label,
            pid,
            cells,
            stalled_for,
            attached: matches!(who, Presence::Here(_)),
            never_attached: who == Presence::Never,
        }
    }
}

/// ``the consumer, process 4711 `plotter`, is alive and 1024 cells behind, for 2.5 s``
impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, seat, label, pid, cells, stalled_for, attached, never_attached } = *self;
        let unit = if cells == 1 { "cell" } else { "cells" };
        if never_attached {
            return match role {
                Role::Consumer if cells == 1 => f.write_str("no consumer has attached yet; 1 cell is unread"),
                Role::Consumer => write!(f, "no consumer has attached yet; {cells} cells are unread"),
                Role::Producer => f.write_str("no producer has attached yet"),
            };
        }
        let who = Identity { pid, label, ..Identity::unknown() };
        match role {
            Role::Consumer => write!(f, "the consumer, {who}, ")?,
            Role::Producer => write!(f, "the producer in seat {seat}, {who}, ")?,
        }
        f.write_str(if attached { "is alive and " } else { "is gone and " })?;
        match (role, cells) {
            (Role::Producer, 0) => f.write_str("has sent nothing more")?,
            (Role::Producer, _) => write!(f, "holds up {cells} {unit}")?,
            (Role::Consumer, _) => write!(f, "{cells} {unit} behind")?,
        }
        write!(f, ", for {:.1} s", stalled_for.as_secs_f64())
    }
}

/// For how long a number has not changed, as far as the calls of `unchanged_for` have seen.
pub(crate) struct StallTimer {
    /// The number, and when it was first seen.
    seen: Option<(u64, Duration)>,
}

impl StallTimer {
    pub(super) const fn new() -> Self {
        Self { seen: None }
    }

    /// For how long the number has been `value`.
    pub(super) fn unchanged_for(&mut self, value: u64, clock: &impl Clock) -> Duration {
        let now = clock.now();
        match self.seen {
            Some((seen, first)) if seen == value => now.saturating_sub(first),
            _ => {
                self.seen = Some((value, now));
                Duration::ZERO
            }
        }
    }
}
