//! Many producers with a lane each: see [`lanes`](crate::lanes).
mod consumer;

pub(crate) use consumer::LanesConsumer;
