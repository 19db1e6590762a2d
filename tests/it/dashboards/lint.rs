//! What each dashboard has to keep to, whoever made it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::build::{RUNBOOKS, SCHEMA_VERSION};
use super::{all, files};
use crate::support::promql::metrics;

/// Options of each kind of panel that Grafana 10.0 knows, as far as they are used.
const OPTIONS: [(&str, &[&str]); 6] = [
    ("timeseries", &["legend", "tooltip"]),
    ("stat", &["reduceOptions", "colorMode", "graphMode", "textMode"]),
    ("table", &["cellHeight", "showHeader", "sortBy"]),
    ("state-timeline", &["mergeValues", "showValue", "alignValue", "rowHeight", "legend"]),
    (
        "heatmap",
        &[
            "calculate",
            "cellGap",
            "cellValues",
            "color",
            "exemplars",
            "filterValues",
            "legend",
            "rowsFrame",
            "showValue",
            "tooltip",
            "yAxis",
        ],
    ),
    ("bargauge", &["orientation", "displayMode", "reduceOptions"]),
];
/// Properties of fields that it knows, as far as they are used; those of one kind of panel begin with `custom.`.
const PROPERTIES: [&str; 23] = [
    "unit",
    "min",
    "max",
    "decimals",
    "noValue",
    "color",
    "thresholds",
    "mappings",
    "links",
    "displayName",
    "custom.align",
    "custom.axisPlacement",
    "custom.cellOptions",
    "custom.drawStyle",
    "custom.fillOpacity",
    "custom.filterable",
    "custom.hidden",
    "custom.lineStyle",
    "custom.lineWidth",
    "custom.scaleDistribution",
    "custom.showPoints",
    "custom.stacking",
    "custom.width",
];

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text, not {value}"))
}

/// Fails if two are equal.
fn assert_distinct<T: Ord + std::fmt::Debug>(what: &str, values: impl IntoIterator<Item = T>) {
    let mut seen = BTreeSet::new();
    for value in values {
        let shown = format!("{what}: {value:?} twice");
        assert!(seen.insert(value), "{shown}");
    }
}

/// All panels but headings, with where they are.
fn panels() -> Vec<(String, Value)> {
    let of = |dashboard: Value| {
        let uid = text(&dashboard["uid"]).to_owned();
        let panels = list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row");
        panels.map(|panel| (format!("{uid}, {}", panel["title"]), panel.clone())).collect::<Vec<_>>()
    };
    all().into_iter().flat_map(of).collect()
}

/// Every object with this key, however deep.
fn with_key<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(mapping) => {
            found.extend(mapping.get(key).map(|_| value));
            mapping.values().for_each(|value| with_key(value, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| with_key(item, key, found)),
        _ => {}
    }
}

fn all_with_key<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    with_key(value, key, &mut found);
    found
}

#[test]
fn each_has_its_uid_its_variables_its_annotations_and_a_schema_of_grafana_10() {
    assert_distinct("uid", all().iter().map(|dashboard| text(&dashboard["uid"]).to_owned()));
    for ((name, _), dashboard) in files().iter().zip(all()) {
        assert_eq!(*name, format!("dashboards/{}.json", text(&dashboard["uid"])));
        assert!(dashboard["id"].is_null() && dashboard["schemaVersion"] == SCHEMA_VERSION, "{name}");
        assert!(dashboard.get("elements").is_none(), "{name} is of schema v1");
        let variables: Vec<_> =
            list(&dashboard["templating"]["list"]).iter().map(|v| text(&v["name"])).collect();
        assert_eq!(variables[..4], ["datasource", "job", "instance", "target"], "{name}");
        for variable in &list(&dashboard["templating"]["list"])[1..4] {
            assert!(variable["multi"] == true && variable["includeAll"] == true, "{name}: {variable}");
        }
        let annotations = list(&dashboard["annotations"]["list"]);
        for word in ["Restart", "Reload", "Failed reload"] {
            assert!(annotations.iter().any(|one| text(&one["name"]).starts_with(word)), "{name}: {word}");
        }
        assert!(annotations.iter().all(|one| one["expr"] == one["target"]["expr"]), "{name}");
    }
}

#[test]
fn each_panel_has_id_title_description_and_unit() {
    for dashboard in all() {
        assert_distinct(
            "id",
            list(&dashboard["panels"]).iter().map(|panel| panel["id"].as_u64().expect("an id")),
        );
    }
    assert_distinct("title", panels().iter().map(|(place, _)| place.clone()));
    for (place, panel) in panels() {
        assert!(text(&panel["description"]).ends_with('.'), "{place}");
        assert!(!text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{place}");
        assert!(!list(&panel["targets"]).is_empty(), "{place}");
        assert_distinct(
            &place,
            list(&panel["targets"]).iter().map(|target| text(&target["refId"]).to_owned()),
        );
    }
}

#[test]
fn no_two_panels_overlap_and_none_leaves_the_grid() {
    for dashboard in all() {
        let number = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().expect("a number");
        let mut taken = BTreeSet::new();
        for panel in list(&dashboard["panels"]) {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| number(panel, key));
            assert!(w > 0 && h > 0 && x + w <= 24, "{}", panel["title"]);
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{} overlaps at {cell:?}", panel["title"]);
            }
        }
    }
}

#[test]
fn nothing_is_asked_but_the_chosen_data_source_about_the_chosen_exporters() {
    for dashboard in all() {
        let source = json!({"type": "prometheus", "uid": "${datasource}"});
        let of_source = all_with_key(&dashboard, "datasource");
        assert!(of_source.len() > 20);
        assert!(of_source.iter().all(|object| object["datasource"] == source), "{}", dashboard["uid"]);
        for object in all_with_key(&dashboard, "expr") {
            let expression = text(&object["expr"]);
            for (metric, after) in metrics(expression).into_iter().filter(|(metric, _)| *metric != "ALERTS") {
                let selector = "{job=~\"$job\", instance=~\"$instance\"";
                assert!(after.starts_with(selector), "{metric} of any exporter in {expression}");
                let is_of_targets = metric.starts_with("pbx_") && !metric.starts_with("pbx_exporter_");
                assert!(!is_of_targets || after.contains(", target=~\"$target\""), "{metric} of any target");
            }
        }
    }
}

#[test]
fn rates_are_taken_over_the_rate_interval_and_sums_over_the_time_range() {
    for (place, panel) in panels() {
        for target in list(&panel["targets"]) {
            let expression = text(&target["expr"]);
            for range in expression.split('[').skip(1).map(|rest| rest.split(']').next().expect("closed")) {
                let is_of_rate = range == "$__rate_interval";
                assert!(is_of_rate || range == "$__range", "{place}: [{range}]");
            }
            let rates = expression.matches("rate(").count();
            assert_eq!(expression.matches("[$__rate_interval]").count(), rates, "{place}: {expression}");
        }
    }
}

#[test]
fn a_number_or_table_tells_of_now_and_a_line_of_the_time_range() {
    for (place, panel) in panels() {
        let is_of_now = ["stat", "table", "bargauge"].contains(&text(&panel["type"]));
        let queries = list(&panel["targets"]);
        assert!(queries.iter().all(|q| q["instant"] == is_of_now && q["range"] == !is_of_now), "{place}");
    }
}

#[test]
fn links_lead_to_a_dashboard_of_these_with_its_variables_to_a_runbook_or_to_the_exporter() {
    let dashboards = all();
    let uids: Vec<_> = dashboards.iter().map(|dashboard| text(&dashboard["uid"])).collect();
    let mut to_the_page = 0;
    for dashboard in &dashboards {
        let links = all_with_key(dashboard, "url");
        for (url, title) in links.iter().map(|link| (text(&link["url"]), text(&link["title"]))) {
            assert!(!title.is_empty(), "{url}");
            if let Some(rest) = url.strip_prefix("/d/") {
                let (uid, query) = rest.split_once('?').unwrap_or((rest, ""));
                assert!(uids.contains(&uid), "{url}");
                let names = query.split('&').filter_map(|pair| pair.strip_prefix("var-")?.split('=').next());
                assert!(names.clone().all(|name| ["job", "instance", "target"].contains(&name)), "{url}");
                assert!(query.is_empty() || names.count() == 3, "{url}");
            } else if let Some(page) = url.strip_prefix(RUNBOOKS) {
                let is_there =
                    !Path::new("docs/runbooks").exists() || Path::new("docs/runbooks").join(page).exists();
                assert!(page == "${__value.raw}.md" || is_there, "{url}");
            } else {
                assert!(url.starts_with("http://${"), "{url}");
                to_the_page += 1;
            }
        }
        for uid in uids.iter().filter(|uid| dashboard["uid"] != **uid) {
            let leads = |link: &Value| link["url"] == format!("/d/{uid}") && link["includeVars"] == true;
            assert!(list(&dashboard["links"]).iter().any(leads), "{} to {uid}", dashboard["uid"]);
        }
    }
    assert!(to_the_page > 2, "{to_the_page}");
}

#[test]
fn nothing_is_used_that_grafana_10_does_not_know() {
    for (place, panel) in panels() {
        let kind = text(&panel["type"]);
        let (_, known) =
            OPTIONS.iter().find(|(known, _)| *known == kind).unwrap_or_else(|| panic!("{place}"));
        let options = panel["options"].as_object().expect("options");
        assert!(options.keys().all(|key| known.contains(&key.as_str())), "{place}: {options:?}");
        let defaults = panel["fieldConfig"]["defaults"].as_object().expect("defaults");
        let custom = defaults.get("custom").and_then(Value::as_object).into_iter().flatten();
        let custom = custom.map(|(key, _)| format!("custom.{key}"));
        let plain = defaults.keys().filter(|key| *key != "custom").cloned();
        let overrides = list(&panel["fieldConfig"]["overrides"]);
        let set =
            overrides.iter().flat_map(|one| list(&one["properties"])).map(|one| text(&one["id"]).to_owned());
        for property in plain.chain(custom).chain(set) {
            assert!(PROPERTIES.contains(&property.as_str()), "{place}: {property}");
        }
        let matchers = overrides.iter().map(|one| text(&one["matcher"]["id"]));
        assert!(matchers.into_iter().all(|id| ["byName", "byRegexp"].contains(&id)), "{place}");
        let transformations = list(&panel["transformations"]).iter().map(|one| text(&one["id"]));
        assert!(transformations.into_iter().all(|id| ["merge", "organize"].contains(&id)), "{place}");
    }
}
