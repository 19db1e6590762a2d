//! A strict reader of OpenMetrics 1.0: panics at whatever the standard forbids and this exporter
//! could get wrong.

use std::collections::HashSet;

struct Family<'a> {
    name: &'a str,
    kind: &'a str,
}

/// Reads `text`; returns how many samples it has.
pub fn check(text: &str) -> usize {
    let body = text.strip_suffix("# EOF\n").expect("ends with # EOF");
    let (mut families, mut series, mut bucket) = (HashSet::new(), HashSet::new(), Bucket::default());
    let mut current = Family { name: "", kind: "" };
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect(line);
            assert!(families.insert(name), "family {name} twice");
            assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{line}");
            unescape(help);
            let kind = lines.next().and_then(|l| l.strip_prefix("# TYPE ")).and_then(|l| l.split_once(' '));
            let (typed, kind) = kind.expect("TYPE follows HELP");
            assert_eq!(typed, name);
            current = Family { name, kind };
            continue;
        }
        let sample = Sample::parse(line);
        assert!(series.insert((sample.name, sample.labels.clone())), "series twice: {line}");
        current.check(&sample, line);
        bucket.check(&sample, line);
    }
    series.len()
}

impl Family<'_> {
    fn check(&self, sample: &Sample<'_>, line: &str) {
        let suffix = sample.name.strip_prefix(self.name).expect(line);
        match (self.kind, suffix) {
            ("counter", "_total") | ("histogram", "_bucket" | "_sum" | "_count") => {
                assert!(sample.value >= 0.0, "{line}");
            }
            ("info", "_info") => assert!(sample.value.to_bits() == 1_f64.to_bits(), "{line}"),
            ("gauge", "") => {}
            _ => panic!("not a sample of {} {}: {line}", self.kind, self.name),
        }
    }
}

/// Buckets of one histogram, in order, cumulative, up to `+Inf`, which equals the count.
#[derive(Default)]
struct Bucket {
    bound: Option<f64>,
    count: f64,
}

impl Bucket {
    fn check(&mut self, sample: &Sample<'_>, line: &str) {
        if sample.name.ends_with("_bucket") {
            let le = &sample.labels.last().filter(|(name, _)| name == "le").expect(line).1;
            assert!(le.contains('.') || le == "+Inf", "canonical bound: {line}");
            let bound: f64 = le.parse().expect(line);
            let fresh = self.bound.is_none_or(f64::is_infinite);
            assert!(fresh || self.bound.is_some_and(|b| b < bound), "{line}");
            assert!(fresh || self.count <= sample.value, "{line}");
            *self = Self { bound: Some(bound), count: sample.value };
        } else if sample.name.ends_with("_count") {
            assert!(self.bound.is_some_and(f64::is_infinite), "{line}");
            assert_eq!(self.count.to_bits(), sample.value.to_bits(), "{line}");
        }
    }
}

struct Sample<'a> {
    name: &'a str,
    labels: Vec<(String, String)>,
    value: f64,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Self {
        let end = line.find(['{', ' ']).expect(line);
        let (name, mut rest) = line.split_at(end);
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{line}");
        let mut labels = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            while !rest.starts_with('}') {
                let (label, after) = rest.split_once("=\"").expect(line);
                let close = closing_quote(after);
                labels.push((label.to_owned(), unescape(&after[..close])));
                rest = after[close + 1..].strip_prefix(',').unwrap_or(&after[close + 1..]);
            }
            rest = &rest[1..];
        }
        let value = rest.strip_prefix(' ').expect(line);
        assert!(!value.contains(' '), "no timestamps: {line}");
        Self { name, labels, value: value.parse().expect(line) }
    }
}

fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    let found = text.bytes().position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    });
    found.expect("closing quote")
}

/// Undoes `\\`, `\"` and `\n`; any other escape, or a bare quote, is an error.
fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        assert_ne!(c, '"', "bare quote in {text}");
        plain.push(if c == '\\' {
            match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("escape {other:?} in {text}"),
            }
        } else {
            c
        });
    }
    plain
}
