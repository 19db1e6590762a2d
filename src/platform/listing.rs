//! Total and extensions in an answer that succeeded, by the pointers of the call.
//!
//! Takes id, technology and name of each, and nothing else that an answer may hold.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::domain::Platform;
use crate::domain::extensions::{Extension, Id, Listed, Page, id};
use crate::domain::foreign::shown;
use crate::domain::outcome::Version;
use crate::domain::platform::{CallForm, PageBy, Paging};

const ODD: &str = "The answer has no extensions where they should be, or one without an id.";
/// A name is for people: no longer than a line of a terminal.
const LONGEST_TEXT: usize = 80;

/// A whole number, as `3`, `3.0` or `"3"`.
pub fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// JSON knows no integers, so that some libraries write all numbers as fractions (RFC 8259 section 6).
fn whole(value: f64) -> Option<u64> {
    let text = (value >= 0.0 && value.fract() == 0.0).then(|| format!("{value:.0}"))?;
    text.parse().ok()
}

/// A number, or how many members there are.
pub fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(members) => Some(members.len() as u64),
        _ => number(value),
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
    let text: String = shown(value?.as_str()?).chars().take(LONGEST_TEXT).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

/// One page of the list. `after`: with what it was asked for; `None`: there is no list.
pub fn page(call: &CallForm, json: Option<&Value>, after: Option<&str>) -> Option<Page> {
    let list = json?.pointer(call.list.as_ref()?)?;
    let count = members(list)?;
    let extensions = extensions(call, json);
    let (full, following) = match &call.paging {
        Some(paging) => (is_full(paging, count), next(paging, after, count, json)),
        None => (true, None),
    };
    let mark = (count > 0).then(|| mark(list, extensions.as_ref().ok()));
    let (next, beyond) = if full { (following, None) } else { (None, following.filter(|_| count > 0)) };
    Some(Page { total: None, count, extensions, mark, next, beyond })
}

/// By its first extension, as others may change meanwhile; else by all of it.
fn mark(list: &Value, extensions: Option<&Vec<Extension>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match extensions.and_then(|extensions| extensions.first()) {
        Some(first) => first.id.hash(&mut hasher),
        None => list.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

/// Whether a page has as many as were asked for. A cursor itself tells whether more follow.
fn is_full(paging: &Paging, count: u64) -> bool {
    paging.by == PageBy::Cursor || paging.size.is_some_and(|size| count >= u64::from(size.max(1)))
}

/// With what to ask for the page after this one. `count`: how many it has.
fn next(paging: &Paging, after: Option<&str>, count: u64, json: Option<&Value>) -> Option<String> {
    let number = |start: u64| after.map_or(Some(start), |text| text.parse().ok());
    match paging.by {
        PageBy::Page => Some((number(super::request::first_page(paging))? + 1).to_string()),
        PageBy::Offset => Some((number(0)? + count).to_string()),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_number_is_read_in_each_notation() {
        for value in [json!(3), json!(3.0), json!(0.3e1), json!("3"), json!(" 3 ")] {
            assert_eq!(number(&value), Some(3), "{value}");
        }
        for value in [
            json!(3.5),
            json!(-3),
            json!(-3.0),
            json!(1e30),
            json!("three"),
            json!(""),
            json!(true),
            json!([3]),
        ] {
            assert_eq!(number(&value), None, "{value}");
        }
    }
}
