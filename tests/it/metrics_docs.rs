//! docs/metrics.md against what is exported, both ways.

use std::collections::BTreeSet;

use pbx_exporter::board::BUCKETS;
use pbx_exporter::domain::{Grant, Operation, Reason};
use pbx_exporter::exposition::Format;
use pbx_exporter::exposition::Kind;
use pbx_exporter::metrics::exporter::WAIT_BUCKETS;
use pbx_exporter::metrics::targets::FAMILIES;

use crate::support::scrape::{OPEN, whole};

const DOC: &str = include_str!("../../docs/metrics.md");

/// The cells of every table row whose first cell is code, without that code's backticks.
fn rows(columns: usize) -> impl Iterator<Item = Vec<String>> {
    DOC.lines().filter_map(move |line| {
        let line = line.strip_prefix("| `")?.strip_suffix(" |")?;
        let cells: Vec<_> =
            line.split(" | ").flat_map(|c| c.split("| ")).map(|c| c.trim().to_owned()).collect();
        assert_eq!(cells.len(), columns, "{line}");
        Some(cells)
    })
}

fn row(name: &str, kind: Kind, labels: &[&str], help: &str) -> Vec<String> {
    let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    vec![format!("{name}`"), kind.word(OPEN).to_owned(), labels.join(", "), help.to_owned()]
}

#[test]
fn the_tables_of_families_are_those_exported_word_for_word() {
    let documented: BTreeSet<_> =
        rows(4).filter(|cells| cells[0].starts_with("pbx_") || cells[0].starts_with("process_")).collect();
    let targets = FAMILIES.iter().map(|f| row(f.name, f.kind, f.labels, f.help));
    let exported: BTreeSet<_> = targets.chain(own()).collect();
    let difference: Vec<_> = documented.symmetric_difference(&exported).collect();
    assert!(difference.is_empty(), "in one only: {difference:#?}");
}

/// The families `pbx_exporter_*` and `process_*`, as a scrape shows them.
fn own() -> Vec<Vec<String>> {
    let text = whole(&pbx_exporter::board::Board::default(), Format::Text);
    let lines = || text.lines();
    let helps = lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let own = helps.filter(|(name, _)| ["pbx_exporter_", "process_"].iter().any(|own| name.starts_with(own)));
    let rows = own.map(|(name, help)| {
        let kind = match name.rsplit_once('_') {
            Some((_, "total")) => Kind::Counter,
            Some((_, "info")) => Kind::Info,
            _ if lines().any(|line| line == format!("# TYPE {name} histogram")) => Kind::Histogram,
            _ => Kind::Gauge,
        };
        let sample = lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
        let labels = sample.map_or_else(Vec::new, |(labels, _)| labels.split(',').collect());
        let labels: Vec<_> = labels.into_iter().filter_map(|label| Some(label.split_once('=')?.0)).collect();
        row(name, kind, &labels, help)
    });
    rows.collect()
}

#[test]
fn the_table_of_reasons_is_the_closed_vocabulary() {
    let documented: Vec<_> =
        rows(4).filter(|cells| !cells[0].contains("bx_") && !cells[0].contains("process_")).collect();
    let names: Vec<_> = documented.iter().map(|cells| cells[0].trim_end_matches('`')).collect();
    assert_eq!(names, Reason::ALL.map(Reason::as_str));
    for (cells, reason) in documented.iter().zip(Reason::ALL) {
        let operations = match (reason.occurs_at(Operation::Token), reason.occurs_at(Operation::Extensions)) {
            (true, true) => "all",
            (false, true) => "extensions, version",
            (true, false) => "token",
            (false, false) if reason == Reason::AuthorizationRequired => "token",
            (false, false) => panic!("{reason} occurs nowhere"),
        };
        assert_eq!(cells[1], operations, "{reason}");
        assert_eq!(cells[2] == "yes", reason.is_denial(), "{reason}");
        assert!(cells[3].ends_with('.'), "{reason}");
    }
}

#[test]
fn operations_grants_and_buckets_are_listed() {
    let flat = DOC.split_whitespace().collect::<Vec<_>>().join(" ");
    let list = |bounds: &[f64]| {
        let bounds: Vec<_> = bounds.iter().map(|bound| format!("`{bound}`, ")).collect();
        bounds.concat() + "`+Inf`."
    };
    assert!(flat.contains(&format!("`pbx_request_duration_seconds`: {}", list(&BUCKETS))));
    assert!(flat.contains(&format!("`pbx_exporter_probe_wait_seconds`: {}", list(&WAIT_BUCKETS))));
    let item = |label: &str| {
        DOC.split("\n- ").find(|item| item.starts_with(&format!("`{label}`:"))).expect(label).to_owned()
    };
    for operation in Operation::ALL {
        assert!(item("operation").contains(&format!("`{operation}`")), "{operation}");
    }
    for grant in Grant::ALL {
        assert!(item("grant").contains(&format!("`{grant}`")), "{grant}");
    }
}
