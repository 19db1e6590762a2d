//! A PBX that is not configured: its address from the command line, its credentials from the variables
//! FREEPBX_API_*, and what they lack from prompts, in a terminal.

use std::collections::HashMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::check;
use crate::config::{self, Config};
use crate::domain::Target;

const URL: &str = "FREEPBX_API_URL";
const CLIENT_ID: &str = "FREEPBX_API_CLIENT_ID";
const CLIENT_SECRET: &str = "FREEPBX_API_CLIENT_SECRET";
const USERNAME: &str = "FREEPBX_API_USERNAME";
const PASSWORD: &str = "FREEPBX_API_PASSWORD";
const GRANT: &str = "FREEPBX_API_GRANT";

/// One target at `url`, checked like one from the environment.
///
/// # Errors
/// What is missing or wrong.
pub fn config(url: &str, ca_file: Option<&Path>) -> Result<Config, Vec<String>> {
    let mut given = HashMap::from([(URL, SecretString::from(url))]);
    if io::stdin().is_terminal() {
        ask(&mut given).map_err(|error| vec![format!("failed to ask for credentials: {error}")])?;
    }
    let mut config = config::load(&[], &|name| {
        given.get(name).map(|value| value.expose_secret().to_owned()).or_else(|| variable(name))
    })
    .map_err(|errors| errors.0.iter().map(|error| by_flag(&error.to_string())).collect::<Vec<_>>())?;
    config.targets = config.targets.iter().map(|target| Arc::new(named(target, ca_file))).collect();
    check::tried_out(config)
}

/// The address came by a flag.
fn by_flag(error: &str) -> String {
    error.strip_prefix(URL).map_or_else(|| error.to_owned(), |rest| format!("--ad-hoc{rest}"))
}

fn named(target: &Target, ca_file: Option<&Path>) -> Target {
    let mut target = target.clone();
    target.name = target.origin.host_str().unwrap_or("ad-hoc").into();
    target.client.ca_file = ca_file.map(Path::to_owned);
    target
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn has(name: &str) -> bool {
    variable(name).is_some() || variable(&format!("{name}_FILE")).is_some()
}

/// Asks for what the environment lacks. Secrets are not shown.
fn ask(given: &mut HashMap<&'static str, SecretString>) -> io::Result<()> {
    let mut person = false;
    if !has(CLIENT_ID) {
        given.insert(CLIENT_ID, shown("Client id: ")?);
        if !has(USERNAME) && !has(GRANT) {
            let user = shown("User name (empty for a Machine-to-Machine app): ")?;
            person = !user.expose_secret().is_empty();
            given.insert(USERNAME, user);
        }
    }
    if !has(CLIENT_SECRET) {
        given.insert(CLIENT_SECRET, hidden("Client secret (not shown): ")?);
    }
    if (person || has(USERNAME)) && !has(PASSWORD) {
        given.insert(PASSWORD, hidden("Password (not shown): ")?);
    }
    Ok(())
}

fn shown(prompt: &str) -> io::Result<SecretString> {
    let mut err = io::stderr();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(SecretString::from(line.trim()))
}

fn hidden(prompt: &str) -> io::Result<SecretString> {
    rpassword::prompt_password(prompt).map(SecretString::from)
}
