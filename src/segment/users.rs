//! Users: which owner of a file this process trusts.
//!
//! # References
//! user_namespaces(7), "Unmapped user and group IDs"; proc(5), `/proc/PID/uid_map`,
//! `/proc/sys/kernel/overflowuid`.
use std::fs::read_to_string;

use crate::layout::Options;
use crate::os;

/// The number of user ids: 2^32 - 1, because the last number means *none*.
const ALL_USERS: u64 = u32::MAX as u64;

/// Whether this process trusts a segment that belongs to `owner`.
pub(super) fn is_trusted(owner: u32, options: &Options<'_>) -> bool {
    let is_own = owner == os::user() || owner == 0;
    options.owner == Some(owner) || is_own && !is_unknown(owner)
}

/// Whether `owner` can stand for any user that this user namespace does not map.
///
/// To a process there, all such users have one id, the overflow uid. Its own may be among them.
pub(super) fn is_unknown(owner: u32) -> bool {
    owner == overflow_user() && !maps_all_users()
}

fn overflow_user() -> u32 {
    /// Unless the administrator has set another one.
    const DEFAULT: u32 = 65534;
    let found = read_to_string("/proc/sys/kernel/overflowuid");
    found.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT)
}

/// Whether this user namespace maps every user id. `false` also without /proc.
fn maps_all_users() -> bool {
    read_to_string("/proc/self/uid_map").is_ok_and(|map| mapped_users(&map) >= ALL_USERS)
}

/// How many user ids a map has: the third number of each line is the length of a range.
fn mapped_users(map: &str) -> u64 {
    let length = |line: &str| line.split_ascii_whitespace().nth(2)?.parse().ok();
    map.lines().filter_map(length).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_complete_if_its_ranges_have_all_ids() {
        assert_eq!(mapped_users("         0          0 4294967295\n"), ALL_USERS);
        assert_eq!(mapped_users("0 1000 1\n1 100000 65536\n"), 65537);
        assert_eq!(mapped_users("0 0 65534\n65534 65534 4294901761\n"), ALL_USERS);
        assert_eq!(mapped_users(""), 0);
    }
}
