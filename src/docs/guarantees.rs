//! What is promised, operation by operation.
//!
//! Other pages: [recovery](super::recovery), [waiting](super::waiting),
//! [security](super::security), [platforms](super::platforms), [operations](super::operations),
//! [format](super::format).
#![doc = include_str!("ring.svg")]
//!
//! # The promises
//! * **A death is proved, never guessed.** A participant is dead when its seat is marked as taken
//!   and the kernel has dropped the file lock on it. A process that is stopped, swapped out, or in
//!   a debugger for an hour keeps its seat. No timeout ever takes part in the decision.
//! * **Killed anywhere.** SIGKILL after any instruction of any operation loses at most what the
//!   victim had not committed, or had [taken out and not dealt
//!   with](#at-most-once-or-at-least-once). No other process waits for ever, no record is torn, and
//!   no record is delivered twice, except those that a dead *consumer* had read and not released.
//! * **A lying peer does no harm beyond wrong data.** Whatever bytes a peer writes into the ring,
//!   this process does not panic, loop without end, or touch memory outside of the ring, and it
//!   never sees an invalid value. It gets [`Corrupt`](crate::Corruption) or wrong data.
//!   [Security](super::security) has the rest, and what a peer can do to the *file*.
//! * **Blame.** After `Full`, `Empty` or `Elapsed`, `stalled` says which process is in the way, how
//!   far it is behind, and for how long: "the producer in seat 3, process 4711 `feed`, is alive and
//!   holds up 12 cells, for 2.5 s".
//! * **Errors are sentences.** They say what was found, what was expected, and what to do: ``ring
//!   `ticks` carries `Tick` (24 bytes, align 8), not `Trade` (24 bytes, align 8); both sides must
//!   name the same type``.
//! * **No system call and no allocation per record**, while neither side sleeps. Waking a sleeper
//!   takes one. The consumers of [`mpsc`](crate::mpsc#cost) and
//!   [`lanes`](crate::lanes#memory-and-cost) make one now and then.
//!
//! `tests/README.md` names, for each promise, the test that would fail if it were false.
//!
//! The first two promises need the file lock, so they hold for rings in named segments. A ring on
//! the heap or in a static has no such lock: its seats become free only when their holders give
//! them back.
//!
//! # Progress
//! *Wait-free*: the call ends after a bounded number of steps, whatever other processes do.
//! *Lock-free*: a call can be delayed only by others that succeed.
//!
//! ## Sending
//! | call | progress | if the consumer dies | if the consumer lies |
//! |---|---|---|---|
//! | `try_push`, `try_push_slice`, `try_reserve`, `try_batch` | wait-free; lock-free in `mpsc` | `Full` once the room is used up; what was sent stays for the next consumer | `Corrupt`, or records are lost |
//! | `commit`, `commit_len`, `abort` | wait-free | no difference | no difference |
//! | `push`, `push_slice`, `reserve`, `batch` | wait while the ring is full | `Closed(Died)` when the ring is full | `Corrupt`, or the call waits |
//! | the `_timeout` forms | as above, for a limited time | as above | as above, for a limited time |
//!
//! Producers of one ring do not depend on each other, with one exception: in `mpsc` the consumer
//! cannot pass the unpublished claim of a stopped producer. The ring fills up, and then all
//! producers wait.
//!
//! ## Receiving
//! | call | progress | if the producers die | if a producer lies |
//! |---|---|---|---|
//! | `try_pop`, `try_pop_slice`, `try_peek`, `try_iter`, `try_read`, `drain` | wait-free in `spsc`; bounded by the capacity in `mpsc`, by the number of lanes in `lanes` | the remaining records, then `Empty`; `Closed(Died)` once a process has [tested the lock](super::recovery#which-calls-test) | `Corrupt`, or wrong data |
//! | `pop`, `peek`, `iter`, `read`, `wait` | wait while the ring is empty | the remaining records, then `Closed(Died)` | `Corrupt`, wrong data, or the call waits |
//! | the `_timeout` forms | as above, for a limited time | as above | as above, for a limited time |
//!
//! The consumer releases what it takes with one store. Once half of the ring is free, it also wakes
//! sleeping producers.
//!
//! ## One of several producers
//! | | `mpsc` | `lanes` |
//! |---|---|---|
//! | dies between two records | no difference | no difference |
//! | dies within a record, a slice or a batch | what it had claimed is lost; a waiting consumer passes over it within 100 ms [after the lock is gone](super::recovery#how-soon-a-death-is-noticed), and `losses` reports it | a record or a batch that was not committed is never seen; items of a slice that were sent stay |
//! | is stopped within a record | all records after its claim wait until the producer goes on or dies; `stalled` names it | its own lane waits |
//! | lies | `Corrupt`, or wrong data | `Corrupt` for the whole consumer: a process that can write to one lane can write to all, so none is trusted |
//!
//! One case in `mpsc` is not solved: a *stopped* producer lost the race for a position, and the
//! winner died between two neighbouring instructions. The consumer then waits until the stopped one
//! goes on, and `stalled` names it.
//!
//! ## Seats and segments
//! | call | progress | notes |
//! |---|---|---|
//! | [`Ring::create`](crate::spsc::Ring::create) | bounded | A segment has no name until it is complete. No process ever sees half of one, and a creator that is killed leaves nothing |
//! | [`Ring::producer`](crate::spsc::Ring::producer), [`Ring::consumer`](crate::spsc::Ring::consumer), `try_clone` | bounded by the capacity and the number of seats | A dead holder's seat is taken over. A lying peer causes `Corrupt` |
//! | `seats`, `presence`, `stalled`, [`recover`](crate::spsc::Ring::recover) | bounded by the capacity and the number of seats | A few system calls for each seat that is looked at |
//! | dropping an end, `close` | bounded | Wakes the peers that wait |
//!
//! # At most once, or at least once
//! A record is *released* when its cells are given back to the producer. Until then it stays in the
//! ring and survives the death of the consumer. What the next consumer sees depends on when a
//! record is released:
//!
//! | call | releases | the process dies while it works on the record | delivery |
//! |---|---|---|---|
//! | `pop`, `try_pop` | before it returns | the record is gone | at most once |
//! | `try_pop_slice` | all of them, before it returns | they are gone | at most once |
//! | `iter`, `try_iter` | each one before it is yielded | that one is gone | at most once |
//! | the `Stream` of an [`AsyncConsumer`](crate::AsyncConsumer) | each one before it is yielded | that one is gone | at most once |
//! | `read`, `try_read` | when the [`Record`](crate::spsc::Record) is dropped | the next consumer reads it again | at least once |
//! | [`Record::keep`](crate::ring::Record::keep) | never | the next read returns it again | at least once |
//! | `drain` | all of them, when it returns | the next consumer gets all of them again | at least once |
//! | `peek`, `try_peek` | never | the item is still there | |
//!
//! Two traps. A `Record` that is dropped by an early return (`?`) or by a panic is released, as if
//! it had been dealt with; [`keep`](crate::ring::Record::keep) it before the error leaves the
//! function. And if the closure of `drain` panics, the records that it was given count as read.
//!
//! ```
//! use ringway::{Options, spsc::Ring};
//!
//! fn store(bytes: &[u8]) -> Result<(), std::io::Error> {
//!     # if bytes == b"second" { return Err(std::io::ErrorKind::StorageFull.into()) }
//!     // …
//!     Ok(())
//! }
//!
//! let ring = Ring::<[u8]>::on_heap(&Options::new().capacity(1024))?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(b"first")?;
//! tx.push(b"second")?;
//!
//! for _ in 0..2 {
//!     let record = rx.read()?;
//!     match store(&record.payload().to_vec()) {
//!         Ok(()) => record.release(), // only now: a crash before this line repeats the record
//!         Err(_) => record.keep(),    // it stays in the ring, also for another process
//!     }
//! }
//! drop(rx);
//! assert_eq!(ring.consumer()?.read()?.payload().to_vec(), b"second");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! For delivery exactly once, the destination must help: store the record's [position](#positions)
//! together with its effect, and skip what was stored already. The example `stream` does this with
//! a file.
//!
//! # All or nothing
//! | sent by | its parts become visible |
//! |---|---|
//! | a record (`push`, `reserve` and `commit`) | together |
//! | a batch (`try_batch`, `batch`) | together, or never: also if the process dies |
//! | `try_push_slice` in `mpsc` | together |
//! | `try_push_slice` in `spsc` and `lanes` | one after the other, from the first on |
//! | `push_slice` | in pieces, as there is room |
//!
//! # What `Closed` means
//! [`PopError::Closed`](crate::PopError::Closed) means that the ring is empty and its last producer
//! has gone. It is a state, not an end: when another producer attaches, reading works again.
//! `Closed` says how the last producer went:
//!
//! | [`Departure`](crate::Departure) | the producer |
//! |---|---|
//! | `Finished` | called `close`: it has sent all that it wanted to send |
//! | `Left` | was dropped: at the end of its scope, by an early return, or by a panic |
//! | `Died` | ended without that: killed, crashed, or by `exit`, which drops nothing |
//!
//! Of several producers, all must have gone. The answer is `Died` if one of them died, else `Left`
//! if one was dropped, else `Finished`.
//!
//! In a ring that is used again, the last producer may be an old one. So a consumer that starts
//! before the new producer gets `Closed` immediately;
//! [recovery](super::recovery#a-consumer-that-stays) shows how to wait instead. A ring that never
//! had a producer is `Empty`, and blocking calls wait for one.
//!
//! [`PushError::Closed`](crate::PushError::Closed) means that the ring is full and its consumer has
//! gone. What is in the ring stays there for the next consumer. Only blocking calls return it:
//! `try_push` returns `Full`.
//!
//! ```
//! use ringway::{Departure, Options, PopError, spsc::Ring};
//!
//! let ring = Ring::<u64>::on_heap(&Options::new().capacity(8))?;
//! let mut rx = ring.consumer()?;
//! assert_eq!(rx.try_pop(), Err(PopError::Empty)); // no producer came yet
//!
//! let mut tx = ring.producer()?;
//! tx.push(&7)?;
//! tx.close()?;
//! assert_eq!(rx.try_pop(), Ok(7)); // what was sent still arrives
//! assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Finished)));
//!
//! drop(ring.producer()?);
//! assert_eq!(rx.try_pop(), Err(PopError::Closed(Departure::Left)));
//!
//! ring.producer()?.push(&8)?; // not an end: another one came
//! assert_eq!(rx.try_pop(), Ok(8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Order
//! The order of records is that of one ring; between two rings there is none. In `spsc` and `mpsc`
//! it is one order of all records: in `mpsc`, a push that has returned comes before every push that
//! begins later. In `lanes` each producer's records keep their order, and between two producers
//! there is none.
//!
//! # Positions
//! `position()` counts cells since the ring was made, and never wraps. In a typed ring a cell is an
//! item. In a byte ring it has [`CELL`](crate::CELL) bytes, and a record of `n` bytes takes `max(1,
//! n.div_ceil(CELL))` of them; where a record does not fit into the rest of the lap, a pad fills
//! that rest. No death resets the count, because the ring holds it.
//!
//! | position | does it tell a restarted process where to continue? |
//! |---|---|
//! | the consumer's, `spsc` and `mpsc` | Yes: where the next record is. In `mpsc` it also counts cells whose record was lost |
//! | the consumer's, `lanes` | As a count only: it is the sum over all lanes |
//! | the producer's, `spsc` | Yes: where the last holder of the seat stopped |
//! | a producer's, `lanes` | Only within one lane. A restarted producer may get another lane: it cannot choose its seat, and seats that were never held or were given back are assigned before those of dead producers |
//! | a producer's, `mpsc` | No: all producers move it |
//!
//! Senders of `lanes` and `mpsc` that must find their place again write a number of their own into
//! each record, as the example `fan_in` does.
