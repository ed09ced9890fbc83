//! A peer could write a 2.
//~ error[E0277]
//~ bool` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[cfg(not(feature = "mended"))]
type Message = bool;
#[cfg(feature = "mended")]
type Message = u8;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
