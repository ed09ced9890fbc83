//! Pages about the whole library. No code; the examples on them are tested.
//!
//! | page | it answers |
//! |---|---|
//! | [`guarantees`] | What is promised, operation by operation? What is lost, and what comes twice? |
//! | [`recovery`] | How is a death noticed, how does a restarted process go on, what about `fork`? |
//! | [`waiting`] | How does a thread, a poll loop or a task wait, and what does it cost? |
//! | [`security`] | What can a hostile peer do, and which users can join a ring? |
//! | [`platforms`] | What does it need, what do newer kernels add, which features does the crate have? |
//! | [`operations`] | How large is a ring, where does it lie, how is it removed, how is it watched? |
//! | [`mod@format`] | What do the bytes of a segment mean? |
//!
//! Programs to read and to run, in `examples/`:
//!
//! | example | it shows |
//! |---|---|
//! | `sender`, `receiver` | two processes, one ring of bytes: the code of the front page |
//! | `typed` | items of one type: one by one, in slices, drained; what a ring of another type says |
//! | `zero_copy` | records that are written and read in place |
//! | `stream` | a gigabyte through a ring and through a pipe; a file copy that survives `kill -9` of either side |
//! | `fan_in` | eight processes send to one, which kills one of them, stops another, and accounts for every line |
//! | `select` | one thread that serves several rings |
//! | `async/tokio_fd` | a ring by its descriptor, among other things that a task waits for |
//! | `async/async_stream` | rings as streams, with the feature `async` |
//! | `no_std_memory` | a ring in a static |
//! | `segment` | three rings in one segment, between two processes |
//! | `sandbox` | a ring for a child process that sees no file system of its parent |
//! | `inspect.py` | a live segment from outside, in Python, by the format alone |
pub mod format;
pub mod guarantees;
pub mod operations;
pub mod platforms;
pub mod recovery;
pub mod security;
pub mod waiting;
