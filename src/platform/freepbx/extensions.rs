//! The extensions one by one, of an answer that is otherwise as the list's should be.
//!
//! Takes id, technology and name of each, and nothing else that an answer may hold.

use serde_json::{Map, Value};

use super::body::Body;
use super::resource::read_list;
use crate::domain::extensions::{Extension, Id, Listed, Page, id};
use crate::domain::target::{Call, ListPointers};
use crate::domain::{Answer, Failure};
use crate::platform::CallContext;

const ODD: &str = "The answer has no extensions where they should be, or one without an id.";
/// A name is for people: no longer than a line of a terminal.
const LONGEST_TEXT: usize = 80;

pub fn read(ctx: &CallContext, answer: &Answer) -> Result<Page, Failure> {
    let total = read_list(ctx, answer)?.total;
    let body = Body::of(answer);
    let extensions = match &ctx.target.call {
        Call::Graphql => graphql(&body),
        Call::Rest => body.json().and_then(rest),
        Call::Custom(call) => call.list.as_ref().and_then(|pointers| custom(pointers, body.json()?)),
    };
    Ok(Page { total, extensions: told(extensions), next: None })
}

fn told(extensions: Option<Vec<Extension>>) -> Listed {
    extensions.ok_or_else(|| ODD.into())
}

fn graphql(body: &Body) -> Option<Vec<Extension>> {
    match body.data("fetchAllExtensions")?.get("extension")? {
        Value::Null => Some(Vec::new()),
        list => {
            list.as_array()?.iter().map(|item| extension(item, value_id(item.get("extensionId")?)?)).collect()
        }
    }
}

/// Members are named by their ids, but where PHP made an array of them; `extension` says the same.
fn rest(users: &Value) -> Option<Vec<Extension>> {
    let read = |user: &Value| extension(user, value_id(user.get("extension")?)?);
    match users {
        Value::Object(users) => users.values().map(read).collect(),
        Value::Array(users) => users.iter().map(read).collect(),
        _ => None,
    }
}

fn custom(pointers: &ListPointers, json: &Value) -> Option<Vec<Extension>> {
    let found = |item: &Value, name: Option<&String>| {
        let id = match (&pointers.id, name) {
            (Some(pointer), _) => value_id(item.pointer(pointer)?),
            (None, Some(name)) => id(name),
            (None, None) => value_id(item),
        };
        extension(item, id?)
    };
    match json.pointer(&pointers.list)? {
        Value::Array(items) => items.iter().map(|item| found(item, None)).collect(),
        Value::Object(members) => members.iter().map(|(name, item)| found(item, Some(name))).collect(),
        _ => None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "ends the chains of its callers")]
fn extension(item: &Value, id: Id) -> Option<Extension> {
    let member = |name: &str| item.as_object().and_then(|members: &Map<_, _>| text(members.get(name)?));
    Some(Extension { id, tech: member("tech"), name: member("name") })
}

fn value_id(value: &Value) -> Option<Id> {
    match value {
        Value::String(text) => id(text),
        Value::Number(number) => id(&number.as_u64()?.to_string()),
        _ => None,
    }
}

/// Text for people, without what a terminal would obey.
fn text(value: &Value) -> Option<Box<str>> {
    let text: String = value.as_str()?.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
