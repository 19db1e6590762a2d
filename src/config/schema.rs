//! The JSON Schema of a configuration file, made from the raw types.

use std::sync::LazyLock;

use serde_json::Value;

use super::raw;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(raw::File).to_value();
    unwrap_lines(&mut schema);
    schema
});

/// The schema. docs/pbx_exporter.schema.json is its text, for editors.
pub fn value() -> &'static Value {
    &SCHEMA
}

/// Whether any mapping has a key of this name.
pub(super) fn is_key(name: &str) -> bool {
    let has = |schema: &Value| schema["properties"].get(name).is_some();
    has(value()) || value()["$defs"].as_object().is_some_and(|defs| defs.values().any(has))
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
