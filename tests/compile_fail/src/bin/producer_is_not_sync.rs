//! A producer may move to another thread; two threads cannot have it.
//~ error[E0277]
//~ cannot be shared between threads safely
fn shared<T: Sync>() {}
fn sent<T: Send>() {}

fn main() {
    sent::<ringway::spsc::Producer<u64>>();
    #[cfg(not(feature = "mended"))]
    shared::<ringway::spsc::Producer<u64>>(); //~ here
    shared::<ringway::spsc::Ring<u64>>();
}
