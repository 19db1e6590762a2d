//! The families that the crate `prometheus` keeps, through the same encoder as the targets'.

use prometheus::proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType};

use crate::exposition::{Encoder, Kind};

pub fn write_family(out: &mut Encoder, family: &MetricFamily) {
    let name = family.name();
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        _ if name.ends_with("_info") => Kind::Info,
        _ => Kind::Gauge,
    };
    out.header(name, kind, family.help());
    for metric in family.get_metric() {
        write_metric(out, name, kind, metric);
    }
}

fn write_metric(out: &mut Encoder, name: &str, kind: Kind, metric: &Metric) {
    match kind {
        Kind::Histogram => write_histogram(out, name, metric.get_label(), metric.get_histogram()),
        Kind::Counter => write_sample(out, name, "", metric.get_label(), metric.get_counter().get_value()),
        Kind::Gauge | Kind::Info => {
            write_sample(out, name, "", metric.get_label(), metric.get_gauge().get_value());
        }
    }
}

fn write_histogram(out: &mut Encoder, name: &str, labels: &[LabelPair], histogram: &Histogram) {
    for bucket in histogram.get_bucket() {
        write_bucket(out, name, labels, bucket.upper_bound(), bucket.cumulative_count());
    }
    write_bucket(out, name, labels, f64::INFINITY, histogram.get_sample_count());
    write_sample(out, name, "_sum", labels, histogram.get_sample_sum());
    out.raw(name).raw("_count");
    write_labels(out, labels);
    out.raw(" ").uint(histogram.get_sample_count()).newline();
}

fn write_bucket(out: &mut Encoder, name: &str, labels: &[LabelPair], bound: f64, count: u64) {
    out.raw(name).raw("_bucket{");
    for pair in labels {
        out.label(pair.name(), pair.value());
        out.raw(",");
    }
    out.raw("le=\"").bound(bound).raw("\"} ").uint(count).newline();
}

fn write_sample(out: &mut Encoder, name: &str, suffix: &str, labels: &[LabelPair], value: f64) {
    out.raw(name).raw(suffix);
    write_labels(out, labels);
    out.raw(" ").float(value).newline();
}

fn write_labels(out: &mut Encoder, labels: &[LabelPair]) {
    for (i, pair) in labels.iter().enumerate() {
        out.raw(if i == 0 { "{" } else { "," });
        out.label(pair.name(), pair.value());
    }
    if !labels.is_empty() {
        out.raw("}");
    }
}
