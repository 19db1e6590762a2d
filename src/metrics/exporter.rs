//! The exporter's own families, kept by the crate `prometheus` (used in this room only).
//!
//! Belongs here: what other rooms report about the exporter itself. Does not belong here: anything
//! about a target.

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::exposition::Kind;

/// Upper bounds of `pbx_exporter_probe_wait_seconds`; `+Inf` follows.
pub const WAIT_BUCKETS: [f64; 8] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];

/// A family of the exporter: name, kind, labels, HELP.
pub struct OwnFamily(pub &'static str, pub Kind, pub &'static [&'static str], pub &'static str);

/// Every family of the exporter but `process_*`, which the process collector names.
pub static FAMILIES: [OwnFamily; 9] = [
    OwnFamily(
        "pbx_exporter_build_info",
        Kind::Info,
        &["version", "revision", "rustversion"],
        "Always 1: what this exporter was built from.",
    ),
    OwnFamily("pbx_exporter_targets", Kind::Gauge, &[], "Targets in the configuration in force."),
    OwnFamily(
        "pbx_exporter_config_last_reload_successful",
        Kind::Gauge,
        &[],
        "1 if the newest reading of the configuration succeeded, else 0: the old one is then in force.",
    ),
    OwnFamily(
        "pbx_exporter_config_last_reload_success_timestamp_seconds",
        Kind::Gauge,
        &[],
        "When the configuration was last read with success, Unix seconds; 0 before.",
    ),
    OwnFamily("pbx_exporter_probes_in_flight", Kind::Gauge, &[], "Probes running now."),
    OwnFamily(
        "pbx_exporter_probe_wait_seconds",
        Kind::Histogram,
        &[],
        "How long probes waited, in seconds, from when they were due until they started.",
    ),
    OwnFamily(
        "pbx_exporter_probe_overruns_total",
        Kind::Counter,
        &[],
        "Probes that became due while the one before of the same target was still running or waiting.",
    ),
    OwnFamily("pbx_exporter_panics_total", Kind::Counter, &[], "Panics in tasks of the exporter; a defect."),
    OwnFamily(
        "pbx_exporter_log_events_total",
        Kind::Counter,
        &["level"],
        "Log events of the exporter by level, as far as the log level lets them through.",
    ),
];

pub struct ExporterMetrics {
    registry: Registry,
    targets: IntGauge,
    reload_successful: IntGauge,
    reload_timestamp: Gauge,
    in_flight: IntGauge,
    wait: Histogram,
    overruns: IntCounter,
    panics: IntCounter,
    log_events: [IntCounter; 5],
}

impl std::fmt::Debug for ExporterMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExporterMetrics").finish_non_exhaustive()
    }
}

impl ExporterMetrics {
    /// All families registered, counters at zero.
    ///
    /// # Panics
    /// Never: [`FAMILIES`] holds valid, distinct names, which a test proves.
    pub fn new() -> Arc<Self> {
        let make = Maker { registry: Registry::new() };
        make.build_info();
        make.registry.register(Box::new(ProcessCollector::for_self())).expect(VALID);
        let log_events = make.register(IntCounterVec::new(opts(8), FAMILIES[8].2).expect(VALID));
        Arc::new(Self {
            targets: make.register(IntGauge::with_opts(opts(1)).expect(VALID)),
            reload_successful: make.register(IntGauge::with_opts(opts(2)).expect(VALID)),
            reload_timestamp: make.register(Gauge::with_opts(opts(3)).expect(VALID)),
            in_flight: make.register(IntGauge::with_opts(opts(4)).expect(VALID)),
            wait: make.register(Histogram::with_opts(wait_opts()).expect(VALID)),
            overruns: make.register(IntCounter::with_opts(opts(6)).expect(VALID)),
            panics: make.register(IntCounter::with_opts(opts(7)).expect(VALID)),
            log_events: LEVELS.map(|(_, name)| log_events.with_label_values(&[name])),
            registry: make.registry,
        })
    }

    pub fn set_targets(&self, targets: usize) {
        self.targets.set(i64::try_from(targets).unwrap_or(i64::MAX));
    }

    /// The configuration was read: at this Unix time, or without success.
    pub fn reloaded(&self, result: Result<f64, ()>) {
        self.reload_successful.set(i64::from(result.is_ok()));
        if let Ok(unix) = result {
            self.reload_timestamp.set(unix);
        }
    }

    /// A probe started, `wait` after it was due.
    pub fn probe_started(&self, wait: Duration) {
        self.in_flight.inc();
        self.wait.observe(wait.as_secs_f64());
    }

    pub fn probe_finished(&self) {
        self.in_flight.dec();
    }

    /// A probe was due while the one before had not ended.
    pub fn overrun(&self) {
        self.overruns.inc();
    }

    pub fn panicked(&self) {
        self.panics.inc();
    }

    pub fn log_layer(self: &Arc<Self>) -> LogLayer {
        LogLayer(Arc::clone(self))
    }

    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

const VALID: &str = "a valid, distinct family";

const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

fn opts(family: usize) -> Opts {
    Opts::new(FAMILIES[family].0, FAMILIES[family].3)
}

fn wait_opts() -> HistogramOpts {
    HistogramOpts::new(FAMILIES[5].0, FAMILIES[5].3).buckets(WAIT_BUCKETS.to_vec())
}

struct Maker {
    registry: Registry,
}

impl Maker {
    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> C {
        self.registry.register(Box::new(collector.clone())).expect(VALID);
        collector
    }

    fn build_info(&self) {
        let labels = [env!("CARGO_PKG_VERSION"), env!("PBX_EXPORTER_REVISION"), env!("PBX_EXPORTER_RUSTC")];
        let opts = FAMILIES[0].2.iter().zip(labels).fold(opts(0), |opts, (k, v)| opts.const_label(*k, v));
        self.register(IntGauge::with_opts(opts).expect(VALID)).set(1);
    }
}

/// Counts log events by level; see [`ExporterMetrics::log_layer`].
#[derive(Clone, Debug)]
pub struct LogLayer(Arc<ExporterMetrics>);

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level();
        for (counter, _) in self.0.log_events.iter().zip(LEVELS).filter(|(_, (l, _))| l == level) {
            counter.inc();
        }
    }
}
