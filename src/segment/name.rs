//! Names: where in the file system a ring is.
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::SegmentError;

const DIRECTORY: &str = "/dev/shm";
/// In bytes. A program can still add a prefix or a suffix to a file name of this length.
const MAX: usize = 200;

/// The path that `name` stands for.
pub(crate) fn path_of(name: &Path) -> Result<PathBuf, SegmentError> {
    let bytes = name.as_os_str().as_bytes();
    let refuse = |why| Err(SegmentError::Name { name: name.to_string_lossy().into_owned(), why });
    if bytes.is_empty() {
        return refuse("it is empty; use 1 to 200 bytes, or a path");
    }
    if bytes.contains(&0) {
        return refuse("it contains a zero byte; leave that out");
    }
    if bytes.contains(&b'/') {
        return match bytes.last() {
            Some(b'/') => refuse("it is a path that ends in `/`; add a file name"),
            _ if name.file_name().is_none() => refuse("it is a path without a file name; add one"),
            // Now, because the process may change its working directory later.
            _ if is_path(bytes) => std::path::absolute(name)
                .or_else(|_| refuse("this process has no working directory; begin a path with `/`")),
            _ => refuse("a name has no `/`; begin a path with `/` or `./`"),
        };
    }
    if bytes.len() > MAX {
        return refuse("it is longer than 200 bytes; use a shorter one");
    }
    if bytes.starts_with(b".") {
        return refuse("it begins with a dot; use another name, or a path");
    }
    Ok(Path::new(DIRECTORY).join(name))
}

/// Checks the label of an anonymous segment.
pub(super) fn check_label(label: &str) -> Result<(), SegmentError> {
    let refuse = |why| Err(SegmentError::Name { name: label.into(), why });
    if label.len() > MAX {
        return refuse("it is longer than 200 bytes; use a shorter one");
    }
    if label.chars().any(|c| c == '/' || c.is_control()) {
        return refuse("a label has no `/` and no control characters; leave them out");
    }
    Ok(())
}

/// Whether it is a path on purpose. `a/b` is not: it would depend on the working directory.
fn is_path(bytes: &[u8]) -> bool {
    [&b"/"[..], b"./", b"../"].iter().any(|start| bytes.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_name_stands_for_a_file_in_shared_memory_and_a_path_for_itself() {
        assert_eq!(path_of(Path::new("ticks")).unwrap(), Path::new("/dev/shm/ticks"));
        let current = std::env::current_dir().unwrap();
        for path in ["/mnt/volume/ticks", "./ticks", "./a/ticks", "../ticks"] {
            assert_eq!(path_of(Path::new(path)).unwrap(), current.join(path));
        }
        assert!(path_of(Path::new(&"x".repeat(200))).is_ok());
    }

    #[test]
    fn a_wrong_name_is_refused_with_a_reason() {
        for (name, reason) in [
            ("", "empty"),
            ("a\0b", "zero byte"),
            (".hidden", "dot"),
            ("..", "dot"),
            ("a/b", "a name has no `/`"),
            (".a/b", "a name has no `/`"),
            ("dir/", "ends in `/`"),
            ("dir/..", "without a file name"),
            (&"x".repeat(201), "longer than 200"),
        ] {
            let error = path_of(Path::new(name)).unwrap_err().to_string();
            assert!(error.contains(reason), "{name:?}: {error}");
        }
    }
}
