//! Panels and dashboards as JSON, in Grafana's schema v1 as Grafana 10.0 takes it.
//!
//! Belongs here: what all panels share. Does not belong here: which panels there are.
//!
//! In expressions `{S` opens a selector of the chosen targets, `{E` one of the chosen exporters, and
//! `(J` a list of the labels that tell targets of several exporters apart.

use pbx_exporter::domain::Reason;
use serde_json::{Map, Value, json};

/// Where the runbooks are: the one place to change for whoever keeps copies elsewhere.
pub const RUNBOOKS: &str = "https://github.com/pbx-exporter/pbx_exporter/blob/main/docs/runbooks/";
/// What Grafana 10.0 writes; later ones migrate it when they load it.
pub const SCHEMA_VERSION: u64 = 38;

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Writes the placeholders out.
fn expand(expression: &str) -> String {
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
pub fn words<'a>(values: impl IntoIterator<Item = (String, &'a str, &'a str)>) -> Value {
    let of = |(index, (value, text, color)): (usize, (String, &str, &str))| {
        (value, json!({"text": text, "color": color, "index": index}))
    };
    json!([{"type": "value", "options": values.into_iter().enumerate().map(of).collect::<Map<_, _>>()}])
}

/// The colour of a reason: red for credentials, orange for rights, purple for the address, blue for the way
/// there, yellow for answers of a kind that tells nothing.
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
    words(Reason::ALL.map(|reason| (reason.as_str().to_owned(), reason.as_str(), color(reason))))
}

/// One panel under construction.
pub struct Panel(Value);

impl Panel {
    pub fn new(kind: &str, title: &str, unit: &str, description: &str) -> Self {
        Self(json!({
            "type": kind, "title": title, "description": description, "datasource": datasource(), "targets": [],
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []}, "options": {},
        }))
    }

    /// Lines over time with a legend below, which tells the newest value, if there is one.
    pub fn lines(title: &str, unit: &str, description: &str) -> Self {
        let custom = json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never"});
        Self::new("timeseries", title, unit, description)
            .default("custom", custom)
            .default("min", json!(0))
            .legend("list", "bottom", &["last"])
            .option("tooltip", json!({"mode": "multi", "sort": "desc"}))
    }

    pub fn legend(self, mode: &str, placement: &str, calcs: &[&str]) -> Self {
        self.option(
            "legend",
            json!({"showLegend": true, "displayMode": mode, "placement": placement, "calcs": calcs}),
        )
    }

    /// Bars on top of each other, of what happened a minute.
    pub fn bars(title: &str, description: &str) -> Self {
        Self::lines(title, "cpm", description)
            .custom("drawStyle", json!("bars"))
            .custom("fillOpacity", json!(80))
            .custom("lineWidth", json!(0))
            // Grafana ends bars with an empty step, so there is no last value.
            .legend("list", "bottom", &["max"])
            .stacked()
    }

    /// One number, of now: the newest of a range would show a token that is long gone.
    pub fn stat(title: &str, unit: &str, description: &str, thresholds: Value) -> Self {
        let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
        Self::new("stat", title, unit, description)
            .default("thresholds", thresholds)
            .default("color", json!({"mode": "thresholds"}))
            .option("reduceOptions", reduce)
            .option("colorMode", json!("value"))
            .option("graphMode", json!("none"))
            .option("textMode", json!("value"))
    }

    /// One row for each series, put together from instant queries.
    pub fn table(title: &str, description: &str) -> Self {
        Self::new("table", title, "none", description)
            .default("custom", json!({"align": "auto", "filterable": true}))
            .option("cellHeight", json!("sm"))
            .option("showHeader", json!(true))
    }

    /// A minute's observations of a histogram in each of its buckets.
    pub fn heat(title: &str, description: &str, scheme: &str, expression: &str) -> Self {
        let color =
            json!({"mode": "scheme", "scheme": scheme, "steps": 64, "exponent": 0.5, "reverse": false});
        let target = json!({"legendFormat": "{{le}}", "range": true, "instant": false, "format": "heatmap"});
        Self::new("heatmap", title, "short", description)
            .target(expression, target)
            .option("calculate", json!(false))
            .option("cellGap", json!(1))
            .option("cellValues", json!({"unit": "cpm"}))
            .option("color", color)
            .option("exemplars", json!({"color": "rgba(255,0,255,0.7)"}))
            .option("filterValues", json!({"le": 1e-9}))
            .option("legend", json!({"show": true}))
            .option("rowsFrame", json!({"layout": "auto"}))
            .option("showValue", json!("never"))
            .option("tooltip", json!({"show": true, "yHistogram": false}))
            .option("yAxis", json!({"axisPlacement": "left", "unit": "s"}))
    }

    /// A query over the time range.
    pub fn query(self, expression: &str, legend: &str) -> Self {
        self.target(expression, json!({"legendFormat": legend, "range": true, "instant": false}))
    }

    /// A query at the end of the range, as rows.
    pub fn instant(self, expression: &str) -> Self {
        self.target(expression, json!({"format": "table", "range": false, "instant": true}))
    }

    /// A query at the end of the range, as series.
    pub fn now(self, expression: &str, legend: &str) -> Self {
        self.target(expression, json!({"legendFormat": legend, "range": false, "instant": true}))
    }

    pub fn target(mut self, expression: &str, mut target: Value) -> Self {
        let targets = self.0["targets"].as_array_mut().expect("targets");
        target["refId"] = char::from(b'A' + u8::try_from(targets.len()).expect("few")).to_string().into();
        target["datasource"] = datasource();
        target["expr"] = expand(expression).into();
        targets.push(target);
        self
    }

    pub fn option(mut self, name: &str, value: Value) -> Self {
        self.0["options"][name] = value;
        self
    }

    pub fn default(mut self, name: &str, value: Value) -> Self {
        self.0["fieldConfig"]["defaults"][name] = value;
        self
    }

    pub fn custom(mut self, name: &str, value: Value) -> Self {
        self.0["fieldConfig"]["defaults"]["custom"][name] = value;
        self
    }

    pub fn stacked(self) -> Self {
        self.custom("stacking", json!({"mode": "normal", "group": "A"}))
    }

    pub fn links(mut self, links: &[Value]) -> Self {
        self.0["links"] = links.into();
        self
    }

    /// Properties of the field of that name.
    pub fn field(self, name: &str, properties: &[(&str, Value)]) -> Self {
        self.fields("byName", name, properties)
    }

    pub fn fields(mut self, matcher: &str, name: &str, properties: &[(&str, Value)]) -> Self {
        let properties: Vec<_> =
            properties.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
        let one = json!({"matcher": {"id": matcher, "options": name}, "properties": properties});
        self.0["fieldConfig"]["overrides"].as_array_mut().expect("overrides").push(one);
        self
    }

    /// A fixed colour for each series that is named as a reason.
    pub fn colored_by_reason(self) -> Self {
        let colored = |panel: Self, reason: Reason| {
            let color = json!({"mode": "fixed", "fixedColor": color(reason)});
            panel.field(reason.as_str(), &[("color", color)])
        };
        Reason::ALL.into_iter().fold(self, colored)
    }

    /// A dashed line without area, for a limit.
    pub fn limit(self, pattern: &str, color: &str) -> Self {
        let properties = [
            ("custom.lineStyle", json!({"fill": "dash", "dash": [8, 6]})),
            ("custom.fillOpacity", json!(0)),
            ("color", json!({"mode": "fixed", "fixedColor": color})),
        ];
        self.fields("byRegexp", pattern, &properties)
    }

    /// Makes one table of all queries: the columns in this order, each with its name as the queries give it
    /// (a label, or the letter of a query) and a heading. Other values are dropped; a job that is not among them is
    /// hidden, because links need it.
    pub fn columns(mut self, columns: &[(&str, &str)]) -> Self {
        let letters: Vec<_> = self
            .queries()
            .iter()
            .map(|query| query["refId"].as_str().expect("a letter").to_owned())
            .collect();
        // Grafana names the value of a query by its letter only where there are several.
        let name = |name: &str| match letters.iter().any(|letter| letter == name) {
            true if letters.len() > 1 => format!("Value #{name}"),
            true => "Value".to_owned(),
            false => name.to_owned(),
        };
        let index: Map<_, _> = columns.iter().enumerate().map(|(i, (n, _))| (name(n), i.into())).collect();
        let rename: Map<_, _> = columns.iter().map(|(n, heading)| (name(n), (*heading).into())).collect();
        let values = letters.iter().map(|letter| name(letter)).filter(|name| !index.contains_key(name));
        let exclude: Map<_, _> = values.chain(["Time".to_owned()]).map(|name| (name, true.into())).collect();
        self.0["transformations"] = json!([
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": exclude, "indexByName": index, "renameByName": rename}},
        ]);
        match columns.iter().any(|(name, _)| *name == "job") {
            true => self,
            false => self.field("job", &[("custom.hidden", json!(true))]),
        }
    }

    fn queries(&self) -> &[Value] {
        self.0["targets"].as_array().expect("targets")
    }
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
        for (width, Panel(mut panel)) in panels {
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
            "Failed reload: the old configuration is in force",
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
