//! The token endpoint: its parameters, what it calls them, and where its answer has what.

use url::Url;

use super::{Problems, add, names_secret, not_empty, path, pointer, test};
use crate::domain::platform::TokenEndpoint;

pub(super) fn token(found: &mut Problems, form: &TokenEndpoint) {
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
        not_empty(found, &format!("token.parameters[{at}].with"), parameter.with.as_deref());
        let literal = parameter.value.as_ref().is_some_and(|value| !value.is_empty());
        if literal && names_secret(&parameter.name) {
            let mend = "is a secret by its name, and descriptions are shown; remove it, and each target sets its own in `auth.parameters`";
            add(found, format!("token.parameters[{at}].value"), mend);
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
    test(found, "token.success", form.success.as_ref());
    names(found, form);
    if form.lifetime.fallback == Some(0) {
        add(found, "token.lifetime.fallback", "is 0; write seconds, or remove it where none is known");
    }
    if let Some(odd) =
        form.scopes.iter().position(|scope| scope.is_empty() || scope.contains(char::is_whitespace))
    {
        add(found, format!("token.scopes[{odd}]"), "is empty or has a space; write one scope an item");
    }
}

/// The parameters of a token request (RFC 6749, RFC 7636), and what the platform calls them.
fn names(found: &mut Problems, form: &TokenEndpoint) {
    const KNOWN: [&str; 9] = [
        "grant_type",
        "client_id",
        "client_secret",
        "username",
        "password",
        "refresh_token",
        "scope",
        "code",
        "code_verifier",
    ];
    let further = || form.parameters.iter().map(|parameter| parameter.name.as_str());
    for (name, other) in &form.names {
        let key = format!("token.names.{name}");
        if !KNOWN.into_iter().chain(["redirect_uri"]).chain(further()).any(|known| known == name) {
            let text =
                format!("is no parameter of a token request; use one of: {}, redirect_uri", KNOWN.join(", "));
            add(found, key, text);
        } else if other.as_ref().is_some_and(|other| other.trim().is_empty()) {
            add(found, key, "is empty; write the platform's name, or null where it is not sent");
        } else if other.is_some() && form.names.iter().any(|(before, it)| before < name && it == other) {
            add(found, key, "is the name of another parameter, too; each needs its own");
        }
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    matches!(url.scheme(), "https" | "http") && url.host().is_some() && bare && url.password().is_none()
}
