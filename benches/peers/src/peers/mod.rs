//! The peers, and ourselves among them.
use crate::cell::Cell;

#[cfg(feature = "aeron")]
mod aeron;
mod channel;
mod crossbeam;
mod disruptor;
mod flume;
mod gil;
mod iceoryx2;
mod ipc_channel;
mod kanal;
mod kernel;
mod memory;
mod nexus;
mod pipe;
mod ringbuf;
mod ringfire;
mod ringway;
mod rtrb;
mod shaq;
mod shmem_ipc;
mod std_channel;

pub fn cells(list: &mut Vec<Cell>) {
    ringway::cells(list);
    rtrb::cells(list);
    ringbuf::cells(list);
    gil::cells(list);
    nexus::cells(list);
    crossbeam::cells(list);
    kanal::cells(list);
    disruptor::cells(list);
    flume::cells(list);
    std_channel::cells(list);
    pipe::cells(list);
    kernel::cells(list);
    shaq::cells(list);
    ringfire::cells(list);
    shmem_ipc::cells(list);
    ipc_channel::cells(list);
    iceoryx2::cells(list);
    #[cfg(feature = "aeron")]
    aeron::cells(list);
}
