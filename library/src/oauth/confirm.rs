//! A confirmation by a person (RFC 6749 section 4.1 with PKCE, RFC 7636): where the browser is sent, what may come
//! back, and the code swapped for tokens, which are handed over to whoever owns the token storage.

use std::borrow::Cow;
use std::sync::Arc;

use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
};
use secrecy::SecretString;
use url::Url;

use super::request::{Code, asked_scopes, swap_code};
use super::send::{context, unreadable};
use super::{IssuedToken, TokenAnswer, vault};
use crate::clock::Clock;
use crate::control::Redirected;
use crate::domain::{Failure, Grant, Operation, Reason, SecretError, Target};
use crate::platform;
use crate::store::{self, Access, Chain, Confirmed, Record, Store, StoreError, Written};
use crate::transport::Transport;

/// One confirmation under way, known by its `state`.
pub struct Confirmation {
    /// For whom.
    pub target: Arc<Target>,
    /// Where the browser has to go.
    pub location: Url,
    state: String,
    verifier: Option<PkceCodeVerifier>,
    redirect_uri: Url,
}

/// Why there is no access.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// What came back is not of this confirmation.
    #[error(
        "this answer does not belong to the confirmation under way (its `state` is wrong, missing or used before): \
         begin anew, and use the newest address only"
    )]
    WrongState,
    /// A person or the PBX said no; which word it was.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// The code was not swapped.
    #[error("{0}")]
    Failed(#[source] NoTokens),
    /// The tokens could not be written.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Owner of the tokens cannot be told.
    #[error("{}", .0.with_mend())]
    Secret(#[from] SecretError),
}

/// The token endpoint gave none.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.reason, .0.diagnosis)]
pub struct NoTokens(pub Failure);

impl Unconfirmed {
    /// What a person is told of it, and what it leaves behind.
    pub fn tell(&self) -> String {
        match self {
            Self::WrongState | Self::Refused(_) => format!("Nothing has changed: {self}."),
            Self::Failed(_) | Self::Store(_) | Self::Secret(_) => {
                let text = self.to_string();
                format!("{}. The answer of the PBX serves once: begin anew.", text.trim_end_matches('.'))
            }
        }
    }

    /// The reason in the words of the metrics.
    pub const fn reason(&self) -> (Operation, Reason) {
        let reason = match self {
            Self::WrongState | Self::Refused(_) => Reason::AuthorizationRequired,
            Self::Failed(NoTokens(failure)) => failure.reason,
            Self::Store(_) | Self::Secret(_) => Reason::ExporterError,
        };
        (Operation::Token, reason)
    }
}

/// A person confirmed and tokens are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whether a refresh token came with the access token.
    pub renewable: bool,
}

impl Granted {
    /// What a person is told.
    pub fn tell(self, target: &Target) -> String {
        let name = &target.name;
        if self.renewable {
            return format!("Access to {name} is confirmed.");
        }
        format!(
            "Access to {name} is confirmed, but the PBX gave no refresh token: it ends with the access token, and a person \
             has to confirm again then. Look whether the application may have one, or needs a scope for it."
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

    /// Which one it is.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The code that came back.
    ///
    /// # Errors
    /// What came back instead.
    pub fn accept(&self, redirected: &Redirected) -> Result<SecretString, Unconfirmed> {
        let state = redirected.state.as_deref().unwrap_or_default();
        if !store::same(state.as_bytes(), self.state.as_bytes()) {
            return Err(Unconfirmed::WrongState);
        }
        if let Some(error) = &redirected.error {
            return Err(Unconfirmed::Refused(refusal(&self.target, error)));
        }
        let none = "the PBX sent the browser back without a code: begin anew";
        redirected.code.clone().ok_or(Unconfirmed::Refused(none.into()))
    }

    /// Swaps the code and hands the tokens over. That it is about to be used up is on disk before it is sent.
    ///
    /// # Errors
    /// Why there are no tokens.
    pub async fn swap(
        self,
        code: SecretString,
        transport: &dyn Transport,
        store: &Arc<Store>,
        clock: Clock,
    ) -> Result<Granted, Unconfirmed> {
        let now = clock.unix();
        let confirmed = Confirmed { id: store::random(12), at: now };
        let id = confirmed.id.clone();
        let mut chain = Chain { confirmed: Some(confirmed), ..Chain::default() };
        chain.begin(&code, now);
        let mut record = Record { owner: vault::owner(&self.target)?, serial: 0, chain, access: None };
        hand_over(store, &id, &record).await?;
        let verifier = self.verifier.map(|verifier| SecretString::from(verifier.into_secret()));
        let code = Code { secret: code, verifier, redirect_uri: self.redirect_uri };
        let answer = swap_code(transport, &self.target, &code).await;
        match judge(&self.target, answer) {
            Ok(issued) => {
                record
                    .chain
                    .received(issued.refresh_token().map(|t| SecretString::from(t.secret().as_str())));
                record.access = Some(access(&issued, &self.target, clock));
                hand_over(store, &id, &record).await?;
                Ok(Granted { renewable: record.chain.refresh_token.is_some() })
            }
            Err((failure, may_have_worked)) => {
                if may_have_worked {
                    record.chain.lost();
                    hand_over(store, &id, &record).await?;
                } else {
                    take_back(store, &id, &self.target).await?;
                }
                Err(Unconfirmed::Failed(NoTokens(failure)))
            }
        }
    }
}

/// The tokens, or the failure and whether the code may be used up all the same.
fn judge(target: &Target, answer: Result<TokenAnswer, SecretError>) -> Result<IssuedToken, (Failure, bool)> {
    let context = context(target, Grant::AuthorizationCode);
    let TokenAnswer { exchange, token } = answer.map_err(|error| (unreadable(&error), false))?;
    match (token, exchange.result) {
        (Some(token), _) => Ok(token),
        (None, Ok(answer)) => {
            let failure = platform::token_failure(&context, &answer);
            let unclear = matches!(failure.reason, Reason::ServerError | Reason::UnexpectedResponse);
            Err((failure, unclear))
        }
        (None, Err(error)) => {
            Err((platform::transport_failure(&context, &error, false), !error.never_sent()))
        }
    }
}

fn access(issued: &IssuedToken, target: &Target, clock: Clock) -> Access {
    Access {
        token: Written(SecretString::from(issued.access_token().secret().as_str())),
        issued: clock.unix(),
        lifetime: issued.lifetime().map(|lifetime| lifetime.as_secs_f64()),
        scopes: issued.scope_hint(),
        secrets: vault::secrets(target),
    }
}

async fn hand_over(store: &Arc<Store>, id: &str, record: &Record) -> Result<(), StoreError> {
    let (store, id, record) = (Arc::clone(store), id.to_owned(), record.clone());
    vault::on_a_thread(move || store.hand_over(&id, &record)).await
}

async fn take_back(store: &Arc<Store>, id: &str, target: &Target) -> Result<(), StoreError> {
    let (store, id, name) = (Arc::clone(store), id.to_owned(), Arc::clone(&target.name));
    vault::on_a_thread(move || store.take_back(&id, &name)).await
}

/// Our own words for those of RFC 6749 section 4.1.2.1.
fn refusal(target: &Target, error: &str) -> Cow<'static, str> {
    let fixed = match error {
        "access_denied" => {
            "access was refused at the PBX: whoever was asked said no, or may not give it. Nothing has changed"
        }
        "invalid_scope" => {
            "the PBX refuses a scope that was asked for: correct auth.scopes of the target, then begin anew"
        }
        "unauthorized_client" => {
            let platform = &target.platform;
            let kind =
                platform.application(Grant::AuthorizationCode).unwrap_or("application with this grant");
            return format!(
                "{} does not let this application ask for codes: the grant authorization_code takes a {kind} there",
                platform.title
            )
            .into();
        }
        "unsupported_response_type" => "the PBX does not give codes in this way",
        "invalid_request" => {
            "the PBX finds the address malformed: compare the redirect address with the application's own"
        }
        "server_error" | "temporarily_unavailable" => "the PBX failed inside: begin anew later",
        _ => "the PBX refuses with a word that OAuth2 does not know",
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
