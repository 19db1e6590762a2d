//! The dashboards in `dashboards/`: made here, checked here, and asked of a real Prometheus here.
//!
//! A dashboard is 2,000 lines of JSON of which a panel is a few that matter, and some of them (colour and number of
//! each reason) follow from the code. So the JSON is generated; Grafana is given the files as they are.

mod build;
mod course;
mod exporter;
mod fleet;
mod lint;
mod panel;
mod queries;
mod stage;
mod target;

use serde_json::Value;

use crate::support::golden::assert_current;

/// The name of each file with what it should hold.
pub fn files() -> [(&'static str, String); 3] {
    [
        ("dashboards/pbx-fleet.json", fleet::fleet()),
        ("dashboards/pbx-target.json", target::target()),
        ("dashboards/pbx-exporter.json", exporter::exporter()),
    ]
}

/// The dashboards, parsed.
pub fn all() -> [Value; 3] {
    files().map(|(_, text)| serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn the_files_are_those_made_here() {
    for (name, text) in files() {
        assert_current(name, &text);
    }
}
