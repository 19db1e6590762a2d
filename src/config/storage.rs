//! `storage` and `authorization`: where tokens are kept, and where people reach the page for confirmations.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ::url::Url;
use rustix::fs::Access;
use secrecy::ExposeSecret as _;

use super::checker::{Checker, DOCUMENT};
use super::issue::{Level, Report};
use super::together::Placed;
use super::tree::Node;
use super::{raw, secret};
use crate::domain::{Grant, StorageSettings, storage};
use crate::store;

pub(super) fn storage(mut c: Checker<'_>) -> Option<StorageSettings> {
    let raw: raw::Storage = c.read(DOCUMENT)?;
    let path = c.root.nearest("path").place.resolve(&raw.path);
    if let Err(text) = folder(&path) {
        c.error("path", text);
    }
    if let Some(text) = unable(&path) {
        c.add(Level::Unable, "path", text);
    }
    let key = raw.key_file.map(|written| secret::file(&mut c, "key_file", &written));
    if let Some(Ok(text)) = key.as_ref().map(crate::domain::SecretSource::read)
        && !store::is_key(text.expose_secret())
    {
        c.error("key_file", format!("the content of the file {}", storage::KEY_FORM));
    }
    Some(StorageSettings { path, key })
}

/// What is wrong with a folder that is there already.
fn folder(path: &Path) -> Result<(), String> {
    let Ok(found) = fs::metadata(path) else { return Ok(()) };
    if !found.is_dir() {
        return Err("is not a folder; name one that only this exporter uses".to_owned());
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("other users may read the folder (mode {mode:o}); chmod 700 it"));
    }
    Ok(())
}

/// What keeps this user from writing there. The service makes the folder itself, but not the one that it is in.
fn unable(path: &Path) -> Option<String> {
    let may = |path: &Path| rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    if path.exists() {
        return (!may(path)).then(|| {
            "this user may not write there; the folder must belong to the exporter's user".to_owned()
        });
    }
    let parent =
        path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
    let shown = parent.display();
    let text = match fs::metadata(parent) {
        Ok(meta) if !meta.is_dir() => format!("cannot be created, because {shown} is not a folder"),
        Ok(_) if may(parent) => return None,
        Ok(_) => format!(
            "does not exist, and this user may not create it in {shown}; create it for the exporter's user"
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            format!("cannot be created, because the folder {shown} does not exist; create that folder")
        }
        Err(error) => format!("cannot be looked at in {shown}: {error}"),
    };
    Some(text)
}

pub(super) fn external_url(mut c: Checker<'_>) -> Option<Url> {
    let raw: raw::Authorization = c.read(DOCUMENT)?;
    let url = Url::parse(&raw.external_url?).ok().filter(|url| {
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        bare && url.password().is_none() && url.has_host() && matches!(url.scheme(), "http" | "https")
    });
    let Some(mut url) = url else {
        c.error(
            "external_url",
            "is not the address of a service; write it as in https://exporter.example.com",
        );
        return None;
    };
    let text = "codes travel in plain text over http://; put a proxy with TLS in front and write https://";
    c.warn_if_plain("external_url", &url, text);
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

/// Reports what cannot be, or is risky, without `storage`.
pub(super) fn is_missing(targets: &[Placed<'_>], authorization: Option<&Node>, report: &mut Report) {
    for (target, (path, node)) in targets {
        let (level, text) = match target.auth.grant {
            Grant::AuthorizationCode => (
                Level::Error,
                "needs a place to keep the refresh token; add `storage:` with a path at the top level",
            ),
            Grant::RefreshToken => (
                Level::Warning,
                "without `storage:` at the top level, a restart loses the refresh token that replaced the \
                 configured one",
            ),
            Grant::ClientCredentials | Grant::Password | Grant::Static => continue,
        };
        report.add(level, &node.nearest("auth.grant").place, format!("{path}.auth.grant"), text);
    }
    if let Some(node) = authorization {
        report.error(&node.place, "authorization", "is not used without `storage:`; add `storage:`");
    }
}
