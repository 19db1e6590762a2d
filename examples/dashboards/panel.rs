//! One panel under construction: its queries, options and fields.

use pbx_exporter::domain::Reason;
use serde_json::{Map, Value, json};

use super::build::{color, datasource, expand};

/// One panel under construction.
pub struct Panel(Value);

impl Panel {
    pub fn new(kind: &str, title: &str, unit: &str, description: &str) -> Self {
        Self(json!({
            "type": kind, "title": title, "description": description, "datasource": datasource(), "targets": [],
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []}, "options": {},
        }))
    }

    /// Lines over time with a legend below, which shows the latest value, if there is one.
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

    /// One number, of now: the latest of a range would show a token that is long gone.
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

    pub fn finish(self) -> Value {
        self.0
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
        let is_shown = columns.iter().any(|(name, _)| *name == "job");
        if is_shown { self } else { self.field("job", &[("custom.hidden", json!(true))]) }
    }

    fn queries(&self) -> &[Value] {
        self.0["targets"].as_array().expect("targets")
    }
}
