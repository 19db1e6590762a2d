//! One HTTP exchange with time and size limit; keeps status, headers, phases, certificate expiry.
//!
//! Belongs here: everything that knows reqwest or rustls. Does not belong here: what an answer means.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::domain::target::ClientSettings;
use crate::domain::{Exchange, Request};

/// Limits of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From start to the last byte.
    pub timeout: Duration,
    /// Largest body, bytes, after any content coding.
    pub body: u64,
}

/// The future of an exchange.
pub type ExchangeFuture<'a> = Pin<Box<dyn Future<Output = Exchange> + Send + 'a>>;

/// The seam between what is asked and how it travels.
pub trait Transport: Send + Sync {
    /// Sends `request` and waits for the whole answer, within `limits`. Never panics for anything
    /// the far side does. Dropping the future cancels the exchange.
    fn exchange<'a>(
        &'a self,
        client: &'a ClientSettings,
        limits: Limits,
        request: Request,
    ) -> ExchangeFuture<'a>;
}
