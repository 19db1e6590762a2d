//! What a description says that makes no sense: each with the key it is about, and the mend.

pub(super) mod calls;
pub(super) mod headers;
mod rules;
mod token_endpoint;

use std::borrow::Cow;

use http::HeaderValue;
use url::form_urlencoded;

use self::headers::{answer_header, header_name, headers, names_secret};
use crate::domain::Grant;
use crate::domain::platform::{Grants, Method, Platform, Reader, Test};

/// Key and text of each problem.
type Problems = Vec<(String, String)>;

/// All that is wrong with a description whose structure is right.
pub fn problems(platform: &Platform) -> Problems {
    let mut found = Problems::new();
    text(&mut found, "title", &platform.title);
    headers(&mut found, "headers", &platform.headers, &platform.sent_as);
    grants(&mut found, platform);
    if let Some(form) = &platform.token {
        token_endpoint::token(&mut found, form, &platform.grants);
    }
    sent_as(&mut found, platform);
    calls::calls(&mut found, platform);
    if let Some(version) = &platform.version {
        calls::request(&mut found, "version.request", &version.request, &platform.sent_as);
        if version.request.method == Method::Head {
            add(&mut found, "version.request.method", HEAD);
        }
        pointer(&mut found, "version.version", Some(&version.version));
        pointer(&mut found, "version.engine", version.engine.as_ref());
    }
    if platform.validity.is_some() && platform.reader == Reader::Rules {
        add(&mut found, "validity", "is asked by `reader: freepbx` alone; remove it");
    }
    if let Some(validity) = &platform.validity {
        calls::request(&mut found, "validity", validity, &platform.sent_as);
    }
    for (at, rule) in platform.rules.iter().enumerate() {
        rules::rule(&mut found, &format!("rules[{at}]"), rule, &platform.grants);
        rules::twin(&mut found, at, &platform.rules);
    }
    for (name, words) in &platform.reasons {
        rules::words(&mut found, name, words);
    }
    let limit = &platform.rate_limit;
    for (key, name) in [("remaining", &limit.remaining), ("reset", &limit.reset)] {
        if let Some(name) = name {
            answer_header(&mut found, &format!("rate_limit.{key}"), name);
        }
    }
    if let Some(ban) = &platform.ban {
        rules::sentence(&mut found, "ban.likely", &ban.likely);
        rules::sentence(&mut found, "ban.possible", &ban.possible);
    }
    found
}

fn add(found: &mut Problems, key: impl Into<String>, text: impl Into<String>) {
    found.push((key.into(), text.into()));
}

fn text(found: &mut Problems, key: &str, text: &str) {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        add(found, key, "is empty or has a control character; write a few words");
    }
}

fn grants(found: &mut Problems, platform: &Platform) {
    let served: Vec<_> = platform.grants.served().collect();
    let asks = served.iter().any(|grant| *grant != Grant::Static);
    let token = platform.token.as_ref();
    if served.is_empty() {
        add(found, "grants", "serves none; add one, such as `client_credentials: {}` or `static: {}`");
    } else if asks && token.is_none() {
        add(found, "token", "missing, and a grant other than `static` needs it; add `token:` with `path`");
    } else if !asks && token.is_some() {
        add(
            found,
            "token",
            "has no use with the grant `static` alone; remove it, or add the grant that it serves",
        );
    }
    for grant in served.iter().copied() {
        let form = platform.grants.get(grant);
        let texts = form
            .into_iter()
            .flat_map(|form| [("application", &form.application), ("grant_type", &form.grant_type)]);
        for (name, _) in texts.filter(|(_, text)| text.as_ref().is_some_and(|text| text.trim().is_empty())) {
            add(found, format!("grants.{grant}.{name}"), "is empty; write the platform's word, or remove it");
        }
    }
    let confirms = served.contains(&Grant::AuthorizationCode);
    if confirms && token.is_some_and(|token| token.authorize.is_none()) {
        add(
            found,
            "token.authorize",
            "missing, and the grant `authorization_code` needs it; add the page's path",
        );
    }
}

fn sent_as(found: &mut Problems, platform: &Platform) {
    let form = &platform.sent_as;
    match (&form.header, &form.query) {
        (Some(_), Some(_)) => {
            add(found, "sent_as.query", "contradicts `header`: a token travels once; keep one of them");
        }
        (Some(name), None) => header_name(found, "sent_as.header", name),
        (None, Some(name)) if name.is_empty() => {
            add(found, "sent_as.query", "is empty; write the parameter's name");
        }
        (None, Some(_)) if form.prefix.is_some() => {
            add(found, "sent_as.prefix", "has no use with `query`; remove it");
        }
        _ => {}
    }
    if form.prefix.as_ref().is_some_and(|prefix| HeaderValue::from_str(prefix).is_err()) {
        add(found, "sent_as.prefix", "has a character that no header field can hold; remove it");
    }
}

fn path(found: &mut Problems, key: &str, path: &str) {
    if let Some(wrong) = wrong_path(path).or_else(|| wrong_query(path)) {
        add(found, key, wrong);
    }
}

/// What in a path's query must not be shown, or not be done: some platforms take GraphQL there, too.
pub fn wrong_query(path: &str) -> Option<&'static str> {
    if query(path).any(|(name, _)| names_secret(&name)) {
        Some("has what looks like a secret in its query, and paths are shown; remove it")
    } else if path.split_once('?').is_some_and(|(_, query)| calls::mutates(query)) {
        Some("holds a GraphQL mutation in its query, and this exporter only reads; write a query")
    } else {
        None
    }
}

/// A path with its query as the far side reads it, for looking for a word in it.
pub fn decoded(path: &str) -> String {
    let pairs = form_urlencoded::parse(path.as_bytes());
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Names and values in the query of a path.
fn query(path: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
}

const HEAD: &str = "is HEAD, whose answer has no body to point into; write GET";

/// What is wrong with a path on a target's origin.
pub fn wrong_path(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("must begin with `/`; the origin comes from `url`, write the path alone")
    } else if path.starts_with("//") || path.starts_with("/\\") {
        Some("begins with two slashes, which points to another host; write one")
    } else if path.contains('#') {
        Some("has a fragment, which is never sent; remove it from the `#` on")
    } else if path.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some("has a space or control character; write %20 for a space")
    } else {
        None
    }
}

/// Why a text cannot be a JSON pointer (RFC 6901).
pub fn wrong_pointer(text: &str) -> Option<&'static str> {
    if !text.is_empty() && !text.starts_with('/') {
        Some("is no JSON pointer; begin it with `/`, as in `/data/items`, or write \"\" for the whole answer")
    } else if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        Some("is no JSON pointer: after a `~` stands 0 or 1; write `~0` for `~` itself and `~1` for `/`")
    } else {
        None
    }
}

fn pointer(found: &mut Problems, key: &str, value: Option<&String>) {
    if let Some(wrong) = value.and_then(|value| wrong_pointer(value)) {
        add(found, key, wrong);
    }
}

fn test(found: &mut Problems, key: &str, test: Option<&Test>) {
    pointer(found, &format!("{key}.pointer"), test.map(|test| &test.pointer));
    not_empty(found, &format!("{key}.values"), test.map(|test| &*test.values));
}

/// Grants with which no token is asked for.
fn sent(found: &mut Problems, key: &str, named: Option<&[Grant]>, grants: &Grants) {
    let unsent = named.into_iter().flatten().find(|named| grants.sent().all(|sent| sent != **named));
    if let Some(grant) = unsent {
        add(
            found,
            key,
            format!("names {grant}, with which no token is asked for here; remove it, or add it to `grants`"),
        );
    }
}

/// A list without members says nothing, or that nothing fits.
fn not_empty<T>(found: &mut Problems, key: &str, list: Option<&[T]>) {
    if list.is_some_and(<[T]>::is_empty) {
        add(found, key, "is empty, so that nothing ever fits; name at least one, or remove it");
    }
}
