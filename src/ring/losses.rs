//! [`Losses`]: the records that died with their producers.
use core::fmt;

use crate::identity::Identity;

/// A record, or batch, that a producer had claimed when it died.
///
/// Only `mpsc` rings have losses: see [`Consumer::losses`](super::Consumer::losses).
///
/// # Examples
/// ```no_run
/// use ringway::mpsc::Ring;
///
/// let mut rx = Ring::<u64>::open("ticks")?.consumer()?;
/// while let Ok(_tick) = rx.pop() {
///     for loss in rx.losses() {
///         eprintln!("{loss}"); // "process 4711 `feed`, in seat 3, died with 12 cells claimed, ..."
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The seat of the producer that died. If several producers died at one position before any of
    /// them recorded that it owned it: the seat of one of them.
    pub seat: u16,
    /// The producer that died; [`Identity::unknown`] if another one took its seat before the loss
    /// was found.
    pub by: Identity,
    /// Where the claim began, in cells.
    pub position: u64,
    /// How many cells it had. In a ring of items: how many items. In a ring of bytes: one record or
    /// batch.
    pub cells: u64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seat, by, position, cells } = self;
        let of = if *cells == 1 { "cell" } else { "cells" };
        write!(f, "{by}, in seat {seat}, died with {cells} {of} claimed, from position {position} on")
    }
}

/// The losses that the user has not consumed yet: the most recent ones, and how many older ones
/// were dropped.
#[derive(Debug)]
pub(crate) struct LossLog {
    recent: [Option<Loss>; Self::MAX],
    /// Index of the oldest.
    first: usize,
    len: usize,
    dropped: u64,
}

impl LossLog {
    const MAX: usize = 16;

    pub(crate) const fn new() -> Self {
        Self { recent: [None; Self::MAX], first: 0, len: 0, dropped: 0 }
    }

    pub(crate) fn push(&mut self, loss: Loss) {
        if self.len == Self::MAX {
            self.pop();
            self.dropped += 1;
        }
        if let Some(place) = self.recent.get_mut((self.first + self.len) % Self::MAX) {
            *place = Some(loss);
            self.len += 1;
        }
    }

    fn pop(&mut self) -> Option<Loss> {
        self.len = self.len.checked_sub(1)?;
        let loss = self.recent.get_mut(self.first).and_then(Option::take);
        self.first = (self.first + 1) % Self::MAX;
        loss
    }
}

/// An iterator over the losses that were not consumed yet, oldest first. Each item is removed.
///
/// See [`Consumer::losses`](super::Consumer::losses).
#[derive(Debug)]
#[must_use = "losses that are not consumed stay queued"]
pub struct Losses<'a> {
    log: Option<&'a mut LossLog>,
}

impl<'a> Losses<'a> {
    pub(crate) fn none() -> Self {
        Self { log: None }
    }

    pub(crate) fn of(log: &'a mut LossLog) -> Self {
        Self { log: Some(log) }
    }

    /// How many losses were dropped since the consumer was attached, because more than 16 were
    /// queued.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.dropped)
    }
}

impl Iterator for Losses<'_> {
    type Item = Loss;

    fn next(&mut self) -> Option<Loss> {
        self.log.as_mut()?.pop()
    }
}
