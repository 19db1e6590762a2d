//! The credentials that a platform's grants need, and the variables that hold them if no file does.
//!
//! Belongs here: names and words of credentials, which prompts and errors share. Does not belong here:
//! their checks, which are those of a file (`auth`).

use crate::domain::Grant;
use crate::domain::platform::{Platform, TokenEndpoint};
use crate::platform::known;

/// Looks a variable up; an empty one counts as unset.
pub(crate) type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One thing that a token request, or a request with a fixed key, is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The variable that holds it.
    pub variable: String,
    /// What it is, as people are asked for it.
    pub about: String,
    /// Whether it is not shown, and may be in a file that the variable with `_FILE` behind it names.
    pub is_secret: bool,
    /// Whether there are applications without one.
    pub is_optional: bool,
    pub(super) key: String,
    /// Whether it is a parameter of the platform's own.
    pub(super) is_parameter: bool,
}

impl Credential {
    fn new(platform: &Platform, key: &str, about: &str, is_secret: bool) -> Self {
        let (key, about) = (key.to_owned(), about.to_owned());
        let variable = variable(platform, &key);
        Self { variable, about, is_secret, is_optional: false, key, is_parameter: false }
    }

    /// The key that holds it in a file of the configuration.
    pub(super) fn path(&self) -> String {
        if self.is_parameter { format!("auth.parameters.{}", self.key) } else { format!("auth.{}", self.key) }
    }

    /// The variable that names a file with it.
    pub fn file_variable(&self) -> Option<String> {
        self.is_secret.then(|| format!("{}_FILE", self.variable))
    }

    /// Those of its two variables that are set.
    pub fn given(&self, get: Get<'_>) -> Vec<String> {
        let names = [Some(self.variable.clone()), self.file_variable()];
        names.into_iter().flatten().filter(|name| get(name).is_some()).collect()
    }
}

pub(crate) fn variable(platform: &Platform, key: &str) -> String {
    format!("{}_{}", known(platform).variables, key.to_uppercase())
}

/// The credentials that `grant` needs.
pub(crate) fn credentials(platform: &Platform, grant: Grant) -> Vec<Credential> {
    let new = |key, about, is_secret| Credential::new(platform, key, about, is_secret);
    let Some(form) = platform.token.as_ref().filter(|_| grant != Grant::Static) else {
        return vec![new("key", &capitalised(platform.application(grant).unwrap_or("key")), true)];
    };
    let secret = new("client_secret", "Client secret", true);
    let mut all = vec![
        new("client_id", "Client id", false),
        Credential { is_optional: form.secret_optional, ..secret },
    ];
    match grant {
        Grant::Password => {
            all.extend([new("username", "User name", false), new("password", "Password", true)]);
        }
        Grant::RefreshToken => all.push(new("refresh_token", "Refresh token", true)),
        Grant::ClientCredentials | Grant::AuthorizationCode | Grant::Static => {}
    }
    all.extend(parameters(platform, form, grant));
    all
}

/// Those that the platform does not know itself. Any may be a secret, and some are.
fn parameters(platform: &Platform, form: &TokenEndpoint, grant: Grant) -> impl Iterator<Item = Credential> {
    let needed = form.parameters.iter().filter(move |p| p.value.is_none() && p.goes_with(grant));
    needed.map(|parameter| {
        let about = parameter.about.as_ref().map_or_else(String::new, |about| format!(", {about}"));
        let about = format!("{}{about}", parameter.name);
        Credential { is_parameter: true, ..Credential::new(platform, &parameter.name, &about, true) }
    })
}

fn capitalised(word: &str) -> String {
    word.get(..1).map_or_else(String::new, str::to_uppercase) + word.get(1..).unwrap_or(word)
}

/// The grants of a platform that neither need a person nor use up what only one can replace.
pub(crate) fn unattended(platform: &Platform) -> Vec<Grant> {
    let alone = [Grant::ClientCredentials, Grant::Password, Grant::Static];
    platform.grants.served().filter(|grant| alone.contains(grant)).collect()
}

/// The grant that the variables imply, not yet checked; `None`: it could be any of `grants`.
pub(crate) fn told_grant(platform: &Platform, grants: &[Grant], get: Get<'_>) -> Option<String> {
    let telling = |grant: Grant| {
        let keys: &[&str] = match grant {
            Grant::Password => &["username", "password"],
            Grant::Static => &["key"],
            Grant::ClientCredentials => &["client_id"],
            Grant::AuthorizationCode | Grant::RefreshToken => return false,
        };
        credentials(platform, grant).iter().any(|c| keys.contains(&&*c.key) && !c.given(get).is_empty())
    };
    let by_what_is_set = [Grant::Password, Grant::Static, Grant::ClientCredentials]
        .into_iter()
        .filter(|grant| telling(*grant));
    let only = grants.first().filter(|_| grants.len() == 1);
    get(&variable(platform, "grant")).or_else(|| {
        let grant = by_what_is_set.chain(only.copied()).find(|grant| grants.contains(grant))?;
        Some(grant.as_str().to_owned())
    })
}
