//! Whoever is generic says what for.
//~ error[E0277]
//~ T` cannot be carried by a ring
//~ consider restricting type parameter `T` with trait `Message`
use ringway::spsc::Producer;

#[cfg(not(feature = "mended"))]
fn send<T>(_: Producer<T>, _: T) {} //~ here
#[cfg(feature = "mended")]
fn send<T: ringway::Message>(_: Producer<T>, _: T) {}

fn main() {
    let _send = send::<u32>;
}
