//! A confirmation by a person (RFC 6749 section 4.1 with PKCE, RFC 7636): where the browser is sent, and what may come
//! back.

mod swap;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use secrecy::SecretString;
use url::Url;

pub use self::swap::{Received, Swapped};
use super::request::asked_scopes;
use crate::causes::Explanation;
use crate::control::Redirected;
use crate::domain::{Grant, Operation, Reason, SecretError, Target};
use crate::platform;
use crate::store::{self, StoreError};

/// One confirmation under way, known by its `state`.
pub struct Confirmation {
    pub target: Arc<Target>,
    pub location: Url,
    state: String,
    verifier: Option<PkceCodeVerifier>,
    redirect_uri: Url,
}

#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// What came back is not of this confirmation.
    #[error(
        "this answer does not belong to the confirmation in progress (its `state` is wrong, missing or \
         already used): start again, and use only the latest address"
    )]
    WrongState,
    /// A person or the PBX said no; which word it was.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// One more refusal could bring a ban, for so long.
    #[error("{}", too_many_refusals(*.0))]
    Budget(Duration),
    #[error("{}: {}", .0.reason, .0.diagnosis())]
    Failed(Box<Explanation>),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{}", .0.with_fix())]
    Secret(#[from] SecretError),
}

/// For a person whose request would use up the last of an origin's budget.
pub(super) fn too_many_refusals(wait: Duration) -> String {
    let wait = humantime::format_duration(Duration::from_secs(wait.as_secs() + 1));
    format!(
        "the PBX has rejected requests from this host several times, and one more rejection could get it \
         banned (limits.refusals_per_origin): start again in {wait}"
    )
}

impl Unconfirmed {
    /// The message for a person, with what it leaves behind.
    pub fn sentence(&self) -> String {
        match self {
            Self::WrongState | Self::Refused(_) | Self::Budget(_) => format!("Nothing has changed: {self}."),
            Self::Failed(_) | Self::Store(_) | Self::Secret(_) => {
                let text = self.to_string();
                format!("{}. The code from the PBX works only once: start again.", text.trim_end_matches('.'))
            }
        }
    }

    /// The reason in the words of the metrics.
    pub const fn reason(&self) -> (Operation, Reason) {
        let reason = match self {
            Self::WrongState | Self::Refused(_) | Self::Budget(_) => Reason::AuthorizationRequired,
            Self::Failed(failure) => failure.reason,
            Self::Store(_) | Self::Secret(_) => Reason::ExporterError,
        };
        (Operation::Token, reason)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    pub usable: bool,
    pub renewable: bool,
}

impl Granted {
    pub fn sentence(self, target: &Target) -> String {
        let name = &target.name;
        if !self.usable {
            return format!(
                "Access to {name} is confirmed, but the access token from the PBX cannot be used. The \
                 refresh token is kept: the exporter uses it to request another, and the target's state \
                 shows whether that works."
            );
        }
        if self.renewable {
            return format!("Access to {name} is confirmed.");
        }
        format!(
            "Access to {name} is confirmed, but the PBX gave no refresh token: access ends when the access \
             token expires, and a person then has to confirm again, unless the exporter has an earlier \
             refresh token that is still valid. Check whether the application may have one, or needs a scope \
             for it."
        )
    }
}

impl Confirmation {
    /// A new one; `None` where the platform has no authorization endpoint.
    pub fn begin(target: Arc<Target>, redirect_uri: Url) -> Option<Self> {
        let mut authorize = target.token_address();
        authorize.set_path(platform::authorize_path(&target)?);
        let authorize = AuthUrl::from_url(authorize);
        let client = BasicClient::new(ClientId::new(target.auth.client_id.clone()))
            .set_auth_uri(authorize)
            .set_redirect_uri(RedirectUrl::from_url(redirect_uri.clone()));
        let mut request = client
            .authorize_url(|| CsrfToken::new(store::random(32)))
            .add_scopes(asked_scopes(&target).iter().cloned().map(Scope::new));
        let mut verifier = None;
        if platform::takes_pkce(&target) {
            let (challenge, secret) = PkceCodeChallenge::new_random_sha256();
            (request, verifier) = (request.set_pkce_challenge(challenge), Some(secret));
        }
        let (location, state) = request.url();
        Some(Self { target, location, state: state.secret().clone(), verifier, redirect_uri })
    }

    pub fn state(&self) -> &str {
        &self.state
    }

    pub fn accept(&self, redirected: &Redirected) -> Result<SecretString, Unconfirmed> {
        let state = redirected.state.as_deref().unwrap_or_default();
        if !store::same(state.as_bytes(), self.state.as_bytes()) {
            return Err(Unconfirmed::WrongState);
        }
        if let Some(error) = &redirected.error {
            return Err(Unconfirmed::Refused(refusal(&self.target, error)));
        }
        let none = "the PBX sent the browser back without a code: start again";
        redirected.code.clone().ok_or(Unconfirmed::Refused(none.into()))
    }
}

/// Our own words for those of RFC 6749 section 4.1.2.1.
fn refusal(target: &Target, error: &str) -> Cow<'static, str> {
    let fixed = match error {
        "access_denied" => {
            "access was denied at the PBX: the person declined, or is not allowed to grant it. Nothing has \
             changed"
        }
        "invalid_scope" => {
            "the PBX rejects a requested scope: correct auth.scopes of the target, then start again"
        }
        "unauthorized_client" => {
            let platform = &target.platform;
            let kind =
                platform.application(Grant::AuthorizationCode).unwrap_or("application with this grant");
            return format!(
                "{} does not allow this application to request codes: the grant authorization_code needs a \
                 {kind} there",
                platform.title
            )
            .into();
        }
        "unsupported_response_type" => "the PBX does not support the response type `code`",
        "invalid_request" => {
            "the PBX reports a malformed request: compare the redirect address with the one set in the \
             application"
        }
        "server_error" | "temporarily_unavailable" => "internal error on the PBX: start again later",
        _ => "the PBX reports an error that OAuth2 does not define",
    };
    fixed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_application_as_the_platform_does() {
        let origin = Url::parse("https://pbx.example.com").expect("a URL");
        let call = crate::domain::target::Call::known("graphql");
        let mut target = crate::sim::target::target("office", &origin, Grant::AuthorizationCode, call);
        for (platform, kind) in [("freepbx", "Web-server app"), ("ringme", "public application")] {
            target.platform = platform::builtin(platform).expect("an embedded one");
            let told = refusal(&target, "unauthorized_client");
            assert!(told.starts_with(&target.platform.title) && told.contains(kind), "{told}");
        }
    }
}
