//! Makes the dashboards in `dashboards/`: `cargo run --example dashboards`. Tests hold the committed files to it.
//!
//! A dashboard is 2,000 lines of JSON of which a panel is a few that matter, and some of them (colour and number of
//! each reason) follow from the code. So the JSON is generated; Grafana is given the files as they are.

pub(crate) mod build;
mod course;
mod exporter;
mod fleet;
mod panel;
mod target;

/// The name of each file with what it should hold.
pub fn files() -> [(&'static str, String); 3] {
    [
        ("dashboards/pbx-fleet.json", fleet::fleet()),
        ("dashboards/pbx-target.json", target::target()),
        ("dashboards/pbx-exporter.json", exporter::exporter()),
    ]
}

fn main() -> std::io::Result<()> {
    files().into_iter().try_for_each(|(name, text)| std::fs::write(name, text))
}
