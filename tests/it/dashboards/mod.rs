//! The dashboards in `dashboards/`: checked here, and asked of a real Prometheus here.

#[path = "../../../examples/dashboards/main.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod generator;
mod lint;
mod queries;
mod stage;

use generator::{build, files};
use serde_json::Value;

/// The dashboards, parsed.
pub fn all() -> [Value; 3] {
    files().map(|(_, text)| serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn the_files_are_those_that_the_generator_makes() {
    for (name, text) in files() {
        let committed = std::fs::read_to_string(name).unwrap_or_default();
        assert!(committed == text, "{name} is out of date: cargo run --example dashboards");
    }
}
