//! What changes behind a shared reference cannot be looked at as bytes.
//~ error[E0277]
//~ Cell<u32>` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[cfg(not(feature = "mended"))]
type Message = std::cell::Cell<u32>;
#[cfg(feature = "mended")]
type Message = u32;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
