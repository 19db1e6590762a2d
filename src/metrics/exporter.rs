//! The exporter's own families: kept by the crate `prometheus` (used in this file only), written by the encoder of the
//! targets' families.
//!
//! Belongs here: what other modules report about the exporter itself. Does not belong here: anything
//! about a target.

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::exposition::{Encoder, Kind};

/// Upper bounds of `pbx_exporter_probe_wait_seconds`; `+Inf` follows.
pub const WAIT_BUCKETS: [f64; 8] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];

#[derive(Debug)]
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
    connections: IntGauge,
    accept_errors: IntCounter,
    web_config: IntGauge,
}

impl ExporterMetrics {
    /// All families registered, counters at zero.
    ///
    /// # Panics
    /// Never: these are valid, distinct names, which each test of a scrape proves.
    pub fn new() -> Arc<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self())).expect(VALID);
        let (version, revision) = (env!("CARGO_PKG_VERSION"), env!("PBX_EXPORTER_REVISION"));
        let build = Opts::new("pbx_exporter_build_info", "Always 1: what this exporter was built from.")
            .const_label("version", version)
            .const_label("revision", revision)
            .const_label("rustversion", env!("PBX_EXPORTER_RUSTC"));
        register(&registry, IntGauge::with_opts(build)).set(1);
        let log_events = Opts::new(
            "pbx_exporter_log_events_total",
            "Log events of the exporter by level, down to the configured log level.",
        );
        let log_events = register(&registry, IntCounterVec::new(log_events, &["level"]));
        let wait = HistogramOpts::new(
            "pbx_exporter_probe_wait_seconds",
            "How long probes waited, in seconds, from when they were due until they started.",
        );
        let gauge = |name, help| register(&registry, IntGauge::new(name, help));
        let counter = |name, help| register(&registry, IntCounter::new(name, help));
        let web_config = gauge(
            "pbx_exporter_web_config_last_reload_successful",
            "1 if the latest load of --web.config.file succeeded, else 0: the last good one is still used. 1 without a file.",
        );
        web_config.set(1);
        Arc::new(Self {
            targets: gauge("pbx_exporter_targets", "Targets in the current configuration."),
            reload_successful: gauge(
                "pbx_exporter_config_last_reload_successful",
                "1 if the latest load of the configuration succeeded, else 0: the previous one is still \
                 used.",
            ),
            reload_timestamp: register(
                &registry,
                Gauge::new(
                    "pbx_exporter_config_last_reload_success_timestamp_seconds",
                    "When the configuration was last loaded successfully, Unix seconds; 0 if never.",
                ),
            ),
            in_flight: gauge("pbx_exporter_probes_in_flight", "Probes running now."),
            wait: register(&registry, Histogram::with_opts(wait.buckets(WAIT_BUCKETS.to_vec()))),
            overruns: counter(
                "pbx_exporter_probe_overruns_total",
                "Probes that became due while the previous one of the same target was still running or \
                 waiting.",
            ),
            panics: counter("pbx_exporter_panics_total", "Panics in tasks of the exporter; each is a bug."),
            log_events: LEVELS.map(|(_, name)| log_events.with_label_values(&[name])),
            connections: gauge("pbx_exporter_connections", "Connections open to the exporter's own pages."),
            accept_errors: counter(
                "pbx_exporter_accept_errors_total",
                "Connections that the exporter could not accept, usually because no file descriptor was left.",
            ),
            web_config,
            registry,
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

    /// A connection was opened.
    pub fn connected(&self) {
        self.connections.inc();
    }

    /// And closed.
    pub fn disconnected(&self) {
        self.connections.dec();
    }

    /// A connection could not be accepted.
    pub fn accept_failed(&self) {
        self.accept_errors.inc();
    }

    /// The web configuration file was read, with or without success.
    pub fn web_config_read(&self, successful: bool) {
        self.web_config.set(i64::from(successful));
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

fn register<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect(VALID);
    registry.register(Box::new(collector.clone())).expect(VALID);
    collector
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

/// A whole family of the crate `prometheus`.
pub(super) fn write_family(out: &mut Encoder, family: &MetricFamily) {
    let name = family.name();
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        _ if name.ends_with("_info") => Kind::Info,
        _ => Kind::Gauge,
    };
    out.header(name, kind, family.help());
    for metric in family.get_metric() {
        let value = match kind {
            Kind::Histogram => return write_histogram(out, name, metric.get_histogram()),
            Kind::Counter => metric.get_counter().get_value(),
            Kind::Gauge | Kind::Info => metric.get_gauge().get_value(),
        };
        out.raw(name);
        for (i, pair) in metric.get_label().iter().enumerate() {
            out.raw(if i == 0 { "{" } else { "," });
            out.label(pair.name(), pair.value());
        }
        out.raw(if metric.get_label().is_empty() { " " } else { "} " }).float(value).newline();
    }
}

/// One without labels.
fn write_histogram(out: &mut Encoder, name: &str, histogram: &prometheus::proto::Histogram) {
    let count = histogram.get_sample_count();
    let buckets =
        histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    for (bound, count) in buckets.chain([(f64::INFINITY, count)]) {
        out.raw(name).raw("_bucket{le=\"").bound(bound).raw("\"} ").uint(count).newline();
    }
    out.raw(name).raw("_sum ").float(histogram.get_sample_sum()).newline();
    out.raw(name).raw("_count ").uint(count).newline();
}
