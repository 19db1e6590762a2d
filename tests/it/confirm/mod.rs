//! A person confirms access: by the command, and on the page of the running service. The real program against
//! simulated PBXes; the person is a plain HTTP client here, and a browser in `chromium`.

mod chromium;
mod command;
mod independent;
mod page;

use std::path::Path;
use std::sync::Arc;

use pbx_exporter::clock::Clock;
use pbx_exporter::control::Redirected;
use pbx_exporter::sim::target::{SECRET, WEB_ID};
use pbx_exporter::sim::{Generation, SimPbx, SimServer};
use url::Url;

use crate::support::http::{self, Reply};
use crate::support::person::{Press, press};
use crate::support::process::{CONFIG, Program, Service, eventually};

/// The name of the target.
const TARGET: &str = "head office";

async fn pbx() -> SimServer {
    SimServer::start(Arc::new(SimPbx::new(Generation::V17, Clock::System))).await.expect("a port")
}

/// A configuration with one target that a person confirms, tokens kept in a folder shared by all programs of a test.
fn config(server: &SimServer, storage: &Path, more: &str) -> String {
    config_of(("freepbx", WEB_ID), server.origin(), storage, more)
}

/// The same for a kind of PBX and its application.
fn config_of((platform, client_id): (&str, &str), origin: &Url, storage: &Path, more: &str) -> String {
    format!(
        "storage: {{path: '{}'}}\n{more}\ntargets:\n- {{name: '{TARGET}', platform: {platform}, url: '{}', \
         failure_interval: 1s,\n  auth: {{grant: authorization_code, client_id: '{client_id}', client_secret: \
         '{SECRET}'}}}}\n",
        storage.display(),
        origin.as_str().trim_end_matches('/'),
    )
}

/// The service on a free port.
async fn serve(config: &str) -> Service {
    Service::start(config, &["--log.level=trace"]).await
}

/// The command on the same configuration.
fn authorize(config: &str, arguments: &[&str]) -> Program {
    let first = ["authorize", TARGET, "--config.file", CONFIG, "--log.level=trace"];
    Program::new(&[&first, arguments].concat()).file(CONFIG, config)
}

/// The address that a running command shows.
async fn shown(command: &Service) -> Url {
    let location = eventually("the command shows an address", async || address_in(&command.stdout())).await;
    Url::parse(&location).expect("an address")
}

fn address_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("http") && line.contains("response_type"))?;
    // A line that is not yet whole has no end.
    text.contains(&format!("{line}\n")).then(|| line.to_owned())
}

/// Where the browser is sent back to, as the PBX's page says.
fn allowed(server: &SimServer, location: &Url) -> Url {
    press(&**server.pbx(), location, Press::Allow)
}

/// A browser goes there.
async fn visit(url: &Url, headers: &[&str]) -> Reply {
    let authority = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    http::send(&authority, "GET", &url[url::Position::BeforePath..], headers).await.expect("an answer")
}

const UP: &str = "pbx_up{target=\"head office\"}";
const NEEDS_PERSON: &str =
    "pbx_target_condition{target=\"head office\",operation=\"token\",reason=\"authorization_required\"}";

/// What must not be said: the code, and whatever tokens are kept.
fn secrets(back: &Url, storage: &Path) -> Vec<String> {
    let redirected = Redirected::from_query(back.query().unwrap_or_default());
    let code = redirected.code.map(|code| secrecy::ExposeSecret::expose_secret(&code).to_owned());
    let files = std::fs::read_dir(storage).expect("a folder").filter_map(|entry| {
        let text = std::fs::read_to_string(entry.ok()?.path()).ok()?;
        let record: serde_json::Value = serde_json::from_str(&text).ok()?;
        let token = |pointer| record.pointer(pointer)?.as_str().map(str::to_owned);
        Some([token("/refresh_token"), token("/access/token")])
    });
    files.flatten().flatten().chain(code).collect()
}
