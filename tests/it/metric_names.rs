//! Names of metrics in rules, dashboards and documents against those exported, both ways: nobody is to wait for a
//! series that never comes, and nothing is exported that nobody looks at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pbx_exporter::board::Board;
use pbx_exporter::exposition::Format;
use serde_json::Value;

use crate::dashboards;
use crate::support::promql::metrics;
use crate::support::scrape::whole;

/// Names of all families, as the TYPE lines have them.
fn exported() -> BTreeSet<String> {
    let text = whole(&Board::default(), Format::Text);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    types.map(str::to_owned).collect()
}

/// What Prometheus makes itself.
fn is_prometheus_own(name: &str) -> bool {
    name == "up" || name.starts_with("ALERTS") || name.starts_with("scrape_")
}

/// The family of a series: the parts of a histogram have suffixes.
fn family(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// The files with this extension in a folder and below.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let of = |path: PathBuf| match path.is_dir() {
        true => files(&path.display().to_string(), extension),
        false if path.extension().is_some_and(|found| found == extension) => vec![path],
        false => Vec::new(),
    };
    paths.flat_map(of).collect()
}

/// Each expression of the rules and dashboards with where it stands, and the names that rules record.
fn expressions() -> (Vec<(String, String)>, BTreeSet<String>) {
    let (mut expressions, mut recorded) = (Vec::new(), BTreeSet::new());
    for path in files("alerts", "yml") {
        let text = fs::read_to_string(&path).expect("text");
        let rules: Value =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        visit(&rules, &mut |key, value| match key {
            "expr" => expressions.push((path.display().to_string(), value.to_owned())),
            "record" => drop(recorded.insert(value.to_owned())),
            _ => {}
        });
    }
    for dashboard in dashboards::all() {
        visit(&dashboard, &mut |key, value| {
            if key == "expr" {
                expressions.push((dashboard["uid"].to_string(), value.to_owned()));
            }
        });
        visit(&dashboard["templating"], &mut |key, value| {
            if let Some(inner) = value.strip_prefix("label_values(").filter(|_| key == "query") {
                let (selector, _) = inner.rsplit_once(", ").expect("a label");
                expressions.push((dashboard["uid"].to_string(), selector.to_owned()));
            }
        });
    }
    (expressions, recorded)
}

/// Shows each text in a mapping, however deep, with its key.
fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a str)) {
    match value {
        Value::Object(mapping) => {
            for (key, value) in mapping {
                value.as_str().into_iter().for_each(|text| see(key, text));
                visit(value, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}

/// Words of a text that look like families of ours; globs (`pbx_exporter_*`), recorded names (`a:pbx_up:b`) and the
/// program's own name aside. What `grep '^pbx_` looks for keeps its `^`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"_:^".contains(c));
    let words = words.map(|word| word.trim_matches(':')).filter(|word| !word.contains(':'));
    let ours = |word: &&str| ["pbx_", "process_"].iter().any(|ours| word.trim_matches('^').starts_with(ours));
    words.filter(ours).filter(|word| !word.ends_with('_') && *word != "pbx_exporter")
}

/// Documents for users, and the texts of rules and dashboards.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = files("docs", "md");
    paths.extend(files("dashboards", "json"));
    paths.extend(files("alerts", "yml"));
    paths.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

#[test]
fn each_metric_that_is_named_is_exported() {
    let (exported, (expressions, recorded)) = (exported(), expressions());
    assert!(expressions.len() > 100, "{}", expressions.len());
    let is_known = |name: &str| match name.strip_prefix('^') {
        Some(beginning) => exported.iter().any(|name| name.starts_with(beginning)),
        None => exported.contains(name) || exported.contains(family(name)),
    };
    let mut unknown = Vec::new();
    for (place, expression) in &expressions {
        let names = metrics(expression).into_iter().map(|(name, _)| name);
        let names =
            names.filter(|name| !is_known(name) && !is_prometheus_own(name) && !recorded.contains(*name));
        unknown.extend(names.map(|name| format!("{place}: {name}")));
    }
    for (path, text) in documents() {
        let names = words(&text).filter(|word| !is_known(word));
        unknown.extend(names.map(|name| format!("{}: {name}", path.display())));
    }
    assert!(unknown.is_empty(), "named, but not exported: {unknown:#?}");
}

#[test]
fn each_family_exported_is_used_in_a_rule_a_panel_or_a_document() {
    let (expressions, _) = expressions();
    let named = expressions.iter().flat_map(|(_, expression)| metrics(expression));
    let mut used: BTreeSet<_> = named.map(|(name, _)| family(name).to_owned()).collect();
    let is_list = |path: &Path| path.ends_with("docs/metrics.md") || path.ends_with("CHANGELOG.md");
    for (_, text) in documents().iter().filter(|(path, _)| !is_list(path)) {
        used.extend(words(text).map(|word| family(word).to_owned()));
    }
    let exported = exported();
    let unused: Vec<_> = exported.difference(&used).collect();
    assert!(exported.len() > 40 && unused.is_empty(), "exported, but used nowhere: {unused:#?}");
}
