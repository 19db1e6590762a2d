//! Why there is no list to be shown, as text, as JSON and as an exit code.

use std::fmt;
use std::sync::Arc;

use serde_json::json;

use crate::causes::Explanation;
use crate::cli::exit::Exit;
use crate::domain::extensions::Untold;
use crate::domain::{Operation, Target};

#[derive(Debug)]
pub(super) enum Failed {
    Usage(String),
    Configuration(Vec<String>),
    /// What should be there cannot be read.
    Expected(String),
    /// A target's PBX, by its name: the operation that failed, and why.
    Pbx(Arc<str>, Operation, Box<Explanation>),
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

    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Configuration(_) => Exit::Configuration,
            Self::Expected(_) | Self::List(..) => Exit::Data,
            Self::Pbx(_, operation, why) => Exit::of(*operation, why.reason),
        }
    }

    /// The same for a program.
    pub fn json(&self, target: Option<&str>) -> String {
        let (target, error) = match self {
            Self::Usage(text) | Self::Expected(text) => (target, json!({ "message": text })),
            Self::Configuration(errors) => (target, json!({ "message": errors.join("\n") })),
            Self::List(name, text) => (Some(&**name), json!({ "message": text })),
            Self::Pbx(name, operation, why) => (
                Some(&**name),
                json!({
                    "message": why.diagnosis(),
                    "operation": operation.as_str(),
                    "reason": why.reason.as_str(),
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
            Self::Pbx(name, operation, why) => {
                writeln!(f, "error: {name}: {operation}: {}: {}", why.reason, why.diagnosis())
            }
        }
    }
}
