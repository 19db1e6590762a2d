//! The JSON Schema of a configuration file. It is generated from the raw types by a test, and embedded as
//! it is committed: the program holds the text, not what makes it.

use std::sync::LazyLock;

use serde_json::Value;

use super::raw;

/// As text, for editors, with a newline at its end.
pub const TEXT: &str = include_str!("../../docs/pbx_exporter.schema.json");

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(TEXT).expect("what a test generated"));

/// The schema as a value.
pub fn value() -> &'static Value {
    &SCHEMA
}

/// Whether any mapping has a key of this name.
pub(super) fn is_key(name: &str) -> bool {
    let has = |schema: &Value| schema["properties"].get(name).is_some();
    has(value()) || value()["$defs"].as_object().is_some_and(|defs| defs.values().any(has))
}

/// The schema of the types, which [`TEXT`] has to be.
pub fn generated() -> Value {
    let mut schema = schemars::schema_for!(raw::File).to_value();
    unwrap_lines(&mut schema);
    schema
}

/// Doc comments are wrapped at the source's width; editors wrap at their own.
fn unwrap_lines(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            members.values_mut().for_each(unwrap_lines);
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        _ => {}
    }
}
