//! Pages about the whole library, to read; no code.
pub mod format;
