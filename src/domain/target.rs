//! A target: one configured PBX, checked, with all that a probe needs to know.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::{Host, Url};

use super::extensions::Id;
use super::platform::{CallForm, Platform, Reader};
use super::{Class, Failure, Grant, HostCountSettings, Operation, SecretSource, TransportError};

/// One configured PBX. `PartialEq` decides at a reload whether it is unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The configured name, the label `target`.
    pub name: Arc<str>,
    /// What kind of PBX; one description serves all its targets.
    pub platform: Arc<Platform>,
    /// Scheme, host and port; path `/`, no user info, query or fragment.
    pub origin: Url,
    pub auth: Auth,
    pub call: Call,
    pub version: bool,
    pub interval: Duration,
    pub failure_interval: Duration,
    pub timeout: Duration,
    /// A good token is renewed at the latest after this; `None` is off.
    pub token_interval: Option<Duration>,
    pub backoff: Backoff,
    pub body_limit: u64,
    /// Extra header fields sent with each request to this target.
    pub headers: HeaderMap,
    /// The same, whose values are files, read again at each request.
    pub secret_headers: Vec<(HeaderName, SecretSource)>,
    /// What decides whether two targets can share an HTTP client.
    pub client: ClientSettings,
    /// Whose budget of requests it lives on, where the platform's is shared; see [`Self::budget_owner`].
    pub customer: Option<Arc<str>>,
    /// The PBX's own logs, followed where the exporter runs on its host.
    pub log: Vec<LogFile>,
    /// The extensions that there should be; `None`: nobody says.
    pub expected: Option<Expected>,
    /// A second count of the extensions, on the PBX host itself.
    pub host_count: Option<Arc<HostCountSettings>>,
}

/// A log of the PBX on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LogFile {
    /// The file. It may be absent for a while, and is followed through rotation and truncation.
    pub path: PathBuf,
    /// How it is written: `gql_api_error` (of FreePBX's API module), `access_log` (Apache or nginx, common or
    /// combined) or `freepbx_log`.
    pub format: LogFormat,
    /// What the PBX lives below, as requests for it in an access log may have it.
    #[serde(skip)]
    pub prefix: String,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// `gql_api_error.log` of FreePBX's API module: a time and PHP's `print_r` over several lines.
    GqlApiError,
    /// Apache's or nginx's access log, common or combined.
    AccessLog,
    /// `freepbx.log`: FreePBX's own lines, and PHP's errors with their stack traces, also within the error log of Apache
    /// or nginx.
    FreepbxLog,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// These, each once.
    List(Arc<[Id]>),
    /// Those in a file, read again at each probe.
    File(PathBuf),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// The grant that acquires a token. `RefreshToken`: only a given refresh token is at hand.
    pub grant: Grant,
    pub client_id: String,
    pub client_secret: Option<SecretSource>,
    /// How the client authenticates (RFC 6749 section 2.3.1).
    pub client_auth: ClientAuth,
    /// User name, grant `password` only.
    pub username: Option<String>,
    /// Password, grant `password` only.
    pub password: Option<SecretSource>,
    /// Configured refresh token, grant `refresh_token` only.
    pub refresh_token: Option<SecretSource>,
    /// Redirect address of the application, grant `authorization_code` only; `None`: a free loopback port, or the page's.
    pub redirect_uri: Option<Box<Url>>,
    /// Scopes asked for; empty asks for none, which gives the application's own.
    pub scopes: Vec<String>,
    /// Further parameters of token requests, by name; they take the place of the platform's own.
    pub parameters: BTreeMap<String, SecretSource>,
    /// Origin of the token endpoint, where it is not the target's.
    pub origin: Option<Url>,
    /// The fixed key, grant `static` only.
    pub key: Option<SecretSource>,
}

impl Auth {
    pub const fn empty(grant: Grant) -> Self {
        Self {
            grant,
            client_id: String::new(),
            client_secret: None,
            client_auth: ClientAuth::Body,
            username: None,
            password: None,
            refresh_token: None,
            redirect_uri: None,
            scopes: Vec::new(),
            parameters: BTreeMap::new(),
            origin: None,
            key: None,
        }
    }

    /// Whether a refresh token of one serves the other: then one keeper has to see to both, or each would use up what
    /// the other believes to have.
    fn is_same_chain(&self, other: &Self) -> bool {
        let chain = |auth: &Self| (auth.grant, auth.client_id.clone(), auth.origin.clone());
        chain(self) == chain(other) && self.refresh_token == other.refresh_token
    }

    /// The sources of the secrets that token requests send.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        let named = [&self.client_secret, &self.password, &self.refresh_token, &self.key];
        named.into_iter().flatten().chain(self.parameters.values())
    }
}

/// Where the client credentials travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
    /// One of the platform's, by its name.
    Known(Arc<str>),
    /// The user's own path and method, on the target's origin.
    Custom(Box<CallForm>),
}

impl Call {
    pub fn known(name: &str) -> Self {
        Self::Known(name.into())
    }
}

/// Whether the answers to `call` list the extensions one by one.
pub fn tells_extensions(call: &Call, platform: &Platform) -> Result<(), &'static str> {
    match call {
        Call::Custom(call) if call.list.is_none() => {
            Err("your own call does not say where the extensions are in its answer; add `call.list`, a JSON \
             pointer to them, and `call.id`, a JSON pointer within one of them to its id")
        }
        Call::Known(name) if platform.call(name).is_none_or(|call| call.list.is_none()) => {
            Err("the answers to this call do not list the extensions; choose another `call` of the platform")
        }
        Call::Known(_) | Call::Custom(_) => Ok(()),
    }
}

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
    pub min_version: TlsVersion,
    /// Accept any certificate. Only by an explicit key.
    pub insecure_skip_verify: bool,
    /// What TLS calls the target's host, where its url has an address or another name.
    pub server_name: Option<ServerName>,
    /// Proxy; `None`: direct, whatever the environment says.
    pub proxy: Option<ProxySettings>,
}

/// A host and what its certificate calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerName {
    /// As the url has it.
    pub host: String,
    /// As the certificate does.
    pub name: String,
}

impl ClientSettings {
    /// `url` as TLS is to see it; `Host` stays that of `url`.
    pub fn in_tls(&self, url: &Url) -> Url {
        let mut named = url.clone();
        let server = self.server_name.as_ref().filter(|server| url.host_str() == Some(&server.host));
        if let Some(server) = server.filter(|_| url.scheme() == "https") {
            // Checked when it was configured.
            let _ = named.set_host(Some(&server.name));
        }
        named
    }
}

/// A TLS version, in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProxySettings {
    /// `http://`, `https://`, `socks5://` or `socks5h://`, without user info.
    pub url: Url,
    pub credentials: Option<(String, SecretSource)>,
    /// Hosts reached directly, in the form of `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl Target {
    /// Whether a token taken for `other` is one that this target would have been given.
    pub fn shares_token_with(&self, other: &Self) -> bool {
        if (&self.platform, &self.origin) != (&other.platform, &other.origin) {
            return false;
        }
        if self.auth.grant.needs_person() {
            self.auth.is_same_chain(&other.auth)
        } else {
            self.auth == other.auth
        }
    }

    /// Who is known to share its budget of requests at its origin: the targets that name one customer, else those of one
    /// application. No answer says whether two applications belong to one customer.
    pub fn budget_owner(&self) -> Option<Arc<str>> {
        let named = self.customer.as_ref().map(|name| format!("customer {name}"));
        let id = Some(&self.auth.client_id).filter(|id| !id.is_empty());
        named.or_else(|| id.map(|id| format!("application {id}"))).map(Arc::from)
    }

    pub fn called(&self) -> &CallForm {
        static NOTHING: LazyLock<CallForm> = LazyLock::new(CallForm::default);
        match &self.call {
            Call::Known(name) => self.platform.call(name).unwrap_or(&NOTHING),
            Call::Custom(call) => call,
        }
    }

    /// See [`tells_extensions`].
    pub fn tells_extensions(&self) -> Result<(), &'static str> {
        tells_extensions(&self.call, &self.platform)
    }

    pub fn token_origin(&self) -> &Url {
        self.auth.origin.as_ref().unwrap_or(&self.origin)
    }

    /// Whether the token endpoint is on another origin than what is watched.
    pub fn has_token_elsewhere(&self) -> bool {
        self.token_origin().origin() != self.origin.origin()
    }

    /// Its origin and, where it lives below one, its path: for people.
    pub fn place(&self) -> String {
        self.origin.origin().ascii_serialization() + &self.platform.prefix
    }

    /// The same of the token endpoint.
    pub fn token_place(&self) -> String {
        self.token_origin().origin().ascii_serialization() + &self.platform.prefix
    }

    /// An absolute address on this target's origin.
    /// `path` begins with `/` and may have a query.
    pub fn address(&self, path: &str) -> Url {
        on_origin(&self.origin, path)
    }

    pub fn token_address(&self) -> Url {
        let path = self.platform.token.as_ref().map_or("/", |token| &token.path);
        on_origin(self.token_origin(), path)
    }

    /// The path asked for this, without query.
    pub fn path_of(&self, operation: Operation) -> &str {
        let path = match operation {
            Operation::Token => self.platform.token.as_ref().map_or("/", |token| &token.path),
            Operation::Extensions => &self.called().request.path,
            Operation::Version => self.platform.version.as_ref().map_or("/", |version| &version.request.path),
        };
        path.split_once('?').map_or(path, |(path, _)| path)
    }

    /// The method with which it is asked.
    pub fn method_of(&self, operation: Operation) -> Method {
        match operation {
            Operation::Token => Method::POST,
            Operation::Extensions => self.called().request.method.into(),
            Operation::Version => {
                let version = self.platform.version.as_ref();
                version.map(|version| version.request.method).unwrap_or_default().into()
            }
        }
    }

    /// Where it is asked.
    pub fn origin_of(&self, operation: Operation) -> &Url {
        if operation == Operation::Token { self.token_origin() } else { &self.origin }
    }

    /// Whether code of its own reads FreePBX's answers.
    pub fn is_freepbx(&self) -> bool {
        self.platform.reader == Reader::Freepbx
    }

    /// Whether it is known to answer with an empty list where its own query failed.
    pub fn hides_failed_lists(&self) -> bool {
        self.is_freepbx()
    }

    /// The sources of what this target authenticates with, to notice that one was fixed.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        self.auth.secrets().chain(self.secret_headers.iter().map(|(_, source)| source))
    }

    /// Adds the header fields whose values are files, as these are now.
    pub fn add_secret_headers(&self, headers: &mut HeaderMap) -> Result<(), TransportError> {
        for (name, source) in &self.secret_headers {
            let secret = source.read().map_err(|error| TransportError::Exporter(error.with_fix()))?;
            let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| {
                let text = format!(
                    "the file for the header {name} has a line break or control character; remove it"
                );
                TransportError::Exporter(text)
            })?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        Ok(())
    }

    /// The wait after a failure, `count` of its class in a row so far (this one counted in).
    pub fn wait_after(&self, failure: &Failure, count: u32) -> Duration {
        let asked = failure.retry_after;
        match failure.class() {
            Class::Transient => asked.unwrap_or_default().max(self.failure_interval),
            Class::RateLimited => asked.unwrap_or(self.interval).max(self.failure_interval),
            Class::Refused => {
                let doublings = count.saturating_sub(1).min(20);
                self.backoff.start.saturating_mul(1 << doublings).min(self.backoff.cap)
            }
            Class::Denied => self.backoff.denied * if count <= 1 { 1 } else { 2 },
        }
    }

    /// The same after a token request, the `rows`th in a row that may have left one there.
    pub fn wait_after_token(&self, failure: &Failure, count: u32, rows: u32) -> Duration {
        self.wait_after(failure, count).max(spared(if failure.left_row { rows } else { 0 }))
    }

    pub fn is_plaintext(&self) -> bool {
        [&self.origin, self.token_origin()].into_iter().any(|origin| origin.scheme() == "http")
    }

    /// The grants whose requests can occur: the acquiring one, and `refresh_token` where the platform
    /// hands refresh tokens out for it.
    pub fn grants(&self) -> Vec<Grant> {
        let grant = self.auth.grant;
        let refreshes = grant != Grant::RefreshToken && self.platform.grants.gives_refresh_token(grant);
        if refreshes { vec![grant, Grant::RefreshToken] } else { vec![grant] }
    }
}

/// The least wait after the `count`th request in a row that may have left something there for nothing: from the second
/// on, so that a day has no more than 150.
pub fn spared(count: u32) -> Duration {
    let minutes = match count {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 5,
        5.. => 10,
    };
    Duration::from_secs(minutes * 60)
}

fn on_origin(origin: &Url, path: &str) -> Url {
    let mut url = origin.clone();
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    url.set_path(path);
    url.set_query(query);
    url
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    #[test]
    fn the_wait_after_a_token_request_is_the_longest_of_all_rules() {
        let origin = Url::parse("https://pbx.example.com").expect("a URL");
        let target = crate::sim::target::target("office", &origin, Grant::Password, Call::known("graphql"));
        let wait = |reason, refused, left_row, asked, count, rows| {
            let retry_after = Some(asked).filter(|asked| *asked > 0).map(Duration::from_secs);
            let failure = Failure { retry_after, refused, left_row, ..Failure::with(reason) };
            target.wait_after_token(&failure, count, rows).as_secs()
        };
        for (rows, seconds) in [(1, 15), (2, 60), (3, 120), (4, 300), (5, 600), (6, 600), (u32::MAX, 600)] {
            assert_eq!(wait(Reason::ServerError, false, true, 0, 0, rows), seconds, "{rows}");
            assert_eq!(wait(Reason::ServerError, false, true, 7200, 0, rows), 7200, "Retry-After is longer");
            assert_eq!(wait(Reason::RateLimited, false, true, 1, 0, rows), seconds, "Retry-After is shorter");
            assert_eq!(wait(Reason::Connect, false, false, 0, 0, rows), 15, "nothing was sent");
            assert_eq!(
                wait(Reason::UnexpectedResponse, true, true, 0, 1, rows),
                seconds.max(300),
                "may hide"
            );
        }
        assert_eq!(wait(Reason::UnexpectedResponse, true, true, 0, 9, 9), 3600, "like a refusal");
    }
}
