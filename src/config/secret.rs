//! The forms of a secret: literal, `_file`, `_env`; and who else may read the files that hold them.

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::checker::Checker;
use super::issue::{Level, Place};
use crate::domain::foreign::is_invisible;
use crate::domain::{SecretSource, file};

/// A secret as written: at most one form is given.
pub(super) struct Forms<'a> {
    /// Path of the literal key; the others add `_file` and `_env`.
    pub key: &'a str,
    literal: Option<&'a SecretString>,
    file: Option<&'a PathBuf>,
    env: Option<&'a String>,
}

impl<'a> Forms<'a> {
    pub const fn new(
        key: &'a str,
        literal: Option<&'a SecretString>,
        file: Option<&'a PathBuf>,
        env: Option<&'a String>,
    ) -> Self {
        Self { key, literal, file, env }
    }

    pub fn is_given(&self) -> bool {
        self.literal.is_some() || self.file.is_some() || self.env.is_some()
    }

    /// The key of the form that is given, for naming its place.
    pub fn given_key(&self) -> String {
        let suffix = match (self.literal, self.file, self.env) {
            (None, Some(_), _) => "_file",
            (None, None, Some(_)) => "_env",
            _ => "",
        };
        format!("{}{suffix}", self.key)
    }

    /// The source, after reporting what is wrong with it; `None` where there is none or an error.
    pub fn source(&self, c: &mut Checker<'_>) -> Option<SecretSource> {
        let key = self.given_key();
        match (self.literal, self.file, self.env) {
            (Some(secret), None, None) => literal(c, &key, secret),
            (None, Some(path), None) => Some(file(c, &key, path)),
            (None, None, Some(name)) => variable(c, &key, name).map(SecretSource::Literal),
            (None, None, None) => None,
            _ => {
                let name = last(self.key);
                let text =
                    format!("the secret is given in two forms; keep one of {name}, {name}_file, {name}_env");
                c.error(&key, text);
                None
            }
        }
    }
}

/// `c` of `a.b.c`.
pub(super) fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn literal(c: &mut Checker<'_>, key: &str, secret: &SecretString) -> Option<SecretSource> {
    if secret.expose_secret().is_empty() {
        c.error(key, "is empty; give the secret or remove the key");
        return None;
    }
    if let Place::File(name, ..) = &c.root.nearest(key).place
        && mode(Path::new(&**name)) & OTHERS != 0
    {
        let text =
            "contains secrets and every user of this machine may read it; chmod o-r, or move them to files";
        c.report.add(Level::Warning, &Place::Whole(name.clone()), "", text);
    }
    warn_if_odd(c, key, secret.expose_secret());
    Some(SecretSource::Literal(secret.clone()))
}

/// Warns of what is hardly ever part of a value that a PBX made up; never quotes it.
pub(super) fn warn_if_odd(c: &mut Checker<'_>, key: &str, value: &str) {
    let oddities = [
        (
            value.starts_with('\u{feff}'),
            "begins with a byte order mark, which is sent as part of it; save the file without one one one \
             one one one one one one",
        ),
        (value.trim() != value, "begins or ends with white space, which is sent as part of it; remove it"),
        (value.trim().contains(['\n', '\r']), "has a line break inside; write only the value"),
        (
            is_quoted(value),
            "has quotes around it, which are sent as part of it (docker's --env-file keeps them); remove them",
        ),
        (
            has_placeholder(value) || is_left_to_fill_in(value),
            "is an unfilled placeholder; write the value there",
        ),
    ];
    if is_null(value) {
        c.warning(key, format!("the value is the word `{value}`, by which Laravel and templates mean nothing; put the value there"));
    }
    if let Some(character) = invisible(value) {
        let code = u32::from(character);
        c.warning(
            key,
            format!(
                "the value has an invisible character, U+{code:04X}, which is sent as part of it; remove it"
            ),
        );
    }
    for (_, text) in oddities.into_iter().filter(|(is_odd, _)| *is_odd) {
        c.warning(key, format!("the value {text}"));
    }
}

/// Whether a variable holds nothing: in a Laravel `.env` these words do (illuminate/support:Env.php).
pub(super) fn is_nothing(value: &str) -> bool {
    value.is_empty() || is_null(value)
}

pub(super) fn is_null(value: &str) -> bool {
    ["null", "(null)", "empty", "(empty)"].iter().any(|word| value.trim().eq_ignore_ascii_case(word))
}

/// The first character that nobody sees: without shape, or a space that looks like another. A byte order mark in front
/// has words of its own.
pub(super) fn invisible(value: &str) -> Option<char> {
    let is_odd = |c: &char| is_invisible(*c) || (c.is_whitespace() && !c.is_ascii());
    value.strip_prefix('\u{feff}').unwrap_or(value).chars().find(is_odd)
}

/// Whether quotes stand around the whole value.
pub(super) fn is_quoted(value: &str) -> bool {
    ['"', '\''].iter().any(|q| value.len() > 1 && value.starts_with(*q) && value.ends_with(*q))
}

pub(super) fn has_placeholder(value: &str) -> bool {
    let is_in = |open, close| value.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    is_in("${", "}") || is_in("{{", "}}")
}

/// Whether it is what a template or a guide says in place of a value: `changeme`, `<secret>`, `your-secret`, `xxxx`.
fn is_left_to_fill_in(value: &str) -> bool {
    let word: String =
        value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let is_bracketed = value.starts_with('<') && value.ends_with('>');
    let is_filler = value.len() > 2
        && ["x", "*", "."].iter().any(|c| value.to_ascii_lowercase().replace(c, "").is_empty());
    is_bracketed
        || is_filler
        || ["changeme", "replaceme", "todo"].contains(&&*word)
        || word.starts_with("yoursecret")
}

/// Reads the file once, so that a wrong one shows at start; it stays the source even so.
pub(super) fn file(c: &mut Checker<'_>, key: &str, written: &Path) -> SecretSource {
    let path = c.root.nearest(key).place.resolve(written);
    let source = SecretSource::File(path.clone());
    match source.read() {
        Ok(secret) => warn_if_odd(c, key, secret.expose_secret()),
        Err(error) => {
            let fix = unexpanded(written).unwrap_or("name a file with the secret that this user may read");
            if is_credential_of_stopped_unit(&path) {
                let text = format!(
                    "{error}; systemd creates this folder when the service starts, so it cannot be checked now"
                );
                c.add(Level::Unable, key, text);
            } else {
                c.add(Level::Unreadable, key, format!("{error}; {fix}"));
            }
            return source;
        }
    }
    // Not the group's bit: systemd's LoadCredential and Kubernetes' fsGroup set it on purpose.
    if mode(&path) & OTHERS != 0 {
        c.warning(
            key,
            format!("{} may be read by every user of this machine; chmod o-r", file::shown(&path)),
        );
    }
    source
}

/// `LoadCredential` of a systemd unit that does not run: no mistake, and not to hide one behind it.
fn is_credential_of_stopped_unit(path: &Path) -> bool {
    let credentials = Path::new("/run/credentials");
    path.starts_with(credentials)
        && path
            .ancestors()
            .any(|folder| folder.parent() == Some(credentials) && folder != path && !folder.exists())
}

/// The value of an environment variable; unset and empty are the same error.
pub(super) fn variable(c: &mut Checker<'_>, key: &str, name: &str) -> Option<SecretString> {
    let value = (c.lookup)(name).filter(|value| !is_nothing(value));
    if value.is_none() {
        let name = if is_plain_name(name) { name } else { "of this name" };
        c.error(key, format!("environment variable {name} is unset or empty; set it for the exporter"));
    }
    warn_if_odd(c, key, value.as_deref().unwrap_or_default());
    value.map(SecretString::from)
}

/// What to do about a path that a shell would have read otherwise.
pub(super) fn unexpanded(path: &Path) -> Option<&'static str> {
    let text = path.to_string_lossy();
    let is_home = text.starts_with('~').then_some("`~` is not expanded here: write the whole path");
    is_home.or_else(|| is_quoted(&text).then_some("the quotes are part of the name: remove them"))
}

/// Whether it surely is a variable's name: people paste the secret itself here, which is not repeated.
fn is_plain_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && !file::may_be_secret(name)
}

const OTHERS: u32 = 0o004;

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or(0, |meta| meta.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &Path) -> u32 {
    0
}
