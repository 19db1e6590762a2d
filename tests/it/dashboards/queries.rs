//! Each query of the dashboards, put together as Grafana does and asked of a real Prometheus: with one target,
//! with two, with All. What it should find comes and goes, so each is asked until it has found something.

use std::time::Duration;

use pbx_exporter::clock::Clock;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use url::form_urlencoded::byte_serialize;

use super::all;
use super::stage::{BRANCH, OFFICE, Stage};
use crate::support::process::eventually;

/// Seconds of the time range; what Grafana takes for `$__rate_interval` where scrapes are 15 s apart is as long.
const RANGE: u32 = 60;
/// How long an act of the stage lasts.
const ACT: Duration = Duration::from_secs(5);
/// Longer than all acts, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(50);

/// What is chosen in the variables.
struct Choice {
    name: &'static str,
    job: String,
    instance: String,
    target: String,
}

/// As Grafana writes several values, or one, into a regular expression.
fn chosen(values: &[&str]) -> String {
    let escape = |value: &&str| {
        let mut escaped = String::new();
        for c in value.chars() {
            match c {
                '\\' => escaped += "\\\\\\\\",
                c if "$^*{}[]'+?.()|".contains(c) => escaped.extend(["\\\\", &c.to_string()]),
                c => escaped.push(c),
            }
        }
        escaped
    };
    match values {
        [one] => escape(one),
        several => format!("({})", several.iter().map(escape).collect::<Vec<_>>().join("|")),
    }
}

fn choices(stage: &Stage) -> [Choice; 3] {
    let both = chosen(&[&stage.service.address, &stage.demo.address]);
    let choice = |name, instance, target| Choice { name, job: chosen(&["pbx"]), instance, target };
    [
        choice("one target", chosen(&[&stage.service.address]), chosen(&[OFFICE])),
        choice("two targets", both, chosen(&[OFFICE, BRANCH])),
        choice("All", ".+".to_owned(), ".+".to_owned()),
    ]
}

impl Choice {
    /// A query with its variables replaced.
    fn interpolate(&self, query: &str) -> String {
        let range = format!("{RANGE}s");
        let values = [
            ("$__rate_interval", range.as_str()),
            ("$__range", &range),
            ("$job", &self.job),
            ("$instance", &self.instance),
            ("$target", &self.target),
            ("$objective", "0.99"),
        ];
        let query = values.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value));
        let left = query.split('$').skip(1).find(|rest| !rest.starts_with('1'));
        assert!(left.is_none(), "a variable that nobody knows: {query}");
        query
    }
}

/// One question, as a path of Prometheus's API without what depends on the moment.
struct Question {
    what: String,
    path: String,
    is_range: bool,
}

impl Question {
    fn new(what: String, expression: &str, is_range: bool) -> Self {
        let query: String = byte_serialize(expression.as_bytes()).collect();
        let path = if is_range { "query_range?step=1&query=" } else { "query?query=" };
        Self { what, path: format!("{path}{query}"), is_range }
    }

    /// Of `label_values(SELECTOR, LABEL)`.
    fn values(what: String, query: &str) -> Self {
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (selector, label) = inner.and_then(|inner| inner.rsplit_once(", ")).expect("label_values");
        let selector: String = byte_serialize(selector.as_bytes()).collect();
        Self { what, path: format!("label/{label}/values?match[]={selector}"), is_range: false }
    }

    async fn is_answered(&self, stage: &Stage) -> bool {
        let now = Clock::System.unix();
        let range = format!("&start={}&end={now}", now - f64::from(RANGE));
        let path = if self.is_range { self.path.clone() + &range } else { self.path.clone() };
        let reply = stage.prometheus.reply(&path).await.expect("an answer");
        assert_eq!(reply.status, 200, "{}: {}", self.what, reply.body);
        let answer: Value = serde_json::from_str(&reply.body).expect("JSON");
        let found = answer["data"].get("result").unwrap_or(&answer["data"]);
        found.as_array().is_some_and(|found| found.iter().any(has_value))
    }
}

/// Whether a series has a number, not only `NaN`; a label's value is one, too.
fn has_value(series: &Value) -> bool {
    let samples = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
    series.is_string() || samples.iter().any(|sample| sample[1].as_str().is_some_and(|value| value != "NaN"))
}

/// All that a dashboard asks with this choice.
fn questions(dashboard: &Value, choice: &Choice) -> Vec<Question> {
    let text = |value: &Value| choice.interpolate(value.as_str().expect("text"));
    let what = |name: &Value, part: &str| format!("{}: {name} {part}, {}", dashboard["uid"], choice.name);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut questions = Vec::new();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            let what = what(&panel["title"], target["refId"].as_str().expect("a letter"));
            questions.push(Question::new(what, &text(&target["expr"]), target["range"] == true));
        }
    }
    for annotation in list(&dashboard["annotations"]["list"]) {
        questions.push(Question::new(what(&annotation["name"], ""), &text(&annotation["expr"]), true));
    }
    for variable in list(&dashboard["templating"]["list"]) {
        if variable["type"] == "query" {
            questions.push(Question::values(what(&variable["name"], ""), &text(&variable["query"]["query"])));
        }
    }
    questions
}

#[tokio::test]
#[ignore = "needs Prometheus"]
async fn every_query_of_every_dashboard_finds_data_for_one_target_for_two_and_for_all() {
    let stage = Stage::start(ACT).await;
    eventually("Prometheus answers", async || stage.prometheus.api("query?query=1").await).await;
    let choices = choices(&stage);
    let all = all();
    let asked =
        all.iter().flat_map(|dashboard| choices.iter().flat_map(|choice| questions(dashboard, choice)));
    let mut open: Vec<_> = asked.collect();
    assert!(open.len() > 300, "{}", open.len());
    let deadline = Instant::now() + PATIENCE;
    while !open.is_empty() {
        stage.play();
        let mut unanswered = Vec::new();
        for question in open {
            if !question.is_answered(&stage).await {
                unanswered.push(question);
            }
        }
        open = unanswered;
        let names: Vec<_> = open.iter().map(|question| &question.what).collect();
        assert!(Instant::now() < deadline, "no data: {names:#?}");
        sleep(Duration::from_millis(100)).await;
    }
    if let Ok(seconds) = std::env::var("STAGE_SECONDS") {
        stage.stay(Duration::from_secs(seconds.parse().expect("seconds"))).await;
    }
}
