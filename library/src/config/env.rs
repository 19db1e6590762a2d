//! The route without a file: five variables, as existing portals have them in their `.env`, make one target.
//!
//! They become the same tree that a file becomes, so that the same checks apply; places are variables.

use super::issue::{Place, Report};
use super::load::Parts;
use super::structure::{printable, suggest};
use super::tree::{Data, Entry, Node};
use super::{Lookup, normalise_url};
use crate::platform::builtin;

const URL: &str = "FREEPBX_API_URL";
const USERNAME: &str = "FREEPBX_API_USERNAME";
const PASSWORD: &str = "FREEPBX_API_PASSWORD";
const PASSWORD_FILE: &str = "FREEPBX_API_PASSWORD_FILE";
const CLIENT_ID: &str = "FREEPBX_API_CLIENT_ID";
const CLIENT_SECRET: &str = "FREEPBX_API_CLIENT_SECRET";
const CLIENT_SECRET_FILE: &str = "FREEPBX_API_CLIENT_SECRET_FILE";
const GRANT: &str = "FREEPBX_API_GRANT";
const REFRESH_TOKEN: &str = "FREEPBX_API_REFRESH_TOKEN";
const REFRESH_TOKEN_FILE: &str = "FREEPBX_API_REFRESH_TOKEN_FILE";

const GRANTS: [&str; 3] = ["client_credentials", "password", "refresh_token"];

/// Variables and the keys under `auth` that they stand for.
const KEYS: [(&str, &str); 8] = [
    (USERNAME, "username"),
    (PASSWORD, "password"),
    (PASSWORD_FILE, "password_file"),
    (CLIENT_ID, "client_id"),
    (CLIENT_SECRET, "client_secret"),
    (CLIENT_SECRET_FILE, "client_secret_file"),
    (REFRESH_TOKEN, "refresh_token"),
    (REFRESH_TOKEN_FILE, "refresh_token_file"),
];

/// The one target that the environment describes.
pub(super) fn parts(lookup: Lookup<'_>, report: &mut Report) -> Parts {
    let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
    if !KEYS.iter().any(|(name, _)| get(name).is_some()) && get(URL).is_none() {
        report.error(&Place::Whole("no configuration".into()), "", nothing());
        return Parts::default();
    }
    let grant = grant(&get, report);
    check_complete(&get, &grant, report);
    if let Some(Err(error)) = get(URL).map(|url| normalise_url(&url, builtin("freepbx").as_deref())) {
        report.error(&Place::Variable(URL), "", error);
    }
    let has_no_use = |name: &str| grant != "password" && matches!(name, PASSWORD | PASSWORD_FILE | USERNAME);
    let mut auth = vec![entry(GRANT, "grant", &grant)];
    for (name, key) in KEYS {
        // A portal's `.env` may hold a user for another purpose; FREEPBX_API_GRANT has decided.
        auth.extend(get(name).filter(|_| !has_no_use(name)).map(|value| entry(name, key, &value)));
    }
    let auth = Node::new(Place::Variable(CLIENT_ID), Data::Map(auth));
    let target = vec![
        entry(URL, "name", "freepbx"),
        entry(URL, "url", &get(URL).unwrap_or_default()),
        Entry { key: "auth".to_owned(), place: Place::Variable(CLIENT_ID), node: auth },
    ];
    let target = Node::new(Place::Variable(URL), Data::Map(target));
    // What is incomplete has been told by the names of variables; checks by keys would only repeat it.
    let targets = if report.errors() == 0 { vec![(String::new(), target)] } else { Vec::new() };
    Parts { targets, sound: true, ..Parts::default() }
}

fn entry(variable: &'static str, key: &str, value: &str) -> Entry {
    let place = Place::Variable(variable);
    let node = Node::new(place.clone(), Data::Text(value.to_owned()));
    Entry { key: key.to_owned(), place, node }
}

fn grant(get: &dyn Fn(&str) -> Option<String>, report: &mut Report) -> String {
    let inferred = if get(USERNAME).is_some() { "password" } else { "client_credentials" };
    let grant = get(GRANT).unwrap_or_else(|| inferred.to_owned());
    if !GRANTS.contains(&grant.as_str()) {
        let text = format!(
            "unknown grant `{}`; {}use one of: {}",
            printable(&grant),
            suggest(&grant, &GRANTS),
            GRANTS.join(", ")
        );
        report.error(&Place::Variable(GRANT), "", text);
    }
    grant
}

/// Each error names the variable, where the checks of a file would name a key.
fn check_complete(get: &dyn Fn(&str) -> Option<String>, grant: &str, report: &mut Report) {
    let mut needed = vec![(URL, None), (CLIENT_ID, None), (CLIENT_SECRET, Some(CLIENT_SECRET_FILE))];
    match grant {
        "password" => needed.extend([(USERNAME, None), (PASSWORD, Some(PASSWORD_FILE))]),
        "refresh_token" => needed.push((REFRESH_TOKEN, Some(REFRESH_TOKEN_FILE))),
        _ => {}
    }
    for (name, file) in needed {
        let place = Place::Variable(name);
        match (get(name), file.and_then(get), file) {
            (Some(_), Some(_), Some(file)) => {
                report.error(&place, "", format!("{file} is set too; keep one of them"));
            }
            (None, None, Some(file)) => {
                report.error(
                    &place,
                    "",
                    format!("is unset or empty; set it, or {file} to a file that holds it"),
                );
            }
            (None, _, None) => report.error(&place, "", "is unset or empty; set it"),
            _ => {}
        }
    }
}

fn nothing() -> String {
    format!(
        "neither --config.file nor {URL} is given; name a file with --config.file, or set {URL}, {CLIENT_ID} and \
         {CLIENT_SECRET} ({USERNAME} and {PASSWORD} as well for the password grant), or look around first with \
         `pbx_exporter demo`"
    )
}
