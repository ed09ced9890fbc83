//! [`Heap`]: memory for a ring between threads of one process.
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::sync::Arc;

use super::{ALIGN, Memory, Region};

/// Zeroed bytes from this process's heap, for rings between threads and for tests.
///
/// [`Ring::on_heap`](crate::ring::Ring::on_heap) makes one of the right size.
///
/// # Examples
/// ```
/// use ringway::{Options, memory::Heap, spsc::Ring};
///
/// let options = Options::new().capacity(16);
/// let ring = Ring::<u64, _>::format(Heap::new(Ring::<u64>::required_len(&options)), &options)?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.try_push(&7)?;
/// assert_eq!(rx.try_pop()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Heap {
    block: Arc<Block>,
}

#[derive(Debug)]
struct Block {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: `Block` owns its allocation and gives no access to the bytes. Regions do, through atomics
// and the audited copy, on any thread.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Heap {
    /// Allocates `len` bytes, all zero.
    ///
    /// # Panics
    /// Panics where `Vec` does: if `len` exceeds the largest allocation. Aborts if the allocation
    /// fails.
    pub fn new(len: usize) -> Self {
        // At least one byte, because an empty allocation has no address.
        let layout = Layout::from_size_align(len.max(1), ALIGN);
        #[allow(
            clippy::panic,
            reason = "documented, as for Vec; `len` comes from the caller, never from shared bytes"
        )]
        let Ok(layout) = layout else {
            panic!("{len} bytes exceed the largest allocation, isize::MAX bytes")
        };
        // SAFETY: the layout has at least one byte.
        let base = unsafe { alloc_zeroed(layout) };
        let base = NonNull::new(base).unwrap_or_else(|| handle_alloc_error(layout));
        Self { block: Arc::new(Block { base, layout }) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `base` came from `alloc_zeroed` with this layout, and the last handle is gone, so
        // nothing uses the bytes (I1).
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

// SAFETY: the block lives, at one address, until the last clone of the handle is dropped. Nothing
// else refers to its bytes.
unsafe impl Memory for Heap {
    fn region(&self) -> Region {
        // SAFETY: the allocation is zeroed, so initialised, and lives as long as clones of the
        // handle. It is aligned to `ALIGN`.
        unsafe { Region::new(self.block.base, self.block.layout.size()) }
    }
}
