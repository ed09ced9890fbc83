//! Nor do a pointer and its counters.
//~ error[E0277]
//~ Rc<u32>` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[cfg(not(feature = "mended"))]
type Message = std::rc::Rc<u32>;
#[cfg(feature = "mended")]
type Message = u32;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
