//! Total and extensions in an answer that succeeded, by the pointers of the call.
//!
//! Takes id, technology and name of each, and nothing else that an answer may hold.

use serde_json::Value;

use crate::domain::Platform;
use crate::domain::extensions::{Extension, Id, Listed, id};
use crate::domain::outcome::Version;
use crate::domain::platform::{CallForm, PageBy, Paging};

const ODD: &str = "The answer has no extensions where they should be, or one without an id.";
/// A name is for people: no longer than a line of a terminal.
const LONGEST_TEXT: usize = 80;

/// A number, a text that is one, or how many members there are.
pub fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(members) => Some(members.len() as u64),
        Value::Null | Value::Bool(_) => None,
    }
}

/// How many members the list has; `None`: it is neither an array nor an object.
pub fn members(value: &Value) -> Option<u64> {
    count(value).filter(|_| value.is_array() || value.is_object())
}

/// The extensions of one answer.
pub fn extensions(call: &CallForm, json: Option<&Value>) -> Listed {
    json.and_then(|json| read(call, json)).ok_or_else(|| ODD.into())
}

fn read(call: &CallForm, json: &Value) -> Option<Vec<Extension>> {
    let label = call.label.as_deref().unwrap_or("/name");
    let found = |item: &Value, name: Option<&String>| {
        let id = match (&call.id, name) {
            (Some(pointer), _) => value_id(item.pointer(pointer)?),
            (None, Some(name)) => id(name),
            (None, None) => value_id(item),
        };
        Some(Extension { id: id?, tech: text(item.get("tech")), name: text(item.pointer(label)) })
    };
    match json.pointer(call.list.as_ref()?)? {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(|item| found(item, None)).collect(),
        Value::Object(members) => members.iter().map(|(name, item)| found(item, Some(name))).collect(),
        _ => None,
    }
}

fn value_id(value: &Value) -> Option<Id> {
    match value {
        Value::String(text) => id(text),
        Value::Number(number) => id(&number.as_u64()?.to_string()),
        _ => None,
    }
}

/// Text for people, without what a terminal would obey.
fn text(value: Option<&Value>) -> Option<Box<str>> {
    let text: String = value?.as_str()?.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

/// With what to ask for the page after this one. `after`: with what this one was asked for; `count`: how many
/// it has.
pub fn next(paging: &Paging, after: Option<&str>, count: usize, json: Option<&Value>) -> Option<String> {
    let number = |start: u64| after.map_or(Some(start), |text| text.parse().ok());
    let full = paging.size.is_some_and(|size| count as u64 >= u64::from(size.max(1)));
    match paging.by {
        PageBy::Page if full => Some((number(super::request::first_page(paging))? + 1).to_string()),
        PageBy::Offset if full => Some((number(0)? + count as u64).to_string()),
        PageBy::Page | PageBy::Offset => None,
        PageBy::Cursor => match json?.pointer(paging.cursor.as_ref()?)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        },
    }
}

/// What the version query told.
pub fn version(platform: &Platform, json: Option<&Value>) -> Option<Version> {
    let form = platform.version.as_ref()?;
    let member = |pointer: &str| Some(label(json?.pointer(pointer)?.as_str()?));
    let version = member(&form.version).filter(|version| !version.is_empty())?;
    Some(Version { version, engine: form.engine.as_deref().and_then(member).unwrap_or_default() })
}

/// Cut to what the metric contract allows in a label.
fn label(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(64).collect()
}
