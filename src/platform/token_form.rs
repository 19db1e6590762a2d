//! How a platform writes token requests and answers otherwise than RFC 6749 has it.

use std::borrow::Cow;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::form_urlencoded::{Serializer, parse};

use super::json_body;
use super::rules::passes;
use crate::domain::platform::{AnswerForm, BodyFormat, LifetimeForm, TokenEndpoint, Unit};
use crate::domain::token::LONGEST_TOKEN;
use crate::domain::{Answer, Grant, Target};

/// The body of a token request, from one written by the book; and its content type. `further`: parameters
/// to be added, which take the place of those of the same name.
pub fn request(
    target: &Target,
    grant: Grant,
    by_the_book: &[u8],
    further: &[(String, String)],
) -> (&'static str, Bytes) {
    let Some(form) = &target.platform.token else { return (FORM, Bytes::copy_from_slice(by_the_book)) };
    let named = target.platform.grants.get(grant).and_then(|grant| grant.grant_type.as_deref());
    let is_further = |name: &str| further.iter().any(|(further, _)| further == name);
    let pairs = parse(by_the_book).filter(|(name, _)| !is_further(name)).map(|(name, value)| match named {
        Some(word) if name == "grant_type" => (name, Cow::Borrowed(word)),
        _ => (name, value),
    });
    let further = further.iter().map(|(name, value)| (Cow::from(name), Cow::from(value)));
    let renamed = pairs.chain(further).filter_map(|(name, value)| match form.names.get(&*name) {
        None => Some((name, value)),
        Some(None) => None,
        Some(Some(other)) => Some((Cow::from(other), value)),
    });
    match form.request {
        BodyFormat::Form => (FORM, Serializer::new(String::new()).extend_pairs(renamed).finish().into()),
        BodyFormat::Json => {
            let members: Map<_, _> =
                renamed.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect();
            ("application/json", Value::Object(members).to_string().into())
        }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// The same answer as RFC 6749 section 5.1 has it; `None`: it holds no token.
pub fn answer(target: &Target, answer: &Answer) -> Option<Vec<u8>> {
    let form = target.platform.token.as_ref()?;
    let json = json_body::read(&answer.body)?.json;
    if is_by_the_book(form) {
        return Some(json.to_string().into_bytes());
    }
    if form.success.as_ref().is_some_and(|test| passes(test, Some(&json)) != Some(true)) {
        return None;
    }
    let at =
        |pointer: &Option<String>, usual: &str| json.pointer(pointer.as_deref().unwrap_or(usual)).cloned();
    let token = at(&form.answer.access_token, "/access_token")?;
    let mut members =
        Map::from_iter([("access_token".to_owned(), token), ("token_type".to_owned(), json!("Bearer"))]);
    let told = lifetime(form, at(&form.answer.expires_in, "/expires_in").as_ref());
    if let Some(seconds) = told.or(form.lifetime.fallback.map(f64::from)) {
        members.insert("expires_in".to_owned(), seconds.into());
    }
    let rest = [("refresh_token", &form.answer.refresh_token), ("scope", &form.answer.scope)];
    for (name, pointer) in rest {
        if let Some(value) = at(pointer, &format!("/{name}")) {
            members.insert(name.to_owned(), value);
        }
    }
    Some(Value::Object(members).to_string().into_bytes())
}

/// The refresh token of an answer whose access token may be missing or of no use: what was spent for it is gone all the
/// same. `None` also where the platform itself says that the request failed.
pub fn refresh_token(target: &Target, answer: &Answer) -> Option<SecretString> {
    let form = target.platform.token.as_ref().filter(|_| answer.status.is_success())?;
    let json = json_body::read(&answer.body)?.json;
    if form.success.as_ref().is_some_and(|test| passes(test, Some(&json)) != Some(true)) {
        return None;
    }
    let pointer = form.answer.refresh_token.as_deref().unwrap_or("/refresh_token");
    let text = json.pointer(pointer)?.as_str().filter(|text| (1..=LONGEST_TOKEN).contains(&text.len()))?;
    Some(SecretString::from(text))
}

fn is_by_the_book(form: &TokenEndpoint) -> bool {
    form.answer == AnswerForm::default() && form.lifetime == LifetimeForm::default() && form.success.is_none()
}

fn lifetime(form: &TokenEndpoint, told: Option<&Value>) -> Option<f64> {
    let told = match told? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let unit = match form.lifetime.unit {
        Unit::Seconds => 1.0,
        Unit::Minutes => 60.0,
    };
    told.filter(|told| *told > 0.0).map(|told| told * unit)
}
