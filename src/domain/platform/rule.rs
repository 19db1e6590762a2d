//! From an answer to a reason, and the words for it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::{Grant, Operation, Reason};

/// From an answer to a reason: all that is said here has to fit.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rule {
    /// Whose answer; any is one that can have the reason.
    #[serde(default)]
    pub of: Part,
    /// The grants with which a token was asked for.
    pub grants: Option<Vec<Grant>>,
    /// What the path holds that was asked.
    pub path: Option<String>,
    /// The statuses.
    pub status: Option<Vec<u16>>,
    /// A header field.
    pub header: Option<HeaderTest>,
    /// JSON pointer into the body; alone it says that something is there.
    pub pointer: Option<String>,
    /// JSON pointer to what must not be there.
    pub absent: Option<String>,
    /// What is at the pointer: one of these.
    pub values: Option<Vec<Word>>,
    /// What the text at the pointer begins with.
    pub prefix: Option<String>,
    /// What the text at the pointer holds.
    pub contains: Option<String>,
    /// The reason then.
    pub reason: Reason,
    /// The name of the cause, for `pbx_target_cause`: 1 to 40 of `a-z`, `0-9` and `_`, no built-in one; without it the reason.
    pub cause: Option<String>,
    /// What is wrong and how to mend it, in place of the reason's own words.
    pub diagnosis: Option<String>,
    /// The rest of [`Words`], in place of the reason's own: what is wrong, in a few words.
    pub title: Option<String>,
    /// How sure that is.
    pub certainty: Option<Certainty>,
    /// Why so sure, and what stays unknown.
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
    /// What its value holds; without it and `values`, that there is one.
    pub contains: Option<String>,
    /// What its value is: one of these.
    pub values: Option<Vec<Word>>,
}

/// What an answer has to say to be a success.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Test {
    /// JSON pointer into the body.
    pub pointer: String,
    /// What is there: one of these.
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
    /// Whose answer they are about; where another gives the same reason, the general words serve.
    #[serde(default)]
    pub of: Part,
    /// What is wrong, in a few words, for `diagnose`.
    pub title: Option<String>,
    /// What is wrong and how to mend it, in a sentence or a few; of what happens on the way (`dns` to `connection_lost`, a
    /// redirect, a large answer) the mend alone, and of `timeout` where the platform took the request.
    pub diagnosis: Option<String>,
    /// How sure that is.
    pub certainty: Option<Certainty>,
    /// Why so sure, and what stays unknown.
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

/// How the platform tells how many requests are left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RateLimit {
    /// Header field with the number of requests left; without it `X-RateLimit-Remaining`, `RateLimit-Remaining` or the member
    /// of `RateLimit`.
    pub remaining: Option<String>,
    /// Header field with the seconds until the budget is whole again; without it `X-RateLimit-Reset`,
    /// `RateLimit-Reset` or the member of `RateLimit`.
    pub reset: Option<String>,
    /// Whether the customer's own applications live on the same budget: then a target, or all of
    /// one `customer` or one application together, plans at each pass to use half of what is left until the reset at most. Without a reset it has to last an hour.
    #[serde(default)]
    pub shared: bool,
    /// What is counted against whom, for people.
    pub counted: Option<String>,
}

/// What a silence after refusals may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ban {
    /// Where no connection comes about: a sentence or a few.
    pub likely: String,
    /// Where one does, and no answer comes: a sentence.
    pub possible: String,
}
