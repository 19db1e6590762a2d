//! The families that the crate `prometheus` keeps, through the same encoder as the targets'.

use prometheus::proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::encoder::{Encoder, Kind};

impl Encoder {
    /// A whole family of the crate `prometheus`.
    pub fn family(&mut self, family: &MetricFamily) {
        let name = family.name();
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            _ if name.ends_with("_info") => Kind::Info,
            _ => Kind::Gauge,
        };
        self.header(name, kind, family.help());
        for metric in family.get_metric() {
            self.metric(name, kind, metric);
        }
    }

    fn metric(&mut self, name: &str, kind: Kind, metric: &Metric) {
        match kind {
            Kind::Histogram => self.histogram(name, metric.get_label(), metric.get_histogram()),
            Kind::Counter => self.sample(name, "", metric.get_label(), metric.get_counter().get_value()),
            Kind::Gauge | Kind::Info => {
                self.sample(name, "", metric.get_label(), metric.get_gauge().get_value());
            }
        }
    }

    fn histogram(&mut self, name: &str, labels: &[LabelPair], histogram: &Histogram) {
        for bucket in histogram.get_bucket() {
            self.bucket(name, labels, bucket.upper_bound(), bucket.cumulative_count());
        }
        self.bucket(name, labels, f64::INFINITY, histogram.get_sample_count());
        self.sample(name, "_sum", labels, histogram.get_sample_sum());
        self.raw(name).raw("_count");
        self.labels(labels);
        self.raw(" ").uint(histogram.get_sample_count()).newline();
    }

    fn bucket(&mut self, name: &str, labels: &[LabelPair], bound: f64, count: u64) {
        self.raw(name).raw("_bucket{");
        for pair in labels {
            self.label(pair.name(), pair.value());
            self.raw(",");
        }
        self.raw("le=\"").bound(bound).raw("\"} ").uint(count).newline();
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[LabelPair], value: f64) {
        self.raw(name).raw(suffix);
        self.labels(labels);
        self.raw(" ").float(value).newline();
    }

    fn labels(&mut self, labels: &[LabelPair]) {
        for (i, pair) in labels.iter().enumerate() {
            self.raw(if i == 0 { "{" } else { "," });
            self.label(pair.name(), pair.value());
        }
        if !labels.is_empty() {
            self.raw("}");
        }
    }
}
