//! A connection that its own call keeps going.

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

/// What reads from and writes to one connection. It has no task of its own: an answer of a million small pieces would
/// wake two tasks for each of them. Dropping it closes the connection.
pub struct Driven(Option<Mutex<Going>>);

/// Never locked: a mutex is what makes it [`Sync`] although nobody shares it.
type Going = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Driven {
    /// Drives `connection` whenever something is awaited through [`Driven::until`].
    pub fn new(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Mutex::new(Box::pin(connection))))
    }

    /// Waits for something that comes over the connection. As cancel safe as that.
    pub async fn until<T>(&mut self, awaited: impl Future<Output = T>) -> T {
        let mut awaited = pin!(awaited);
        poll_fn(|context| {
            if let Poll::Ready(value) = awaited.as_mut().poll(context) {
                return Poll::Ready(value);
            }
            self.drive(context);
            // What has just come.
            awaited.as_mut().poll(context)
        })
        .await
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        let connection = self.0.as_mut().map(Mutex::get_mut);
        let connection = connection.map(|connection| connection.unwrap_or_else(PoisonError::into_inner));
        if connection.is_some_and(|connection| connection.as_mut().poll(context).is_ready()) {
            self.0 = None;
        }
    }
}

impl fmt::Debug for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driven").field("open", &self.0.is_some()).finish()
    }
}
