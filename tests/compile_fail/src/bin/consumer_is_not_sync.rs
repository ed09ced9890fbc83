//! Likewise a consumer.
//~ error[E0277]
//~ cannot be shared between threads safely
fn shared<T: Sync>() {}
fn sent<T: Send>() {}

fn main() {
    sent::<ringway::spsc::Consumer<u64>>();
    #[cfg(not(feature = "mended"))]
    shared::<ringway::spsc::Consumer<u64>>(); //~ here
    shared::<ringway::spsc::Ring<u64>>();
}
