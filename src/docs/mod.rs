//! Pages about the whole library. No code; the examples on them are tested.
//!
//! | page | it answers |
//! |---|---|
//! | [`guarantees`] | What is promised, operation by operation? What is lost, and what comes twice? |
//! | [`recovery`] | How is a death noticed, how does a restarted process go on, what about `fork`? |
//! | [`waiting`] | How does a thread, a poll loop or a task wait, and what does it cost? |
//! | [`security`] | What can a hostile peer do, and which users can join a ring? |
//! | [`platforms`] | What does it need, what do newer kernels add, which features does the crate have? |
//! | [`operations`] | How large is a ring, where does it lie, who removes it, how is it watched? |
//! | [`mod@format`] | What do the bytes of a segment mean? |
pub mod format;
pub mod guarantees;
pub mod operations;
pub mod platforms;
pub mod recovery;
pub mod security;
pub mod waiting;
