//! The token endpoint: its parameters, what it calls them, and where its answer has what.

use url::Url;

use super::{Found, names_secret, not_empty, path, pointer, sent, test};
use crate::domain::Grant;
use crate::domain::platform::{Grants, TokenEndpoint};
use crate::domain::target::ClientAuth;

pub(super) fn token(found: &mut Found<'_>, form: &TokenEndpoint, grants: &Grants) {
    path(found, "path", &form.path);
    if let Some(authorize) = &form.authorize {
        path(found, "authorize", authorize);
    } else if form.pkce {
        found.at("pkce", "is not used without `authorize`; remove it");
    }
    if let Some(origin) = &form.origin
        && !is_origin(origin)
    {
        found.at("origin", "is not an origin; write only scheme and host, as in `https://login.example.com`");
    }
    for (at, parameter) in form.parameters.iter().enumerate() {
        let found = &mut found.below(&format!("parameters[{at}]"));
        let twice = form.parameters[..at].iter().any(|other| other.name == parameter.name);
        if parameter.name.is_empty() || parameter.name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            found.at("name", "is not the name of a parameter; write a word");
        } else if twice {
            found.at("name", "is used twice; keep one");
        } else if KNOWN.contains(&parameter.name.as_str()) {
            let fix = "would replace a parameter that every request has; remove it and use `grants`, `names` \
             or `scopes`";
            found.at("name", fix);
        }
        not_empty(found, "with", parameter.with.as_deref());
        sent(found, "with", parameter.with.as_deref(), grants);
        let literal = parameter.value.as_ref().is_some_and(|value| !value.is_empty());
        if literal && names_secret(&parameter.name) {
            let fix = "is a secret by its name, and descriptions are shown to users; remove it, and set it \
             per target in `auth.parameters`";
            found.at("value", fix);
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
        pointer(found, &format!("answer.{name}"), value.as_ref());
    }
    test(found, "success", form.success.as_ref());
    names(found, form, grants);
    if form.lifetime.fallback == Some(0) {
        found.at("lifetime.fallback", "is 0; write seconds, or remove it if the lifetime is unknown");
    }
    if let Some(odd) =
        form.scopes.iter().position(|scope| scope.is_empty() || scope.contains(char::is_whitespace))
    {
        found.at(&format!("scopes[{odd}]"), "is empty or has a space; write one scope per item");
    }
}

/// The parameters of a token request (RFC 6749, RFC 7636), except `redirect_uri`, which some platforms want where the
/// RFC has none.
const KNOWN: [&str; 9] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "username",
    "password",
    "refresh_token",
    "code",
    "code_verifier",
];

/// Those that some request has.
fn sent_names(grants: &Grants) -> impl Iterator<Item = &'static str> + use<'_> {
    let of = |grant: Grant| match grant {
        Grant::ClientCredentials | Grant::Static => [].as_slice(),
        Grant::Password => &["username", "password"],
        Grant::RefreshToken => &["refresh_token"],
        Grant::AuthorizationCode => &["code", "code_verifier", "redirect_uri"],
    };
    KNOWN[..4].iter().chain(grants.sent().flat_map(of)).copied()
}

/// What the platform calls them.
fn names(found: &mut Found<'_>, form: &TokenEndpoint, grants: &Grants) {
    let further = || form.parameters.iter().map(|parameter| parameter.name.as_str());
    let is_taken = |other: &str| {
        let stays = |name: &str| name == other && !form.names.contains_key(name);
        sent_names(grants).any(stays) || further().any(stays)
    };
    for (name, other) in &form.names {
        let found = &mut found.below(&format!("names.{name}"));
        if !KNOWN.into_iter().chain(["redirect_uri"]).chain(further()).any(|known| known == name) {
            let text = format!(
                "is not a parameter of a token request; use one of: {}, redirect_uri",
                KNOWN.join(", ")
            );
            found.here(text);
        } else if other.as_ref().is_some_and(|other| other.trim().is_empty()) {
            found.here("is empty; write the platform's name, or null if it is not sent");
        } else if form.client_auth == ClientAuth::Basic && ["client_id", "client_secret"].contains(&&**name) {
            found.here(
                "is not used with `client_auth: basic`, which sends it in a header; remove one of the two",
            );
        } else if other.as_deref().is_some_and(is_taken)
            || other.is_some() && form.names.iter().any(|(before, it)| before < name && it == other)
        {
            found.here("is also the name of another parameter; give each its own");
        }
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    matches!(url.scheme(), "https" | "http") && url.host().is_some() && bare && url.password().is_none()
}
