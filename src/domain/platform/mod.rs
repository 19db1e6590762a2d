//! A kind of PBX API as data: the form in which the embedded descriptions and a user's own are written.
//!
//! Belongs here: what a description may say, its documentation and its defaults. Does not belong here:
//! what follows from it for a request or an answer (`platform`), and which values make no sense
//! (`platform::check`).

mod call;
mod rule;
mod token_endpoint;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

pub use call::{CallForm, Method, PageBy, Paging, RequestForm, VersionForm};
pub use rule::{Ban, Certainty, HeaderTest, PLACEHOLDERS, Part, RateLimit, Rule, Test, Word, Words};
pub use token_endpoint::{
    AnswerForm, BodyFormat, GrantForm, Grants, LifetimeForm, Parameter, SentAs, TokenEndpoint, Unit,
};

use super::{Grant, Operation, Reason};

/// A kind of PBX.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Platform {
    /// The label value and configuration word.
    #[serde(skip)]
    pub name: Arc<str>,
    /// What stands in front of each of its paths at a target, as in `/pbx`; mostly empty. See [`Self::below`].
    #[serde(skip)]
    pub prefix: String,
    /// The product's name in sentences: `Ringme`.
    pub title: String,
    /// How answers are read: `rules` by this description only; `freepbx` by code for FreePBX's many error
    /// answers, for the built-in description of that name only.
    #[serde(default)]
    pub reader: Reader,
    /// Header fields of every request, including token requests.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The grants that the platform has.
    pub grants: Grants,
    /// The token endpoint; not needed if `grants` has only `static`.
    pub token: Option<TokenEndpoint>,
    /// Where the token is sent; by default `Authorization: Bearer`.
    #[serde(default)]
    pub sent_as: SentAs,
    /// What a probe may call as the extensions endpoint; the first is the default.
    pub calls: Vec<CallForm>,
    /// The version query.
    pub version: Option<VersionForm>,
    /// A harmless request that any valid token may make, for `reader: freepbx`.
    pub validity: Option<RequestForm>,
    /// From an answer to a reason: the first that matches, in this order, before the general rules of
    /// RFC 6749, RFC 6750 and HTTP.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The platform's own texts, by reason: they replace the general ones.
    #[serde(default)]
    pub reasons: BTreeMap<String, Words>,
    /// How the platform reports the number of requests left.
    #[serde(default)]
    pub rate_limit: RateLimit,
    /// What it may mean if there is no answer after rejections.
    pub ban: Option<Ban>,
    /// For docs/platforms.md.
    #[serde(default)]
    pub documentation: Documentation,
}

impl Platform {
    /// The same PBX below a path of its host: all paths begin with `prefix`, so that requests and words have it.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        let mut below = Self { prefix: prefix.to_owned(), ..self.clone() };
        let requests =
            below.calls.iter_mut().flat_map(|call| std::iter::once(&mut call.request).chain(&mut call.each));
        let requests = requests.chain(below.version.iter_mut().map(|version| &mut version.request));
        let requests = requests.chain(&mut below.validity).map(|request| &mut request.path);
        let token = below.token.iter_mut();
        let token = token.flat_map(|token| std::iter::once(&mut token.path).chain(&mut token.authorize));
        requests.chain(token).for_each(|path| path.insert_str(0, prefix));
        below
    }

    /// The call of that name.
    pub fn call(&self, name: &str) -> Option<&CallForm> {
        self.calls.iter().find(|call| call.name == name)
    }

    /// Each path on a target's own origin that the description names, with its query.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let requests = self.calls.iter().flat_map(|call| std::iter::once(&call.request).chain(&call.each));
        let requests = requests.chain(self.version.iter().map(|version| &version.request));
        let token = self.token.iter().filter(|token| token.origin.is_none());
        let token = token.flat_map(|token| std::iter::once(&token.path).chain(&token.authorize));
        token.chain(requests.map(|request| &request.path)).map(String::as_str)
    }

    /// The platform's own words for a reason of this operation.
    pub fn words(&self, reason: Reason, operation: Operation) -> Option<&Words> {
        self.reasons.get(reason.as_str()).filter(|words| words.of.has(operation))
    }

    /// Whether a new token ends the one before, and whatever uses it.
    pub fn has_one_live_token(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.one_live_token)
    }

    /// The platform's name for an application that serves `grant`.
    pub fn application(&self, grant: Grant) -> Option<&str> {
        self.grants.get(grant)?.application.as_deref()
    }
}

/// Who reads the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// The description's rules, then the general ones.
    #[default]
    Rules,
    /// Code for FreePBX.
    Freepbx,
}

/// What people should know, and how it is known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Documentation {
    /// How to create the credentials, with as few rights as possible.
    #[serde(default)]
    pub setup: String,
    /// What is known, and how.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// What is not known.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// One thing that is known.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fact {
    /// What.
    pub fact: String,
    /// How.
    pub known: Known,
}

/// How something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
pub enum Known {
    /// The vendor's source code, or public code that works with the service.
    #[serde(rename = "code")]
    Code,
    /// The vendor's documentation.
    #[serde(rename = "doc")]
    Doc,
    /// Concluded from other facts.
    #[serde(rename = "inferred")]
    Inferred,
    /// General knowledge, not verified again.
    #[serde(rename = "from memory")]
    Memory,
}

impl Known {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Doc => "doc",
            Self::Inferred => "inferred",
            Self::Memory => "from memory",
        }
    }
}
