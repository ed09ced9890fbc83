//! Deaths, restarts, and what a dead process leaves behind.
//!
//! Other pages: [guarantees](super::guarantees), [waiting](super::waiting),
//! [security](super::security), [platforms](super::platforms), [operations](super::operations),
//! [format](super::format).
//!
//! # How a death is noticed
//! Each participant holds a *seat*: a block of bytes in the segment. Taking a seat locks that block
//! with an open-file-description lock (`F_OFD_SETLK`), and a word in the block says *taken*. The
//! kernel drops the lock when the process has ended, SIGKILL included. It does not drop the lock
//! while the process is stopped. So *taken* without a lock is the proof of a death.
//!
//! Dropping a `Producer` or `Consumer` records its departure in the ring, and the peer sees it at
//! once. A killed process records nothing. Its death is discovered by testing its lock, which takes
//! a system call; the process that discovers it records it in the ring for all others.
//!
//! Where a file system can lose a process's locks although the process lives (see
//! [daemons](#daemons-that-close-their-descriptors)), a second witness is asked before a holder
//! counts as dead: `/proc`, by process id, start time and PID namespace. A holder that it still
//! finds running is not dead. The second witness alone never proves a death.
//!
//! # How soon a death is noticed
//! A waiting call tests at least every 100 ms, so it notices a death at most that long after the
//! kernel has dropped the lock. The kernel does that late in the end of a process: after it has
//! written the core dump and freed the memory. On one machine that took 0.6 s for a process with 6
//! GiB, and 2.6 s for one that dumped a core of 2 GiB. For that time the process still holds its
//! seat, and `stalled` names it. Where restarts must be fast, limit core dumps (`ulimit -c`), or
//! let a process with little memory of its own hold the seat.
//!
//! # Which calls test
//! * **Every blocking call**: `push`, `push_slice`, `reserve`, `batch`, `pop`, `peek`, `iter`,
//!   `read`, `wait`, and their `_timeout` forms. They test before they first sleep, and at least
//!   every 100 ms after that. [`Select::wait`](crate::Select::wait),
//!   [`Pollable::arm`](crate::Pollable::arm), [`AsyncConsumer::ready`](crate::AsyncConsumer::ready)
//!   and its `Stream` test as well. A `Select` that always finds something tests in about every
//!   64th call, and at most ten times a second.
//! * **Every question**: `Consumer::producer_presence`, `Producer::consumer_presence`,
//!   `wait_for_producer`, `wait_for_consumer`, `stalled`,
//!   [`Ring::presence`](crate::spsc::Ring::presence), [`Ring::seats`](crate::spsc::Ring::seats),
//!   [`Ring::recover`](crate::spsc::Ring::recover).
//! * **Taking a seat**: [`Ring::producer`](crate::spsc::Ring::producer) and
//!   [`Ring::consumer`](crate::spsc::Ring::consumer) replace a dead holder.
//!
//! `try_*` calls, `drain`, and [`Select::try_wait`](crate::Select::try_wait) do **not** test. A
//! loop that uses only these keeps seeing `Empty`, or `Full`, of a dead peer's ring. Let such a
//! loop block, or call `Ring::presence` now and then. One exception: an `mpsc` consumer that has
//! looked 1,024 times in vain where something was claimed tests whether the producer lives.
//!
//! # Taking over a seat
//! [`Ring::producer`](crate::spsc::Ring::producer) and
//! [`Ring::consumer`](crate::spsc::Ring::consumer) need no special call after a crash: they take
//! the seat of a dead holder as they take a free one. If a living process holds it, they return
//! [`SeatError::SeatTaken`](crate::SeatError::SeatTaken) and say which process that is; if there
//! are several such seats, and none is free, [`SeatError::AllTaken`](crate::SeatError::AllTaken).
//! Of two successors, one wins.
//!
//! Where there are several producers' seats, one that was never held, or whose holder gave it back,
//! is taken before a dead holder's. A producer cannot choose its seat.
//!
//! | it died | it left behind | repaired by |
//! |---|---|---|
//! | taking a seat, before the state word said *taken* | nothing: the lock is free | |
//! | a producer, before it published | bytes of a record, and perhaps stamps, in free cells | its successor removes the stamps and overwrites the bytes. In `mpsc`, the consumer passes over the claim: the cells that the producer had reserved |
//! | a producer of `lanes`, after it published and before it notified | a record in a lane that the consumer does not watch | the consumer looks at all lanes after each 100 ms of a wait; a successor notifies |
//! | a producer, after it published | TAIL one publication too low; perhaps a sleeping consumer | its successor moves TAIL on; the consumer wakes within 100 ms |
//! | a consumer, before it released | HEAD too low: records that were read and not released | its successor, which reads them again |
//! | asleep | a mark that it sleeps | the next sender makes one wake-up call in vain |
//!
//! Repairs can be repeated, and the process that repairs may be killed too.
//!
//! # Restarting
//! A ring outlives all its processes until it is [unlinked](super::operations#cleaning-up). So each
//! side opens or creates it, in any order, and takes its seat. (If one side is to remove the ring
//! at the end, only that side should create it, and the other calls
//! [`open_timeout`](crate::spsc::Ring::open_timeout): see [cleaning
//! up](super::operations#cleaning-up).)
//!
//! ```
//! use std::time::Duration;
//! use ringway::{Options, PushError, spsc::{Producer, Ring}};
//!
//! fn start(name: &str) -> Result<Producer<[u8]>, Box<dyn std::error::Error>> {
//!     // After a crash: the ring that is there, with the records that were not read.
//!     let ring = Ring::<[u8]>::open_or_create(name, &Options::new().label("feed"))?;
//!     Ok(ring.producer()?) // a dead predecessor is replaced
//! }
//!
//! /// Sends `record`; stays, also while there is no consumer.
//! fn send(tx: &mut Producer<[u8]>, record: &[u8]) -> Result<(), PushError> {
//!     loop {
//!         match tx.push_timeout(record, Duration::from_secs(10)) {
//!             Err(PushError::Closed(_)) => _ = tx.wait_for_consumer(Duration::from_secs(1)),
//!             Err(PushError::Elapsed) => {
//!                 if let Some(stall) = tx.stalled() {
//!                     eprintln!("{stall}"); // "the consumer, process 4711 `plotter`, …"
//!                 }
//!             }
//!             other => return other,
//!         }
//!     }
//! }
//!
//! # let name = &format!("docs-recovery-restart-{}", std::process::id());
//! let mut tx = start(name)?;
//! send(&mut tx, b"a record")?;
//! drop(tx); // or killed
//!
//! let mut tx = start(name)?;
//! send(&mut tx, b"another")?;
//! # assert_eq!(Ring::<[u8]>::open(name)?.consumer()?.drain(8, |_| ())?, 2);
//! # Ring::<[u8]>::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! `open_or_create` fails with [`SegmentError::Differs`](crate::SegmentError::Differs) if the ring
//! that is there has another capacity, number of producers or mode than the options ask for. How a
//! restarted sender finds its place in its own input: [positions](super::guarantees#positions).
//!
//! # A consumer that stays
//! [`Closed`](super::guarantees#what-closed-means) is a state, not an end. A consumer that is to
//! serve the next producer, too, waits for it:
//!
//! ```
//! use std::time::Duration;
//! use ringway::{Departure, Options, PopError, spsc::{Consumer, Ring}};
//!
//! fn serve(rx: &mut Consumer<[u8]>, mut each: impl FnMut(&[u8])) -> Result<(), PopError> {
//!     loop {
//!         match rx.wait() {
//!             // `drain` releases the records when it returns.
//!             Ok(()) => _ = rx.drain(64, |payload| each(&payload.to_vec()))?,
//!             // All is read, and the producer has sent all it wanted. A daemon stays here, too.
//!             Err(PopError::Closed(Departure::Finished)) => return Ok(()),
//!             // All is read, and the producer left early or died: the next one may come.
//!             Err(PopError::Closed(_)) => _ = rx.wait_for_producer(Duration::from_secs(1)),
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//!
//! # let name = &format!("docs-recovery-stay-{}", std::process::id());
//! let ring = Ring::<[u8]>::open_or_create(name, &Options::new())?;
//! # let mut tx = ring.producer()?;
//! # tx.push(b"one")?;
//! # drop(tx);
//! # let mut tx = ring.producer()?;
//! # tx.push(b"two")?;
//! # tx.close()?;
//! # let mut lens = Vec::new();
//! let mut rx = ring.consumer()?;
//! serve(&mut rx, |record| {
//!     println!("{} bytes", record.len());
//!     # lens.push(record.len());
//! })?;
//! # assert_eq!(lens, [3, 3]);
//! # Ring::<[u8]>::unlink(name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! `wait` comes first, because the compiler does not let the error arm of `match rx.read()` use
//! `rx`: the record in the other arm borrows it. With items, `match rx.pop()` works as it stands.
//!
//! # Which of several producers died
//! The consumer gets `Closed` only when all producers have gone. To notice the death of one among
//! many, look at [`Ring::seats`](crate::spsc::Ring::seats) now and then:
//!
//! ```
//! use std::collections::HashSet;
//! use ringway::{Presence, lanes::Ring};
//!
//! /// Reports each producer that was found dead, once.
//! fn report_deaths(ring: &Ring<u64>, known: &mut HashSet<(u16, u64)>) {
//!     for seat in ring.seats() {
//!         if let Presence::Died(who) = seat.presence {
//!             if known.insert((seat.seat, who.attached)) {
//!                 eprintln!("seat {}: {who} died", seat.seat);
//!             }
//!         }
//!     }
//! }
//! # let name = &format!("docs-recovery-deaths-{}", std::process::id());
//! # let ring = Ring::<u64>::create(name, &ringway::Options::new())?;
//! # Ring::<u64>::unlink(name)?;
//! # report_deaths(&ring, &mut HashSet::new());
//! # Ok::<(), ringway::SegmentError>(())
//! ```
//! * A death stays visible until another producer takes the seat. Seats of dead holders are taken
//!   last, but when all other seats are held, a restarted producer can be in the seat before the
//!   death was noticed. So `seats` shows the present, and is no record of all deaths.
//! * A consumer that restarts sees old deaths again. The time `attached` tells them apart.
//! * `losses()` speaks when the consumer has reached the place, so perhaps later than `seats`.
//! * [`Record::seat`](crate::ring::Record::seat) says which producer sent a record of bytes. Items
//!   carry no seat: write a number of the sender into the item.
//! * The counters of a killed producer may lack its last record, slice or batch.
//!
//! # Losses
//! In `mpsc` a producer claims cells before it fills them. If it dies in between, the cells are
//! lost, and the consumer passes over them when it reaches them and the death is proved: a call
//! that waits proves it, or `Ring::seats` does. `losses()` of the consumer then says for each: the
//! seat, the process, the position, and how many cells. The last 16 are kept until they are asked
//! for; [`Losses::dropped`](crate::Losses::dropped) counts the others. In `spsc` and `lanes` an
//! uncommitted record leaves no gap, so `losses()` is always empty. The counters of
//! [`Ring::seats`](crate::spsc::Ring::seats) keep the sum of losses for each seat.
//!
//! ```
//! use ringway::{Options, mpsc::Ring};
//!
//! let ring = Ring::<u64>::on_heap(&Options::new().capacity(8).max_producers(2))?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(&1)?;
//! assert_eq!(rx.pop()?, 1);
//! for loss in rx.losses() {
//!     // "process 4711 `feed`, in seat 3, died with 1 cell claimed, from position 7 on"
//!     eprintln!("{loss}");
//! }
//! # assert_eq!(rx.losses().dropped(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A dead producer's seat of `mpsc` can be taken again only after the consumer has reached its
//! claim, and passed over it. Without a consumer,
//! [`SeatError::AllTaken`](crate::SeatError::AllTaken) says how many seats are in that state, and
//! an operator can call [`Ring::recover`](crate::spsc::Ring::recover): it records deaths and marks
//! what is lost, and takes nothing out. It takes the consumer's seat meanwhile, so it fails while a
//! consumer is attached.
//!
//! # Forks
//! The open file, and so its locks, are shared with a child of `fork`. Therefore:
//! * The child cannot use what it inherited. Sending and receiving return
//!   [`PushError::Inherited`](crate::PushError::Inherited) or
//!   [`PopError::Inherited`](crate::PopError::Inherited). No seat can be taken
//!   ([`SeatError::Inherited`](crate::SeatError::Inherited)), `commit` has no effect, and questions
//!   about peers and fill levels are answered as if there were none. The child may drop everything:
//!   that changes nothing in the ring. It opens the ring by its name.
//! * What was under way at the fork cannot be asked: the payload of a record that the parent had
//!   reserved or read, and a `drain` whose function forks. The child does not have the mapping of a
//!   segment (`MADV_DONTFORK`), so it is killed by SIGSEGV when it touches such a payload. It
//!   cannot write into what the parent sends.
//! * It does not matter how the child was made (`fork`, `_Fork`, `clone`), except on Linux before
//!   4.14, where only children of `fork` are noticed. A child that shares its parent's memory
//!   (`vfork`, `CLONE_VM`) is never noticed: it must only call `exec` or `_exit`.
//! * As long as the child lives, and has not replaced its program, its dead parent's seats stay
//!   locked, and no process notices the parent's death.
//!
//! `std::process::Command` is harmless: all descriptors of the library are closed by `exec`.
//!
//! # Exec
//! A process that replaces its program loses its mappings and, by `O_CLOEXEC`, its descriptors. Its
//! locks are free then, and peers find its seats as those of a dead participant. One case is not
//! solved, on file systems other than tmpfs: peers in the same PID namespace see the process in its
//! seats until it ends, unless it dropped its ends before the `exec`.
//!
//! # Daemons that close their descriptors
//! A process that closes all descriptors closes those of its rings too. Producers and consumers
//! that exist keep working. From then on the process reopens a ring by its name in order to test
//! whether its peers live, and it has to open the ring anew to take a further seat.
//! * A file that gets the number of a closed descriptor is left alone: it is not used, not
//!   unlocked, and not closed.
//! * The pipe of a [`Pollable`](crate::Pollable) is closed. Its `arm` always returns `false` from
//!   then on: call `into_inner`.
//! * On tmpfs, which includes `/dev/shm`, it keeps its seats: the mapping keeps the file open, and
//!   with it the locks.
//! * On other file systems its locks may be gone. Peers in the same PID namespace still see that it
//!   runs. Peers in other namespaces consider it dead.
//!
//! A process that changes its root directory (`chroot`) cannot find the names of its rings any
//! more: they count as unlinked to it.
//!
//! Best: daemonise first, change the root, open rings afterwards.
