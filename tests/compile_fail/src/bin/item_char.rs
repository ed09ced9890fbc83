//! A peer could write what is no character.
//~ error[E0277]
//~ char` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[cfg(not(feature = "mended"))]
type Message = char;
#[cfg(feature = "mended")]
type Message = u32;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
