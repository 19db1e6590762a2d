//! What the web may ask of the rest: a handle from the application, so that `web` does not know rooms
//! that hold secrets.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A future that borrows from its handle.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the web may ask for.
pub trait Control: Send + Sync {
    /// Whether each target of the first configuration was probed, or waited for long enough.
    fn ready(&self) -> bool;
    /// Reads the configuration anew; the error is its whole text.
    fn reload(&self) -> BoxFuture<'_, Result<(), String>>;
    /// Probes one target now, past any back-off, and waits for the end of the probe.
    fn probe_now(&self, target: &str) -> BoxFuture<'_, ProbeNow>;
}

/// What became of a request to probe now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeNow {
    /// Probed; the state is on the board.
    Done,
    /// No target of that name.
    UnknownTarget,
    /// It was probed on request a moment ago.
    TooSoon {
        /// When to ask again.
        retry_after: Duration,
    },
    /// Another refusal could make the PBX ban this host.
    RefusalBudget {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The service is going down.
    Stopping,
}
