//! How a thread, a poll loop or a task waits, and what it costs.
//!
//! Other pages: [guarantees](super::guarantees), [recovery](super::recovery),
//! [security](super::security), [platforms](super::platforms), [operations](super::operations),
//! [format](super::format).
//!
//! | you wait for | take |
//! |---|---|
//! | one ring | the blocking calls: `push`, `reserve`, `pop`, `read`, or `wait` before a `drain` |
//! | one ring, for a limited time | their `_timeout` forms |
//! | several rings, in one thread | [`Select`](crate::Select) |
//! | a ring among sockets and timers | [`Pollable`](crate::Pollable): a descriptor for `poll`, `epoll`, mio, tokio's `AsyncFd` |
//! | a ring, in a task of any executor | [`AsyncConsumer`](crate::AsyncConsumer), [`AsyncProducer`](crate::AsyncProducer), with the feature `async` |
//! | a peer to come | `wait_for_producer`, `wait_for_consumer` |
//!
//! # What a waiting call does
//! It looks at the ring for a while, hands its core over a few times (`sched_yield`), and then
//! sleeps on a futex in its own seat. A sender looks at that word after each record, and makes a
//! system call only if the receiver sleeps. So nothing but a load is paid for waiting while both
//! sides are busy.
//!
//! A sleep is cut into *slices* of 100 ms. After each one, the sleeper looks at the ring, and tests
//! whether its peers [live](super::recovery#which-calls-test). Therefore
//! * an idle waiter makes ten short looks a second, which take about 0.09 % of a core;
//! * a wake-up that is missing because its sender was killed or stopped at that very moment costs
//!   100 ms at most;
//! * a death is noticed within 100 ms [after the kernel has dropped the
//!   lock](super::recovery#how-soon-a-death-is-noticed). A departure that is recorded in the ring
//!   (a drop, or `close`) wakes the sleeper at once.
//!
//! # Wait strategies
//! `set_wait_strategy`, of each end and of a `Select`, chooses what happens before the sleep:
//!
//! | [`WaitStrategy`](crate::WaitStrategy) | before it sleeps | take it if |
//! |---|---|---|
//! | `Adaptive`, the default | looks, as long as that has paid off in earlier waits: 512 times at most | in doubt |
//! | `Spin` | looks, and never sleeps | a core is set aside for it |
//! | `Park` | nothing | messages are rare, or cores are few |
//!
//! [`WaitStrategy`](crate::WaitStrategy) compares the strategies; `benches/NOTES.md` has the delays
//! and costs that were measured, from 10 to 1,000,000 messages a second. In short, on a virtual
//! machine: a sleeper is woken in 31 µs (a bare futex takes 31, a pipe 29, iceoryx2 42); a stream
//! of 64-byte items takes 8 ns of CPU time for a message, both sides together, if they only try,
//! and 17 if they call what waits; as records of bytes 24 and 36 (Aeron 44 without its driver,
//! iceoryx2 620, a pipe 640).
//!
//! An end that uses `Spin` should not share its core with the peer that it waits for: it does not
//! yield.
//!
//! # An empty ring is not polled at full speed
//! A consumer that took records and then finds the ring empty pauses before it returns `Empty`: one
//! processor pause for each record, up to 8; after many records one for eight, up to 32, which is a
//! microsecond or two. The pause lets the producer get ahead, and most of the speed of a busy ring
//! comes from it. A further call that finds nothing does not pause (in `mpsc`: pauses once). A
//! thread that polls many rings in turn pays the pause once for each ring that had something.
//!
//! # Ending a wait
//! A blocking call ends when there is a record (or room), when the peers are gone, when the ring is
//! found corrupt, or when the time is up. It also ends when the ring is unlinked before a peer has
//! come, because none can come any more: [`Departure::Unlinked`](crate::Departure::Unlinked), after
//! 100 ms at most. Nothing else ends it: no signal, and no unlinking as long as a peer is there. A
//! thread that has to stop on request uses a `_timeout` form:
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
//! use std::time::Duration;
//! use ringway::{Options, PopError, spsc::Ring};
//!
//! static STOP: AtomicBool = AtomicBool::new(false);
//!
//! let ring = Ring::<u64>::on_heap(&Options::new().capacity(8))?;
//! let mut rx = ring.consumer()?;
//! # let _tx = ring.producer()?;
//! # STOP.store(true, Relaxed);
//! loop {
//!     match rx.pop_timeout(Duration::from_millis(50)) {
//!         Ok(item) => println!("{item}"),
//!         Err(PopError::Elapsed) if STOP.load(Relaxed) => break,
//!         Err(PopError::Elapsed) => {}
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Times are those of `CLOCK_MONOTONIC`: a machine that is suspended does not use them up. If a
//! call waits in vain, `stalled` names the process that it waits for.
//!
//! # Several rings: `Select`
//! [`Select::wait`](crate::Select::wait) returns the index of an end that is ready: a consumer
//! whose next call would not return `Empty`, or a producer whose next call would not return `Full`.
//! Of several ready ones it is the one whose last turn is the longest ago. An end whose peers are
//! gone stays ready: take it out of the slice, or `wait` returns it again and again.
//!
//! ```
//! use ringway::{Options, PopError, Select, lanes, spsc};
//!
//! let ticks = spsc::Ring::<u64>::on_heap(&Options::new().capacity(8))?;
//! let orders = lanes::Ring::<[u8]>::on_heap(&Options::new().capacity(1024))?;
//! ticks.producer()?.push(&7)?;
//! orders.producer()?.push(b"buy")?;
//!
//! let (mut ticks, mut orders) = (ticks.consumer()?, orders.consumer()?);
//! let mut select = Select::new();
//! for _ in 0..2 {
//!     match select.wait(&mut [&mut ticks, &mut orders]) {
//!         Some(0) => assert_eq!(ticks.try_pop()?, 7),
//!         _ => assert_eq!(orders.try_read()?.len(), 3),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! The thread sleeps on all words together (`futex_waitv`). That takes Linux 5.16, and at most 128
//! ends; otherwise each end gets a thread that sleeps in its place, from the first such wait on
//! until it is dropped.
//!
//! A producer waits for room for one item, or for a record of as many bytes as
//! [`set_room`](crate::spsc::Producer::set_room) says. It also counts as ready when its consumer
//! has departed. `push` then does not wait: it sends, or returns
//! [`Closed`](crate::PushError::Closed). (In `mpsc`, another producer may take the room first.)
//!
//! # Descriptors: `Pollable`
//! `into_pollable` of a consumer or producer gives it a descriptor that becomes readable when it
//! may be ready. A thread of this process sleeps in its place and writes to a pipe. The wake-up
//! comes from the peer that publishes or makes room, not from a timer.
//!
//! Call [`arm`](crate::Pollable::arm) after each `Empty` or `Full`; wait for the descriptor only if
//! it returns `true`, else try again. The descriptor may become readable in vain, up to ten times a
//! second, because deaths are found by looking. Arming takes some six system calls; peers pay for
//! it only with the wake-up. `into_inner` gives the end back and ends the thread.
//!
//! # Tasks: `AsyncConsumer`, `AsyncProducer`
//! `into_async` (feature `async`) works like that, with a waker instead of a descriptor. It works
//! with any executor. A consumer: `ready().await` before a `try_` call, or as a `Stream`. A
//! producer: `push(..).await`, or as a `Sink`. `ready` and `push` can be cancelled at any moment: a
//! cancelled `ready` has taken nothing, and a cancelled `push` has sent nothing.
//! * The `Stream` delivers [at most once](super::guarantees#at-most-once-or-at-least-once): each
//!   record is released before it is yielded. For at least once, use `ready` and `try_read`.
//! * It ends when all is read and the producers have finished or left; if one died, or the ring is
//!   corrupt, it yields that error first. Once it has ended it stays so. `try_` calls go on with
//!   the next producer.
//! * The `Sink` sends each item at once. Closed, it makes the producer leave as finished when it is
//!   dropped.
//!
//! The threads of `Pollable`, of tasks and of `Select` take no signals, except those that a
//! thread causes itself, such as SIGSEGV. They add a second wake-up to the way of a message, and
//! ten short looks a second.
//!
//! # Waiting for room, and fairness
//! A producer that sleeps is woken when half of the ring is free, or finds less than that after 100
//! ms. Waking it for each cell would cost a wake-up for each record. No more producers are woken
//! than there are free cells, and those first that have slept longest. A producer that was woken
//! and does not use the room, such as a task whose `push` was cancelled at that moment, may keep
//! another one asleep until its slice ends.
//!
//! A producer that is already running can take the space before a woken one does. So under
//! contention the throughput of eight producers can differ several-fold over some seconds. In
//! `mpsc` there is no queue for room either: a producer that wants much at once may wait long
//! behind others that want little. In `lanes`, each lane has its own room, and the consumer takes
//! up to 64 records from one lane before it turns to the next.
//!
//! # Fences and `membarrier`, for operators
//! A sender must not miss that its receiver has just gone to sleep. Usually that takes a full fence
//! after each record. Here the *sleeper* pays for both: it issues a barrier in the processes of all
//! participants (`membarrier`, Linux 4.16), once for each sleep, and senders go without a fence. A
//! sandbox (seccomp) may forbid that call:
//!
//! | `membarrier` is refused to | then |
//! |---|---|
//! | the process that creates the ring | the ring is *fenced*, for good: every participant executes a full fence for each record. Slower, and correct |
//! | a process that joins later | that process executes the fence when it sends; when it waits, it looks once per millisecond. Others are not affected |
//! | none | no fence for each record |
//!
//! So allow `membarrier` at least to the process that creates the rings.
//!
//! # Without an operating system
//! Rings in memory of your own wait as its [`Park`](crate::memory::Park) says; the default spins.
//! Without the feature `std` a [`StaticMemory`](crate::memory::StaticMemory) has no clock, and so
//! neither `_timeout` forms nor `stalled`.
