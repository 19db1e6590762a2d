//! Checks a tree against the JSON Schema of the raw types: unknown keys, wrong kinds, unknown words.
//!
//! It knows the part of JSON Schema that the raw types need; every error is found, not only the first.

use serde_json::{Map, Value};

use super::issue::Report;
use super::schema;
use super::tree::{Data, Node, join};
use crate::domain::foreign::is_invisible;

type Object = Map<String, Value>;

pub(super) fn report_misfits(root: &Node, report: &mut Report) {
    walk(root, schema::value(), "", report);
}

/// Whether a node has no such errors; `definition` names its schema.
pub(super) fn is_sound(node: &Node, definition: &str) -> bool {
    let mut scratch = Report::default();
    walk(node, &schema::value()["$defs"][definition], "", &mut scratch);
    scratch.errors() == 0
}

fn walk(node: &Node, schema: &Value, path: &str, report: &mut Report) {
    let alternatives = alternatives(schema);
    let fitting: Vec<_> = alternatives.iter().copied().filter(|s| fits(node, s)).collect();
    let Some(first) = fitting.first() else {
        report.error(&node.place, path, wrong_kind(node, path, &alternatives));
        return;
    };
    match &node.data {
        Data::Null | Data::Bool(_) => {}
        Data::Number(_) => check_range(node, first, path, report),
        Data::Text(text) => check_word(node, text, &fitting, path, report),
        Data::List(items) => {
            for (i, item) in items.iter().enumerate() {
                walk(item, &first["items"], &format!("{path}[{i}]"), report);
            }
        }
        Data::Map(_) => check_keys(node, first, path, report),
    }
}

/// The simple schemas that a schema offers, references and unions resolved.
fn alternatives(schema: &Value) -> Vec<&Object> {
    let Some(object) = schema.as_object() else { return Vec::new() };
    if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
        let target = schema::value().pointer(reference.trim_start_matches('#'));
        return target.map(alternatives).unwrap_or_default();
    }
    let union = object.get("anyOf").or_else(|| object.get("oneOf")).and_then(Value::as_array);
    union.map_or_else(|| vec![object], |union| union.iter().flat_map(alternatives).collect())
}

fn types(schema: &Object) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn fits(node: &Node, schema: &Object) -> bool {
    types(schema).into_iter().any(|name| match &node.data {
        Data::Null => name == "null",
        Data::Bool(_) => name == "boolean",
        Data::Number(n) => name == "integer" && (n.is_u64() || n.is_i64()),
        Data::Text(_) => name == "string",
        Data::List(_) => name == "array",
        Data::Map(_) => name == "object",
    })
}

fn wrong_kind(node: &Node, path: &str, alternatives: &[&Object]) -> String {
    let mut names: Vec<_> = alternatives.iter().flat_map(|s| types(s)).filter(|t| *t != "null").collect();
    names.dedup();
    let has_url = alternatives.iter().any(|s| s.get("properties").is_some_and(|p| p.get("url").is_some()));
    let fix = match (&node.data, names.first()) {
        (Data::Null, _) => "give a value or remove the key",
        (Data::Number(_), Some(&"string")) if has_pattern(alternatives) => {
            "write it with its unit, as in 60s"
        }
        (Data::Number(_) | Data::Bool(_), _) if names.contains(&"string") => "put it in quotes",
        (_, Some(&"boolean")) => "write true or false, without quotes",
        (_, Some(&"integer")) => "write digits only, without quotes",
        (Data::Map(_), Some(&"array")) if path == "targets" => "begin each target with `- name:`",
        (Data::Text(_), Some(&"object")) if has_url => "write it as `url: ...` below it",
        (_, Some(&"array")) => "write it as a list, as in [a, b]",
        (_, Some(&"object")) => "write `key: value` pairs below it",
        _ => "write one value",
    };
    let names: Vec<_> = names.into_iter().map(kind_name).collect();
    format!("must be {}, is {}; {fix}", names.join(" or "), node.kind())
}

/// Whether the text has a form of its own: durations have.
fn has_pattern(alternatives: &[&Object]) -> bool {
    alternatives.iter().any(|schema| schema.contains_key("pattern"))
}

fn kind_name(json: &str) -> &str {
    match json {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "string" => "text",
        "array" => "a list",
        "object" => "a mapping",
        other => other,
    }
}

fn check_range(node: &Node, schema: &Object, path: &str, report: &mut Report) {
    let Data::Number(number) = &node.data else { return };
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    let value = number.as_f64().unwrap_or(f64::NAN);
    if bound("minimum").is_some_and(|min| value < min) || bound("maximum").is_some_and(|max| value > max) {
        let from = bound("minimum").unwrap_or(0.0);
        let to = bound("maximum").map_or_else(|| " or more".to_owned(), |max| format!(" to {max}"));
        report.error(&node.place, path, format!("{number} is out of range; write {from}{to}"));
    }
}

/// Text is free unless every alternative lists its words.
fn check_word(node: &Node, text: &str, fitting: &[&Object], path: &str, report: &mut Report) {
    let mut words = Vec::new();
    for schema in fitting {
        match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => words.extend(word.as_str()),
            (None, Some(many)) => words.extend(many.iter().filter_map(Value::as_str)),
            (None, None) => return,
        }
    }
    if !words.contains(&text) {
        let shown = if is_near(text, &words) { format!(" `{text}`") } else { String::new() };
        let suggestion = suggest(text, &words);
        let text = format!("unknown word{shown}; {suggestion}use one of: {}", words.join(", "));
        report.error(&node.place, path, text);
    }
}

fn check_keys(node: &Node, schema: &Object, path: &str, report: &mut Report) {
    let empty = Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let free = schema.get("additionalProperties").filter(|schema| schema.is_object());
    let names: Vec<_> = known.keys().map(String::as_str).collect();
    for entry in node.entries() {
        let has_value = !matches!(entry.node.data, Data::Null);
        let below = join(path, &printable(&entry.key));
        let free_value = free.filter(|schema| has_value || takes_nothing(schema));
        if let Some(schema) = known.get(&entry.key).or(free_value) {
            walk(&entry.node, schema, &below, report);
        } else if free.is_some() {
            report.error(&entry.place, path, format!("has a key {NO_VALUE}"));
        } else {
            let form = no_such_form(&entry.key, known);
            let among_secrets = names.iter().any(|name| name.ends_with("env"));
            let harmless = has_value && !among_secrets && is_shaped(&entry.key);
            let is_shown = form.is_some() || is_near(&entry.key, &names) || harmless;
            let (path, what) = match (is_shown, has_value) {
                (true, _) => (below.as_str(), "unknown key".to_owned()),
                (false, true) => (path, "has an unknown key, which is not shown".to_owned()),
                (false, false) => (path, format!("has an unknown key {NO_VALUE}")),
            };
            let hint = form.unwrap_or_else(|| suggest(&entry.key, &names));
            report.error(&entry.place, path, format!("{what}; {hint}known keys: {}", names.join(", ")));
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for key in required.filter_map(Value::as_str).filter(|key| node.get(key).is_none()) {
        report.error(&node.place, join(path, key), format!("missing; add `{key}: ...`"));
    }
}

/// Of a key that may be a piece of a secret: `{password: a,b}`, `{password:ab}`.
pub(super) const NO_VALUE: &str = "without a value, which is not shown; write a space after the colon, and \
 put a value with a comma in quotes";

/// Whether the schema allows an entry without a value.
fn takes_nothing(schema: &Value) -> bool {
    alternatives(schema).iter().any(|schema| types(schema).contains(&"null"))
}

/// The hint for someone who wrote `client_id_env`.
fn no_such_form(key: &str, known: &Object) -> Option<String> {
    let stem = key.strip_suffix("_env").or_else(|| key.strip_suffix("_file"))?;
    let form = &key[stem.len()..];
    known
        .contains_key(stem)
        .then(|| format!("`{stem}` is not a secret and has no `{form}` form, write `{stem}: ...`; "))
}

/// "did you mean X? " for the known word that is close enough, else nothing.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    if !word.contains(char::is_alphabetic) {
        return String::new();
    }
    let word = word.to_lowercase();
    // A single typo changes most of a short word.
    let slipped = |known: &str| word.len() > 2 && strsim::osa_distance(&word, known) == 1;
    let score = |known: &str| if slipped(known) { 1.0 } else { strsim::jaro_winkler(&word, known) };
    let scored = known.iter().map(|k| (score(k), k));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.8);
    best.map(|(_, k)| format!("did you mean `{k}`? ")).unwrap_or_default()
}

/// Whether a word is a known one with a typo. Any other may be a piece of a secret, and is not shown.
fn is_near(word: &str, known: &[&str]) -> bool {
    let word = word.to_lowercase();
    known.iter().any(|known| strsim::osa_distance(&word, known) <= (known.len() / 4).max(1))
}

/// Whether it looks like a key.
fn is_shaped(key: &str) -> bool {
    key.len() <= 32 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

/// Text of the file that may be shown: one line, and no longer than a word should be.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(64).map(|c| if c.is_control() || is_invisible(c) { '?' } else { c }).collect()
}
