//! `call`: what the probe calls. Only what reads.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::checker::Checker;
use super::raw;
use super::structure::{printable, suggest};
use crate::domain::Platform;
use crate::domain::platform::{CallForm, Method, RequestForm};
use crate::domain::target::Call;
use crate::platform::{known, wrong_path, wrong_pointer, wrong_query};

/// `None` only after reporting an error.
pub(super) fn call(c: &mut Checker<'_>, raw: Option<&raw::Call>, platform: &Platform) -> Option<Call> {
    let name = match raw {
        None => platform.calls.first().map_or("", |call| &call.name),
        Some(raw::Call::Known(name)) => name,
        Some(raw::Call::Custom(custom)) => {
            return self::custom(c, custom, platform).map(|call| Call::Custom(Box::new(call)));
        }
    };
    if platform.call(name).is_none() {
        let known: Vec<_> = platform.calls.iter().map(|call| call.name.as_str()).collect();
        let text = format!(
            "unknown call `{}`; {}use one of those of {}: {}, or a call of your own",
            printable(name),
            suggest(name, &known),
            platform.name,
            known.join(", ")
        );
        c.error("call", text);
        return None;
    }
    Some(Call::known(name))
}

fn custom(c: &mut Checker<'_>, raw: &raw::CustomCall, platform: &Platform) -> Option<CallForm> {
    let method = method(c, raw.method.as_deref().unwrap_or("GET"));
    if let Some(wrong) = wrong_path(&raw.path).or_else(|| wrong_query(&raw.path)) {
        c.error("call.path", wrong);
    }
    check_body(c, raw, method);
    if method == Some(Method::Post)
        && let Some((part, wrong)) = (known(platform).changes)(&raw.path, raw.body.as_deref())
    {
        c.error(&format!("call.{part}"), wrong);
    }
    for (key, written) in [("call.total", &raw.total), ("call.list", &raw.list), ("call.id", &raw.id)] {
        if let Some(wrong) = written.as_deref().and_then(wrong_pointer) {
            c.error(key, wrong);
        }
    }
    check_list(c, raw, method);
    // Which of the platform's calls a user's own path resembles is unknown; the first is the default.
    let success = platform.calls.first().and_then(|call| call.success.clone());
    if method == Some(Method::Head) && success.is_some() {
        let text = format!(
            "HEAD has no body, and {} reports in the body whether a call succeeded; write GET",
            platform.title
        );
        c.error("call.method", text);
    }
    let request = RequestForm {
        method: method?,
        path: below(&raw.path, &platform.prefix),
        body: raw.body.clone(),
        content_type: raw.content_type.clone(),
        headers: BTreeMap::new(),
    };
    let (total, list, id) = (raw.total.clone(), raw.list.clone(), raw.id.clone());
    Some(CallForm { request, total, list, id, success, ..CallForm::default() })
}

/// Written with what the PBX lives below, or without.
fn below(path: &str, prefix: &str) -> String {
    let has_it = path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    if has_it { path.to_owned() } else { format!("{prefix}{path}") }
}

fn check_list(c: &mut Checker<'_>, raw: &raw::CustomCall, method: Option<Method>) {
    if raw.id.is_some() && raw.list.is_none() {
        c.error("call.id", "needs `list`; add it, a JSON pointer to the extensions");
    }
    if raw.list.is_some() && method == Some(Method::Head) {
        c.error("call.list", "is not used with HEAD, whose answer has no body; write `method: GET`");
    }
}

fn method(c: &mut Checker<'_>, text: &str) -> Option<Method> {
    match text {
        "GET" => return Some(Method::Get),
        "HEAD" => return Some(Method::Head),
        "POST" => return Some(Method::Post),
        _ => {
            c.error("call.method", format!("`{}` may change data; write GET, HEAD or POST", printable(text)));
        }
    }
    None
}

fn check_body(c: &mut Checker<'_>, raw: &raw::CustomCall, method: Option<Method>) {
    if raw.body.is_some() && method.is_some_and(|m| m != Method::Post) {
        c.error("call.body", "only a POST has a body; write `method: POST` or remove it");
    }
    if raw.body.is_none() && raw.content_type.is_some() {
        c.error("call.content_type", "there is no body; add `body` or remove it");
    }
    let content_type = raw.content_type.as_deref().unwrap_or("application/json");
    if HeaderValue::from_str(content_type).is_err() {
        c.error("call.content_type", "is not a header value; write it as in `application/json`");
    }
}
