//! Who follows the advice is told how much padding there is.
//~ error[E0277]: `Padded` has 4 total byte(s) of padding
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, Immutable, IntoBytes)] //~ here
#[repr(C)]
struct Padded {
    _price: u64,
    _size: u32,
    #[cfg(feature = "mended")]
    _venue: [u8; 4],
}

fn main() {
    let _tx: Option<ringway::spsc::Producer<Padded>> = None;
}
