//! What lies between its fields would leak, and is not defined.
//~ error[E0277]
//~ Padded` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, Immutable)]
#[repr(C)]
#[allow(dead_code)]
struct Padded {
    _price: u64,
    _size: u32,
}

#[derive(FromBytes, Immutable, IntoBytes)]
#[repr(C)]
struct Tight {
    _price: u64,
    _size: u32,
    _venue: [u8; 4],
}

#[cfg(not(feature = "mended"))]
type Message = Padded;
#[cfg(feature = "mended")]
type Message = Tight;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
