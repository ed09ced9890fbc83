//! Nor is there another way to get one.
//~ error[E0423]: cannot initialize a tuple struct which contains private fields
use ringway::Trust;

fn main() {
    #[cfg(not(feature = "mended"))]
    let _trust = Trust(()); //~ here
    let _none: Option<Trust> = None;
}
