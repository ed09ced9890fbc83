//! A reference means nothing in another process.
//~ error[E0277]
//~ &'static str` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[cfg(not(feature = "mended"))]
type Message = &'static str;
#[cfg(feature = "mended")]
type Message = [u8; 16];

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
