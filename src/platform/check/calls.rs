//! Calls and requests: only what reads.

use http::HeaderValue;
use serde_json::Value;
use url::form_urlencoded;

use super::{Found, HEAD, headers, path, pointer, query, test};
use crate::domain::platform::{CallForm, Method, PageBy, Paging, Platform, RequestForm, SentAs};

pub(super) fn calls(found: &mut Found<'_>, platform: &Platform) {
    let calls = &platform.calls;
    if calls.is_empty() {
        found.at("calls", "is empty; add at least one with `name` and `request`");
    }
    for (at, call) in calls.iter().enumerate() {
        let found = &mut found.below(&format!("calls[{at}]"));
        let fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if call.name.is_empty() || !call.name.bytes().all(fit) {
            found.at("name", "is not a valid name for `call`; use letters, digits, `-` and `_`");
        } else if calls[..at].iter().any(|other| other.name == call.name) {
            found.at("name", "is used twice; give each call its own");
        }
        self::call(found, call, &platform.sent_as);
    }
}

fn call(found: &mut Found<'_>, call: &CallForm, sent_as: &SentAs) {
    request(&mut found.below("request"), &call.request, sent_as);
    if let Some(each) = &call.each {
        request(&mut found.below("each"), each, sent_as);
        if each.method == Method::Head {
            found.at("each.method", HEAD);
        }
        if call.list.is_none() {
            found.at(
                "each",
                "is not used without `list`, a JSON pointer to the extensions; add `list`, or remove it",
            );
        }
    }
    let pointers = [("total", &call.total), ("list", &call.list), ("id", &call.id), ("label", &call.label)];
    for (name, value) in pointers {
        pointer(found, name, value.as_ref());
    }
    test(found, "success", call.success.as_ref());
    let points = call.total.is_some() || call.list.is_some() || call.success.is_some();
    if call.request.method == Method::Head && points {
        found.at("request.method", HEAD);
    }
    if call.list.is_none() && (call.id.is_some() || call.paging.is_some()) {
        let which = if call.id.is_some() { "id" } else { "paging" };
        found.at(which, "needs `list`, a JSON pointer to the extensions; add it");
    }
    if let Some(form) = &call.paging {
        let asked = call.each.as_ref().unwrap_or(&call.request);
        paging(&mut found.below("paging"), form, &asked.path, sent_as);
    }
}

fn paging(found: &mut Found<'_>, paging: &Paging, path: &str, sent_as: &SentAs) {
    pointer(found, "cursor", paging.cursor.as_ref());
    match paging.by {
        PageBy::Cursor if paging.cursor.is_none() => {
            found.at("cursor", "missing; add a JSON pointer to the cursor in the answer");
        }
        PageBy::Page | PageBy::Offset if paging.size.is_none_or(|size| size == 0) => {
            let text = "missing or 0, but needed to recognize the last page; write how many items the \
             request asks for";
            found.at("size", text);
        }
        _ => {}
    }
    if let Some(odd) = odd_size(paging, path) {
        let text = format!("differs from the path, which asks for `{odd}`; write the same number in both");
        found.at("size", text);
    }
    let useless = [
        ("first", paging.first.is_some() && paging.by != PageBy::Page, "page"),
        ("size", paging.size.is_some() && paging.by == PageBy::Cursor, "page` or `by: offset"),
        ("cursor", paging.cursor.is_some() && paging.by != PageBy::Cursor, "cursor"),
    ];
    for (name, _, by) in useless.into_iter().filter(|(_, useless, _)| *useless) {
        found.at(name, format!("is only used with `by: {by}`; remove it"));
    }
    if paging.parameter.is_empty() {
        found.at("parameter", "is empty; write the parameter's name");
    } else if sent_as.query.as_ref() == Some(&paging.parameter) {
        let text = "is the parameter that carries the token (`sent_as.query`); write the one for pages";
        found.at("parameter", text);
    } else if query(path).any(|(name, _)| name == paging.parameter) {
        let text = "is also in the query of the path, but is added for each page; remove it there";
        found.at("parameter", text);
    }
}

/// What the path asks for a page to hold, by its name, where that is another number than the size.
fn odd_size(paging: &Paging, path: &str) -> Option<String> {
    const NAMES: [&str; 8] =
        ["per_page", "perpage", "page_size", "pagesize", "limit", "$top", "count", "size"];
    let size = paging.size?.to_string();
    let (name, value) = query(path).find(|(name, _)| NAMES.contains(&name.to_ascii_lowercase().as_str()))?;
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty();
    (is_number && *value != *size).then(|| format!("{name}={value}"))
}

/// This exporter only reads.
pub(super) fn request(found: &mut Found<'_>, form: &RequestForm, sent_as: &SentAs) {
    path(found, "path", &form.path);
    if query(&form.path).any(|(name, _)| sent_as.query.as_deref() == Some(&name)) {
        found
            .at("path", "has the parameter that carries the token (`sent_as.query`) in its query; remove it");
    }
    headers(&mut found.below("headers"), &form.headers, sent_as);
    match (&form.body, form.method) {
        (Some(_), Method::Get | Method::Head) => {
            found.at("body", "only a POST has a body; write `method: POST` or remove it");
        }
        (body, Method::Post) => {
            if let Some((part, wrong)) = may_change(body.as_deref()) {
                found.at(part, wrong);
            }
        }
        _ => {}
    }
    if form.content_type.as_ref().is_some_and(|value| HeaderValue::from_str(value).is_err()) {
        found.at("content_type", "is not a header value; write it as in `application/json`");
    }
}

/// Why a POST with this body may change things, and which of `method` and `body` to fix. Only a GraphQL query is known
/// to change nothing on any platform.
pub(super) fn may_change(body: Option<&str>) -> Option<(&'static str, &'static str)> {
    let Some(body) = body else {
        return Some(("method", "is POST without a body, which changes data on most systems; write GET"));
    };
    if mutates(body) {
        Some(("body", "contains a GraphQL mutation, but this exporter only reads; write a query"))
    } else if is_query(body) {
        None
    } else {
        Some((
            "body",
            "is not a GraphQL query in JSON, and any other POST may change data; write it as in \
             `{\"query\":\"{ a }\"}`, or write GET",
        ))
    }
}

/// Whether a body holds the members of a GraphQL request and nothing else, with a query among them.
fn is_query(body: &str) -> bool {
    const KNOWN: [&str; 4] = ["query", "variables", "operationName", "extensions"];
    let Ok(Value::Object(members)) = serde_json::from_str(body) else { return false };
    let query = members.get("query").and_then(Value::as_str).map_or("", str::trim_start);
    members.keys().all(|name| KNOWN.contains(&name.as_str()))
        && (query.starts_with('{') || query.starts_with("query") || query.starts_with("fragment"))
}

/// Whether the keyword `mutation` stands in a body or query: as it is, or behind the escapes of JSON, of a form, or of JSON
/// in a form.
pub(super) fn mutates(body: &str) -> bool {
    fn value_mutates(value: &Value) -> bool {
        match value {
            Value::String(text) => has_keyword(text),
            Value::Array(items) => items.iter().any(value_mutates),
            Value::Object(members) => members.values().any(value_mutates),
            _ => false,
        }
    }
    let says =
        |text: &str| has_keyword(text) || serde_json::from_str(text).is_ok_and(|value| value_mutates(&value));
    says(body) || form_urlencoded::parse(body.as_bytes()).any(|(name, value)| says(&name) || says(&value))
}

/// The keyword alone: `mutationType` is part of a harmless introspection.
fn has_keyword(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c)).any(|word| word == "mutation")
}
