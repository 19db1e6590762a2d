//! The schema, docs/configuration.md and the examples agree with the types. `UPDATE_DOCS=1` rewrites
//! what is generated.

use std::fs;

use pbx_exporter::config::{load, schema};
use serde_json::Value;

use super::{Files, load_text, one_target};
use crate::support::golden::assert_current;

const SCHEMA: &str = "docs/pbx_exporter.schema.json";
const DOCUMENT: &str = "docs/configuration.md";
/// Its keys are those of `platforms`.
pub(super) const PLATFORMS: &str = "docs/platforms.md";

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    assert_current(SCHEMA, &format!("{:#}\n", schema::value()));
}

#[test]
fn the_documented_keys_are_those_of_the_types() {
    for path in [DOCUMENT, PLATFORMS] {
        assert_current(path, &with_keys(&fs::read_to_string(path).expect("the document")));
    }
}

/// The document with its tables of keys regenerated.
fn with_keys(document: &str) -> String {
    let mut text = String::new();
    let mut rest = document;
    while let Some((before, after)) = rest.split_once("<!-- keys of ") {
        let (name, after) = after.split_once(" -->").expect("a closed marker");
        let (_, after) = after.split_once("<!-- end -->").expect("an end marker");
        text.extend([before, "<!-- keys of ", name, " -->\n", &table(name), "<!-- end -->"]);
        rest = after;
    }
    text + rest
}

#[test]
fn every_mapping_of_the_schema_is_documented() {
    let document =
        [DOCUMENT, PLATFORMS].map(|path| fs::read_to_string(path).expect("the document")).join("\n");
    let definitions = schema::value()["$defs"].as_object().expect("definitions");
    // `Defaults` has the keys of `Target` but two.
    for (name, definition) in definitions.iter().filter(|(name, _)| *name != "Defaults") {
        let marker = format!("<!-- keys of {name} -->");
        assert!(definition.get("properties").is_none() || document.contains(&marker), "{marker}");
    }
}

fn table(name: &str) -> String {
    let root = schema::value();
    let definition = if name == "File" { root } else { &root["$defs"][name] };
    let required = definition["required"].as_array().cloned().unwrap_or_default();
    let keys = definition["properties"].as_object().unwrap_or_else(|| panic!("no mapping {name}"));
    let row = |(key, schema): (&String, &Value)| {
        let default = match schema.get("default") {
            Some(Value::String(word)) => format!("`{word}`"),
            Some(value) => format!("`{value}`"),
            None if required.iter().any(|r| r == key) => "required".to_owned(),
            None => String::new(),
        };
        let meaning = schema["description"].as_str().expect("each key is documented");
        format!("| `{key}` | {} | {default} | {meaning} |\n", kinds(schema).join(" or "))
    };
    let rows: String = keys.iter().map(row).collect();
    format!("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n{rows}\n")
}

/// What may be written, as the document says it.
fn kinds(schema: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        return match name {
            "Duration" => vec!["duration".to_owned()],
            "Size" => vec!["size".to_owned()],
            name => kinds(&schema::value()["$defs"][name]),
        };
    }
    if let Some(word) = schema["const"].as_str() {
        return vec![format!("`{word}`")];
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", word.as_str().unwrap_or_default())).collect();
    }
    if let Some(union) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return union.iter().flat_map(kinds).collect();
    }
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    let name = |kind: &Value| match kind.as_str() {
        Some("null") | None => None,
        Some("string") => Some("text".to_owned()),
        Some("array") => Some("list".to_owned()),
        Some("object") => Some("mapping".to_owned()),
        Some("boolean") => Some("`true` or `false`".to_owned()),
        Some(other) => Some(other.to_owned()),
    };
    types.iter().filter_map(name).collect()
}

/// The defaults that the schema states, written out as a mapping in flow style.
fn stated_defaults(definition: &str) -> String {
    let properties = schema::value()["$defs"][definition]["properties"].as_object().expect("a mapping");
    let stated =
        properties.iter().filter_map(|(key, schema)| Some(format!("{key}: {}", schema.get("default")?)));
    stated.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_defaults_that_the_schema_states_are_the_ones_in_force() {
    let implicit = load_text(&one_target("", "tls: {}")).expect("a good file");
    let target = format!(
        "{}, backoff: {{{}}}, tls: {{{}}}",
        stated_defaults("Target"),
        stated_defaults("Backoff"),
        stated_defaults("Tls")
    );
    let target = one_target(&format!(", {}", stated_defaults("Auth")), &target);
    let text = format!("limits: {{{}}}\n{target}", stated_defaults("Limits"));
    let explicit = load_text(&text).unwrap_or_else(|e| panic!("{text}\n{e}"));
    assert_eq!(implicit.targets, explicit.targets);
    assert_eq!(implicit.limits, explicit.limits);
    assert!(text.contains("token_interval: \"15m\"") && text.contains("cap: \"60m\""), "{text}");
}

/// What the head of an example says has to be created: file names and variables.
fn to_create(text: &str) -> (Vec<&str>, Vec<&str>) {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    let words = head.flat_map(|line| line.split([' ', ',', ';'])).map(|word| word.trim_end_matches('.'));
    let is_file = |word: &&str| [".txt", ".pem"].iter().any(|end| word.ends_with(end));
    let is_variable =
        |word: &&str| word.contains('_') && word.chars().all(|c| c == '_' || c.is_ascii_uppercase());
    (words.clone().filter(is_file).collect(), words.filter(is_variable).collect())
}

#[test]
fn every_example_passes_once_what_its_head_says_is_created() {
    let entries =
        fs::read_dir("examples").expect("the examples").map(|entry| entry.expect("an entry").path());
    let examples: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "yml")).collect();
    assert!(examples.len() >= 3, "the examples were not found");
    for path in examples {
        let text = fs::read_to_string(&path).expect("an example");
        let (created, variables) = to_create(&text);
        assert!(!created.is_empty(), "{} does not say what to create", path.display());
        let content = |name: &str| {
            if name == "company-ca.pem" { "-----BEGIN CERTIFICATE-----\n" } else { "not-a-real-secret\n" }
        };
        let files = Files::new(&created.iter().map(|name| (*name, content(name))).collect::<Vec<_>>());
        files.write("example.yml", &text, 0o600);
        let pattern = files.path("example.yml").display().to_string();
        let config = load(&[pattern], &|name| variables.contains(&name).then(|| "x".to_owned()));
        let config = config.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(config.warnings, Vec::<String>::new(), "{}", path.display());
        assert!(config.unreadable.is_empty(), "{}: {:?}", path.display(), config.unreadable);
    }
}

/// A block of YAML as a whole configuration; `None` where it is another program's.
fn whole(block: &str) -> Option<String> {
    let others =
        ["groups:", "scrape_configs:", "receivers:", "rule_files:", "apiVersion:", "basic_auth_users:"];
    let target = "targets:\n  - name: office\n    url: https://localhost\n    auth: {client_id: abc, client_secret: x}\n";
    let first = block.lines().find(|line| !line.starts_with('#'))?;
    if others.iter().any(|key| block.contains(key)) {
        None
    } else if first.starts_with("    ") {
        Some(format!("{target}{block}"))
    } else if first.starts_with("  - ") {
        Some(format!("targets:\n{block}"))
    } else if block.contains("targets:") {
        Some(block.to_owned())
    } else {
        Some(format!("storage: {{path: /nowhere/at-all}}\n{block}{target}"))
    }
}

#[test]
fn every_yaml_block_of_the_documents_is_a_good_configuration() {
    let secrets = ["office", "lab", "database"].map(|name| format!("secrets/{name}.txt"));
    let mut files: Vec<_> = secrets.iter().map(|name| (name.as_str(), "not-a-real-secret\n")).collect();
    let key = "0".repeat(64);
    files.push(("storage.key", &key));
    let (files, mut seen) = (Files::new(&files), 0);
    for (path, text) in crate::documents::documents() {
        for block in crate::documents::blocks(&text, "yaml").iter().filter_map(|block| whole(block)) {
            files.write("block.yml", &block, 0o600);
            let pattern = files.path("block.yml").display().to_string();
            let loaded = load(&[pattern], &|_| Some("x".to_owned()));
            assert!(loaded.is_ok(), "{}: {block}\n{}", path.display(), loaded.map(|_| ()).unwrap_err());
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen} blocks");
}
