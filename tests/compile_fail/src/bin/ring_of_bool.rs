//! Where a method is called, the compiler tells what is missing.
//~ error[E0599]
//~ FromBytes`
//~ which is required by `bool: ringway::Message`
use ringway::spsc::Ring;

#[cfg(not(feature = "mended"))]
type Message = bool;
#[cfg(feature = "mended")]
type Message = u8;

fn main() {
    let _ring = Ring::<Message>::open("messages"); //~ here
}
