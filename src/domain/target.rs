//! A target: one configured PBX, checked, with all that a probe needs to know.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use secrecy::SecretString;
use url::Url;

use super::{Class, Failure, Grant, ReferenceSettings, SecretSource};

/// The longest `Retry-After` honoured.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A kind of PBX API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlatformId {
    /// FreePBX 15 to 17 with the API module.
    FreePbx,
}

impl PlatformId {
    /// The label value and configuration word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FreePbx => "freepbx",
        }
    }
}

/// One configured PBX. `PartialEq` decides at a reload whether it is unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The configured name, the label `target`.
    pub name: Arc<str>,
    /// What kind of PBX.
    pub platform: PlatformId,
    /// Scheme, host and port; path `/`, no user info, query or fragment.
    pub origin: Url,
    /// How to get a token.
    pub auth: Auth,
    /// What the probe calls.
    pub call: Call,
    /// Whether the version query is made too.
    pub version: bool,
    /// From one probe to the next.
    pub interval: Duration,
    /// The same while failing.
    pub failure_interval: Duration,
    /// Limit of one HTTP exchange.
    pub timeout: Duration,
    /// A good token is renewed at the latest after this; `None` is off.
    pub token_interval: Option<Duration>,
    /// Waits after a refusal.
    pub backoff: Backoff,
    /// Largest answer body accepted, bytes.
    pub body_limit: u64,
    /// Extra header fields sent with each request to this target.
    pub headers: HeaderMap,
    /// What decides whether two targets can share an HTTP client.
    pub client: ClientSettings,
    /// A second count of the extensions, on the PBX host itself.
    pub reference: Option<ReferenceSettings>,
}

/// How a target gets its token.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// The grant that acquires a token. `RefreshToken`: only a given refresh token is at hand.
    pub grant: Grant,
    /// OAuth2 client id.
    pub client_id: String,
    /// OAuth2 client secret.
    pub client_secret: Option<SecretSource>,
    /// How the client authenticates (RFC 6749 section 2.3.1).
    pub client_auth: ClientAuth,
    /// User name, grant `password` only.
    pub username: Option<String>,
    /// Password, grant `password` only.
    pub password: Option<SecretSource>,
    /// Configured refresh token, grant `refresh_token` only.
    pub refresh_token: Option<SecretSource>,
    /// Scopes asked for; empty asks for none, which gives the application's own.
    pub scopes: Vec<String>,
}

impl Auth {
    /// The sources of every secret, for change detection.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        [&self.client_secret, &self.password, &self.refresh_token].into_iter().flatten()
    }
}

/// Where the client credentials travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// In the form body (`client_secret_post`).
    #[default]
    Body,
    /// In an `Authorization: Basic` header (`client_secret_basic`).
    Basic,
}

/// What the probe calls as the extensions endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// FreePBX GraphQL `fetchAllExtensions`.
    Graphql,
    /// FreePBX REST `core/users`.
    Rest,
    /// The user's own path and method.
    Custom(CustomCall),
}

/// A call described by the user.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomCall {
    /// `GET`, `HEAD` or `POST`; never one that changes anything by its name.
    pub method: Method,
    /// Absolute path with optional query, on the target's origin.
    pub path: String,
    /// Body with its content type, for `POST`.
    pub body: Option<(String, String)>,
    /// JSON pointer (RFC 6901) to the total: a number, a numeric string, or an array or object whose
    /// members are counted. `None`: any 2xx is a success and no total is known.
    pub total: Option<String>,
}

/// Waits after refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// First wait after a refused credential; doubles with each further refusal.
    pub start: Duration,
    /// The longest such wait.
    pub cap: Duration,
    /// First wait after a denial with a good token; the second and later ones are twice as long.
    pub denied: Duration,
}

/// TLS and proxy: targets with equal settings share an HTTP client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ClientSettings {
    /// PEM file with the only CA certificates trusted; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the client certificate chain and its key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Lowest TLS version spoken.
    pub min_version: TlsVersion,
    /// Accept any certificate. Only by an explicit key.
    pub insecure_skip_verify: bool,
    /// Proxy; `None`: direct, whatever the environment says.
    pub proxy: Option<ProxySettings>,
}

/// A TLS protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// An HTTP, HTTPS or SOCKS5 proxy.
#[derive(Clone, Debug)]
pub struct ProxySettings {
    /// `http://`, `https://`, `socks5://` or `socks5h://`, without user info.
    pub url: Url,
    /// User name and password for the proxy.
    pub credentials: Option<(String, SecretString)>,
    /// Hosts reached directly, in the form of `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    fn key(&self) -> (&str, Option<(&str, &str)>, Option<&str>) {
        use secrecy::ExposeSecret;
        let credentials = self.credentials.as_ref().map(|(u, p)| (u.as_str(), p.expose_secret()));
        (self.url.as_str(), credentials, self.no_proxy.as_deref())
    }
}

impl PartialEq for ProxySettings {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ProxySettings {}

impl std::hash::Hash for ProxySettings {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Target {
    /// An absolute address on this target's origin.
    /// `path` begins with `/` and may have a query.
    pub fn address(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        url.set_path(path);
        url.set_query(query);
        url
    }

    /// The wait after a failure, `count` of its class in a row so far (this one counted in).
    pub fn wait_after(&self, failure: &Failure, count: u32) -> Duration {
        let asked = failure.retry_after.map(|asked| asked.min(LONGEST_RETRY_AFTER));
        match failure.reason.class() {
            Class::Transient => asked.unwrap_or_default().max(self.failure_interval),
            Class::RateLimited => asked.unwrap_or(self.interval).max(self.failure_interval),
            Class::Refused => {
                let doublings = count.saturating_sub(1).min(20);
                self.backoff.start.saturating_mul(1 << doublings).min(self.backoff.cap)
            }
            Class::Denied => self.backoff.denied * if count <= 1 { 1 } else { 2 },
        }
    }

    /// Whether credentials travel unencrypted.
    pub fn is_plaintext(&self) -> bool {
        self.origin.scheme() == "http"
    }

    /// The grants whose requests can occur: the acquiring one, and `refresh_token` where the platform
    /// hands refresh tokens out.
    pub fn grants(&self) -> Vec<Grant> {
        match self.auth.grant {
            Grant::Password | Grant::AuthorizationCode => vec![self.auth.grant, Grant::RefreshToken],
            grant => vec![grant],
        }
    }
}
