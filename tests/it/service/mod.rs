//! The whole service: the real program, and `app::App`, against PBXes on loopback ports.

mod app;
mod canary;
mod demo;
mod environment;
mod extensions;
mod flags;
mod healthcheck;
mod host_count;
mod log;
mod misbehaving;
mod platforms;
mod probe_now;
mod prometheus;
mod ready;
mod reload;
mod requests;
mod scheduler;
mod stop;
mod vendor;

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::clock::Clock;
use pbx_exporter::sim::target::{MACHINE_ID, SECRET};
use pbx_exporter::sim::{Fault, Generation, SimPbx, SimServer};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN_PATH: &str = "/admin/api/api/token";
const GRAPHQL_PATH: &str = "/admin/api/api/gql";

/// A configuration of these targets, each a mapping in flow style. All have the simulator's
/// credentials, fail fast, and are probed no second time while they are well: the next place in the interval is by the wall clock.
pub fn config(targets: &[String]) -> String {
    let targets = targets.join("\n- ");
    format!(
        "defaults: {{interval: 1d, failure_interval: 1s, timeout: 10s, \
         auth: {{client_id: '{MACHINE_ID}', client_secret: '{SECRET}'}}}}\ntargets:\n- {targets}\n"
    )
}

/// One target with further keys.
pub fn target(name: &str, url: impl std::fmt::Display, keys: &str) -> String {
    format!("{{name: '{name}', url: '{url}', {keys}}}")
}

/// A series with the label `target` alone.
pub fn of(family: &str, target: &str) -> String {
    format!("{family}{{target=\"{target}\"}}")
}

/// A healthy simulated FreePBX.
pub async fn pbx(generation: Generation) -> SimServer {
    SimServer::start(Arc::new(SimPbx::new(generation, Clock::System))).await.expect("a port")
}

/// One with something wrong.
pub async fn broken(generation: Generation, fault: Fault) -> SimServer {
    let server = pbx(generation).await;
    server.pbx().set_fault(Some(fault));
    server
}

/// A PBX whose every request can be looked at afterwards; it gives a token.
async fn recorder() -> MockServer {
    let server = MockServer::start().await;
    answer(&server, TOKEN_PATH, issues("recorded-token")).await;
    server
}

async fn answer(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(server).await;
}

fn issues(token: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(token_json(token))
}

fn token_json(token: &str) -> String {
    format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{token}"}}"#)
}

fn lists(extensions: u32) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(list_json(extensions))
}

fn list_json(extensions: u32) -> String {
    format!(r#"{{"data":{{"fetchAllExtensions":{{"status":true,"totalCount":{extensions}}}}}}}"#)
}

/// How many requests a recorder has seen at a path.
async fn seen(server: &MockServer, at: &str) -> usize {
    let requests = server.received_requests().await.expect("recording");
    requests.iter().filter(|request| request.url.path() == at).count()
}

const SECOND: Duration = Duration::from_secs(1);
