//! `call`: what the probe calls. Only what reads.

use http::{HeaderValue, Method};
use serde_json::Value;

use super::check::Checker;
use super::raw;
use super::structure::printable;
use crate::domain::target::{Call, CustomCall, ListPointers};

/// Checks `call`; `None` only after reporting an error.
pub(super) fn check(c: &mut Checker<'_>, raw: Option<&raw::Call>) -> Option<Call> {
    match raw {
        None | Some(raw::Call::Known(raw::KnownCall::Graphql)) => Some(Call::Graphql),
        Some(raw::Call::Known(raw::KnownCall::Rest)) => Some(Call::Rest),
        Some(raw::Call::Custom(custom)) => self::custom(c, custom).map(Call::Custom),
    }
}

fn custom(c: &mut Checker<'_>, raw: &raw::CustomCall) -> Option<CustomCall> {
    let method = method(c, raw.method.as_deref().unwrap_or("GET"));
    let path = path(c, &raw.path);
    let body = body(c, raw, method.as_ref());
    if method == Some(Method::POST) {
        check_reads_only(c, raw);
    }
    if raw.total.as_deref().is_some_and(is_no_pointer) {
        c.error("call.total", "is no JSON pointer; begin it with `/`, as in `/data/count`");
    }
    let list = list(c, raw, method.as_ref());
    Some(CustomCall { method: method?, path: path?, body, total: raw.total.clone(), list })
}

fn is_no_pointer(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/')
}

fn list(c: &mut Checker<'_>, raw: &raw::CustomCall, method: Option<&Method>) -> Option<Box<ListPointers>> {
    if raw.id.as_deref().is_some_and(is_no_pointer) {
        c.error("call.id", "is no JSON pointer; begin it with `/`, as in `/extension`");
    }
    let Some(list) = &raw.list else {
        if raw.id.is_some() {
            c.error("call.id", "points into nothing; add `list`, where the extensions are");
        }
        return None;
    };
    if is_no_pointer(list) {
        c.error("call.list", "is no JSON pointer; begin it with `/`, as in `/data/items`");
    }
    if method == Some(&Method::HEAD) {
        c.error("call.list", "has no use with HEAD, whose answer has no body; write `method: GET`");
    }
    Some(Box::new(ListPointers { list: list.clone(), id: raw.id.clone() }))
}

fn method(c: &mut Checker<'_>, text: &str) -> Option<Method> {
    match text {
        "GET" => return Some(Method::GET),
        "HEAD" => return Some(Method::HEAD),
        "POST" => return Some(Method::POST),
        _ => c.error(
            "call.method",
            format!("`{}` may change things; write GET, HEAD or POST", printable(text)),
        ),
    }
    None
}

fn path(c: &mut Checker<'_>, path: &str) -> Option<String> {
    let wrong = if !path.starts_with('/') {
        "must begin with `/`; the origin comes from `url`, write the path alone"
    } else if path.starts_with("//") || path.starts_with("/\\") {
        "begins with two slashes, which points to another host; write one"
    } else if path.contains('#') {
        "has a fragment, which is never sent; remove it from the `#` on"
    } else if path.chars().any(|ch| ch.is_control() || ch.is_whitespace()) {
        "has a space or control character; write %20 for a space"
    } else {
        return Some(path.to_owned());
    };
    c.error("call.path", wrong);
    None
}

fn body(c: &mut Checker<'_>, raw: &raw::CustomCall, method: Option<&Method>) -> Option<(String, String)> {
    if raw.body.is_some() && method.is_some_and(|m| m != Method::POST) {
        c.error("call.body", "only a POST has a body; write `method: POST` or remove it");
    }
    if raw.body.is_none() && raw.content_type.is_some() {
        c.error("call.content_type", "there is no body; add `body` or remove it");
    }
    let content_type = raw.content_type.as_deref().unwrap_or("application/json");
    if HeaderValue::from_str(content_type).is_err() {
        c.error("call.content_type", "is no header value; write it as in `application/json`");
    }
    raw.body.clone().map(|body| (body, content_type.to_owned()))
}

/// This exporter only reads. FreePBX's REST changes things by POST, and GraphQL by `mutation`.
fn check_reads_only(c: &mut Checker<'_>, raw: &raw::CustomCall) {
    let path = raw.path.to_ascii_lowercase();
    // The second is what the first is rewritten to (FreePBX/framework:amp_conf/htdocs/admin/api/.htaccess).
    if path.contains("/rest/") || path.contains("command=rest") {
        let text = "a POST to the REST API changes the PBX, and this exporter only reads; write GET";
        c.error("call.method", text);
    }
    if raw.body.as_deref().is_some_and(mutates) {
        c.error("call.body", "holds a GraphQL mutation, and this exporter only reads; write a query");
    }
}

/// Whether the keyword `mutation` stands in a body: as it is, or behind the escapes of JSON or of a form.
fn mutates(body: &str) -> bool {
    fn value_mutates(value: &Value) -> bool {
        match value {
            Value::String(text) => has_keyword(text),
            Value::Array(items) => items.iter().any(value_mutates),
            Value::Object(members) => members.values().any(value_mutates),
            _ => false,
        }
    }
    has_keyword(body)
        || serde_json::from_str(body).is_ok_and(|value| value_mutates(&value))
        || url::form_urlencoded::parse(body.as_bytes()).any(|(_, value)| has_keyword(&value))
}

/// The keyword alone: `mutationType` is part of a harmless introspection.
fn has_keyword(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c)).any(|word| word == "mutation")
}
