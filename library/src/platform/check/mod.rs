//! What a description says that makes no sense: each with the key it is about, and the mend.

pub(super) mod calls;
mod rules;

use http::{HeaderName, HeaderValue};
use url::Url;

use crate::domain::Grant;
use crate::domain::platform::{Platform, TokenEndpoint};

/// Key and text of each problem.
type Problems = Vec<(String, String)>;

/// All that is wrong with a description whose structure is right.
pub fn problems(platform: &Platform) -> Problems {
    let mut found = Problems::new();
    text(&mut found, "title", &platform.title);
    headers(&mut found, "headers", &platform.headers);
    grants(&mut found, platform);
    if let Some(form) = &platform.token {
        token(&mut found, form);
    }
    sent_as(&mut found, platform);
    calls::calls(&mut found, &platform.calls);
    if let Some(version) = &platform.version {
        calls::request(&mut found, "version.request", &version.request);
        pointer(&mut found, "version.version", Some(&version.version));
        pointer(&mut found, "version.engine", version.engine.as_ref());
    }
    if let Some(validity) = &platform.validity {
        calls::request(&mut found, "validity", validity);
    }
    for (at, rule) in platform.rules.iter().enumerate() {
        rules::rule(&mut found, &format!("rules[{at}]"), rule);
    }
    for (name, words) in &platform.reasons {
        rules::words(&mut found, name, words);
    }
    let limit = &platform.rate_limit;
    for (key, name) in [("remaining", &limit.remaining), ("reset", &limit.reset)] {
        if let Some(name) = name {
            header_name(&mut found, &format!("rate_limit.{key}"), name);
        }
    }
    if let Some(ban) = &platform.ban {
        rules::placeholders(&mut found, "ban.likely", &ban.likely);
        rules::placeholders(&mut found, "ban.possible", &ban.possible);
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
    let confirms = served.contains(&Grant::AuthorizationCode);
    if confirms && token.is_some_and(|token| token.authorize.is_none()) {
        add(
            found,
            "token.authorize",
            "missing, and the grant `authorization_code` needs it; add the page's path",
        );
    }
}

fn token(found: &mut Problems, form: &TokenEndpoint) {
    path(found, "token.path", &form.path);
    if let Some(authorize) = &form.authorize {
        path(found, "token.authorize", authorize);
    }
    if let Some(origin) = &form.origin
        && !is_origin(origin)
    {
        add(
            found,
            "token.origin",
            "is no origin; write scheme and host alone, as in `https://login.example.com`",
        );
    }
    for (at, parameter) in form.parameters.iter().enumerate() {
        let key = format!("token.parameters[{at}].name");
        let twice = form.parameters[..at].iter().any(|other| other.name == parameter.name);
        if parameter.name.is_empty() || parameter.name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            add(found, key, "is no name of a parameter; write a word");
        } else if twice {
            add(found, key, "is there twice; keep one");
        }
    }
    let answer = &form.answer;
    let pointers = [
        ("access_token", &answer.access_token),
        ("expires_in", &answer.expires_in),
        ("refresh_token", &answer.refresh_token),
        ("scope", &answer.scope),
    ];
    for (name, value) in pointers {
        pointer(found, &format!("token.answer.{name}"), value.as_ref());
    }
    pointer(found, "token.success.pointer", form.success.as_ref().map(|test| &test.pointer));
}

fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    matches!(url.scheme(), "https" | "http") && url.host().is_some() && bare && url.password().is_none()
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
    if let Some(wrong) = wrong_path(path) {
        add(found, key, wrong);
    }
}

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

/// Whether a text cannot be a JSON pointer (RFC 6901).
pub fn is_no_pointer(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/')
}

fn pointer(found: &mut Problems, key: &str, value: Option<&String>) {
    if value.is_some_and(|value| is_no_pointer(value)) {
        add(
            found,
            key,
            "is no JSON pointer; begin it with `/`, as in `/data/items`, or write \"\" for the whole answer",
        );
    }
}

fn headers<'a>(found: &mut Problems, key: &str, headers: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (name, value) in headers {
        let key = format!("{key}.{name}");
        header_name(found, &key, name);
        if name.eq_ignore_ascii_case("authorization") {
            add(found, &*key, "carries the token; say in `sent_as` how, and remove it");
        } else if HeaderValue::from_str(value).is_err() {
            add(found, &*key, "the value has a line break or control character; remove it");
        }
    }
}

/// Also those that belong to the connection or to the exporter.
fn header_name(found: &mut Problems, key: &str, name: &str) {
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
        Err(_) => add(found, key, "is no header name; use letters, digits and `-`"),
        Ok(name) if OURS.contains(&name.as_str()) => {
            add(found, key, "is set by the exporter itself; remove it");
        }
        Ok(_) => {}
    }
}
