//! The routes without a file: variables, as existing portals have them in their `.env`, make one target; for a
//! command, its flags and variables do.
//!
//! They become the same tree that a file becomes, so that the same checks apply; places are variables and flags.

use std::path::Path;
use std::sync::Arc;

use ::url::Url;

use super::credential::{Credential, Get, credentials, told_grant, unattended, variable};
use super::issue::{Level, Place, Report};
use super::neighbour;
use super::parts::Parts;
use super::secret::{is_nothing, is_null};
use super::structure::{printable, suggest};
use super::tree::{Data, Entry, Node};
use super::{Lookup, normalise_url};
use crate::domain::{Grant, Platform};
use crate::platform;

/// A PBX that is not configured, as the flags of a command describe it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdHoc<'a> {
    pub platform: &'a Platform,
    /// Its address, of `--ad-hoc`.
    pub url: &'a str,
    /// Origin of its token endpoint, of `--token-url`, where it is not the platform's own.
    pub token_url: Option<&'a str>,
    /// Which of the platform's calls to make, of `--call`, where it is not the first.
    pub call: Option<&'a str>,
    pub ca_file: Option<&'a Path>,
}

/// The one target that the environment describes.
pub(super) fn parts(lookup: Lookup<'_>, report: &mut Report) -> Parts {
    let get = |name: &str| lookup(name).filter(|value| !is_nothing(value));
    let platform = platform::builtin(platform::DEFAULT).unwrap_or_default();
    let grants = [Grant::ClientCredentials, Grant::Password, Grant::RefreshToken];
    let url = variable(&platform, "url");
    let known: Vec<_> = grants.iter().flat_map(|grant| credentials(&platform, *grant)).collect();
    if get(&url).is_none() && known.iter().all(|credential| credential.given(&get).is_empty()) {
        report.error(&place("no configuration"), "", nothing());
        neighbour::report(&platform, lookup, report);
        return Parts::default();
    }
    let single = Single { platform: &platform, grants: &grants, get: &get };
    let address = get(&url);
    if address.is_none() {
        report.error(&place(&url), "", "is unset or empty; set it");
    }
    // FREEPBX_API_REFRESH_TOKEN with another grant is a mistake, and is reported.
    let refresh_token: Vec<_> =
        known.into_iter().filter(|credential| credential.key == "refresh_token").collect();
    let auth = single.auth(&refresh_token, report);
    report_nulls(&platform, lookup, report);
    neighbour::report(&platform, lookup, report);
    single.target(report, platform::DEFAULT, (&url, address.as_deref()), auth, Vec::new())
}

/// Of the words that count as unset, once each.
fn report_nulls(platform: &Platform, lookup: Lookup<'_>, report: &mut Report) {
    let level = if report.errors() > 0 { Level::Error } else { Level::Note };
    for name in neighbour::KEYS.map(|(key, _)| variable(platform, key)) {
        if let Some(word) = lookup(&name).filter(|value| is_null(value)) {
            let text = format!(
                "is the word `{}`, by which Laravel means nothing, so it counts as unset",
                word.trim()
            );
            report.add(level, &place(&name), "", text);
        }
    }
}

/// The one target that a command's flags describe, with credentials from variables.
pub(super) fn ad_hoc(given: &AdHoc<'_>, lookup: Lookup<'_>, report: &mut Report) -> Parts {
    let get = |name: &str| lookup(name).filter(|value| !is_nothing(value));
    let grants = unattended(given.platform);
    let single = Single { platform: given.platform, grants: &grants, get: &get };
    if let Some(ways) = single.nothing_given() {
        report.error(&place("no credentials"), "", ways);
        neighbour::report(given.platform, lookup, report);
    }
    let mut auth = if report.errors() == 0 { single.auth(&[], report) } else { Vec::new() };
    auth.extend(given.token_url.map(|url| text("--token-url", "url", url)));
    let file =
        |path: &Path| map("--ca-file", "tls", vec![text("--ca-file", "ca_file", &path.to_string_lossy())]);
    let name = Url::parse(given.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let name = name.unwrap_or_else(|| "ad-hoc".to_owned());
    let call = given.call.map(|call| text("--call", "call", call));
    let further = given.ca_file.map(file).into_iter().chain(call).collect();
    single.target(report, &name, ("--ad-hoc", Some(given.url)), auth, further)
}

/// Keys of the configuration that a fix may name, each with its equivalent for a PBX that is not configured.
pub(crate) fn named_by(platform: &Platform, grant: Grant) -> Vec<String> {
    let known = credentials(platform, grant).into_iter();
    let mut known: Vec<_> = known.map(|c| format!("`{}` is {}", c.path(), c.variable)).collect();
    if grant != Grant::Static {
        known.push(format!("`auth.scopes` is {}", variable(platform, "scope")));
        known.push("`auth.url` is --token-url".to_owned());
    }
    known.push("`call` is --call".to_owned());
    known
}

/// A target that stands alone, its credentials in variables.
struct Single<'a> {
    platform: &'a Platform,
    grants: &'a [Grant],
    get: Get<'a>,
}

impl Single<'_> {
    /// If it is unclear which grant is meant: the credentials that each needs.
    fn nothing_given(&self) -> Option<String> {
        if told_grant(self.platform, self.grants, self.get).is_some() {
            return None;
        }
        let ways = self.grants.iter().map(|grant| {
            let names: Vec<_> = credentials(self.platform, *grant).into_iter().map(|c| c.variable).collect();
            let application = self.platform.application(*grant).unwrap_or("application");
            format!("set {} for the grant {grant} ({application})", names.join(", "))
        });
        let ways: Vec<_> = ways.collect();
        Some(format!(
            "{}; to read a secret from a file, append _FILE to its variable and set that to the file's path",
            ways.join(", or ")
        ))
    }

    /// The keys below `auth`: what the grant needs, and of `further` what is given.
    fn auth(&self, further: &[Credential], report: &mut Report) -> Vec<Entry> {
        let name = variable(self.platform, "grant");
        let usual = || self.grants.first().map_or("", |grant| grant.as_str()).to_owned();
        let written = told_grant(self.platform, self.grants, self.get).unwrap_or_else(usual);
        let Some(grant) = self.grants.iter().find(|grant| grant.as_str() == written) else {
            report.error(&place(&name), "", self.no_grant(&written));
            return Vec::new();
        };
        let mut auth = vec![text(&name, "grant", grant.as_str())];
        let mut parameters = Vec::new();
        let needed = credentials(self.platform, *grant);
        // What implied the grant, if it was not the user name.
        let password = needed.iter().find(|c| c.key == "password" && (self.get)(&name).is_none());
        let password = password.and_then(|password| password.given(self.get).pop());
        for credential in &needed {
            self.check_given(credential, password.as_deref(), report);
        }
        for credential in needed.iter().chain(further.iter().filter(|further| !needed.contains(further))) {
            let entries = if credential.is_parameter { &mut parameters } else { &mut auth };
            entries.extend(self.entry(credential));
        }
        let name = variable(self.platform, "scope");
        if let Some(scopes) = (self.get)(&name) {
            let words =
                scopes.split_whitespace().map(|word| Node::new(place(&name), Data::Text(word.to_owned())));
            auth.push(entry(&name, "scopes", Data::List(words.collect())));
        }
        if let Some(first) = parameters.first() {
            let place = first.place.clone();
            let node = Node::new(place.clone(), Data::Map(parameters));
            auth.push(Entry { key: "parameters".to_owned(), place, node });
        }
        auth
    }

    /// Each error names the variable, where the checks of a file would name a key.
    fn check_given(&self, credential: &Credential, password: Option<&str>, report: &mut Report) {
        let file = credential.file_variable();
        let text = match (&credential.given(self.get)[..], &file) {
            ([_], _) => return,
            ([], _) if credential.is_optional => return,
            ([], None) => match password.filter(|_| credential.key == "username") {
                Some(password) => format!(
                    "is unset or empty, but {password} is set; set both, or neither for another grant"
                ),
                None => "is unset or empty; set it".to_owned(),
            },
            ([], Some(file)) => {
                let about = if credential.is_parameter { &format!(" ({})", credential.about) } else { "" };
                format!("is unset or empty{about}; set it, or set {file} to a file that contains it")
            }
            (_, file) => format!("{} is set too; keep one of them", file.as_deref().unwrap_or_default()),
        };
        report.error(&place(&credential.variable), "", text);
    }

    fn entry(&self, credential: &Credential) -> Option<Entry> {
        let name = credential.given(self.get).into_iter().next()?;
        let value = (self.get)(&name)?;
        let is_file = name != credential.variable;
        let key = &credential.key;
        Some(match (is_file, credential.is_parameter) {
            (false, _) => text(&name, key, &value),
            (true, false) => text(&name, &format!("{key}_file"), &value),
            (true, true) => map(&name, key, vec![text(&name, "file", &value)]),
        })
    }

    fn no_grant(&self, written: &str) -> String {
        let known: Vec<_> = self.grants.iter().map(|grant| grant.as_str()).collect();
        let use_one = format!("use one of: {}", known.join(", "));
        match written {
            "authorization_code" => format!(
                "with authorization_code a person confirms access in a browser; configure the target, run \
                 `pbx_exporter authorize TARGET`, then diagnose it by its name; or {use_one}"
            ),
            "refresh_token" => format!(
                "a refresh token may work only once, so a test would take it from the application it belongs \
                 to; configure the target and diagnose it by its name, which sends none; or {use_one}"
            ),
            _ => format!("unknown grant `{}`; {}{use_one}", printable(written), suggest(written, &known)),
        }
    }

    /// The tree, unless something was wrong.
    fn target(
        &self,
        report: &mut Report,
        name: &str,
        (source, url): (&str, Option<&str>),
        auth: Vec<Entry>,
        further: Vec<Entry>,
    ) -> Parts {
        if let Some(Err(error)) = url.map(|url| normalise_url(url, Some(self.platform))) {
            report.error(&place(source), "", error);
        }
        let client_id = variable(self.platform, "client_id");
        let mut target = vec![
            text(source, "name", name),
            text(source, "platform", &self.platform.name),
            text(source, "url", url.unwrap_or_default()),
            map(&client_id, "auth", auth),
        ];
        target.extend(further);
        let target = Node::new(place(source), Data::Map(target));
        // Missing values were reported by the names of variables; checks by keys would only repeat it.
        let targets = if report.errors() == 0 { vec![(String::new(), target)] } else { Vec::new() };
        Parts { targets, sound: true, ..Parts::default() }
    }
}

fn place(name: &str) -> Place {
    Place::Whole(Arc::from(name))
}

fn text(source: &str, key: &str, value: &str) -> Entry {
    entry(source, key, Data::Text(value.to_owned()))
}

fn map(source: &str, key: &str, entries: Vec<Entry>) -> Entry {
    entry(source, key, Data::Map(entries))
}

fn entry(source: &str, key: &str, data: Data) -> Entry {
    Entry { key: key.to_owned(), place: place(source), node: Node::new(place(source), data) }
}

fn nothing() -> String {
    "neither --config.file nor FREEPBX_API_URL is given; name a file with --config.file, or set \
     FREEPBX_API_URL, FREEPBX_API_CLIENT_ID and FREEPBX_API_CLIENT_SECRET (for the password grant also \
     FREEPBX_API_USERNAME and FREEPBX_API_PASSWORD), or try `pbx_exporter demo` first"
        .to_owned()
}
