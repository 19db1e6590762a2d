//! Who gets in, and how much they may take: sockets, connections, and the checks in front of the router.
//!
//! Belongs here: accepting, time limits and caps, TLS, passwords, the Host allow-list. Does not belong here:
//! what a path answers; that is `web`, which only learns whether a request [`MayAct`].

mod connection;
mod connections;
mod descriptors;
mod gate;
mod hosts;
mod passwords;
mod rate;
mod serve;
pub mod socket;
pub mod web_config;

pub use descriptors::raise_limit;
pub use gate::MayAct;
pub use serve::{Pulse, Serving, serve};
pub use socket::Socket;
pub use web_config::WebConfig;

use std::sync::Arc;

use url::Url;

use web_config::ServerTls;

/// What the flags say about the listener.
pub struct Settings {
    /// Where the whole service is served.
    pub sockets: Vec<Socket>,
    /// Where health and readiness alone are served, without a password.
    pub health: Vec<Socket>,
    /// TLS, users and more.
    pub config: Option<Arc<WebConfig>>,
    /// Under which address browsers reach the service.
    pub external_url: Option<Url>,
    /// What stands before each path.
    pub route_prefix: String,
    /// The path of the exposition.
    pub telemetry_path: String,
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// How many requests are answered at once.
    pub max_requests: usize,
    /// Further names under which pages may be asked for; `*` stands for any.
    pub allowed_hosts: Vec<String>,
    /// Whether anybody may ask for reloads and probes.
    pub lifecycle: bool,
}

/// As node_exporter has it.
pub const MAX_REQUESTS: u16 = 40;

impl Settings {
    /// All defaults.
    pub fn on(sockets: Vec<Socket>) -> Self {
        Self {
            sockets,
            health: Vec::new(),
            config: None,
            external_url: None,
            route_prefix: "/".to_owned(),
            telemetry_path: "/metrics".to_owned(),
            max_connections: descriptors::max_connections(),
            max_requests: usize::from(MAX_REQUESTS),
            allowed_hosts: Vec::new(),
            lifecycle: false,
        }
    }
}

/// Who can do what, for one line at the start.
pub struct Access {
    /// Who sees pages and metrics.
    pub read: String,
    /// Who may ask for reloads and probes.
    pub act: String,
}

impl Settings {
    /// Who can reach what.
    pub fn access(&self) -> Access {
        let now = self.config.as_ref().map(|config| config.now());
        let tls = now.as_ref().and_then(|now| now.tls.as_ref());
        let (has_users, has_tls) = (now.as_ref().is_some_and(|now| !now.users.is_empty()), tls.is_some());
        let wants = tls.is_some_and(ServerTls::requires_verified);
        let who =
            if self.sockets.iter().all(Socket::is_near) { "this host" } else { "whoever reaches an address" };
        let credentials = match (has_users, wants) {
            (true, true) => "with a password and a client certificate",
            (true, false) => "with a password",
            (false, true) => "with a client certificate",
            (false, false) => "without a password",
        };
        let read = format!("{who}, {credentials}, {}", if has_tls { "by TLS" } else { "in plain text" });
        let verifies = tls.is_some_and(|tls| tls.verifies);
        let act = [
            (self.lifecycle, "all of them"),
            (has_users && !self.lifecycle, "users with a password"),
            (verifies && !self.lifecycle, "clients with a certificate"),
            (self.external_url.is_none() && !self.lifecycle, "this host by localhost"),
        ];
        let act: Vec<_> = act.into_iter().filter_map(|(may, who)| may.then_some(who)).collect();
        Access { read, act: if act.is_empty() { "nobody".to_owned() } else { act.join(", ") } }
    }
}
