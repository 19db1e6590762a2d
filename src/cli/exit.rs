//! The exit codes of all commands: one table, documented in docs/commands.md, stable.

use std::process::ExitCode;

use crate::domain::{Operation, Reason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Fine = 0,
    /// The answer is no: `check`, `test-connection`; not tested; a service that cannot start.
    Failed = 1,
    /// The arguments are wrong; clap's own.
    Usage = 2,
    Drift = 3,
    /// The configuration is not usable, or has no target of that name.
    Configuration = 4,
    Transport = 5,
    Token = 6,
    /// The API is not there, or does not let this client in.
    Permission = 7,
    Data = 8,
}

impl Exit {
    /// All, in order, each with its meaning for people.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Fine, "fine"),
        (
            Self::Failed,
            "failed, or could not be tested; output that cannot be written; a service that cannot start",
        ),
        (Self::Usage, "wrong arguments"),
        (Self::Drift, "the extensions are not the expected ones"),
        (Self::Configuration, "the configuration is not usable, or has no target of this name"),
        (Self::Transport, "no answer: name resolution, proxy, connection, TLS, timeout, redirect"),
        (Self::Token, "no token: the token endpoint rejects the request or fails"),
        (
            Self::Permission,
            "access denied: wrong address, something in front, token not accepted, scope missing",
        ),
        (
            Self::Data,
            "an answer without the data: the call failed on the PBX, or the answer is not as documented",
        ),
    ];

    /// The code of a failure; total.
    pub const fn of(operation: Operation, reason: Reason) -> Self {
        match reason {
            Reason::Dns
            | Reason::Proxy
            | Reason::Connect
            | Reason::Tls
            | Reason::Timeout
            | Reason::ConnectionLost
            | Reason::RedirectRefused => Self::Transport,
            Reason::InvalidClient
            | Reason::InvalidGrant
            | Reason::InvalidScope
            | Reason::UnauthorizedClient
            | Reason::InvalidRequest
            | Reason::AuthorizationRequired => Self::Token,
            Reason::TokenRejected
            | Reason::InsufficientScope
            | Reason::AccessDenied
            | Reason::UserBlocked
            | Reason::AjaxDeclined
            | Reason::Forbidden
            | Reason::ApiNotFound => Self::Permission,
            Reason::QueryFailed
            | Reason::RateLimited
            | Reason::ServerError
            | Reason::UnexpectedResponse
            | Reason::ResponseTooLarge => match operation {
                Operation::Token => Self::Token,
                Operation::Extensions | Operation::Version => Self::Data,
            },
            // A secret file, a CA file: what is configured and cannot be used.
            Reason::ExporterError => Self::Configuration,
        }
    }

    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_is_this_one() {
        let documented = include_str!("../../docs/commands.md");
        for (place, (exit, meaning)) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), place);
            let row = format!("| {place} | {meaning} |");
            assert!(documented.contains(&row), "docs/commands.md lacks {row}");
        }
    }

    #[test]
    fn transport_failures_have_a_code_of_their_own_wherever_they_happen() {
        for reason in Reason::ALL.into_iter().filter(|reason| reason.is_transport()) {
            for operation in Operation::ALL {
                assert_eq!(Exit::of(operation, reason), Exit::Transport, "{reason}");
            }
        }
    }

    #[test]
    fn a_crash_counts_for_the_endpoint_where_it_happens() {
        assert_eq!(Exit::of(Operation::Token, Reason::ServerError), Exit::Token);
        assert_eq!(Exit::of(Operation::Extensions, Reason::ServerError), Exit::Data);
    }

    #[test]
    fn every_reason_has_a_code_of_its_class() {
        for reason in Reason::ALL {
            for operation in Operation::ALL.into_iter().filter(|operation| reason.occurs_at(*operation)) {
                let code = Exit::of(operation, reason).code();
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
