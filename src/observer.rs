//! Who watches a pass: what is asked, what came back, and what that made known, as it happens.
//!
//! The service's passes have [`Nobody`], those for a person what `diagnose` shows.

use http::Method;
use url::Url;

use crate::domain::token::Token;
use crate::domain::{Answer, Operation, SecretError, TransportError};
use crate::platform::Permissions;

/// Why a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// Whether the token endpoint is there, without credentials.
    Presence,
    /// A token.
    Token,
    /// The same with this scope, which tells two causes of a failure apart.
    TokenWithScope(&'a str),
    /// What the token may do.
    Permissions,
    /// The extensions, or one page of them.
    List,
    /// Whether the token is accepted at all.
    Validity,
    /// The PBX's version.
    Version,
}

impl Question<'_> {
    /// At which endpoint it counts.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Presence | Self::Token | Self::TokenWithScope(_) => Operation::Token,
            Self::Permissions | Self::List | Self::Validity => Operation::Extensions,
            Self::Version => Operation::Version,
        }
    }
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// An answer with a token.
    Issued(&'a Answer),
    /// Any other answer.
    Answer(&'a Answer),
    /// None.
    Nothing(&'a TransportError),
}

impl<'a> Heard<'a> {
    /// Of an exchange that asked for no token, or got none.
    pub const fn of(result: Result<&'a Answer, &'a TransportError>) -> Self {
        match result {
            Ok(answer) => Self::Answer(answer),
            Err(error) => Self::Nothing(error),
        }
    }
}

/// Who watches. The order is that of the pass; each question is heard of once, if it was sent.
pub trait Observer: Send + Sync {
    /// A request is about to be sent.
    fn asks(&self, _: Question<'_>, _: &Method, _: &Url) {}
    /// It has ended. What it means is not yet judged.
    fn hears(&self, _: Heard<'_>) {}
    /// Nothing was sent: a secret cannot be read.
    fn lacks(&self, _: &SecretError) {}
    /// The token that goes with what is asked next; `None`: a fixed key does.
    fn holds(&self, _: Option<&Token>) {}
    /// What that token may do.
    fn may(&self, _: &Permissions) {}
    /// Whether the PBX is asked what the token may do, before the list.
    fn wants_permissions(&self) -> bool {
        false
    }
    /// Whether the PBX's clock was compared with this machine's, and agrees.
    fn clock_agrees(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Observer for Nobody {}
