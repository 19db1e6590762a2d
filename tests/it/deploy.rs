//! Dockerfile, compose.yaml and what they mount fit each other. That the image builds and runs, `deploy/test-image` shows.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Source and place of each file or folder of the project that compose mounts, over all services.
fn mounts(compose: &Value) -> Vec<(String, String)> {
    let services = compose["services"].as_object().expect("services").values();
    let volumes = services.filter_map(|service| service["volumes"].as_array()).flatten();
    let volumes = volumes.map(|volume| volume.as_str().expect("the short form"));
    let split = volumes.filter_map(|volume| volume.strip_prefix("./")?.strip_suffix(":ro")?.split_once(':'));
    split.map(|(source, place)| (source.to_owned(), place.to_owned())).collect()
}

#[test]
fn the_image_is_built_by_a_pinned_compiler_that_the_crate_takes() {
    let dockerfile = read("Dockerfile");
    let from = dockerfile.lines().find_map(|line| line.strip_prefix("FROM rust:")).expect("a base image");
    let (tag, digest) = from.split_once("@sha256:").expect("a digest");
    assert!(digest.starts_with(|c: char| c.is_ascii_hexdigit()) && digest.find(' ') == Some(64), "{digest}");
    let version =
        |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().expect("a number")).collect() };
    let image = version(tag.split('-').next().expect("a version"));
    let manifest = read("Cargo.toml");
    let least = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(image.len() == 3 && image >= version(least.trim_matches('"')), "{tag} and {least}");
}

#[test]
fn what_compose_mounts_is_there_and_no_image_floats() {
    let compose = yaml("compose.yaml");
    let mounts = mounts(&compose);
    assert!(mounts.len() >= 6, "{mounts:?}");
    for (source, _) in &mounts {
        assert!(Path::new(ROOT).join(source).exists(), "{source}");
    }
    for (name, service) in compose["services"].as_object().expect("services") {
        let image = service["image"].as_str().expect("an image");
        let tag = image.split_once(':').map(|(_, tag)| tag.trim_start_matches('v').split('.').count());
        assert!(tag == Some(3) || service["build"] == ".", "{name}: {image}");
    }
}

#[test]
fn compose_waits_until_each_service_answers() {
    assert!(read("Dockerfile").lines().any(|line| line.starts_with("HEALTHCHECK ")), "that of the exporter");
    for (name, service) in yaml("compose.yaml")["services"].as_object().expect("services") {
        if service["build"] == "." {
            continue;
        }
        let asks = service["healthcheck"]["test"].as_array().expect(name);
        let url = asks.last().and_then(Value::as_str).expect("words").trim_start_matches("--url=");
        let asked = url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split('/').next());
        let port = service["ports"][0].as_str().and_then(|ports| ports.rsplit(':').next());
        assert!(asks[0] == "CMD" && asked.is_some() && asked == port, "{name}: {asks:?}");
    }
}

#[test]
fn grafana_finds_the_dashboards_and_prometheus_where_compose_puts_them() {
    let compose = yaml("compose.yaml");
    let place =
        mounts(&compose).into_iter().find_map(|(source, place)| (source == "dashboards").then_some(place));
    let place = place.expect("the dashboards are mounted");
    let provider = yaml("deploy/grafana/dashboards/pbx_exporter.yml");
    assert_eq!(provider["providers"][0]["options"]["path"], place.as_str());
    let home = &compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    let home = home.as_str().and_then(|path| path.strip_prefix(&format!("{place}/"))).expect("one of them");
    assert!(Path::new(ROOT).join("dashboards").join(home).exists(), "{home}");
    let source = yaml("deploy/grafana/datasources/prometheus.yml");
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
}

#[test]
#[ignore = "needs promtool"]
fn promtool_takes_the_configuration_for_compose_with_the_shipped_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    for (source, place) in mounts(&yaml("compose.yaml")) {
        if let Some(name) = place.strip_prefix("/etc/prometheus/") {
            std::fs::write(folder.path().join(name), read(&source)).expect("a file");
        }
    }
    let config = folder.path().join("prometheus.yml");
    let checked = Command::new("promtool").args(["check", "config", "--lint-fatal"]).arg(&config).output();
    let checked = checked.expect("promtool runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.contains("rules found"), "{said}");
    let config = yaml("deploy/prometheus.yml");
    assert_eq!(config["scrape_configs"][0]["job_name"], "pbx", "the name that the rules and README.md take");
    assert_eq!(config["scrape_configs"][0]["static_configs"][0]["targets"][0], "pbx_exporter:10177");
    assert_eq!(
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0],
        "alertmanager:9093"
    );
}
