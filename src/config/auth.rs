//! `auth`: which keys a grant needs, which contradict it, and whether its scopes can be.

use std::collections::BTreeMap;

use ::url::Url;

use super::checker::Checker;
use super::client::source;
use super::raw;
use super::secret::{Forms, last, warn_if_odd};
use super::structure::{printable, suggest};
use super::url::{has_path, parse_checked};
use crate::domain::platform::{Parameter, Platform, TokenEndpoint};
use crate::domain::target::{Auth, Call};
use crate::domain::{Grant, SecretSource};
use crate::platform::known;

/// `None` only after reporting an error.
pub(super) fn auth(
    c: &mut Checker<'_>,
    raw: Option<&raw::Auth>,
    platform: &Platform,
    call: Option<&Call>,
    version: bool,
) -> Option<Auth> {
    let Some(raw) = raw else {
        c.error("auth", "missing; add `auth:` with grant, client_id and client_secret");
        return None;
    };
    let grant = grant(c, raw, platform)?;
    let key = key(c, raw, grant);
    let Some(form) = platform.token.as_ref().filter(|_| grant != Grant::Static) else {
        without_token_endpoint(c, raw);
        return Some(Auth { key, ..Auth::empty(grant) });
    };
    let client_id = required(c, "auth.client_id", raw.client_id.as_deref());
    let secret = client_secret(raw);
    let client_secret = if form.secret_optional && !secret.is_given() {
        None
    } else {
        required_secret(c, &secret, &format!("every {} application has one", platform.title))
    };
    let (username, password) = user(c, raw, grant);
    let refresh_token = refresh_token(c, raw, grant, platform);
    let redirect_uri = redirect_uri(c, raw.redirect_uri.as_deref(), grant);
    let scopes = raw.scopes.clone().unwrap_or_default();
    check_scopes(c, &scopes, platform, call, version);
    let origin = token_origin(c, raw, form);
    Some(Auth {
        grant,
        client_id: client_id?,
        client_secret,
        client_auth: raw.client_auth.unwrap_or(form.client_auth),
        username,
        password,
        refresh_token,
        redirect_uri,
        scopes,
        parameters: parameters(c, raw, grant, platform, form),
        origin,
        key,
    })
}

fn grant(c: &mut Checker<'_>, raw: &raw::Auth, platform: &Platform) -> Option<Grant> {
    let Some(grant) = raw.grant else { return platform.grants.served().next() };
    if platform.grants.get(grant).is_some() {
        return Some(grant);
    }
    let served: Vec<_> = platform.grants.served().map(Grant::as_str).collect();
    let text =
        format!("{} does not serve the grant {grant}; use one of: {}", platform.name, served.join(", "));
    c.error("auth.grant", text);
    None
}

fn client_secret(raw: &raw::Auth) -> Forms<'_> {
    Forms::new(
        "auth.client_secret",
        raw.client_secret.as_ref(),
        raw.client_secret_file.as_ref(),
        raw.client_secret_env.as_ref(),
    )
}

/// The fixed key, which has a grant of its own.
fn key(c: &mut Checker<'_>, raw: &raw::Auth, grant: Grant) -> Option<SecretSource> {
    let forms = Forms::new("auth.key", raw.key.as_ref(), raw.key_file.as_ref(), raw.key_env.as_ref());
    if grant == Grant::Static {
        return required_secret(c, &forms, "the grant static sends it");
    }
    useless(c, &forms.given_key(), forms.is_given(), grant, "static");
    None
}

/// Reports a key that the grant does not use, unless it is inherited and the target has chosen its own grant.
fn useless(c: &mut Checker<'_>, key: &str, is_given: bool, grant: Grant, other: &str) {
    if is_given && (c.is_own(key) || !c.is_own("auth.grant")) {
        c.error(key, format!("is not used with the grant {grant}; remove it, or write `grant: {other}`"));
    }
}

/// With a fixed key no token is requested.
fn without_token_endpoint(c: &mut Checker<'_>, raw: &raw::Auth) {
    user(c, raw, Grant::Static);
    let secret = client_secret(raw);
    let given = [
        ("auth.client_id".to_owned(), raw.client_id.is_some()),
        (secret.given_key(), secret.is_given()),
        ("auth.client_auth".to_owned(), raw.client_auth.is_some()),
        ("auth.scopes".to_owned(), raw.scopes.is_some()),
        ("auth.parameters".to_owned(), raw.parameters.is_some()),
        ("auth.url".to_owned(), raw.url.is_some()),
    ];
    for (key, is_given) in given {
        if is_given && c.is_own(&key) {
            c.error(&key, "is not used with the grant static, which requests no token; remove it");
        }
    }
}

fn token_origin(c: &mut Checker<'_>, raw: &raw::Auth, form: &TokenEndpoint) -> Option<Url> {
    let Some(written) = &raw.url else {
        let origin = Url::parse(form.origin.as_ref()?).ok()?;
        let text = "missing, and credentials travel in plain text to the platform's `token.origin`; write an https:// \
                    origin there, or here";
        c.warn_if_plain("auth.url", &origin, text);
        return Some(origin);
    };
    let url = parse_checked(written, &["http", "https"], "auth.client_id and auth.client_secret");
    let url = c.accept("auth.url", url)?;
    if has_path(&url) {
        c.error("auth.url", "has a path; write only scheme, host and port, the path is the platform's");
    }
    c.warn_if_plain("auth.url", &url, "credentials travel in plain text over http://; use https://");
    Some(url)
}

/// Those that the platform has; each that it needs.
fn parameters(
    c: &mut Checker<'_>,
    raw: &raw::Auth,
    grant: Grant,
    platform: &Platform,
    form: &TokenEndpoint,
) -> BTreeMap<String, SecretSource> {
    let known: Vec<_> = form.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let written = raw.parameters.as_ref();
    let refreshes = platform.grants.gives_refresh_token(grant);
    let is_sent = |p: &Parameter| p.goes_with(grant) || refreshes && p.goes_with(Grant::RefreshToken);
    for parameter in form.parameters.iter().filter(|p| p.value.is_none() && is_sent(p)) {
        let name = &parameter.name;
        if written.is_none_or(|written| !written.contains_key(name)) {
            let about = parameter.about.as_ref().map(|about| format!(", {about}")).unwrap_or_default();
            let text = format!("missing, and {} needs it{about}; add `{name}: ...`", platform.name);
            c.error(&format!("auth.parameters.{name}"), text);
        }
    }
    let mut checked = BTreeMap::new();
    for (name, value) in written.into_iter().flatten() {
        let key = format!("auth.parameters.{name}");
        if !known.contains(&name.as_str()) {
            let has = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has: {}", known.join(", "))
            };
            let hint = suggest(name, &known);
            let text = format!("{} has no parameter of this name; {hint}{has}", platform.name);
            c.unnamed("auth.parameters", name, text);
        } else if c.is_own(&key) && !form.parameters.iter().any(|p| p.name == *name && is_sent(p)) {
            c.error(&key, format!("is not sent with the grant {grant}; remove it"));
        } else if let Some(source) = source(c, &key, value) {
            checked.insert(name.clone(), source);
        }
    }
    checked
}

pub(super) fn required(c: &mut Checker<'_>, key: &str, value: Option<&str>) -> Option<String> {
    let name = last(key);
    match value {
        None => c.error(key, format!("missing; add `{name}: ...`")),
        Some(text) if text.trim().is_empty() => c.error(key, "is empty; give a value"),
        Some(text) if text.chars().any(char::is_control) => {
            c.error(key, "has a control character; remove it");
        }
        Some(text) => {
            warn_if_odd(c, key, text);
            return Some(text.to_owned());
        }
    }
    None
}

fn required_secret(c: &mut Checker<'_>, forms: &Forms<'_>, why: &str) -> Option<SecretSource> {
    if !forms.is_given() {
        let name = last(forms.key);
        c.error(forms.key, format!("missing, {why}; add {name}, {name}_file or {name}_env"));
    }
    forms.source(c)
}

fn user(c: &mut Checker<'_>, raw: &raw::Auth, grant: Grant) -> (Option<String>, Option<SecretSource>) {
    let forms = Forms::new(
        "auth.password",
        raw.password.as_ref(),
        raw.password_file.as_ref(),
        raw.password_env.as_ref(),
    );
    if grant == Grant::Password {
        let username = required(c, "auth.username", raw.username.as_deref());
        return (username, required_secret(c, &forms, "the grant password sends it"));
    }
    useless(c, "auth.username", raw.username.is_some(), grant, "password");
    useless(c, &forms.given_key(), forms.is_given(), grant, "password");
    (None, None)
}

fn refresh_token(
    c: &mut Checker<'_>,
    raw: &raw::Auth,
    grant: Grant,
    platform: &Platform,
) -> Option<SecretSource> {
    let forms = Forms::new(
        "auth.refresh_token",
        raw.refresh_token.as_ref(),
        raw.refresh_token_file.as_ref(),
        raw.refresh_token_env.as_ref(),
    );
    if grant == Grant::RefreshToken {
        let other =
            if platform.grants.client_credentials.is_some() { "client_credentials" } else { "another grant" };
        let revokes = platform.token.as_ref().is_some_and(|token| token.refresh_revokes);
        let replaces = if revokes { "replaces" } else { "may replace" };
        let text = format!(
            "{} {replaces} the refresh token at each use and rejects the old one: the application it came \
             from loses its access; use {other} instead",
            platform.title
        );
        c.warning("auth.grant", text);
        return required_secret(c, &forms, "the grant refresh_token sends it");
    }
    useless(c, &forms.given_key(), forms.is_given(), grant, "refresh_token");
    None
}

fn redirect_uri(c: &mut Checker<'_>, text: Option<&str>, grant: Grant) -> Option<Box<Url>> {
    let text = text?;
    if grant != Grant::AuthorizationCode {
        useless(c, "auth.redirect_uri", true, grant, "authorization_code");
        return None;
    }
    // RFC 6749 section 3.1.2: absolute, without a fragment.
    let url = Url::parse(text).ok().filter(|url| url.fragment().is_none() && url.has_host());
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        let text = "is not an address; write the application's own, as in http://127.0.0.1:8765/callback";
        c.error("auth.redirect_uri", text);
        return None;
    };
    c.warn_if_plain("auth.redirect_uri", &url, "the code travels in plain text over http://; use https://");
    Some(Box::new(url))
}

fn check_scopes(
    c: &mut Checker<'_>,
    scopes: &[String],
    platform: &Platform,
    call: Option<&Call>,
    version: bool,
) {
    let known = known(platform);
    for (i, scope) in scopes.iter().enumerate() {
        let (key, shown) = (format!("auth.scopes[{i}]"), printable(scope));
        if scope.contains(char::is_whitespace) {
            c.error(&key, format!("`{shown}` has a space; write one scope per item"));
        } else if !(known.is_scope)(scope) {
            let text = format!(
                "{} has no scope `{shown}` and answers each token request with 400 invalid_scope; write \
                 gql:core:read, or remove `scopes` to get all scopes of the application",
                platform.title
            );
            c.error(&key, text);
        }
    }
    let needed = match call {
        Some(Call::Known(name)) => {
            platform.call(name).and_then(|call| Some((&**name, call.scope.as_deref()?)))
        }
        Some(Call::Custom(_)) | None => None,
    };
    for (key, text) in (known.odd_scopes)(scopes, needed, version) {
        c.warning(key, text);
    }
}
