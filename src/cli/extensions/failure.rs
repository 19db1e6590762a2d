//! Why there is no list to be shown, as text, as JSON and as an exit code.

use std::fmt;
use std::sync::Arc;

use serde_json::json;

use crate::domain::extensions::Untold;
use crate::domain::{Failure, Operation, Reason, Target};

/// Why there is no list.
#[derive(Debug)]
pub(super) enum Failed {
    /// Wrong arguments.
    Usage(String),
    /// The configuration's mistakes, one a line.
    Configuration(Vec<String>),
    /// What should be there cannot be read.
    Expected(String),
    /// A target's PBX, by its name: the operation that failed, and why.
    Pbx(Arc<str>, Operation, Failure),
    /// It answered with a list that does not tell its extensions.
    List(Arc<str>, Untold),
}

impl Failed {
    /// A target that this command cannot ask.
    pub fn target(target: &Target, why: &str) -> Self {
        Self::Configuration(vec![format!("target {}: {why}", target.name)])
    }

    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }

    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Configuration(_) => 4,
            Self::Expected(_) | Self::List(..) => 8,
            Self::Pbx(_, operation, failure) => code(*operation, failure.reason),
        }
    }

    /// The same for a program.
    pub fn json(&self, target: Option<&str>) -> String {
        let (target, error) = match self {
            Self::Usage(text) | Self::Expected(text) => (target, json!({ "message": text })),
            Self::Configuration(errors) => (target, json!({ "message": errors.join("\n") })),
            Self::List(name, text) => (Some(&**name), json!({ "message": text })),
            Self::Pbx(name, operation, failure) => (
                Some(&**name),
                json!({
                    "message": failure.diagnosis,
                    "operation": operation.as_str(),
                    "reason": failure.reason.as_str(),
                }),
            ),
        };
        format!("{:#}\n", json!({ "target": target, "changes": "none", "error": error }))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Expected(text) => writeln!(f, "error: {text}"),
            Self::Configuration(errors) => errors.iter().try_for_each(|error| writeln!(f, "error: {error}")),
            Self::List(name, text) => writeln!(f, "error: {name}: {text}"),
            Self::Pbx(name, operation, Failure { reason, diagnosis, .. }) => {
                writeln!(f, "error: {name}: {operation}: {reason}: {diagnosis}")
            }
        }
    }
}

/// By what is to be mended: the way there, the token, the permission, or what came back.
const fn code(operation: Operation, reason: Reason) -> u8 {
    match (reason, operation) {
        (
            Reason::Dns
            | Reason::Proxy
            | Reason::Connect
            | Reason::Tls
            | Reason::Timeout
            | Reason::ConnectionLost
            | Reason::RedirectRefused,
            _,
        ) => 5,
        (Reason::ExporterError, _) => 4,
        (
            Reason::TokenRejected
            | Reason::InsufficientScope
            | Reason::AccessDenied
            | Reason::UserBlocked
            | Reason::AjaxDeclined
            | Reason::Forbidden
            | Reason::ApiNotFound,
            _,
        ) => 7,
        (_, Operation::Token) => 6,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_class() {
        for reason in Reason::ALL {
            for operation in Operation::ALL.into_iter().filter(|operation| reason.occurs_at(*operation)) {
                let code = code(operation, reason);
                assert!((4..=8).contains(&code), "{reason}");
                assert_eq!(code == 5, reason.is_transport() || reason == Reason::RedirectRefused, "{reason}");
                if !reason.occurs_at(Operation::Extensions) {
                    assert_eq!(code, 6, "{reason}");
                }
                if operation != Operation::Token && reason.is_denial() {
                    assert_eq!(code, 7, "{reason}");
                }
            }
        }
    }
}
