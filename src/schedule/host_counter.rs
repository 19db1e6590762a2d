//! When a target's extensions are counted on the PBX host itself: a timetable apart from that of the
//! probes, so that neither can hold the other up or change its outcome.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::entry::Entry;
use crate::board::{HostCount, Slot};
use crate::clock::Clock;
use crate::domain::HostCountSettings;
use crate::host_count::{HostCountError, count_once};
use crate::metrics::ExporterMetrics;

pub(super) struct Watch {
    settings: Arc<HostCountSettings>,
    slot: Arc<Slot>,
    cancel: CancellationToken,
    metrics: Arc<ExporterMetrics>,
    clock: Clock,
}

impl Watch {
    pub fn new(settings: Arc<HostCountSettings>, entry: &Entry, parts: &Parts) -> Self {
        let (slot, cancel) = (entry.slot.clone(), entry.cancel.clone());
        Self { settings, slot, cancel, metrics: parts.metrics.clone(), clock: parts.clock }
    }

    pub async fn run(self, first: Instant) {
        let cancel = self.cancel.clone();
        cancel.run_until_cancelled(self.count_on(first)).await;
    }

    async fn count_on(&self, mut due: Instant) {
        loop {
            tokio::time::sleep_until(due).await;
            let settings = self.settings.clone();
            self.record(contained(async move { count_once(&settings).await }).await);
            due = Instant::now() + self.settings.interval;
        }
    }

    fn record(&self, count: Result<u64, HostCountError>) {
        if matches!(count, Err(HostCountError::Panicked)) {
            self.metrics.panicked();
        }
        let host_count = HostCount {
            kind: self.settings.source.kind(),
            count: count.map_err(|error| error.to_string().into()),
            at: self.clock.unix(),
        };
        tell_change(&self.slot.info.name, self.slot.host_count().as_deref(), &host_count);
        self.slot.publish_host_count(host_count);
    }
}

/// What `count` gives, whatever becomes of it: in a task of its own, which is aborted when this is dropped.
async fn contained(
    count: impl Future<Output = Result<u64, HostCountError>> + Send + 'static,
) -> Result<u64, HostCountError> {
    let mut counting = JoinSet::new();
    counting.spawn(count);
    counting.join_next().await.and_then(Result::ok).unwrap_or(Err(HostCountError::Panicked))
}

/// Logs each change between counting and failing, and of why it fails, once.
fn tell_change(target: &str, old: Option<&HostCount>, new: &HostCount) {
    let source = new.kind.as_str();
    match (old.and_then(|old| old.count.as_ref().err()), new.count.as_ref().err()) {
        (before, Some(error)) if before != Some(error) => {
            tracing::warn!(target, source, error = &**error, "failed to count extensions on the PBX host");
        }
        (Some(_), None) => tracing::info!(target, source, "extensions counted again on the PBX host"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_count_that_panics_is_a_failed_count_and_no_more() {
        let panicked = contained(async { panic!("in a parser") }).await;
        assert!(matches!(panicked, Err(HostCountError::Panicked)), "{panicked:?}");
        assert!(matches!(contained(async { Ok(3) }).await, Ok(3)));
    }
}
