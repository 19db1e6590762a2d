//! What the web may ask of the rest: a handle from the application, so that `web` does not know rooms
//! that hold secrets.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use secrecy::SecretString;

/// A future that borrows from its handle.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a browser brings back from the authorization endpoint (RFC 6749 section 4.1.2). `Debug` shows none of it.
#[derive(Clone, Default)]
pub struct Redirected {
    /// The code, which serves once.
    pub code: Option<SecretString>,
    /// Which confirmation it belongs to.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl std::fmt::Debug for Redirected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redirected")
    }
}

impl Redirected {
    /// From the query of the redirect address. A parameter given twice is taken for none (RFC 6749 section 3.1).
    pub fn from_query(query: &str) -> Self {
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let once = |name: &str| {
            let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
            values.next().filter(|value| !value.is_empty()).filter(|_| values.next().is_none())
        };
        Self { code: once("code").map(SecretString::from), state: once("state"), error: once("error") }
    }
}

/// Where a browser goes to confirm, and the cookie by which it is known when it comes back.
#[derive(Clone)]
pub struct Begun {
    /// The authorization endpoint with all it needs.
    pub location: String,
    /// A secret for this browser.
    pub cookie: SecretString,
}

/// The page for confirmations, where it is on.
pub trait Confirm: Send + Sync {
    /// The address under which browsers reach the service, with a slash at its end.
    fn external_url(&self) -> &url::Url;
    /// Begins one for the target of that name, if the one-time code is right; the error is for people.
    fn begin(&self, target: &str, code: &str) -> BoxFuture<'_, Result<Begun, String>>;
    /// Ends it; gives the target's name, and what a person should know. The error is for people.
    fn finish(&self, cookie: &str, redirected: Redirected) -> BoxFuture<'_, Result<String, String>>;
}

/// What the web may ask for.
pub trait Control: Send + Sync {
    /// Whether each target of the first configuration was probed, or waited for long enough.
    fn ready(&self) -> bool;
    /// Reads the configuration again; the error is its whole text.
    fn reload(&self) -> BoxFuture<'_, Result<(), String>>;
    /// Whether the newest reading of the web configuration failed, so that an older one is in force.
    fn web_config_is_stale(&self) -> bool {
        false
    }
    /// The page for confirmations; `None` where it is off.
    fn confirm(&self) -> Option<&dyn Confirm> {
        None
    }
    /// Probes one target now, past any back-off, and waits for the end of the probe.
    fn probe_now(&self, target: &str) -> BoxFuture<'_, ProbeNow>;
}

/// What became of a request to probe now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeNow {
    /// Probed; the state is on the board.
    Done,
    /// No target of that name.
    UnknownTarget,
    /// It was probed on request a moment ago.
    TooSoon {
        /// When to ask again.
        retry_after: Duration,
    },
    /// Another refusal could make the PBX ban this host.
    RefusalBudget {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The service is going down.
    Stopping,
}
