//! Likewise where somebody's own function asks for an item.
//~ error[E0277]
//~ bool` cannot be an item of a ring
//~ `#[derive(FromBytes, IntoBytes, Immutable)]`, and `#[repr(C)]`
use ringway::Item;

fn log<T: Item>(_: T) {}

fn main() {
    #[cfg(not(feature = "mended"))]
    log(true); //~ here
    log(1_u8);
}
