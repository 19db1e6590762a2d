//! One reqwest client for each distinct [`ClientSettings`], rebuilt when a file it was built from
//! changes. Does not belong here: requests.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tower::util::MapFutureLayer;
use url::Url;

use super::{hooks, tls};
use crate::domain::SecretSource;
use crate::domain::target::{ClientSettings, ProxySettings, ServerName};

/// A PBX drops idle connections soon, and 10,000 of them cost memory here: only what the next
/// exchange of the same pass uses is worth keeping.
const IDLE: Duration = Duration::from_secs(5);
/// Header fields of one answer. hyper alone takes 100.
const MOST_FIELDS: usize = 256;
/// Files are looked at again at most this often.
const CHECK_FILES: Duration = Duration::from_secs(1);

pub(super) struct Client {
    pub(super) http: reqwest::Client,
    tls: ClientConfig,
    server_name: Option<ServerName>,
    via: Option<reqwest::Proxy>,
    proxy: Option<Matcher>,
}

impl Client {
    fn build(settings: &ClientSettings) -> Result<Self, String> {
        let tls = tls::config(settings)?;
        let via = settings.proxy.as_ref().map(proxy).transpose()?;
        let proxy = settings.proxy.as_ref().map(matcher);
        let server_name = settings.server_name.clone();
        let http = http(tls.clone(), server_name.clone(), via.clone()).build().map_err(|e| words(&e))?;
        Ok(Self { http, tls, server_name, via, proxy })
    }

    /// One that has no connections yet and keeps none.
    pub(super) fn without_connections(&self) -> Result<reqwest::Client, reqwest::Error> {
        http(self.tls.clone(), self.server_name.clone(), self.via.clone()).pool_max_idle_per_host(0).build()
    }

    /// Whether requests to `url` go through a proxy: the same rule as reqwest's own.
    pub(super) fn proxies(&self, url: &Url) -> bool {
        self.proxy
            .as_ref()
            .is_some_and(|proxy| url.as_str().parse().is_ok_and(|uri| proxy.intercept(&uri).is_some()))
    }
}

fn http(
    tls: ClientConfig,
    server_name: Option<ServerName>,
    via: Option<reqwest::Proxy>,
) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .user_agent(concat!("pbx_exporter/", env!("CARGO_PKG_VERSION")))
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MOST_FIELDS)
        .pool_idle_timeout(IDLE)
        .dns_resolver(hooks::NotingResolver { server_name })
        .connector_layer(MapFutureLayer::new(hooks::noted))
        .no_proxy();
    match via {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    }
}

fn proxy(settings: &ProxySettings) -> Result<reqwest::Proxy, String> {
    let mut url = settings.url.clone();
    if let Some((user, password)) = &settings.credentials {
        // SOCKS takes them from the URL only; both are percent-encoded here and decoded there.
        let password = password.read().map_err(|e| e.with_fix())?;
        url.set_username(user)
            .and_then(|()| url.set_password(Some(password.expose_secret())))
            .map_err(|()| "the proxy's URL cannot carry credentials".to_owned())?;
    }
    let proxy = reqwest::Proxy::all(url).map_err(|e| words(&e))?;
    Ok(proxy.no_proxy(settings.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string)))
}

fn matcher(settings: &ProxySettings) -> Matcher {
    let exceptions = settings.no_proxy.as_deref().unwrap_or_default();
    Matcher::builder().all(settings.url.as_str()).no(exceptions).build()
}

/// The innermost cause: reqwest's own words may contain the proxy's URL.
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let is_reqwest = std::ptr::addr_eq(cause, error);
    if is_reqwest { "the HTTP client could not be built".into() } else { cause.to_string() }
}

type Stamp = Vec<Option<(SystemTime, u64)>>;

struct Entry {
    client: Arc<Client>,
    stamp: Stamp,
    checked: Instant,
}

impl Entry {
    fn build(settings: &ClientSettings) -> Result<Self, String> {
        // The stamp first: a file replaced meanwhile is then noticed at the next look.
        let stamp = stamp(settings);
        let client = Arc::new(Client::build(settings)?);
        Ok(Self { client, stamp, checked: Instant::now() })
    }

    fn is_current(&mut self, settings: &ClientSettings) -> bool {
        if self.stamp.is_empty() || self.checked.elapsed() < CHECK_FILES {
            return true;
        }
        self.checked = Instant::now();
        self.stamp == stamp(settings)
    }
}

fn stamp(settings: &ClientSettings) -> Stamp {
    let pair = settings.client_certificate.iter().flat_map(|(chain, key)| [chain, key]);
    let password = settings.proxy.iter().flat_map(|proxy| &proxy.credentials).filter_map(|(_, p)| p.file());
    let paths = settings.ca_file.iter().chain(pair).map(PathBuf::as_path).chain(password);
    paths.map(file_stamp).collect()
}

fn file_stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

#[derive(Default)]
pub(super) struct Pool(Mutex<HashMap<ClientSettings, Entry>>);

impl Pool {
    pub(super) fn validate(settings: &ClientSettings) -> Result<(), (&'static str, String)> {
        tls::validate(settings)?;
        let mut settings = settings.clone();
        // A password file that cannot be read is reported by the configuration, with its place.
        if let Some((_, password)) = settings.proxy.as_mut().and_then(|proxy| proxy.credentials.as_mut()) {
            *password = SecretSource::Literal(SecretString::default());
        }
        Client::build(&settings).map(drop).map_err(|cause| ("proxy", format!("{cause}; correct its url")))
    }

    pub(super) fn client(&self, settings: &ClientSettings) -> Result<Arc<Client>, String> {
        let mut entries = self.lock();
        if let Some(entry) = entries.get_mut(settings)
            && entry.is_current(settings)
        {
            return Ok(Arc::clone(&entry.client));
        }
        entries.remove(settings);
        let entry = Entry::build(settings)?;
        let client = Arc::clone(&entry.client);
        entries.insert(settings.clone(), entry);
        Ok(client)
    }

    pub(super) fn retain(&self, used: &[&ClientSettings]) {
        let used: HashSet<&ClientSettings> = used.iter().copied().collect();
        self.lock().retain(|settings, _| used.contains(settings));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientSettings, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
