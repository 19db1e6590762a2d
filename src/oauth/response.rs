//! What a token answer holds, read leniently: RFC 6749 section 5.1 with the deviations seen in use.

use std::time::Duration;

use base64::Engine as _;
use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::platform::SentAs;
use crate::domain::token::{LONGEST_LIFETIME, LONGEST_TOKEN, Token};

/// A token answer. `Debug` shows no token (the crate's types redact).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct IssuedToken {
    access_token: AccessToken,
    #[serde(default, deserialize_with = "lenient_seconds", skip_serializing)]
    expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "lenient_refresh_token")]
    refresh_token: Option<RefreshToken>,
    #[serde(default, rename = "scope", deserialize_with = "lenient_scopes", skip_serializing)]
    scopes: Option<Vec<Scope>>,
}

impl oauth2::TokenResponse for IssuedToken {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

impl IssuedToken {
    /// What is used of it from now on.
    pub(super) fn token(&self, clock: Clock) -> Token {
        Token {
            secret: SecretString::from(self.access_token.secret().as_str()),
            issued: Instant::now(),
            issued_unix: clock.unix(),
            lifetime: self.lifetime(),
            scopes: self.scope_hint(),
        }
    }

    pub(super) fn refresh_secret(&self) -> Option<SecretString> {
        self.refresh_token.as_ref().map(|token| SecretString::from(token.secret().as_str()))
    }

    /// Whether the access token can travel as its platform wants it, and what goes with it can be kept.
    pub fn is_usable(&self, sent_as: &SentAs) -> bool {
        let is_kept = |token: &RefreshToken| token.secret().len() <= LONGEST_TOKEN;
        sent_as.carries(self.access_token.secret()) && self.refresh_token.as_ref().is_none_or(is_kept)
    }

    /// Lifetime: `expires_in`, else what the JWT says. A hint.
    pub fn lifetime(&self) -> Option<Duration> {
        self.expires_in.or_else(|| {
            let claims = self.claims()?;
            let start = claims.get("iat").or_else(|| claims.get("nbf"))?.as_f64()?;
            seconds(claims.get("exp")?.as_f64()? - start)
        })
    }

    /// Scopes: the answer's, else the JWT's `scopes` array or `scope` string. A hint, never trusted.
    pub fn scope_hint(&self) -> Option<Vec<String>> {
        if let Some(scopes) = &self.scopes {
            return Some(scopes.iter().map(|s| s.to_string()).collect());
        }
        let claims = self.claims()?;
        let words = claims.get("scopes").or_else(|| claims.get("scope"))?;
        match words {
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
            _ => None,
        }
    }

    /// The unverified claims, where the access token is a JWT (RFC 7519 section 3).
    fn claims(&self) -> Option<Value> {
        let mut parts = self.access_token.secret().split('.');
        let (payload, signature) = (parts.nth(1)?, parts.next()?);
        if signature.is_empty() || parts.next().is_some() {
            return None;
        }
        let bytes =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// A positive, sane number of seconds.
fn seconds(value: f64) -> Option<Duration> {
    let lifetime = Duration::try_from_secs_f64(value).ok()?;
    (lifetime > Duration::ZERO && lifetime <= LONGEST_LIFETIME).then_some(lifetime)
}

/// `expires_in` as a number, a fraction or a numeric string; anything else counts as missing.
fn lenient_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64().and_then(seconds),
        Value::String(text) => text.trim().parse().ok().and_then(seconds),
        _ => None,
    })
}

/// `refresh_token` as a text; anything else counts as none, such as PHP's `false`.
fn lenient_refresh_token<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RefreshToken>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(RefreshToken::new(text)),
        _ => None,
    })
}

/// `scope` as a space-delimited string (RFC 6749 section 3.3); anything else counts as missing.
fn lenient_scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Scope>>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => {
            Some(text.split_whitespace().map(|word| Scope::new(word.to_owned())).collect())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> IssuedToken {
        serde_json::from_str(json).expect(json)
    }

    fn jwt(claims: &str) -> String {
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#), encode(claims))
    }

    #[test]
    fn a_lifetime_is_read_from_whatever_form_it_comes_in() {
        for (expires_in, lifetime) in [
            ("3600", Some(3600.0)),
            ("\"1799\"", Some(1799.0)),
            ("\" 60 \"", Some(60.0)),
            ("59.5", Some(59.5)),
            ("0", None),
            ("-1", None),
            ("1e300", None),
            ("\"soon\"", None),
            ("null", None),
            ("[3600]", None),
        ] {
            let token = read(&format!(r#"{{"access_token":"a","expires_in":{expires_in}}}"#));
            assert_eq!(token.lifetime().map(|l| l.as_secs_f64()), lifetime, "{expires_in}");
        }
        assert_eq!(read(r#"{"access_token":"a"}"#).lifetime(), None);
    }

    #[test]
    fn the_jwt_gives_lifetime_and_scopes_where_the_answer_does_not() {
        let token = jwt(r#"{"iat":1795290298.41229,"exp":1795293898.41229,"scopes":["gql:core","rest"]}"#);
        let token = read(&format!(r#"{{"access_token":"{token}"}}"#));
        assert_eq!(token.lifetime().map(|l| l.as_secs()), Some(3600));
        assert_eq!(token.scope_hint(), Some(vec!["gql:core".into(), "rest".into()]));
    }

    #[test]
    fn the_answers_own_words_win_over_the_jwt() {
        let token = jwt(r#"{"iat":0,"exp":60,"scopes":["gql"]}"#);
        let token =
            read(&format!(r#"{{"access_token":"{token}","expires_in":120,"scope":"rest gql:core"}}"#));
        assert_eq!(token.lifetime(), Some(Duration::from_secs(120)));
        assert_eq!(token.scope_hint(), Some(vec!["rest".into(), "gql:core".into()]));
    }

    #[test]
    fn rubbish_in_a_jwt_is_no_hint_and_no_panic() {
        for token in
            ["a.b.c", "..", "a..c", "a.!!.c", "a.e30.", "a.e30.c.d", &jwt("[]"), &jwt(r#"{"scopes":7}"#)]
        {
            let token = read(&format!(r#"{{"access_token":"{token}"}}"#));
            assert_eq!((token.lifetime(), token.scope_hint()), (None, None));
        }
    }

    #[test]
    fn a_token_is_usable_where_it_can_travel() {
        let (header, query) =
            (SentAs::default(), SentAs { query: Some("access_token".into()), ..SentAs::default() });
        for (token, in_header, in_query) in [
            ("abc-._~+/==", true, true),
            ("7|Zk3abcDEF", true, true),
            ("perm:c3Rl.NTUt.Niz", true, true),
            ("eyJf%6VFV5LNr", true, true),
            ("a!b#c$d", true, true),
            ("a=b", true, true),
            ("", false, false),
            ("a b", false, true),
            ("2j\u{0410}p", false, true),
            ("a\\nb", false, true),
        ] {
            let read = read(&format!(r#"{{"access_token":"{token}"}}"#));
            assert_eq!(read.is_usable(&header), in_header, "{token}");
            assert_eq!(read.is_usable(&query), in_query, "{token}");
        }
    }

    #[test]
    fn a_token_that_is_longer_than_any_is_not_usable() {
        for (access, refresh, usable) in [
            (LONGEST_TOKEN, LONGEST_TOKEN, true),
            (LONGEST_TOKEN + 1, 1, false),
            (1, LONGEST_TOKEN + 1, false),
        ] {
            let (access, refresh) = ("x".repeat(access), "x".repeat(refresh));
            let read = read(&format!(r#"{{"access_token":"{access}","refresh_token":"{refresh}"}}"#));
            for query in [None, Some("access_token".to_owned())] {
                assert_eq!(read.is_usable(&SentAs { query, ..SentAs::default() }), usable);
            }
        }
    }

    #[test]
    fn a_refresh_token_that_is_no_text_is_none() {
        use oauth2::TokenResponse as _;
        for (given, read_as) in
            [("\"r\"", Some("r")), ("false", None), ("null", None), ("0", None), ("\"\"", None), ("[]", None)]
        {
            let token = read(&format!(r#"{{"access_token":"a","refresh_token":{given}}}"#));
            assert_eq!(token.refresh_token().map(|token| token.secret().as_str()), read_as, "{given}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let token = read(r#"{"access_token":"canary-a","refresh_token":"canary-b"}"#);
        assert!(!format!("{token:?}").contains("canary"));
    }
}
