//! Dashboards as JSON, in Grafana's schema v1 as Grafana 10.0 takes it.
//!
//! Belongs here: what all panels share. Does not belong here: which panels there are.
//!
//! In expressions `{S` opens a selector of the selected targets, `{E` one of the selected exporters, and
//! `(J` a list of the labels that distinguish targets of several exporters.

use pbx_exporter::domain::Reason;
use serde_json::{Map, Value, json};

use super::panel::Panel;

/// Where the runbooks are: the one place to change for whoever keeps copies elsewhere.
pub const RUNBOOKS: &str = "https://github.com/pbx-exporter/pbx_exporter/blob/main/docs/runbooks/";
/// What Grafana 10.0 writes; later ones migrate it when they load it.
pub const SCHEMA_VERSION: u64 = 38;

pub fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Writes the placeholders out.
pub fn expand(expression: &str) -> String {
    expression
        .replace("{S", "{job=~\"$job\", instance=~\"$instance\", target=~\"$target\"")
        .replace("{E", "{job=~\"$job\", instance=~\"$instance\"")
        .replace("(J", "(job, instance, target")
}

/// The address of another dashboard for one target of a table row or series, whose labels are at `of`.
pub fn dashboard_of(uid: &str, of: &str) -> String {
    let labels =
        ["job", "instance", "target"].map(|name| format!("&var-{name}=${{{of}.{name}:percentencode}}"));
    format!("/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}{}", labels.concat())
}

/// The address of the exporter's own page, at the target of a table row or series.
pub fn page_of(of: &str) -> String {
    format!("http://${{{of}.instance}}/#${{{of}.target:percentencode}}")
}

/// Labels of the row of a table that was clicked.
pub const ROW: &str = "__data.fields";
/// Labels of the series that was clicked.
pub const SERIES: &str = "__field.labels";

/// The heading of a column whose field keeps its name, because links refer to it.
pub fn heading(text: &str) -> (&'static str, Value) {
    ("displayName", text.into())
}

pub fn link(title: &str, url: &str) -> Value {
    json!({"title": title, "url": url, "targetBlank": !url.starts_with("/d/")})
}

/// Thresholds: the colour below the first, then each with what it begins at.
pub fn steps(base: &str, steps: &[(f64, &str)]) -> Value {
    let first = json!({"color": base, "value": null});
    let rest = steps.iter().map(|(value, color)| json!({"color": color, "value": value}));
    json!({"mode": "absolute", "steps": std::iter::once(first).chain(rest).collect::<Vec<_>>()})
}

/// Words and colours for values.
pub fn words<'a>(values: impl IntoIterator<Item = (impl Into<String>, &'a str, &'a str)>) -> Value {
    let options = values.into_iter().enumerate().map(|(index, (value, text, color))| {
        (value.into(), json!({"text": text, "color": color, "index": index}))
    });
    json!([{"type": "value", "options": options.collect::<Map<_, _>>()}])
}

/// 2 up, 1 up without a way to a new token, 0 failing.
pub const STATE: &str = "max by (J) (2 * pbx_up{S} - on (J) pbx_up{S} * on (J) \
     (pbx_endpoint_up{S, operation=\"token\"} == bool 0) or on (J) 2 * pbx_up{S})";

/// What [`STATE`] means.
pub fn states() -> Value {
    words([("0", "Failing", "red"), ("1", "Early warning", "orange"), ("2", "Up", "green")])
}

/// The colour of a reason: red for credentials, orange for rights, purple for the address, blue for the way
/// there, yellow for answers of an unclear kind.
pub const fn color(reason: Reason) -> &'static str {
    match reason {
        Reason::InvalidClient => "dark-red",
        Reason::InvalidGrant => "semi-dark-red",
        Reason::UnauthorizedClient => "red",
        Reason::AuthorizationRequired => "light-red",
        Reason::TokenRejected => "super-light-red",
        Reason::InvalidScope => "dark-orange",
        Reason::InsufficientScope => "semi-dark-orange",
        Reason::AccessDenied => "orange",
        Reason::UserBlocked => "light-orange",
        Reason::Forbidden => "super-light-orange",
        Reason::AjaxDeclined => "dark-purple",
        Reason::ApiNotFound => "purple",
        Reason::RedirectRefused => "light-purple",
        Reason::Dns => "dark-blue",
        Reason::Proxy => "semi-dark-blue",
        Reason::Connect => "blue",
        Reason::Tls => "light-blue",
        Reason::Timeout => "super-light-blue",
        Reason::ConnectionLost => "#447ebc",
        Reason::ServerError => "dark-yellow",
        Reason::QueryFailed => "semi-dark-yellow",
        Reason::UnexpectedResponse => "yellow",
        Reason::ResponseTooLarge => "light-yellow",
        Reason::InvalidRequest => "super-light-yellow",
        Reason::RateLimited => "#6ed0e0",
        Reason::ExporterError => "#808080",
    }
}

/// Colours for cells that hold a reason.
pub fn reasons() -> Value {
    words(Reason::ALL.map(|reason| (reason.as_str(), reason.as_str(), color(reason))))
}

/// A dashboard under construction: panels flow from left to right in rows of 24 columns.
pub struct Dashboard {
    uid: &'static str,
    title: &'static str,
    description: &'static str,
    variables: Vec<Value>,
    panels: Vec<Value>,
    y: u64,
}

impl Dashboard {
    pub const fn new(uid: &'static str, title: &'static str, description: &'static str) -> Self {
        Self { uid, title, description, variables: Vec::new(), panels: Vec::new(), y: 0 }
    }

    pub fn variable(mut self, variable: Value) -> Self {
        self.variables.push(variable);
        self
    }

    /// A heading over what follows.
    pub fn heading(mut self, title: &str) -> Self {
        let position = json!({"x": 0, "y": self.y, "w": 24, "h": 1});
        let id = self.panels.len() + 1;
        let row = json!({"type": "row", "id": id, "title": title, "collapsed": false, "panels": [], "gridPos": position});
        self.panels.push(row);
        self.y += 1;
        self
    }

    /// Panels side by side, each with its width.
    pub fn row<const N: usize>(mut self, height: u64, panels: [(u64, Panel); N]) -> Self {
        let mut x = 0;
        for (width, panel) in panels {
            let mut panel = panel.finish();
            panel["id"] = (self.panels.len() + 1).into();
            panel["gridPos"] = json!({"x": x, "y": self.y, "w": width, "h": height});
            x += width;
            self.panels.push(panel);
        }
        assert_eq!(x, 24, "a row of {} is full", self.title);
        self.y += height;
        self
    }

    /// The file.
    pub fn finish(self) -> String {
        let variables: Vec<_> = usual_variables().into_iter().chain(self.variables).collect();
        let dashboard = json!({
            "uid": self.uid, "title": self.title, "description": self.description, "tags": ["pbx_exporter"],
            "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": true, "graphTooltip": 1, "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"}, "timezone": "", "weekStart": "", "fiscalYearStartMonth": 0,
            "annotations": {"list": annotations()}, "links": links(self.uid),
            "templating": {"list": variables}, "panels": self.panels,
        });
        serde_json::to_string_pretty(&dashboard).expect("JSON") + "\n"
    }
}

fn usual_variables() -> Vec<Value> {
    let all = json!({"selected": true, "text": ["All"], "value": ["$__all"]});
    let query = |name: &str, label: &str, query: &str, all_value: Option<&str>| {
        json!({
            "type": "query", "name": name, "label": label, "datasource": datasource(), "definition": expand(query),
            "query": {"query": expand(query), "refId": name}, "refresh": 2, "sort": 1, "hide": 0, "regex": "",
            "multi": true, "includeAll": true, "allValue": all_value, "current": all, "options": [],
        })
    };
    let source = json!({
        "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1,
        "hide": 0, "regex": "", "multi": false, "includeAll": false, "current": {}, "options": [],
    });
    let instance = "label_values(pbx_exporter_build_info{job=~\"$job\"}, instance)";
    vec![
        source,
        // Without a value of its own, All is a list of the jobs found: `.+` would take in all of Prometheus.
        query("job", "Job", "label_values(pbx_exporter_build_info, job)", None),
        query("instance", "Exporter", instance, Some(".+")),
        query("target", "Target", "label_values(pbx_target_info{E}, target)", Some(".+")),
    ]
}

fn annotations() -> Vec<Value> {
    let annotation = |name: &str, color: &str, is_moment: bool, expression: &str| {
        let expression = expand(expression);
        json!({
            "name": name, "datasource": datasource(), "enable": true, "hide": false, "iconColor": color,
            // Grafana 10 reads `expr`, later ones `target`.
            "expr": expression, "target": {"expr": expression, "refId": "Anno"},
            "step": "", "useValueForTime": is_moment, "tagKeys": "instance", "titleFormat": name,
            "textFormat": "{{instance}}",
        })
    };
    vec![
        annotation("Restart of the exporter", "orange", true, "process_start_time_seconds{E} * 1000"),
        annotation(
            "Reload of the configuration",
            "blue",
            true,
            "pbx_exporter_config_last_reload_success_timestamp_seconds{E} * 1000 > 0",
        ),
        annotation(
            "Failed reload: the old configuration is still in use",
            "red",
            false,
            "pbx_exporter_config_last_reload_successful{E} == bool 0",
        ),
    ]
}

fn links(own: &str) -> Vec<Value> {
    let link = |title: &str, url: &str| {
        let is_ours = url.starts_with('/');
        json!({
            "type": "link", "title": title, "url": url, "icon": if is_ours { "dashboard" } else { "doc" },
            "tooltip": "", "tags": [], "asDropdown": false, "targetBlank": !is_ours, "includeVars": is_ours,
            "keepTime": is_ours,
        })
    };
    let others = [("Fleet", "/d/pbx-fleet"), ("Target", "/d/pbx-target"), ("Exporter", "/d/pbx-exporter")];
    let others = others.into_iter().filter(|(_, url)| !url.ends_with(own));
    others
        .map(|(title, url)| link(title, url))
        .chain([link("Runbooks", &format!("{RUNBOOKS}README.md"))])
        .collect()
}
