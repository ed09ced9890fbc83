//! The ways to wait for a record.
use std::time::Duration;

use ringway::memory::Heap;
use ringway::spsc::{Consumer, Producer, Ring};
use ringway::{Options, Pollable, PopError, Select, Selectable};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A consumer and the way in which it waits.
pub enum Way {
    Pop(Consumer<u64>),
    /// A select with rings that never have a record.
    Select(Consumer<u64>, Vec<Silent>, Select),
    Poll(Pollable<Consumer<u64>>),
}

/// A ring in which nothing happens. Its producer is attached.
pub struct Silent {
    rx: Consumer<u64, Heap>,
    _tx: Producer<u64, Heap>,
}

impl Silent {
    fn new() -> Self {
        let ring = Ring::<u64>::on_heap(&Options::new().capacity(2)).unwrap();
        Self { _tx: ring.producer().unwrap(), rx: ring.consumer().unwrap() }
    }
}

/// So many rings that one call cannot wait for all of them. The rest has waker threads.
const MANY: usize = 130;

/// The arguments of [`Way::new`].
pub const WAYS: [&str; 4] = ["pop", "select", "select of many", "poll"];

impl Way {
    pub fn new(way: &str, rx: Consumer<u64>) -> Self {
        let silent = |count| (0..count).map(|_| Silent::new()).collect();
        match way {
            "pop" => Self::Pop(rx),
            "select" => Self::Select(rx, silent(3), Select::new()),
            "select of many" => Self::Select(rx, silent(MANY - 1), Select::new()),
            "poll" => Self::Poll(rx.into_pollable().unwrap()),
            _ => panic!("{way}?"),
        }
    }

    /// Receives the next record. Waits for at most `limit`.
    pub fn next(&mut self, limit: Duration) -> Result<u64, PopError> {
        match self {
            Self::Pop(rx) => rx.pop_timeout(limit),
            Self::Select(rx, others, select) => {
                let mut all: Vec<&mut dyn Selectable> = vec![rx];
                all.extend(others.iter_mut().map(|other| &mut other.rx as &mut dyn Selectable));
                match select.wait_timeout(&mut all, limit) {
                    None => Err(PopError::Elapsed),
                    Some(found) => {
                        assert_eq!(found, 0, "the others are silent");
                        rx.try_pop()
                    }
                }
            }
            Self::Poll(rx) => {
                let end = std::time::Instant::now() + limit;
                loop {
                    match rx.try_pop() {
                        Err(PopError::Empty) => {
                            let rest = end.saturating_duration_since(std::time::Instant::now());
                            if rest.is_zero() {
                                return Err(PopError::Elapsed);
                            }
                            if rx.arm() {
                                let rest = Timespec {
                                    tv_sec: rest.as_secs() as i64,
                                    tv_nsec: rest.subsec_nanos().into(),
                                };
                                let _interrupted = poll(&mut [PollFd::new(&*rx, PollFlags::IN)], Some(&rest));
                            }
                        }
                        other => return other,
                    }
                }
            }
        }
    }
}
