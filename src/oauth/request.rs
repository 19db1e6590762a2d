//! One token request: the `oauth2` crate builds and reads it, our transport carries it.
//!
//! The crate drops the HTTP status on an error and takes a 201 for one, so the seam keeps the whole
//! exchange aside for the platform to judge, and shows the crate every 2xx as 200. The crate's own
//! error is dropped unread: its `Parse` variant holds the raw body, token included.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, ResourceOwnerPassword, ResourceOwnerUsername,
    Scope, StandardRevocableToken, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::IssuedToken;
use crate::domain::secret::SecretError;
use crate::domain::target::ClientAuth;
use crate::domain::{Exchange, Grant, Request, SecretSource, Target, TransportError};
use crate::transport::{Limits, Transport};
use crate::{platform, store};

type Client<HasTokenUrl> = oauth2::Client<
    BasicErrorResponse,
    IssuedToken,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    HasTokenUrl,
>;

#[derive(Debug)]
pub struct TokenAnswer {
    /// The exchange, for the platform to judge and the board to count.
    pub exchange: Exchange,
    /// The token, where the answer held a usable one.
    pub token: Option<IssuedToken>,
    /// The refresh token, where the answer held one and no usable token.
    pub refresh_token: Option<SecretString>,
}

#[derive(Clone, Copy)]
pub struct Refresh<'a> {
    pub token: &'a SecretString,
    /// The redirect address by which a person confirmed it, where one did.
    pub redirect_uri: Option<&'a str>,
}

/// Sends one token request for `grant`. `scopes` replaces the target's own where given.
pub async fn request_token(
    transport: &dyn Transport,
    target: &Target,
    grant: Grant,
    refresh: Option<Refresh<'_>>,
    scopes: Option<&str>,
) -> Result<TokenAnswer, SecretError> {
    let client = client(target)?;
    let confirmed = refresh.and_then(|refresh| refresh.redirect_uri);
    let further = further_parameters(target, grant, confirmed)?;
    let seam = Seam { transport, target, grant, further, exchange: Mutex::new(None) };
    let scopes: Vec<Scope> = match scopes {
        Some(words) => words.split_whitespace().map(|word| Scope::new(word.to_owned())).collect(),
        None => asked_scopes(target).iter().cloned().map(Scope::new).collect(),
    };
    let result = match grant {
        Grant::Password => {
            let username = ResourceOwnerUsername::new(target.auth.username.clone().unwrap_or_default());
            let password = ResourceOwnerPassword::new(read(target.auth.password.as_ref())?);
            let request = client.exchange_password(&username, &password).add_scopes(scopes);
            request.request_async(&seam).await.ok()
        }
        Grant::RefreshToken => {
            let secret = refresh.map(|refresh| refresh.token.expose_secret().to_owned()).unwrap_or_default();
            let secret = RefreshToken::new(secret);
            // Without a scope parameter the granted ones stay (RFC 6749 section 6).
            client.exchange_refresh_token(&secret).request_async(&seam).await.ok()
        }
        Grant::ClientCredentials | Grant::AuthorizationCode | Grant::Static => {
            client.exchange_client_credentials().add_scopes(scopes).request_async(&seam).await.ok()
        }
    };
    Ok(seam.answer(result))
}

/// A code by which a person's confirmation is swapped for tokens (RFC 6749 section 4.1.3).
pub struct Code {
    pub secret: SecretString,
    /// PKCE's verifier (RFC 7636), where the platform takes one.
    pub verifier: Option<SecretString>,
    /// As it stood in the authorization request.
    pub redirect_uri: Url,
}

pub async fn swap_code(
    transport: &dyn Transport,
    target: &Target,
    code: &Code,
) -> Result<TokenAnswer, SecretError> {
    let client = client(target)?;
    let (grant, exchange) = (Grant::AuthorizationCode, Mutex::new(None));
    let further = further_parameters(target, grant, Some(code.redirect_uri.as_str()))?;
    let seam = Seam { transport, target, grant, further, exchange };
    let redirect_uri = RedirectUrl::from_url(code.redirect_uri.clone());
    let mut request = client
        .exchange_code(AuthorizationCode::new(code.secret.expose_secret().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect_uri));
    if let Some(verifier) = &code.verifier {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
    }
    let result = request.request_async(&seam).await.ok();
    Ok(seam.answer(result))
}

fn client(target: &Target) -> Result<Client<EndpointSet>, SecretError> {
    let auth = &target.auth;
    let url = TokenUrl::from_url(target.token_address());
    let client = Client::new(ClientId::new(auth.client_id.clone())).set_token_uri(url).set_auth_type(
        match auth.client_auth {
            ClientAuth::Body => AuthType::RequestBody,
            ClientAuth::Basic => AuthType::BasicAuth,
        },
    );
    Ok(match &auth.client_secret {
        Some(source) => client.set_client_secret(ClientSecret::new(read(Some(source))?)),
        None => client,
    })
}

/// The target's own scopes, or those without which the platform gives no useful token.
pub(super) fn asked_scopes(target: &Target) -> &[String] {
    let own = &target.auth.scopes;
    let usual = target.platform.token.as_ref().map_or(own, |token| &token.scopes);
    if own.is_empty() { usual } else { own }
}

/// The parameters that the platform wants besides those of RFC 6749. `confirmed`: the redirect address of the
/// confirmation from which a refresh token descends.
fn further_parameters(
    target: &Target,
    grant: Grant,
    confirmed: Option<&str>,
) -> Result<Vec<(String, String)>, SecretError> {
    let configured = target.auth.redirect_uri.as_ref().map(|url| url.as_str());
    let known = target.platform.token.iter().flat_map(|token| &token.parameters);
    let mut further = Vec::new();
    for parameter in known.filter(|parameter| parameter.goes_with(grant)) {
        let is_address = parameter.name == "redirect_uri";
        let own = target.auth.parameters.get(&parameter.name);
        let value = match (confirmed.filter(|_| is_address), own, &parameter.value) {
            // No other is right.
            (Some(confirmed), _, _) => confirmed.to_owned(),
            (None, None, None) => continue,
            (None, None, Some(value)) => configured.filter(|_| is_address).unwrap_or(value).to_owned(),
            (None, own, _) => read(own)?,
        };
        further.push((parameter.name.clone(), value));
    }
    Ok(further)
}

/// Shows whether what goes with a refresh token has changed.
pub(super) fn beside_refresh(target: &Target, confirmed: Option<&str>) -> Result<u16, SecretError> {
    let mut all = read(target.auth.client_secret.as_ref())?;
    for (name, value) in further_parameters(target, Grant::RefreshToken, confirmed)? {
        all.extend(["\n", &name, "=", &value]);
    }
    Ok(store::change_mark(&all))
}

fn read(source: Option<&SecretSource>) -> Result<String, SecretError> {
    source.map_or(Ok(String::new()), |source| Ok(source.read()?.expose_secret().to_owned()))
}

/// Carries the crate's request over our transport and keeps the exchange aside.
struct Seam<'a> {
    transport: &'a dyn Transport,
    target: &'a Target,
    grant: Grant,
    further: Vec<(String, String)>,
    exchange: Mutex<Option<Exchange>>,
}

/// There was no answer; why is in the exchange kept aside.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

impl<'c> oauth2::AsyncHttpClient<'c> for Seam<'_> {
    type Error = NoAnswer;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.carry(request))
    }
}

/// Largest token answer that is read, bytes: no token is so long, and whoever answers may be anybody.
const LARGEST_ANSWER: u64 = 256 * 1024;

impl Seam<'_> {
    fn answer(self, token: Option<IssuedToken>) -> TokenAnswer {
        let exchange = self.exchange.into_inner().ok().flatten().unwrap_or_else(|| {
            Exchange::unsent(TransportError::Exporter("the token request could not be built".into()))
        });
        let token = token.filter(|token| token.is_usable(&self.target.platform.sent_as));
        let answer = exchange.result.as_ref().ok().filter(|_| token.is_none());
        let refresh_token = answer.and_then(|answer| platform::received_refresh_token(self.target, answer));
        TokenAnswer { exchange, token, refresh_token }
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let limits =
            Limits { timeout: self.target.timeout, body: self.target.body_limit.min(LARGEST_ANSWER) };
        let exchange = match self.request_of(request) {
            Ok(request) => self.transport.exchange(&self.target.client, limits, request).await,
            Err(error) => Exchange::unsent(error),
        };
        let response = exchange.result.as_ref().map_err(|_| NoAnswer).map(|answer| {
            let mut response = HttpResponse::default();
            let token =
                answer.status.is_success().then(|| platform::token_answer(self.target, answer)).flatten();
            match token {
                Some(body) => *response.body_mut() = body,
                // The crate's error is dropped unread: the platform judges the exchange.
                None => *response.status_mut() = StatusCode::BAD_REQUEST,
            }
            response
        });
        if let Ok(mut kept) = self.exchange.lock() {
            *kept = Some(exchange);
        }
        response
    }

    fn request_of(&self, request: HttpRequest) -> Result<Request, TransportError> {
        let (parts, body) = request.into_parts();
        let target = self.target;
        let mut headers = HeaderMap::new();
        let is_own = target.token_origin().origin() == target.origin.origin();
        if is_own {
            // What is for the PBX, or for a gate in front of it, is nobody else's to read.
            headers = target.headers.clone();
            target.add_secret_headers(&mut headers)?;
        }
        headers.extend(parts.headers);
        for (name, value) in &target.platform.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.entry(name).or_insert(value);
            }
        }
        let (content_type, body) = platform::token_request(target, self.grant, &body, &self.further);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let (url, session) = (target.token_address(), is_own.then(|| Arc::clone(&target.name)));
        Ok(Request { method: parts.method, url, headers, body, session, reads: false, last: false })
    }
}
