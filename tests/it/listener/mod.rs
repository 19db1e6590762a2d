//! The listener of the real program: who gets in, how much strangers can take, TLS and passwords.

mod browsers;
mod fixtures;
mod passwords;
mod rewritten;
mod sockets;
mod strangers;
mod tls;
mod toolkit;

use std::path::Path;

use base64::Engine as _;
use tokio::process::Command;

use crate::service::{config, target};
use crate::support::process::{CONFIG, Program, Service};

/// A configuration of one target that nobody serves.
fn nothing() -> String {
    config(&[target("hq", "http://127.0.0.1:9", "")])
}

/// The flags of a service on a free loopback port, and these.
fn flags<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG], more].concat()
}

/// The service, not yet run.
fn program(more: &[&str]) -> Program {
    Program::new(&flags(more)).file(CONFIG, &nothing())
}

/// The name of the web configuration in the service's folder.
const WEB: &str = "web.yml";

/// A service that reads this web configuration.
async fn secured(web: &str, more: &[&str]) -> Service {
    let flags = [&["--web.config.file", WEB], more].concat();
    program(&flags).file(WEB, web).serve().await
}

/// A cheap hash of a password.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).expect("a hash")
}

/// `Authorization: Basic` for a user.
fn basic(user: &str, password: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("authorization: Basic {text}")
}

/// What curl gets: the status, 0 where there is none, and what it prints.
async fn curl(folder: &Path, arguments: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-sS", "-m", "10", "-w", "\n%{http_code} %{http_version}"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .await
        .expect("curl runs (Debian: curl)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status =
        text.lines().last().and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or_default();
    (status, format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}
