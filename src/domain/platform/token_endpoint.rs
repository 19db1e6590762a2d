//! The token endpoint of a description, and where a token travels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Test;
use crate::domain::Grant;
use crate::domain::target::ClientAuth;
use crate::domain::token::{LONGEST_TOKEN, fits_header};

/// The grants that a platform has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Grants {
    /// A token for the application itself, without a person (RFC 6749 section 4.4, or the platform's own grant of
    /// that kind).
    pub client_credentials: Option<GrantForm>,
    /// A token by user name and password (RFC 6749 section 4.3).
    pub password: Option<GrantForm>,
    /// A token that a person confirms in a browser (RFC 6749 section 4.1).
    pub authorization_code: Option<GrantForm>,
    /// The configuration may contain a refresh token obtained elsewhere.
    pub refresh_token: Option<GrantForm>,
    /// A fixed key; no token is requested.
    #[serde(rename = "static")]
    pub fixed: Option<GrantForm>,
}

impl Grants {
    /// What is said of `grant`; `None`: the platform does not serve it.
    pub const fn get(&self, grant: Grant) -> Option<&GrantForm> {
        match grant {
            Grant::ClientCredentials => self.client_credentials.as_ref(),
            Grant::Password => self.password.as_ref(),
            Grant::AuthorizationCode => self.authorization_code.as_ref(),
            Grant::RefreshToken => self.refresh_token.as_ref(),
            Grant::Static => self.fixed.as_ref(),
        }
    }

    /// Those that the platform serves.
    pub fn served(&self) -> impl Iterator<Item = Grant> {
        Grant::ALL.into_iter().filter(|grant| self.get(*grant).is_some())
    }

    /// Those with which a token is asked for.
    pub fn sent(&self) -> impl Iterator<Item = Grant> {
        let refreshes = self.served().any(|grant| grant != Grant::Static && self.gives_refresh_token(grant));
        let is_sent = move |grant: &Grant| match grant {
            Grant::Static => false,
            Grant::RefreshToken => refreshes,
            other => self.get(*other).is_some(),
        };
        Grant::ALL.into_iter().filter(is_sent)
    }

    /// Whether an answer to `grant` brings a refresh token that is worth keeping.
    pub fn gives_refresh_token(&self, grant: Grant) -> bool {
        let by_itself = !matches!(grant, Grant::ClientCredentials | Grant::Static);
        self.get(grant).is_none_or(|form| form.refreshes.unwrap_or(true)) && by_itself
    }
}

/// One way to a token.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GrantForm {
    /// The platform's name for the application or key: `Machine-to-Machine app`.
    pub application: Option<String>,
    /// The platform's `grant_type`, if it is not the grant's own name: `account_credentials`.
    pub grant_type: Option<String>,
    /// Whether a refresh token that comes with the token is used; `client_credentials` never does.
    pub refreshes: Option<bool>,
}

/// The token endpoint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each true or not")]
pub struct TokenEndpoint {
    /// Its path.
    pub path: String,
    /// Its origin, if it is not the target's: `https://zoom.us`. A target may change it with
    /// `auth.url`.
    pub origin: Option<String>,
    /// Path of the page on which a person confirms, for the grant `authorization_code`.
    pub authorize: Option<String>,
    /// Whether the page supports PKCE (RFC 7636).
    #[serde(default)]
    pub pkce: bool,
    /// Where client id and secret are sent, unless the target says.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// Whether there are applications without a client secret.
    #[serde(default)]
    pub secret_optional: bool,
    /// Scopes to ask for if the target names none.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// More parameters of token requests.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// How the request is written.
    #[serde(default)]
    pub request: BodyFormat,
    /// Parameters with another name on this platform: `{client_id: username}`; `null` for one that is not sent.
    #[serde(default)]
    pub names: BTreeMap<String, Option<String>>,
    /// Where the members of the answer are; by default as in RFC 6749 section 5.1.
    #[serde(default)]
    pub answer: AnswerForm,
    /// What an answer must contain to be a success, besides a status 2xx.
    pub success: Option<Test>,
    /// How to read the lifetime.
    #[serde(default)]
    pub lifetime: LifetimeForm,
    /// Whether a new token ends the previous one. If so, none is taken before the old one is about to expire, except for a requested probe.
    #[serde(default)]
    pub one_live_token: bool,
    /// Whether using a refresh token ends the access token that came with it.
    #[serde(default)]
    pub refresh_revokes: bool,
}

/// A further parameter of token requests. A target sets or changes it by `auth.parameters`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The default, which may be empty; without it the target must give a value.
    pub value: Option<String>,
    /// The grants with whose requests it is sent; by default all.
    pub with: Option<Vec<Grant>>,
    /// What it is, for people.
    pub about: Option<String>,
}

impl Parameter {
    /// Whether it goes with a request for `grant`.
    pub fn goes_with(&self, grant: Grant) -> bool {
        self.with.as_ref().is_none_or(|with| with.contains(&grant))
    }
}

/// How a token request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// As a form (RFC 6749).
    #[default]
    Form,
    /// As a JSON object.
    Json,
}

/// JSON pointers into a token answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AnswerForm {
    /// The access token.
    #[schemars(extend("default" = "/access_token"))]
    pub access_token: Option<String>,
    /// Its lifetime: a number, or a text that is one.
    #[schemars(extend("default" = "/expires_in"))]
    pub expires_in: Option<String>,
    /// A refresh token.
    #[schemars(extend("default" = "/refresh_token"))]
    pub refresh_token: Option<String>,
    /// The scopes granted.
    #[schemars(extend("default" = "/scope"))]
    pub scope: Option<String>,
}

/// What a lifetime means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LifetimeForm {
    /// Its unit.
    #[serde(default)]
    pub unit: Unit,
    /// Seconds, if the answer gives none.
    pub fallback: Option<u32>,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// As RFC 6749 has it.
    #[default]
    Seconds,
    /// Sixty of them.
    Minutes,
}

/// Where a token travels: in a header field, or as a parameter of the query, which then is shown nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SentAs {
    /// Name of the header field.
    #[schemars(extend("default" = "Authorization"))]
    pub header: Option<String>,
    /// What precedes the token in it; nothing for headers other than `Authorization`.
    #[schemars(extend("default" = "Bearer "))]
    pub prefix: Option<String>,
    /// Name of the parameter, instead of `header`.
    pub query: Option<String>,
}

impl SentAs {
    /// Whether `token` can travel so. A query takes every character, percent-encoded.
    pub fn carries(&self, token: &str) -> bool {
        if token.len() > LONGEST_TOKEN {
            return false;
        }
        if self.query.is_some() { !token.is_empty() } else { fits_header(token) }
    }
}
