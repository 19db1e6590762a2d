//! What goes wrong with simulated PBXes, and which alert that is.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use pbx_exporter::clock::Clock;
use pbx_exporter::domain::Reason;
use pbx_exporter::sim::target::{MACHINE_ID, NATIVE_ID, PASSWORD, SECRET, USER};
use pbx_exporter::sim::{Fault, Generation, SimPbx, SimRequest, SimServer, Simulated};
use tokio_rustls::rustls::version::TLS13;

use crate::support::process::Service;
use crate::support::raw::Server;
use crate::support::tls::Authority;

/// What becomes wrong with a target of that name, and who is told.
pub struct Case {
    pub target: &'static str,
    pub failure: Failure,
    pub reason: Reason,
    pub alert: &'static str,
    pub receiver: &'static str,
}

impl Case {
    /// The secret file that it is about.
    pub fn file(&self) -> Option<&'static str> {
        match self.failure {
            Failure::Secret(file) => Some(file),
            Failure::Of(_) => None,
        }
    }
}

pub enum Failure {
    /// At the PBX.
    Of(Fault),
    /// In a secret's file: its name. The tokens that it once gave are revoked.
    Secret(&'static str),
}

const fn case(
    target: &'static str,
    failure: Failure,
    reason: Reason,
    alert: &'static str,
    receiver: &'static str,
) -> Case {
    Case { target, failure, reason, alert, receiver }
}

const PASSWORD_FILE: &str = "password.txt";
const REFRESH_TOKEN_FILE: &str = "refresh-token.txt";
pub const HEALTHY: &str = "healthy";

pub static CASES: [Case; 12] = {
    use Failure::{Of, Secret};
    [
        case(
            "rewrite-lost",
            Of(Fault::RewriteBroken),
            Reason::AjaxDeclined,
            "PbxAjaxRequestDeclined",
            "page",
        ),
        case("module-gone", Of(Fault::ModuleAbsent), Reason::ApiNotFound, "PbxApiNotFound", "page"),
        case("bad-gateway", Of(Fault::Html502), Reason::ServerError, "PbxApiErrors", "page"),
        case("hanging", Of(Fault::Hang), Reason::Timeout, "PbxUnreachable", "page"),
        case("rejecting", Of(Fault::RejectAllTokens), Reason::TokenRejected, "PbxTokenRejected", "page"),
        case("new-secret", Of(Fault::SecretRegenerated), Reason::InvalidClient, "PbxInvalidClient", "ticket"),
        case("new-password", Secret(PASSWORD_FILE), Reason::InvalidGrant, "PbxInvalidGrant", "ticket"),
        case(
            "confirmation-over",
            Secret(REFRESH_TOKEN_FILE),
            Reason::AuthorizationRequired,
            "PbxAuthorizationRequired",
            "ticket",
        ),
        case(
            "bad-scope",
            Of(Fault::AllowedScopesUnknownWord),
            Reason::InvalidScope,
            "PbxInvalidScope",
            "ticket",
        ),
        case(
            "scope-lost",
            Of(Fault::ScopeRemoved),
            Reason::InsufficientScope,
            "PbxInsufficientScope",
            "ticket",
        ),
        case("forbidden", Of(Fault::Forbidden), Reason::Forbidden, "PbxPermissionDenied", "ticket"),
        case("throttled", Of(Fault::RateLimited(1)), Reason::RateLimited, "PbxRateLimited", "ticket"),
    ]
};

/// Fails, too; then its exporter is stopped.
pub static UNWATCHED: Case = case(
    "unwatched",
    Failure::Of(Fault::ScopeRemoved),
    Reason::InsufficientScope,
    "PbxInsufficientScope",
    "ticket",
);

/// A simulated PBX behind TLS.
pub struct Pbx {
    sim: SimServer,
    front: Server,
}

impl Pbx {
    /// Tokens live for seconds, so that what is wrong with new ones shows soon.
    pub async fn start(authority: &Authority) -> Self {
        let pbx = SimPbx::new(Generation::V16, Clock::System);
        pbx.set_token_lifetime(Duration::from_secs(4));
        let sim = SimServer::start(pbx.into()).await.expect("a port");
        let origin = sim.origin().authority().to_owned();
        let front = Server::in_front_of(authority.good().server(&[&TLS13]), origin).await;
        Self { sim, front }
    }

    /// What a person obtains by confirming access.
    fn refresh_token(&self) -> String {
        let form = format!(
            "grant_type=password&client_id={NATIVE_ID}&client_secret={SECRET}&username={USER}&password={PASSWORD}"
        );
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let answer = self.sim.pbx().answer(&SimRequest {
            method: Method::POST,
            path_and_query: "/admin/api/api/token".to_owned(),
            headers: HeaderMap::from_iter([(http::header::CONTENT_TYPE, form_type)]),
            body: Bytes::from(form),
        });
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        answer["refresh_token"].as_str().expect("a refresh token").to_owned()
    }

    /// The right content of a secret's file.
    pub fn secret(&self, file: &str) -> String {
        if file == PASSWORD_FILE { PASSWORD.to_owned() } else { self.refresh_token() }
    }

    /// Where it is reached.
    pub fn https(&self) -> String {
        self.front.https("")
    }

    /// Ends the tokens that it gave.
    pub fn forget_tokens(&self) {
        self.sim.pbx().revoke_tokens();
    }

    pub fn is_hurt(&self, case: &Case, exporter: &Service) {
        match &case.failure {
            Failure::Of(fault) => self.sim.pbx().set_fault(Some(fault.clone())),
            Failure::Secret(file) => {
                exporter.write(file, "made-up-and-wrong");
                self.sim.pbx().revoke_tokens();
            }
        }
    }

    pub fn is_fixed(&self, case: &Case, exporter: &Service) {
        match &case.failure {
            Failure::Of(_) => self.sim.pbx().set_fault(None),
            Failure::Secret(file) => exporter.write(file, &self.secret(file)),
        }
    }
}

pub fn config<'a>(authority: &Authority, targets: impl Iterator<Item = (&'a str, &'a Pbx)>) -> String {
    let targets = targets.map(|(name, pbx)| {
        let url = pbx.front.https("");
        let more = match name {
            "new-password" => format!(
                "auth: {{grant: password, client_id: '{NATIVE_ID}', username: '{USER}', password_file: {PASSWORD_FILE}}}"
            ),
            // Its patience is long: one refresh of which no answer is seen, and the token is dead in earnest.
            "confirmation-over" => format!(
                "interval: 6s, timeout: 5s, \
                 auth: {{grant: refresh_token, client_id: '{NATIVE_ID}', refresh_token_file: {REFRESH_TOKEN_FILE}}}"
            ),
            _ => format!("auth: {{client_id: '{MACHINE_ID}'}}"),
        };
        format!("- {{name: {name}, url: '{url}', {more}}}\n")
    });
    format!(
        "limits: {{refusals_per_origin: 1000, probes_per_host: 100}}\n\
         defaults: {{interval: 2s, failure_interval: 1s, timeout: 1800ms, \
         backoff: {{start: 1s, cap: 1s, denied: 1s}}, tls: {{ca_file: '{ca}'}}, auth: {{client_secret: '{SECRET}'}}}}\n\
         targets:\n{targets}",
        ca = authority.ca_file().display(),
        targets = targets.collect::<String>(),
    )
}
