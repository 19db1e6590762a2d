//! The rules and the Alertmanager configuration that users take, against the code and in the real programs.

mod alertmanager;
mod arrives;
mod cases;
mod commands;
mod readme;
mod rules;
mod stage;

pub use rules::promtool_passes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::support::process::{CONFIG, Program, Service};

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// An alert, or a recorded series, which has no name here.
#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "alert")]
    name: Option<String>,
    expr: String,
    #[serde(rename = "for")]
    lasts: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Rule {
    fn name(&self) -> &str {
        self.name.as_deref().expect("an alert")
    }
}

/// An exporter with this configuration and these files.
async fn exporter(address: &str, config: &str, files: &[(&str, String)]) -> Service {
    let listen = format!("--web.listen-address={address}");
    let program = Program::new(&[&listen, "--config.file", CONFIG]).file(CONFIG, config);
    let program = files.iter().fold(program, |program, (name, text)| program.file(name, text));
    program.serve().await
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts")
}

fn rules() -> PathBuf {
    folder().join("pbx_exporter.rules.yml")
}

fn alertmanager_config() -> PathBuf {
    folder().join("alertmanager.example.yml")
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).expect("a file");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The shipped alerts, of which two may share a name where their severity differs.
fn alerts() -> Vec<Rule> {
    let rules: Rules = read(&rules());
    rules.groups.into_iter().flat_map(|group| group.rules).filter(|rule| rule.name.is_some()).collect()
}

/// Runs a program to its end, which has to be a good one; what it printed.
pub fn run(program: &str, arguments: &[&str], files: &[PathBuf]) -> String {
    let output = Command::new(program).args(arguments).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("{program} is needed, see ./run-tests: {error}"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}
