//! All documents: links, examples, rules and log messages against what is there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pbx_exporter::metrics::targets::FAMILIES;
use serde_json::{Value, json};

use crate::support::promql::metrics;

/// Each document with its text, below the root of the repository.
pub fn documents() -> Vec<(PathBuf, String)> {
    let folders = ["", "docs", "docs/runbooks", "alerts"]
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|file| file.expect("one").path());
    let documents = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let documents: Vec<_> =
        documents.map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect();
    assert!(documents.len() > 40, "{} documents", documents.len());
    documents
}

/// The blocks of code in this language, without the indentation of a list.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix(&format!("```{language}")) else { continue };
        if indent.trim().is_empty() {
            let block = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
            let block = block
                .fold(String::new(), |text, line| text + line.strip_prefix(indent).unwrap_or(line) + "\n");
            blocks.push(block);
        }
    }
    blocks
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    prose.collect::<Vec<_>>().join("\n")
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings =
        headings.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    let (mut seen, mut dead) = (0, String::new());
    for (path, text) in documents() {
        for link in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let to = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            let leads = to.exists()
                && anchor
                    .is_none_or(|anchor| anchors(&fs::read_to_string(&to).expect("text")).contains(anchor));
            if !leads {
                let _ = writeln!(dead, "{}: {link}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 150 && dead.is_empty(), "{seen} links, dead: {dead}");
}

#[test]
fn the_readme_is_short_and_the_index_leads_to_each_page() {
    assert!(include_str!("../../README.md").lines().count() <= 200);
    let index = include_str!("../../docs/README.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (path, _) in documents().iter().filter(|(path, _)| path.parent() == Some(&*folder)) {
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "docs/README.md lacks {name}");
    }
}

#[test]
fn the_words_are_those_of_an_operator() {
    let odd = ["mend", "mends", "mended", "mending", "anew"];
    // docs/causes.md is made of `src/causes/`.
    let is_own = |path: &Path| !path.ends_with("CHANGELOG.md") && !path.ends_with("docs/causes.md");
    for (path, text) in documents().iter().filter(|(path, _)| is_own(path)) {
        let lower = text.to_lowercase();
        let found: Vec<_> =
            lower.split(|c: char| !c.is_alphanumeric()).filter(|word| odd.contains(word)).collect();
        assert!(found.is_empty() && !lower.contains(" but for "), "{}: {found:?}", path.display());
    }
}

#[test]
fn the_messages_of_the_log_are_those_of_the_program() {
    let document = include_str!("../../docs/operation.md");
    let section = document.split_once("\n## Its own log\n").and_then(|(_, rest)| rest.split("\n## ").next());
    let rows = section.expect("the section").lines().filter(|line| line.starts_with("| ")).skip(2);
    let source = sources(Path::new("src"));
    let mut seen = 0;
    for message in rows.filter_map(|row| row.split(" | ").nth(1)).flat_map(|cell| cell.split(", ")) {
        let message = message.trim_matches('`').trim_end_matches(" ...").trim_end_matches([':', ';']);
        assert!(source.contains(message), "nothing logs {message:?}");
        seen += 1;
    }
    assert!(seen > 10, "{seen} messages");
}

/// Words of the program that people are told to look for.
const QUOTED: [(&str, &[&str]); 6] = [
    ("runbooks/PbxProbeStale.md", &["this PBX rejected many requests lately", "probe put off"]),
    ("runbooks/PbxTokenNotRefreshed.md", &["this PBX rejected many requests lately"]),
    ("runbooks/PbxExporterReloadFailed.md", &["is unset or empty", "configuration reloaded"]),
    ("runbooks/PbxExporterTargetsLost.md", &["configuration in force"]),
    ("runbooks/PbxExporterDown.md", &["failed to load the configuration", "failed to listen"]),
    (
        "authorization.md",
        &[
            "in use by another pbx_exporter",
            "was first used by the target",
            "was sealed with",
            "is readable by other users",
            "The answer to the refresh of",
            "pbx_exporter was stopped during the refresh of",
            "left no tokens here",
        ],
    ),
];

#[test]
fn what_the_documents_quote_the_program_says() {
    let source = sources(Path::new("src"));
    for (page, quotes) in QUOTED {
        let text = fs::read_to_string(Path::new("docs").join(page)).expect("a page");
        for quote in quotes {
            assert!(text.contains(quote), "{page} does not quote {quote:?}");
            assert!(source.contains(quote), "{page}: nothing says {quote:?}");
        }
    }
}

/// All text below a folder; a string that goes on in the next line is one.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let joined = |text: String| {
        let mut pieces = text.split("\\\n");
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |text, piece| text + piece.trim_start())
    };
    let text = |path: PathBuf| {
        if path.is_dir() { sources(&path) } else { joined(fs::read_to_string(path).unwrap_or_default()) }
    };
    entries.map(text).collect()
}

/// Prometheus queries of the documents: those of rules, of the first queries, of `promtool query instant`.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for (path, text) in documents() {
        let place = path.display().to_string();
        let is_readme = path == Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        for block in blocks(&text, "yaml").iter().filter(|block| block.starts_with("groups:")) {
            let rules: Value =
                serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{place}: {error}"));
            let rules = rules["groups"][0]["rules"].as_array().expect("rules");
            queries.extend(
                rules.iter().map(|rule| (place.clone(), rule["expr"].as_str().expect("an expr").to_owned())),
            );
        }
        for line in text.lines() {
            let asked = line.strip_prefix("promtool query instant ").and_then(|rest| rest.split('\'').nth(1));
            let first = line.strip_prefix("| `").and_then(|rest| rest.split("` |").next());
            let first = first.filter(|query| is_readme && query.contains("pbx_"));
            queries
                .extend([asked, first].into_iter().flatten().map(|query| (place.clone(), query.to_owned())));
        }
    }
    assert!(queries.len() > 15, "{queries:#?}");
    queries
}

/// Two exporters that watch the same PBX, with a series of each family.
fn series() -> Vec<Value> {
    let value = |label: &str| match label {
        "source" => "database",
        "operation" => "token",
        _ => "any",
    };
    let mut series = Vec::new();
    for instance in ["a", "b"] {
        for family in FAMILIES {
            let labels = family.labels.iter().filter(|label| **label != "target");
            let labels: Vec<_> = labels.map(|label| format!(",{label}=\"{}\"", value(label))).collect();
            let labels = labels.concat();
            let name =
                format!("{}{{job=\"pbx\",instance=\"{instance}\",target=\"office\"{labels}}}", family.name);
            series.push(json!({"series": name, "values": "1x1500"}));
        }
    }
    series
}

#[test]
#[ignore = "needs promtool"]
fn each_query_of_the_documents_works_with_two_exporters_that_watch_one_pbx() {
    let queries = queries();
    // One, whatever the query finds, unless it ends in an error.
    let test = |query: &str| {
        json!({
            "expr": format!("vector(1) and on () (vector(1) or ({query}))"),
            "eval_time": "1500m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        })
    };
    let tests: Vec<_> = queries.iter().map(|(_, query)| test(query)).collect();
    let file = json!({
        "tests": [{"interval": "1m", "input_series": series(), "promql_expr_test": tests}],
    });
    super::alerts::promtool_passes(&file);
    for (place, query) in queries {
        assert!(!metrics(&query).is_empty() || query.contains("__name__"), "{place}: {query}");
    }
    for (path, text) in documents() {
        for block in blocks(&text, "yaml").iter().filter(|block| block.starts_with("groups:")) {
            let file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a file");
            fs::write(file.path(), block).expect("written");
            println!("{}", path.display());
            super::alerts::run("promtool", &["check", "rules"], &[file.path().to_owned()]);
        }
    }
}
