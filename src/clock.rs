//! Wall time, for exported timestamps and for people only. Durations and deadlines use `tokio::time::Instant`.

use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

/// Where wall time comes from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clock, read at each call, so that its corrections show.
    System,
    /// `unix` at `base`, moved on by tokio's clock: paused test time steers it.
    Steered {
        /// The instant at which `unix` held.
        base: Instant,
        /// Unix seconds at `base`.
        unix: f64,
    },
}

impl Clock {
    /// A clock that reads `unix` seconds now and then follows tokio's clock.
    pub fn steered(unix: f64) -> Self {
        Self::Steered { base: Instant::now(), unix }
    }

    /// Unix seconds now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn unix(&self) -> f64 {
        match self {
            Self::System => std::time::SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO)
                .as_secs_f64(),
            Self::Steered { base, unix } => unix + base.elapsed().as_secs_f64(),
        }
    }
}
