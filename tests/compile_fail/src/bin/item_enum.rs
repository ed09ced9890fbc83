//! A peer could write a variant that there is not.
//~ error[E0277]
//~ Side` cannot be carried by a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
#[allow(dead_code)]
enum Side {
    Buy,
    Sell,
}

#[cfg(not(feature = "mended"))]
type Message = Side;
#[cfg(feature = "mended")]
type Message = u8;

fn main() {
    let _tx: Option<ringway::spsc::Producer<Message>> = None; //~ here
}
