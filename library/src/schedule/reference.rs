//! When a target's extensions are counted on the PBX host itself: a timetable apart from that of the
//! probes, so that neither can hold the other up or change its outcome.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::entry::Entry;
use crate::board::{Reference, Slot};
use crate::clock::Clock;
use crate::domain::ReferenceSettings;
use crate::metrics::ExporterMetrics;
use crate::reference::{ReferenceError, count_once};

/// Counts for one target until it goes.
pub(super) struct Watch {
    settings: Arc<ReferenceSettings>,
    slot: Arc<Slot>,
    cancel: CancellationToken,
    metrics: Arc<ExporterMetrics>,
    clock: Clock,
}

impl Watch {
    pub fn new(settings: Arc<ReferenceSettings>, entry: &Entry, parts: &Parts) -> Self {
        let (slot, cancel) = (entry.slot.clone(), entry.cancel.clone());
        Self { settings, slot, cancel, metrics: parts.metrics.clone(), clock: parts.clock }
    }

    /// Counts from `first` on.
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

    fn record(&self, count: Result<u64, ReferenceError>) {
        if matches!(count, Err(ReferenceError::Panicked)) {
            self.metrics.panicked();
        }
        let reference = Reference {
            kind: self.settings.source.kind(),
            count: count.map_err(|error| error.to_string().into()),
            at: self.clock.unix(),
        };
        tell_change(&self.slot.info.name, self.slot.reference().as_deref(), &reference);
        self.slot.publish_reference(reference);
    }
}

/// What `count` gives, whatever becomes of it: in a task of its own, which is aborted when this is dropped.
async fn contained(
    count: impl Future<Output = Result<u64, ReferenceError>> + Send + 'static,
) -> Result<u64, ReferenceError> {
    let mut counting = JoinSet::new();
    counting.spawn(count);
    counting.join_next().await.and_then(Result::ok).unwrap_or(Err(ReferenceError::Panicked))
}

/// Logs each change between counting and failing, and of why it fails, once.
fn tell_change(target: &str, old: Option<&Reference>, new: &Reference) {
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
        assert!(matches!(panicked, Err(ReferenceError::Panicked)), "{panicked:?}");
        assert!(matches!(contained(async { Ok(3) }).await, Ok(3)));
    }
}
