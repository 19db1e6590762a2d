//! What can go wrong on a simulated FreePBX, switchable while it runs.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::fixtures::{Fixture, Generation, find};
use super::oauth::json_answer;
use crate::domain::{Answer, Operation};

/// One thing that is wrong. Without it all is as before: a regenerated secret is the old one again.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Both applications have another secret; tokens given stay good.
    SecretRegenerated,
    /// Both applications are deleted, with their tokens.
    ApplicationDeleted,
    /// The applications may no longer read extensions; tokens given keep their scopes.
    ScopeRemoved,
    /// The applications' allowed scopes hold `extensions:read`.
    AllowedScopesUnknownWord,
    /// `.htaccess` is ignored and MultiViews is on: every API path is declined.
    RewriteBroken,
    /// `.htaccess` is ignored: every API path is a 404.
    RewriteIgnored,
    /// MultiViews bends the rewrite.
    ModuleNameBent,
    /// The API module's files are gone.
    ModuleAbsent,
    /// The private key is unreadable: no token is issued.
    KeyUnusable,
    /// A proxy drops the `Authorization` header.
    DropsAuthorization,
    /// Every token is refused, new ones too.
    RejectAllTokens,
    /// The resolver behind the list fails.
    QueryFails,
    /// `MariaDB` does not run: FreePBX connects to it before any module is asked.
    DatabaseDown,
    /// Asterisk's manager takes the connection and says nothing: FreePBX logs in there before any module is asked.
    ManagerHangs,
    /// A crash without words.
    Http500,
    /// A proxy's page.
    Html502,
    /// The web server forbids the address.
    Forbidden,
    /// Throttled; `Retry-After` in seconds.
    RateLimited(u64),
    Slow(Duration),
    Hang,
    /// This answer to each request of its operation.
    Fixture(&'static Fixture),
    /// This answer to the list alone, not to harmless queries.
    OfList(&'static Fixture),
}

impl Fault {
    /// How late an answer is.
    pub(super) fn delay(&self) -> Option<Duration> {
        match self {
            Self::Slow(delay) => Some(*delay),
            // Longer than any client waits, short enough to be added to any instant.
            Self::Hang | Self::ManagerHangs => Some(Duration::from_secs(30 * 24 * 3600)),
            _ => None,
        }
    }

    /// Whether the web server's own answers are as before.
    pub(super) const fn is_behind_php(&self) -> bool {
        matches!(self, Self::DatabaseDown | Self::ManagerHangs)
    }

    /// Whether it ends a request before FreePBX begins a session.
    pub(super) const fn is_before_session(&self) -> bool {
        self.is_behind_php()
            || matches!(
                self,
                Self::RewriteIgnored | Self::Http500 | Self::Html502 | Self::Forbidden | Self::RateLimited(_)
            )
    }

    /// The answer that this fault gives whatever is asked.
    pub(super) fn answer(
        &self,
        operation: Operation,
        method: &Method,
        generation: Generation,
    ) -> Option<Answer> {
        let name = match self {
            Self::RewriteBroken => "declined at the token endpoint",
            Self::RewriteIgnored => "rewrite ignored",
            Self::ModuleNameBent => "module name bent",
            Self::ModuleAbsent => "API module absent",
            Self::KeyUnusable if operation == Operation::Token => "key file unusable",
            Self::DatabaseDown => return Some(database_down()),
            Self::Http500 => "crash without a body",
            Self::Html502 => "bad gateway",
            Self::Forbidden => "forbidden by the web server",
            Self::RateLimited(seconds) => return Some(throttled(*seconds, generation)),
            Self::Fixture(fixture) => {
                // What OAuth2 refuses, it refuses of a token request only.
                let asked =
                    operation != Operation::Token || *method == Method::POST || !fixture.is_of_oauth();
                return (fixture.operation == operation && asked).then(|| fixture.answer());
            }
            _ => return None,
        };
        Some(find(name, generation).answer())
    }
}

/// Of Whoops, FreePBX's handler; the text stands twice in it.
fn database_down() -> Answer {
    let refused = "SQLSTATE[HY000] [2002] Connection refused";
    let body = json!({"error": {
        "type": "Exception", "message": format!("{refused}::{refused}"), "code": 2002,
        "file": "/var/www/html/admin/libraries/utility.functions.php", "line": 135,
    }});
    Answer { status: StatusCode::INTERNAL_SERVER_ERROR, ..json_answer(&body) }
}

fn throttled(seconds: u64, generation: Generation) -> Answer {
    let mut answer = find("throttled", generation).answer();
    answer.headers.insert("retry-after", HeaderValue::from(seconds));
    answer
}
