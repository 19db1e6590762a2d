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
            // A task of its own, so that a panic ends one count; dropped, it is aborted.
            let (mut counting, settings) = (JoinSet::new(), self.settings.clone());
            counting.spawn(async move { count_once(&settings).await });
            match counting.join_next().await {
                Some(Ok(count)) => self.record(count),
                _ => self.metrics.panicked(),
            }
            due = Instant::now() + self.settings.interval;
        }
    }

    fn record(&self, count: Result<u64, ReferenceError>) {
        let reference = Reference {
            kind: self.settings.source.kind(),
            count: count.map_err(|error| error.to_string().into()),
            at: self.clock.unix(),
        };
        tell_change(&self.slot.info.name, self.slot.reference().as_deref(), &reference);
        self.slot.publish_reference(reference);
    }
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
