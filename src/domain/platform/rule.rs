//! From an answer to a reason, and the words for it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::{Grant, Operation, Reason};

/// From an answer to a reason: all conditions must match.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rule {
    /// Which endpoint's answer; `any` is each that can have the reason.
    #[serde(default)]
    pub of: Part,
    /// The grants of the token request.
    pub grants: Option<Vec<Grant>>,
    /// Text that the requested path contains.
    pub path: Option<String>,
    /// The statuses.
    pub status: Option<Vec<u16>>,
    /// A header field.
    pub header: Option<HeaderTest>,
    /// JSON pointer into the body; alone: something is there.
    pub pointer: Option<String>,
    /// JSON pointer to what must not be there.
    pub absent: Option<String>,
    /// What is at the pointer: one of these.
    pub values: Option<Vec<Word>>,
    /// What the value at the pointer begins with.
    pub prefix: Option<String>,
    /// Text that the value at the pointer contains.
    pub contains: Option<String>,
    /// The reason if it matches.
    pub reason: Reason,
    /// The name of the cause, for `pbx_target_cause`: 1 to 40 of `a-z`, `0-9` and `_`, not a built-in one; without it the reason.
    pub cause: Option<String>,
    /// What is wrong and how to fix it, in place of the reason's own text.
    pub diagnosis: Option<String>,
    /// What is wrong, in a few words, in place of the reason's own title.
    pub title: Option<String>,
    /// How sure that is.
    pub certainty: Option<Certainty>,
    /// Why, and what is not known.
    pub because: Option<String>,
    /// What not to do: each a sentence that begins with `Do not`.
    pub avoid: Option<Vec<String>>,
}

/// Whose answer a rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Any.
    #[default]
    Any,
    /// The token endpoint's.
    Token,
    /// A protected resource's.
    Resource,
}

impl Part {
    /// Whether `operation` is of this part.
    pub fn has(self, operation: Operation) -> bool {
        match self {
            Self::Any => true,
            Self::Token => operation == Operation::Token,
            Self::Resource => operation != Operation::Token,
        }
    }
}

/// A header field of an answer.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HeaderTest {
    /// Its name.
    pub name: String,
    /// Text that its value contains; without it and `values`: the field is there.
    pub contains: Option<String>,
    /// Its value: one of these.
    pub values: Option<Vec<Word>>,
}

/// What an answer must contain to be a success.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Test {
    /// JSON pointer into the body.
    pub pointer: String,
    /// The value there: one of these.
    pub values: Vec<Word>,
}

/// A plain value of JSON; `0` and `"0"` are the same.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Word {
    /// `true` or `false`.
    Truth(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truth(truth) => truth.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// What may stand in braces in a description's texts.
pub const PLACEHOLDERS: [&str; 8] =
    ["title", "asked", "path", "host", "grant", "application", "scope", "scopes"];

/// A platform's own words for a reason. Texts may name `{title}`, `{asked}`, `{path}`, `{host}`, `{grant}`,
/// `{application}`, `{scope}` and `{scopes}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Words {
    /// Which endpoint's answers they are for; for others the general texts are used.
    #[serde(default)]
    pub of: Part,
    /// What is wrong, in a few words, for `diagnose`.
    pub title: Option<String>,
    /// What is wrong and how to fix it, in a few sentences; for network failures (`dns` to `connection_lost`), a
    /// redirect or a large answer only the fix, and for `timeout` only if the platform accepted the request.
    pub diagnosis: Option<String>,
    /// How sure that is.
    pub certainty: Option<Certainty>,
    /// Why, and what is not known.
    pub because: Option<String>,
    /// What not to do: each a sentence that begins with `Do not`.
    pub avoid: Option<Vec<String>>,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The answer has one meaning.
    Certain,
    /// Other causes are possible and rare.
    Likely,
    /// Several causes answer alike.
    Open,
}

impl Certainty {
    /// The word for people and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Open => "open",
        }
    }
}

/// How the platform reports the number of requests left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RateLimit {
    /// Header field with the number of requests left; by default `X-RateLimit-Remaining`, `RateLimit-Remaining` or the member
    /// of `RateLimit`.
    pub remaining: Option<String>,
    /// Header field with the seconds until the budget is restored; by default `X-RateLimit-Reset`,
    /// `RateLimit-Reset` or the member of `RateLimit`.
    pub reset: Option<String>,
    /// Whether the customer's own applications share the budget. If so, a target, or all targets of one
    /// `customer` or one application together, use at most half of what is left until the reset. Without a reset it must last an hour.
    #[serde(default)]
    pub shared: bool,
    /// What is counted and who shares it, for people.
    pub counted: Option<String>,
}

/// What it may mean if there is no answer after rejections.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ban {
    /// If there is no connection: a few sentences.
    pub likely: String,
    /// If there is a connection but no answer: a sentence.
    pub possible: String,
}
