//! `auth`: which keys a grant needs, which contradict it, and what FreePBX's scopes really are.

use url::Url;

use super::check::Checker;
use super::raw;
use super::secret::Forms;
use crate::domain::target::{Auth, Call, ClientAuth};
use crate::domain::{Grant, SecretSource};

/// Checks `auth`; `None` only after reporting an error.
pub(super) fn check(
    c: &mut Checker<'_>,
    raw: Option<&raw::Auth>,
    call: Option<&Call>,
    version: bool,
) -> Option<Auth> {
    let Some(raw) = raw else {
        c.error("auth", "missing; add `auth:` with grant, client_id and client_secret");
        return None;
    };
    let grant = match raw.grant.unwrap_or(raw::Grant::ClientCredentials) {
        raw::Grant::ClientCredentials => Grant::ClientCredentials,
        raw::Grant::Password => Grant::Password,
        raw::Grant::AuthorizationCode => Grant::AuthorizationCode,
        raw::Grant::RefreshToken => Grant::RefreshToken,
    };
    let client_auth = match raw.client_auth.unwrap_or(raw::ClientAuth::Body) {
        raw::ClientAuth::Body => ClientAuth::Body,
        raw::ClientAuth::Basic => ClientAuth::Basic,
    };
    let client_id = required(c, "auth.client_id", raw.client_id.as_deref());
    let secret = Forms {
        key: "auth.client_secret",
        literal: raw.client_secret.as_ref(),
        file: raw.client_secret_file.as_ref(),
        env: raw.client_secret_env.as_ref(),
    };
    let client_secret = required_secret(c, &secret, "every FreePBX application has one");
    let (username, password) = user(c, raw, grant);
    let refresh_token = refresh_token(c, raw, grant);
    let redirect_uri = redirect_uri(c, raw.redirect_uri.as_deref(), grant);
    let scopes = raw.scopes.clone().unwrap_or_default();
    check_scopes(c, &scopes, call, version);
    Some(Auth {
        grant,
        client_id: client_id?,
        client_secret,
        client_auth,
        username,
        password,
        refresh_token,
        redirect_uri,
        scopes,
    })
}

pub(super) fn required(c: &mut Checker<'_>, key: &str, value: Option<&str>) -> Option<String> {
    let name = key.rsplit('.').next().unwrap_or(key);
    match value {
        None => c.error(key, format!("missing; add `{name}: ...`")),
        Some(text) if text.trim().is_empty() => c.error(key, "is empty; give a value"),
        Some(text) if text.chars().any(char::is_control) => {
            c.error(key, "has a control character; remove it");
        }
        Some(text) => {
            super::secret::warn_if_odd(c, key, text);
            return Some(text.to_owned());
        }
    }
    None
}

fn required_secret(c: &mut Checker<'_>, forms: &Forms<'_>, why: &str) -> Option<SecretSource> {
    if !forms.is_given() {
        let name = forms.key.rsplit('.').next().unwrap_or(forms.key);
        c.error(forms.key, format!("missing, {why}; add {name}, {name}_file or {name}_env"));
    }
    forms.check(c)
}

fn user(c: &mut Checker<'_>, raw: &raw::Auth, grant: Grant) -> (Option<String>, Option<SecretSource>) {
    let forms = Forms {
        key: "auth.password",
        literal: raw.password.as_ref(),
        file: raw.password_file.as_ref(),
        env: raw.password_env.as_ref(),
    };
    if grant == Grant::Password {
        let username = required(c, "auth.username", raw.username.as_deref());
        return (username, required_secret(c, &forms, "the grant password sends it"));
    }
    let mend = format!("has no use with the grant {grant}; remove it, or write `grant: password`");
    if raw.username.is_some() {
        c.error("auth.username", &*mend);
    }
    if forms.is_given() {
        c.error(&forms.given_key(), mend);
    }
    (None, None)
}

fn refresh_token(c: &mut Checker<'_>, raw: &raw::Auth, grant: Grant) -> Option<SecretSource> {
    let forms = Forms {
        key: "auth.refresh_token",
        literal: raw.refresh_token.as_ref(),
        file: raw.refresh_token_file.as_ref(),
        env: raw.refresh_token_env.as_ref(),
    };
    if grant == Grant::RefreshToken {
        c.warning(
            "auth.grant",
            "FreePBX replaces a refresh token at each use and refuses the old one: the application it came \
             from loses its access; prefer client_credentials",
        );
        return required_secret(c, &forms, "the grant refresh_token sends it");
    }
    if forms.is_given() {
        let mend = format!("has no use with the grant {grant}; remove it, or write `grant: refresh_token`");
        c.error(&forms.given_key(), mend);
    }
    None
}

fn redirect_uri(c: &mut Checker<'_>, text: Option<&str>, grant: Grant) -> Option<Box<Url>> {
    let text = text?;
    if grant != Grant::AuthorizationCode {
        let mend =
            format!("has no use with the grant {grant}; remove it, or write `grant: authorization_code`");
        c.error("auth.redirect_uri", mend);
        return None;
    }
    // RFC 6749 section 3.1.2: absolute, without a fragment.
    let url = Url::parse(text).ok().filter(|url| url.fragment().is_none() && url.has_host());
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        c.error(
            "auth.redirect_uri",
            "is no address; write the application's own, as in http://127.0.0.1:8765/callback",
        );
        return None;
    };
    if url.scheme() == "http" && !super::url::is_loopback(&url) {
        c.warning("auth.redirect_uri", "the code travels in plain text over http://; use https://");
    }
    Some(Box::new(url))
}

fn check_scopes(c: &mut Checker<'_>, scopes: &[String], call: Option<&Call>, version: bool) {
    for (i, scope) in scopes.iter().enumerate() {
        check_scope(c, &format!("auth.scopes[{i}]"), scope);
    }
    let needs = |needed: &str| !scopes.is_empty() && !scopes.iter().any(|s| covers(s, needed));
    let needed = match call {
        Some(Call::Graphql) => Some(("graphql", "gql:core:read")),
        Some(Call::Rest) => Some(("rest", "rest:core:read:users")),
        Some(Call::Custom(_)) | None => None,
    };
    if let Some((call, needed)) = needed.filter(|(_, needed)| needs(needed)) {
        let text = format!("none of them lets `call: {call}` list extensions; add {needed}");
        c.warning("auth.scopes", text);
    }
    if version && needs("gql:framework:read:system") {
        c.warning("version", "no scope lets it be read; add gql:framework:read:system, or remove it");
    }
    if scopes.iter().any(|s| covers(s, "gql:framework:read:system") && s.contains(':')) {
        let text = "on FreePBX the scope to read framework also guards its mutations (add administrators, \
                    install modules); leave it out unless the version is needed";
        c.warning("auth.scopes", text);
    }
}

/// FreePBX/api:Api.class.php: `TYPE[:MODULE[:ACTION[:OBJECT]]]`.
fn check_scope(c: &mut Checker<'_>, key: &str, scope: &str) {
    let shown = super::structure::printable(scope);
    if scope.contains(char::is_whitespace) {
        c.error(key, format!("`{shown}` has a space; write one scope an item"));
        return;
    }
    let parts: Vec<_> = scope.split(':').collect();
    let is_known = matches!(parts[0], "gql" | "rest")
        && parts.len() <= 4
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)))
        && parts.get(2).is_none_or(|action| matches!(*action, "read" | "write"));
    if !is_known {
        c.error(key, format!("FreePBX has no scope `{shown}` and would answer each token request 400 invalid_scope; write gql:core:read, or remove `scopes` to get all that the application has"));
    }
}

/// Whether a scope grants what `needed` names: a shorter scope covers the longer ones that begin with it.
fn covers(scope: &str, needed: &str) -> bool {
    needed.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}
