//! The JSON Schema of a configuration file, generated from the raw types.

use std::sync::LazyLock;

use serde_json::Value;

use super::raw;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(raw::File).to_value();
    unwrap_lines(&mut schema);
    schema
});

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

/// The schema as a value.
pub fn value() -> &'static Value {
    &SCHEMA
}

/// The schema as text, for editors, with a newline at its end.
pub fn text() -> String {
    format!("{:#}\n", *SCHEMA)
}
