//! [`Stall`]: who is in the way.
use core::fmt;
use core::time::Duration;

use crate::identity::{Identity, Label, Role};
use crate::memory::Clock;
use crate::seat::Presence;

/// Who is in the way, and how: what `stalled` says.
///
/// # Examples
/// ```
/// # use ringway::{Options, PushError, memory::Heap, spsc::Ring};
/// # let memory = Heap::new(Ring::<u32>::required_len(2));
/// # let ring = Ring::<u32, _>::format(memory, &Options::new().capacity(2))?;
/// let mut tx = ring.producer()?;
/// assert_eq!(tx.try_push_slice(&[1, 2, 3])?, 2);
/// assert_eq!(tx.try_push(&3), Err(PushError::Full));
/// let blame = tx.stalled().unwrap();
/// assert_eq!(blame.to_string(), "no consumer has come yet; 2 cells wait for one");
/// assert_eq!((blame.behind, blame.alive), (2, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// What it does in the ring.
    pub role: Role,
    /// Its seat: of a consumer, 0.
    pub seat: u16,
    /// What it calls itself.
    pub label: Label,
    /// Its process id; 0 if it did not say, or if there is nobody.
    pub pid: u64,
    /// Of a consumer: how many cells it has not released. Of a producer: how many cells are held up by what it has not
    /// published, its own included.
    pub behind: u64,
    /// For how long it has not moved, as far as this handle has seen: since `stalled` first found it there.
    pub since: Duration,
    /// Whether it is known to be there; without a witness, it may have died. Of somebody dead, a successor or the consumer
    /// takes care.
    pub alive: bool,
    /// Whether nobody ever was in the seat.
    never_came: bool,
}

impl Stall {
    pub(super) fn new(role: Role, seat: u16, who: Presence, behind: u64, since: Duration) -> Self {
        let Identity { pid, label, .. } = who.identity().unwrap_or_else(Identity::unknown);
        Self {
            role,
            seat,
            label,
            pid,
            behind,
            since,
            alive: matches!(who, Presence::Here(_)),
            never_came: who == Presence::Never,
        }
    }
}

/// ``the consumer, process 4711 `plotter`, is alive and 1024 cells behind, for 2.5 s``
impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, seat, label, pid, behind, since, alive, never_came } = *self;
        let cells = if behind == 1 { "cell" } else { "cells" };
        if never_came {
            return match role {
                Role::Consumer if behind == 1 => {
                    f.write_str("no consumer has come yet; 1 cell waits for one")
                }
                Role::Consumer => write!(f, "no consumer has come yet; {behind} cells wait for one"),
                Role::Producer => f.write_str("no producer has come yet"),
            };
        }
        let who = Identity { pid, label, ..Identity::unknown() };
        match role {
            Role::Consumer => write!(f, "the consumer, {who}, ")?,
            Role::Producer => write!(f, "the producer in seat {seat}, {who}, ")?,
        }
        f.write_str(if alive { "is alive and " } else { "is gone and " })?;
        match (role, behind) {
            (Role::Producer, 0) => f.write_str("has sent nothing more")?,
            (Role::Producer, _) => write!(f, "holds up {behind} {cells}")?,
            (Role::Consumer, _) => write!(f, "{behind} {cells} behind")?,
        }
        write!(f, ", for {:.1} s", since.as_secs_f64())
    }
}

/// Since when something is as it is, as far as was seen.
pub(crate) struct Watch {
    /// What was seen, and when first.
    seen: Option<(u64, Duration)>,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self { seen: None }
    }

    /// For how long it has been `state`.
    pub(super) fn since(&mut self, state: u64, clock: &impl Clock) -> Duration {
        let now = clock.now();
        match self.seen {
            Some((seen, first)) if seen == state => now.saturating_sub(first),
            _ => {
                self.seen = Some((state, now));
                Duration::ZERO
            }
        }
    }
}
