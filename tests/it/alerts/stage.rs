//! What carries an alert to people: the real Prometheus and Alertmanager with the shipped files, in a world where a minute
//! is shorter, and a webhook that keeps what it is told.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{alertmanager_config, rules};
use crate::support::alertmanager::Alertmanager;
use crate::support::prometheus::Prometheus;

/// A minute of the shipped files lasts 750 ms.
const FASTER: u32 = 80;
/// Where the shipped configuration of Alertmanager has its webhooks.
const RECEIVERS: &str = "http://127.0.0.1:9099";
/// What of these files is a length of time. `repeat_interval` is not among them: nothing is told twice.
const WAITS: [&str; 5] = ["interval: ", "for: ", "keep_firing_for: ", "group_wait: ", "group_interval: "];

/// All that runs besides exporters and PBXes.
pub struct Stage {
    pub prometheus: Prometheus,
    pub alertmanager: Alertmanager,
    sink: MockServer,
}

/// An alert, as told to a receiver.
#[derive(Debug)]
pub struct Notice {
    /// Name of the receiver.
    pub receiver: String,
    pub alert: String,
    /// Empty for an alert that is not about a target.
    pub target: String,
    /// `firing` or `resolved`.
    pub status: String,
    pub severity: String,
    pub annotations: BTreeMap<String, String>,
}

/// What was told of each target and alert, from first to last, without repetitions.
pub type Told = BTreeMap<(String, String), Vec<String>>;

impl Stage {
    pub async fn start(exporters: &[&str]) -> Self {
        let sink = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&sink).await;
        let config = faster(&alertmanager_config());
        assert!(config.contains(RECEIVERS));
        let alertmanager = Alertmanager::start(&config.replace(RECEIVERS, &sink.uri())).await;
        // Nobody waits an hour for an end, not even one of these.
        let (hour, less) = (format!("keep_firing_for: {}ms", 3_600_000 / FASTER), "keep_firing_for: 7500ms");
        let rules = without_scrapes(&faster(&rules()).replace(&hour, less));
        let prometheus = Prometheus::alerting(exporters, &rules, &[&alertmanager.address]).await;
        Self { prometheus, alertmanager, sink }
    }

    /// Everything that was told, the oldest first.
    pub async fn notices(&self) -> Vec<Notice> {
        let requests = self.sink.received_requests().await.expect("recording");
        let mut notices = Vec::new();
        for request in requests {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let receiver = request.url.path().trim_start_matches('/');
            let alerts = body["alerts"].as_array().expect("alerts");
            notices.extend(alerts.iter().map(|alert| Notice::read(receiver, alert)));
        }
        notices
    }

    pub async fn told(&self) -> Told {
        let mut told = Told::new();
        for Notice { target, alert, status, .. } in self.notices().await {
            let course = told.entry((target, alert)).or_default();
            if course.last() != Some(&status) {
                course.push(status);
            }
        }
        told
    }

    /// What Alertmanager has of this alert; `None` where it has none.
    pub async fn state(&self, target: &str, alert: &str) -> Option<String> {
        let alerts = self.alertmanager.alerts().await?;
        let is_it =
            |labels: &Value| labels["alertname"] == alert && labels["target"].as_str() == Some(target);
        let found = alerts.iter().find(|alert| is_it(&alert["labels"]))?;
        Some(found["status"]["state"].as_str().expect("a state").to_owned())
    }
}

impl Notice {
    fn read(receiver: &str, alert: &Value) -> Self {
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        let annotations = serde_json::from_value(alert["annotations"].clone());
        Self {
            receiver: receiver.to_owned(),
            alert: label("alertname"),
            target: label("target"),
            status: alert["status"].as_str().expect("a status").to_owned(),
            severity: label("severity"),
            annotations: annotations.expect("texts"),
        }
    }
}

/// The rules without the one that counts failed scrapes: a scrape has a second here and ten in earnest, and a busy machine may
/// need the second for other things.
fn without_scrapes(rules: &str) -> String {
    let failed = format!("or changes(up{{job=\"pbx\"}}[{}ms]) > 5", 1_800_000 / FASTER);
    assert!(rules.contains(&failed));
    rules.replace(&failed, "")
}

/// A shipped file in the faster world: waits, range windows and offsets.
fn faster(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a file");
    text.lines().map(|line| faster_line(line) + "\n").collect()
}

fn faster_line(line: &str) -> String {
    line.split_inclusive(|c: char| !c.is_alphanumeric()).fold(String::new(), |before, piece| {
        let is_length =
            before.ends_with('[') || before.ends_with(" offset ") || WAITS.contains(&before.trim_start());
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        let short = if is_length { shorter(word) } else { None };
        before + &short.map_or_else(|| piece.to_owned(), |short| piece.replace(word, &short))
    })
}

/// `None` for what is no duration.
fn shorter(length: &str) -> Option<String> {
    let length = humantime::parse_duration(length).ok()?;
    Some(format!("{}ms", (length / FASTER).as_millis()))
}

#[test]
fn waits_and_windows_become_shorter_and_nothing_else_changes() {
    for (line, expected) in [
        ("        for: 5m", "        for: 3750ms"),
        ("    interval: 1m", "    interval: 750ms"),
        ("  expr: avg_over_time(pbx_up[1h])", "  expr: avg_over_time(pbx_up[45000ms])"),
        ("  and present_over_time(up[10m] offset 50m)", "  and present_over_time(up[7500ms] offset 37500ms)"),
        ("      - record: target:pbx_up:avg5m", "      - record: target:pbx_up:avg5m"),
        ("  group_by: [alertname, job, instance]", "  group_by: [alertname, job, instance]"),
        ("  repeat_interval: 4d", "  repeat_interval: 4d"),
    ] {
        assert_eq!(faster_line(line), expected);
    }
}
