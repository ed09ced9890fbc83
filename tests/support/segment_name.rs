//! Names for segments: unique, and removed afterwards.
#![allow(clippy::disallowed_types)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, process};

/// Where a name without a `/` stands.
const DIRECTORY: &str = "/dev/shm";
static MADE: AtomicUsize = AtomicUsize::new(0);

/// The name of a segment: unique among all tests that run now, and removed when dropped.
#[derive(Debug)]
pub struct Name(PathBuf);

impl Name {
    /// A name that starts with `prefix`, and that no other test has.
    pub fn unique(prefix: &str) -> Self {
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        Self(format!("{prefix}-{}-{count}", process::id()).into())
    }

    /// This name, which no other test has.
    pub fn named(name: impl Into<PathBuf>) -> Self {
        Self(name.into())
    }

    /// The name as text: what a child process is given on its command line.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl AsRef<Path> for Name {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

/// Removes the file whatever it holds: not by `Ring::unlink`, which leaves alone what is not a ring.
impl Drop for Name {
    fn drop(&mut self) {
        // A test may have unlinked it itself: then there is nothing left to do.
        let _gone = fs::remove_file(Path::new(DIRECTORY).join(&self.0));
    }
}
