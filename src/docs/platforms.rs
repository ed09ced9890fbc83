//! What the library needs, what newer systems add, and what was tested.
//!
//! Other pages: [guarantees](super::guarantees), [recovery](super::recovery),
//! [waiting](super::waiting), [security](super::security), [operations](super::operations),
//! [format](super::format).
//!
//! # Requirements
//! | | |
//! |---|---|
//! | Rust | 1.85 |
//! | zerocopy | 0.8 with its feature `derive`, for item types of your own; its traits are in the bounds of the public API |
//! | Linux | 3.15: files without a name (`O_TMPFILE`) and locks of open files (`F_OFD_SETLK`). `/proc` must be mounted |
//! | file system | one that supports `O_TMPFILE` and `fallocate`, and says how much space a file has (`st_blocks`), such as tmpfs, ext4 or xfs; best one in memory |
//! | processor | atomics of 64 bits |
//!
//! On other systems the default build stops with an error that says what to do. A program that is
//! built for several systems therefore makes its dependency on ringway one of Linux
//! (`[target.'cfg(target_os = "linux")'.dependencies]`), or uses `default-features = false`.
//!
//! # What newer kernels add
//! | Linux | adds | without it |
//! |---|---|---|
//! | 4.14 | a forked child cannot use its parent's ends, however it was made (`MADV_WIPEONFORK`) | only children of `fork` are noticed, not those of `_Fork` or `clone` |
//! | 4.16 | senders need no fence for each record (`membarrier`) | rings are [*fenced*](super::waiting#fences-and-membarrier-for-operators) |
//! | 5.14 | all pages are mapped in advance (`MADV_POPULATE_WRITE`) | pages are mapped when they are first used |
//! | 5.16 | [`Select`](crate::Select) sleeps on up to 128 rings at once (`futex_waitv`) | a thread for each end |
//!
//! # Containers
//! Each container has a `/dev/shm` of its own, often of 64 MiB. Name the ring by a path instead
//! (`/shared/feed`), on a tmpfs that the containers share. Locks work across PID namespaces. A
//! process id in an error or in `seats()` is the number by which the process knows itself;
//! [`Identity`](crate::Identity) has its PID namespace beside it. On overlayfs a process that
//! closes its descriptors [loses its locks](super::recovery#daemons-that-close-their-descriptors).
//!
//! A ring beyond the memory limit of the container is an OOM kill and no error: see
//! [how much memory a ring takes](super::operations#how-much-memory-a-ring-takes). In a user
//! namespace, the owner of a segment may be [unknown](super::security#users-and-modes).
//!
//! # Sandboxes
//! A seccomp filter that refuses `membarrier` makes rings slower, not wrong: see
//! [fences](super::waiting#fences-and-membarrier-for-operators). If `futex_waitv` is refused, a
//! `Select` uses threads. The data path makes no system call.
//!
//! # Features
//! | feature | default | adds | needs |
//! |---|---|---|---|
//! | `std` | yes | named segments, proof of death, sleeping, [`Heap`](crate::memory::Heap), [`Select`](crate::Select), [`Pollable`](crate::Pollable) | Linux; memmap2, rustix, libc |
//! | `alloc` | with `std` | [`lanes`](crate::lanes), whose consumer keeps its place in each lane on the heap; `Payload::to_vec` | an allocator |
//! | `async` | no | [`AsyncConsumer`](crate::AsyncConsumer), a `Stream`; [`AsyncProducer`](crate::AsyncProducer), a `Sink` | `std`; futures-core, futures-sink |
//!
//! # `no_std`
//! With `default-features = false` the crate is `no_std`, allocates nothing, and makes no system
//! call. It offers `spsc` and `mpsc` rings (with `alloc` also `lanes`) in memory of your own: a
//! [`StaticMemory`](crate::memory::StaticMemory), or whatever implements
//! [`Memory`](crate::memory::Memory). Such rings have no proof of death, unless the memory's
//! [`Liveness`](crate::memory::Liveness) offers one.
//!
//! ```
//! use ringway::{Options, memory::StaticMemory, spsc::Ring};
//!
//! const OPTIONS: Options = Options::new().capacity(64);
//! static BYTES: StaticMemory<{ Ring::<u32>::required_len(&OPTIONS) }> = StaticMemory::new();
//!
//! let ring = Ring::<u32, _>::format(&BYTES, &OPTIONS)?;
//! let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
//! tx.try_push(&7).unwrap();
//! assert_eq!(rx.try_pop(), Ok(7));
//! # Ok::<(), ringway::LayoutError>(())
//! ```
//!
//! # 32 bits
//! The format is the same for processes of 32 and of 64 bits, and both can use one segment. A
//! 32-bit process can only map a segment that fits into its address space. Items that hold 64-bit
//! integers may have another alignment there; the [format](super::format) records it, and such
//! items are accepted as the same.
//!
//! # Byte order
//! Words are in the machine's own byte order. A segment of the other order is refused
//! ([`LayoutError::OtherByteOrder`](crate::LayoutError::OtherByteOrder)).
//!
//! # What was tested
//! * x86-64 with two cores, as 64-bit and as 32-bit processes, also both in one segment. Not on
//!   machines with many cores.
//! * aarch64 only under an emulator, which runs the tests in the memory order of x86-64, and so
//!   does not show the weaker order of ARM.
//! * For memory order the algorithms are modelled with loom: a program weakens each ordering, and
//!   demands that a model fails.
//! * Bare machines: built for some without an operating system.
//! * ThreadSanitizer, AddressSanitizer, valgrind, libFuzzer, and a process killed at each
//!   instruction: see `tests/README.md`. Miri has not been run.
//! * Rust 1.85, with each set of features.
