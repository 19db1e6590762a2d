//! A PBX that is not configured: its address from the command line, its credentials from variables, and what
//! these lack from prompts, in a terminal.

use std::collections::HashMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use secrecy::{ExposeSecret as _, SecretString};

use super::check;
use crate::config::{self, AdHoc, Config, Credential, credentials, told_grant, unattended, variable};
use crate::domain::{Grant, Platform};
use crate::transport::HttpTransport;

/// One target, checked as if it were in a file. Of what the environment gives, the names are told.
pub fn config(given: &AdHoc<'_>) -> Result<Config, Vec<String>> {
    let mut typed = HashMap::new();
    if io::stdin().is_terminal() {
        ask(given.platform, &mut typed)
            .map_err(|error| vec![format!("failed to ask for credentials: {error}")])?;
    }
    let lookup = |name: &str| {
        typed.get(name).map(|value| value.expose_secret().to_owned()).or_else(|| from_environment(name))
    };
    let config = config::load_ad_hoc(given, &lookup, &HttpTransport::validate).map_err(check::lines)?;
    let mut err = io::stderr();
    let grant = config.targets.first().map_or(Grant::ClientCredentials, |target| target.auth.grant);
    let taken: Vec<_> = credentials(given.platform, grant)
        .iter()
        .flat_map(|credential| credential.given(&from_environment))
        .collect();
    if !taken.is_empty() {
        let _ = writeln!(err, "Taken from the environment: {}", taken.join(", "));
    }
    let _ = writeln!(
        err,
        "Where a fix names a key of the configuration: {}",
        config::named_by(given.platform, grant).join(", ")
    );
    Ok(config)
}

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What is typed, by the names of variables.
type Typed = HashMap<String, SecretString>;

/// Asks for what the environment lacks. Secrets are not shown.
fn ask(platform: &Platform, typed: &mut Typed) -> io::Result<()> {
    let grants = unattended(platform);
    let told = told_grant(platform, &grants, &from_environment);
    let grant = match &told {
        // Any other is refused, without a question.
        Some(told) => grants.iter().find(|grant| grant.as_str() == told).copied(),
        None => Some(choose(platform, &grants)?),
    };
    let Some(grant) = grant else { return Ok(()) };
    typed.insert(variable(platform, "grant"), SecretString::from(grant.as_str()));
    let mut lacking = credentials(platform, grant);
    lacking.retain(|credential| credential.given(&from_environment).is_empty());
    if told.is_some() && !lacking.is_empty() {
        writeln!(io::stderr(), "{}: {}", platform.title, named(platform, grant))?;
    }
    for credential in lacking {
        let answer = prompt(&credential)?;
        typed.insert(credential.variable, answer);
    }
    Ok(())
}

/// A grant in the platform's own word for what it takes.
fn named(platform: &Platform, grant: Grant) -> String {
    platform
        .application(grant)
        .map_or_else(|| format!("grant {grant}"), |application| format!("{application} (grant {grant})"))
}

/// Which of several grants, by number or name.
fn choose(platform: &Platform, grants: &[Grant]) -> io::Result<Grant> {
    let rows = (1..).zip(grants).map(|(number, grant)| format!("  {number}  {}", named(platform, *grant)));
    let rows = rows.collect::<Vec<_>>().join("\n");
    let question =
        format!("Which kind of credentials do you have for {}?\n{rows}\nNumber [1]: ", platform.title);
    let chosen = |answer: &SecretString| {
        let answer = answer.expose_secret();
        let fits = |(place, grant): &(usize, &Grant)| {
            grant.as_str() == answer
                || (place + 1).to_string() == answer
                || (answer.is_empty() && *place == 0)
        };
        grants.iter().enumerate().find(fits).map(|(_, grant)| *grant)
    };
    if let Some(grant) = chosen(&shown(&question)?) {
        return Ok(grant);
    }
    // Whoever typed something else may have pasted a secret, and may do so again.
    let word = if grants.len() == 2 { "or" } else { "to" };
    let again = hidden(&format!("Not a valid choice: 1 {word} {} (not shown): ", grants.len()))?;
    chosen(&again)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no valid choice after two attempts"))
}

fn prompt(credential: &Credential) -> io::Result<SecretString> {
    let about = &credential.about;
    match (credential.is_secret, credential.is_optional) {
        (false, _) => shown(&format!("{about}: ")),
        (true, false) => hidden(&format!("{about} (not shown): ")),
        (true, true) => hidden(&format!("{about} (not shown; leave empty for none): ")),
    }
}

fn shown(prompt: &str) -> io::Result<SecretString> {
    let mut err = io::stderr();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(SecretString::from(line.trim()))
}

fn hidden(prompt: &str) -> io::Result<SecretString> {
    rpassword::prompt_password(prompt).map(SecretString::from)
}
