//! Who promises something about other processes writes `unsafe`.
//~ error[E0133]: call to unsafe function
use ringway::Trust;

fn main() {
    #[cfg(not(feature = "mended"))]
    let _trust = Trust::in_peers(); //~ here
    // SAFETY: it is used for nothing.
    #[cfg(feature = "mended")]
    let _trust = unsafe { Trust::in_peers() };
}
