//! Header fields that a description sends, and what in it would be a secret; and the names of those of an answer.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue};

use super::Found;
use crate::domain::platform::SentAs;

const NO_SECRET: &str = "looks like a secret, and descriptions are shown to users; remove it, and set it \
 from a file in the target's `headers`, or as the key that `sent_as` sends";

pub(super) fn headers<'a>(
    found: &mut Found<'_>,
    headers: impl IntoIterator<Item = (&'a String, &'a String)>,
    sent_as: &SentAs,
) {
    let mut seen = BTreeSet::new();
    for (name, value) in headers {
        header_name(found, name, name);
        let found = &mut found.below(name);
        if !seen.insert(name.to_ascii_lowercase()) {
            found.here("given twice in different case; remove one");
        }
        let token = sent_as.header.as_deref().unwrap_or("authorization");
        if name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case(token) {
            found.here("carries the token; remove it, and describe it in `sent_as`");
        } else if names_secret(name) || value.starts_with("Bearer ") || value.starts_with("Basic ") {
            found.here(NO_SECRET);
        } else if HeaderValue::from_str(value).is_err() {
            found.here("the value has a line break or control character; remove it");
        }
    }
}

/// Whether a header field or parameter holds a secret, judged by its name.
pub(super) fn names_secret(name: &str) -> bool {
    const ENDS: [&str; 9] =
        ["apikey", "-key", "_key", "token", "secret", "password", "passwd", "cookie", "assertion"];
    let name = name.to_ascii_lowercase();
    name == "key" || ENDS.iter().any(|end| name.ends_with(end))
}

/// One of an answer: any.
pub(super) fn answer_header(found: &mut Found<'_>, member: &str, name: &str) {
    if HeaderName::try_from(name).is_err() {
        found.at(member, "is not a header name; use letters, digits and `-`");
    }
}

/// Also those that belong to the connection or to the exporter.
pub(super) fn header_name(found: &mut Found<'_>, member: &str, name: &str) {
    const OURS: [&str; 8] = [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "accept-encoding",
    ];
    match HeaderName::try_from(name) {
        Err(_) => found.at(member, "is not a header name; use letters, digits and `-`"),
        Ok(name) if OURS.contains(&name.as_str()) => {
            found.at(member, "is set by the exporter itself; remove it");
        }
        Ok(_) => overrides_method(name).into_iter().for_each(|wrong| found.at(member, wrong)),
    }
}

/// What is wrong with a header field by which a server takes a request for one of another method: Slim 3, which serves
/// the API of FreePBX 15 and 16, honours the first. PHP makes one of `-` and `_`.
pub(crate) fn overrides_method(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
    let name = name.to_ascii_lowercase().replace('_', "-");
    NAMES
        .contains(&name.as_str())
        .then_some("turns a request that reads into one that changes the PBX; remove it")
}
