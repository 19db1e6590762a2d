//! What a diagnosis is going to send, told beforehand.

use super::token::is_spent_by_use;
use crate::domain::{Grant, Target};
use crate::platform;

/// What stays behind on the PBX afterwards.
pub fn left_behind(target: &Target) -> &'static str {
    if is_spent_by_use(target) {
        "Nothing is changed on the PBX."
    } else {
        "Nothing is changed on the PBX, but for a token that is issued and ends by itself."
    }
}

/// A line for each thing that will be sent to `target`, in order.
pub fn plan(target: &Target) -> Vec<String> {
    let mut lines = Vec::new();
    match &target.client.proxy {
        // Whether it stands before this host is known only later.
        Some(_) => lines.push("one connection without a request, unless the proxy stands between".to_owned()),
        None => lines.push("one connection without a request".to_owned()),
    }
    if let Some(presence) = platform::presence_request(target) {
        lines.push(format!("{} {} without credentials", presence.method, presence.url.path()));
    }
    if is_spent_by_use(target) {
        return lines;
    }
    let (grant, token) = (target.auth.grant, platform::token_path(target));
    let permissions = platform::permissions_request(target);
    let again = if permissions.is_some() { "; again only after a bare error page" } else { "" };
    if grant != Grant::Static {
        lines.push(format!("POST {token} with the credentials (grant {grant}){again}"));
    }
    if let Some(permissions) = permissions {
        let (method, path) = (permissions.method, permissions.url.path().to_owned());
        lines.push(format!("{method} {path} with the token: which queries it may make"));
    }
    let list = platform::list_request(target);
    lines.push(format!("{} {} with the token: the extensions list", list.method, list.url.path()));
    lines
}
