//! Nor does a pointer into a heap.
//~ error[E0277]
//~ Box<u32>` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[cfg(not(feature = "mended"))]
type Message = Box<u32>;
#[cfg(feature = "mended")]
type Message = u32;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
