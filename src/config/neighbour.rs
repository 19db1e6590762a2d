//! Variables that are set under a name like one that is read, as other programs for the same PBX have them.
//!
//! Belongs here: which name is meant. Their values are not looked at.

use super::Lookup;
use super::credential::variable;
use super::issue::{Level, Place, Report};
use crate::domain::Platform;

/// Each key with what else it is called, in the form of [`plain`].
pub(super) const KEYS: [(&str, &[&str]); 9] = [
    ("url", &["URL", "URI", "HOST", "HOSTNAME", "BASEURL", "ENDPOINT", "SERVER", "ADDRESS", "TOKENURL"]),
    ("client_id", &["CLIENTID", "ID", "CLIENT", "APPID", "APPLICATIONID"]),
    ("client_secret", &["CLIENTSECRET", "SECRET", "APPSECRET", "APPLICATIONSECRET"]),
    ("client_secret_file", &["CLIENTSECRETFILE", "SECRETFILE"]),
    ("username", &["USERNAME", "USER"]),
    ("password", &["PASSWORD", "PASS", "PASSWD"]),
    ("refresh_token", &["REFRESHTOKEN"]),
    ("scope", &["SCOPE", "SCOPES"]),
    ("grant", &["GRANT", "GRANTTYPE"]),
];
/// What stands in front, and says nothing of the key.
const FRONT: [&str; 8] = ["FREEPBX", "PBX", "API", "OAUTH2", "OAUTH", "GQL", "GRAPHQL", "EXPORTER"];
/// Fronts to look under where the environment cannot be listed.
const FRONTS: [&str; 5] = ["FREEPBX_", "FREEPBX_API_", "PBX_", "PBX_API_", "FREEPBX_OAUTH_"];

/// Reports each as an error beside others, else as a warning.
pub(super) fn report(platform: &Platform, lookup: Lookup<'_>, report: &mut Report) {
    let level = if report.errors() > 0 { Level::Error } else { Level::Warning };
    let is_set = |name: &str| lookup(name).is_some_and(|value| !value.is_empty());
    for (name, key) in candidates() {
        let meant = variable(platform, key);
        if name != meant
            && !is_set(&meant)
            && is_set(&name)
            && !KEYS.iter().any(|(key, _)| variable(platform, key) == name)
        {
            let text =
                format!("is set, but not read here; if it is meant for this exporter, name it {meant}");
            report.add(level, &Place::Whole(name.into()), "", text);
        }
    }
}

/// Names that may be set, each with the key it is like.
fn candidates() -> Vec<(String, &'static str)> {
    let listed = std::env::vars_os().filter_map(|(name, _)| {
        let name = name.into_string().ok()?;
        let key = key(&name)?;
        Some((name, key))
    });
    let guessed = FRONTS
        .iter()
        .flat_map(|front| KEYS.iter().map(move |(key, _)| (format!("{front}{}", key.to_uppercase()), *key)));
    let mut all: Vec<_> = guessed.chain(listed).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The key that a name is like; `None`: it is about something else.
fn key(name: &str) -> Option<&'static str> {
    let upper = name.to_uppercase();
    if !upper.contains("PBX") {
        return None;
    }
    let plain = plain(&upper);
    let (key, _) = KEYS.iter().find(|(_, words)| words.contains(&plain.as_str()))?;
    Some(key)
}

/// What is left of a name without what stands in front, and without what separates: `CLIENTID` of `FREEPBX_CLIENT_ID`.
fn plain(name: &str) -> String {
    let strip = |word| FRONT.iter().find_map(|front| str::strip_prefix(word, front)).unwrap_or(word);
    name.split(|c: char| !c.is_ascii_alphanumeric()).map(|word| strip(strip(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_by_what_is_left_of_it() {
        for (name, meant) in [
            ("FREEPBX_CLIENT_ID", Some("client_id")),
            ("FREEPBX_CLIENTID", Some("client_id")),
            ("PBX_OAUTH2_CLIENT_SECRET", Some("client_secret")),
            ("FREEPBX_API_SECRET", Some("client_secret")),
            ("freepbx_url", Some("url")),
            ("FreePBX-Base-Url", Some("url")),
            ("FREEPBXAPI_SCOPES", Some("scope")),
            ("FREEPBX_DB_PASSWORD", None),
            ("FREEPBX_VERSION", None),
            ("CLIENT_ID", None),
            ("PBX_EXPORTER_CONFIG_FILE", None),
            ("PBX_EXPORTER_LOG_LEVEL", None),
        ] {
            assert_eq!(key(name), meant, "{name}");
        }
    }
}
