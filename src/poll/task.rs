//! [`TaskWaker`]: the task that waits for an end.
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::end::End;
use super::waker_thread::{self, Notify};

/// The task that waits for an end, and how the end's waker thread wakes it.
pub(crate) struct TaskWaker {
    task: Arc<Mutex<Option<Waker>>>,
    notify: Notify,
}

impl TaskWaker {
    /// Starts the waker thread of the end.
    pub(crate) fn spawn<E: End<Memory: 'static>>(end: &mut E) -> io::Result<Self> {
        let task = Arc::new(Mutex::new(None::<Waker>));
        let notify: Notify = {
            let task = task.clone();
            Arc::new(move || {
                // Taken first: the task may be back here before `wake` returns.
                let waker = task.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            })
        };
        waker_thread::spawn(end, &notify)?;
        Ok(Self { task, notify })
    }

    /// Whether the end may be ready. After a `Pending`, the task is woken.
    pub(crate) fn poll_ready<E: End<Memory: 'static>>(&self, end: &mut E, context: &Context<'_>) -> Poll<()> {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        if waker_thread::arm(end, &self.notify) { Poll::Pending } else { Poll::Ready(()) }
    }
}
