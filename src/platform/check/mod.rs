//! What makes no sense in a description: each with its key and the fix.

pub(super) mod calls;
pub(super) mod headers;
mod rules;
pub(super) mod settings;
mod token_endpoint;

use std::borrow::Cow;

use http::HeaderValue;
use url::form_urlencoded;

use self::headers::{answer_header, header_name, headers, names_secret};
use crate::domain::Grant;
use crate::domain::platform::{Grants, Method, Platform, Reader, SentAs, Test};

/// Problems, to be found below a key.
struct Found<'a> {
    key: String,
    /// Key and text of each.
    problems: &'a mut Vec<(String, String)>,
}

impl Found<'_> {
    fn here(&mut self, text: impl Into<String>) {
        self.problems.push((self.key.clone(), text.into()));
    }

    fn at(&mut self, member: &str, text: impl Into<String>) {
        self.below(member).here(text);
    }

    fn below(&mut self, member: &str) -> Found<'_> {
        let dot = if self.key.is_empty() { "" } else { "." };
        Found { key: format!("{}{dot}{member}", self.key), problems: self.problems }
    }
}

/// All that is wrong with a description whose structure is right: each with its key.
pub(crate) fn problems(platform: &Platform) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let found = &mut Found { key: String::new(), problems: &mut problems };
    text(found, "title", &platform.title);
    headers(&mut found.below("headers"), &platform.headers, &platform.sent_as);
    grants(found, platform);
    if let Some(form) = &platform.token {
        token_endpoint::token(&mut found.below("token"), form, &platform.grants);
    }
    sent_as(&mut found.below("sent_as"), &platform.sent_as);
    calls::calls(found, platform);
    if let Some(version) = &platform.version {
        calls::request(&mut found.below("version.request"), &version.request, &platform.sent_as);
        if version.request.method == Method::Head {
            found.at("version.request.method", HEAD);
        }
        pointer(found, "version.version", Some(&version.version));
        pointer(found, "version.engine", version.engine.as_ref());
    }
    if platform.validity.is_some() && platform.reader == Reader::Rules {
        found.at("validity", "is only used with `reader: freepbx`; remove it");
    }
    if let Some(validity) = &platform.validity {
        calls::request(&mut found.below("validity"), validity, &platform.sent_as);
    }
    for (at, rule) in platform.rules.iter().enumerate() {
        let found = &mut found.below(&format!("rules[{at}]"));
        rules::rule(found, rule, &platform.grants);
        rules::twin(found, at, &platform.rules);
    }
    for (name, words) in &platform.reasons {
        rules::words(&mut found.below(&format!("reasons.{name}")), name, words);
    }
    let limit = &platform.rate_limit;
    for (key, name) in [("remaining", &limit.remaining), ("reset", &limit.reset)] {
        if let Some(name) = name {
            answer_header(&mut found.below("rate_limit"), key, name);
        }
    }
    if let Some(ban) = &platform.ban {
        rules::sentence(found, "ban.likely", &ban.likely);
        rules::sentence(found, "ban.possible", &ban.possible);
    }
    problems
}

fn text(found: &mut Found<'_>, member: &str, text: &str) {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        found.at(member, "is empty or has a control character; write a few words");
    }
}

fn grants(found: &mut Found<'_>, platform: &Platform) {
    let served: Vec<_> = platform.grants.served().collect();
    let asks = served.iter().any(|grant| *grant != Grant::Static);
    let token = platform.token.as_ref();
    if served.is_empty() {
        found.at("grants", "has no grants; add one, such as `client_credentials: {}` or `static: {}`");
    } else if asks && token.is_none() {
        found.at("token", "missing, and a grant other than `static` needs it; add `token:` with `path`");
    } else if !asks && token.is_some() {
        let text = "is not used if `static` is the only grant; remove it, or add the grant that needs it";
        found.at("token", text);
    }
    for grant in served.iter().copied() {
        let form = platform.grants.get(grant);
        let texts = form
            .into_iter()
            .flat_map(|form| [("application", &form.application), ("grant_type", &form.grant_type)]);
        for (name, _) in texts.filter(|(_, text)| text.as_ref().is_some_and(|text| text.trim().is_empty())) {
            found.at(&format!("grants.{grant}.{name}"), "is empty; write the platform's value, or remove it");
        }
    }
    let confirms = served.contains(&Grant::AuthorizationCode);
    if confirms && token.is_some_and(|token| token.authorize.is_none()) {
        let text = "missing, and the grant `authorization_code` needs it; add the page's path";
        found.at("token.authorize", text);
    }
}

fn sent_as(found: &mut Found<'_>, form: &SentAs) {
    match (&form.header, &form.query) {
        (Some(_), Some(_)) => {
            found.at("query", "contradicts `header`: a token is sent in one place; keep one of them");
        }
        (Some(name), None) => header_name(found, "header", name),
        (None, Some(name)) if name.is_empty() => {
            found.at("query", "is empty; write the parameter's name");
        }
        (None, Some(_)) if form.prefix.is_some() => {
            found.at("prefix", "is not used with `query`; remove it");
        }
        _ => {}
    }
    if form.prefix.as_ref().is_some_and(|prefix| HeaderValue::from_str(prefix).is_err()) {
        found.at("prefix", "has a character that is not allowed in a header field; remove it");
    }
}

fn path(found: &mut Found<'_>, member: &str, path: &str) {
    if let Some(wrong) = wrong_path(path).or_else(|| wrong_query(path)) {
        found.at(member, wrong);
    }
}

/// What in a path's query must not be shown, or not be done: some platforms take GraphQL there, too.
pub(crate) fn wrong_query(path: &str) -> Option<&'static str> {
    if query(path).any(|(name, _)| names_secret(&name)) {
        Some("seems to have a secret in its query, and paths are shown to users; remove it")
    } else if path.split_once('?').is_some_and(|(_, query)| calls::mutates(query)) {
        Some("contains a GraphQL mutation in its query, but this exporter only reads; write a query")
    } else {
        None
    }
}

/// A path with its query as the far side reads it, for looking for a word in it.
fn decoded(path: &str) -> String {
    let pairs = form_urlencoded::parse(path.as_bytes());
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Names and values in the query of a path.
fn query(path: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
}

const HEAD: &str = "is HEAD, whose answer has no body to read; write GET";

/// What is wrong with a path on a target's origin.
pub(crate) fn wrong_path(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        Some("must begin with `/`; write only the path, the origin comes from `url`")
    } else if path.starts_with("//") || path.starts_with("/\\") {
        Some("begins with two slashes, which means another host; write one")
    } else if path.contains('#') {
        Some("has a fragment, which is never sent; remove it from the `#` on")
    } else if path.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some("has a space or control character; write %20 for a space")
    } else {
        None
    }
}

/// Why a text cannot be a JSON pointer (RFC 6901).
pub(crate) fn wrong_pointer(text: &str) -> Option<&'static str> {
    if !text.is_empty() && !text.starts_with('/') {
        Some(
            "is not a JSON pointer; begin it with `/`, as in `/data/items`, or write \"\" for the whole \
             answer",
        )
    } else if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        Some(
            "is not a JSON pointer: `~` must be followed by 0 or 1; write `~0` for `~` itself and `~1` for \
             `/`",
        )
    } else {
        None
    }
}

fn pointer(found: &mut Found<'_>, member: &str, value: Option<&String>) {
    if let Some(wrong) = value.and_then(|value| wrong_pointer(value)) {
        found.at(member, wrong);
    }
}

fn test(found: &mut Found<'_>, member: &str, test: Option<&Test>) {
    let found = &mut found.below(member);
    pointer(found, "pointer", test.map(|test| &test.pointer));
    not_empty(found, "values", test.map(|test| &*test.values));
}

/// Grants with which no token is asked for.
fn sent(found: &mut Found<'_>, member: &str, named: Option<&[Grant]>, grants: &Grants) {
    let unsent = named.into_iter().flatten().find(|named| grants.sent().all(|sent| sent != **named));
    if let Some(grant) = unsent {
        found.at(member, format!("names {grant}, which is not in `grants`; remove it, or add it there"));
    }
}

/// A list without members says nothing, or that nothing fits.
fn not_empty<T>(found: &mut Found<'_>, member: &str, list: Option<&[T]>) {
    if list.is_some_and(<[T]>::is_empty) {
        found.at(member, "is empty, so the rule never matches; name at least one, or remove it");
    }
}
