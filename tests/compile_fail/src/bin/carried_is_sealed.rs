//! Nobody says of a type that a ring may carry it, but by zerocopy's traits.
//~ error[E0277]
//~ sealed::Message` is not satisfied
struct Flag(#[allow(dead_code)] bool);

#[cfg(not(feature = "mended"))]
impl ringway::Message for Flag {} //~ here

fn main() {
    let _flag = Flag(true);
}
