//! `rate_limit`: one bucket of tokens for the whole listener, as in the Prometheus family.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::web_config::RateLimit;

/// Full at the start.
pub(super) struct Bucket {
    limit: RateLimit,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 requests")]
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, state: Mutex::new((limit.burst as f64, Instant::now())) }
    }

    /// Takes a token, if there is one.
    #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 requests")]
    pub(super) fn take(&self, now: Instant) -> bool {
        let Some(interval) = self.limit.interval else { return true };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *state;
        let came = now.duration_since(since).as_secs_f64() / interval.as_secs_f64();
        let tokens = (tokens + came).min(self.limit.burst as f64);
        let has = tokens >= 1.0;
        *state = (if has { tokens - 1.0 } else { tokens }, now);
        has
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let now = Instant::now();
        let bucket = Bucket::new(RateLimit { interval: Some(Duration::from_secs(1)), burst: 2 });
        let at = |seconds: f64| bucket.take(now + Duration::from_secs_f64(seconds));
        let taken = [0.0, 0.0, 0.1, 0.9, 1.2, 1.3, 9.0, 9.0, 9.0].map(at);
        assert_eq!(taken, [true, true, false, false, true, false, true, true, false]);
    }

    #[test]
    fn no_burst_lets_nobody_in_and_a_negative_interval_everybody() {
        let now = Instant::now();
        assert!(!Bucket::new(RateLimit { interval: Some(Duration::from_secs(1)), burst: 0 }).take(now));
        assert!(Bucket::new(RateLimit { interval: None, burst: 0 }).take(now));
    }
}
