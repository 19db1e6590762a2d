//! A look at the way to a PBX, without a request: name resolution, TCP, TLS, each reported as it happens.
//!
//! For a person who looks on. What measures the service's own requests is `recorder`.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;
use x509_cert::der::Decode;

use super::tls::Seen;
use super::{HttpTransport, chain, failure, tls};
use crate::domain::target::ClientSettings;
use crate::domain::tls_fault::TlsFault;
use crate::domain::{Phase, TransportError};

/// What is seen on the way, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All further is the proxy's business: nothing was dialled. Its address without user info.
    Proxied(String),
    Resolved(Vec<SocketAddr>),
    /// No connection to one of several addresses, and why.
    Refused(SocketAddr, String),
    Connected(SocketAddr),
    /// The chain that the server shows; also where it is then refused.
    Shown(Vec<Certificate>),
    Secured(Served),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub protocol: &'static str,
}

/// What a certificate says of itself. Names are fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    pub not_after: u64,
}

pub type DialFuture<'a> = Pin<Box<dyn Future<Output = Result<(), TransportError>> + Send + 'a>>;

/// The seam between what is looked at and how it is reached.
pub trait Dial: Send + Sync {
    /// Resolves, connects and shakes hands as requests to `url` with `client` would, each step within
    /// `limit`, then closes. Sends no request.
    fn dial<'a>(
        &'a self,
        client: &'a ClientSettings,
        url: &'a Url,
        limit: Duration,
        seen: &'a mut (dyn FnMut(Event) + Send),
    ) -> DialFuture<'a>;
}

impl Dial for HttpTransport {
    fn dial<'a>(
        &'a self,
        client: &'a ClientSettings,
        url: &'a Url,
        limit: Duration,
        seen: &'a mut (dyn FnMut(Event) + Send),
    ) -> DialFuture<'a> {
        Box::pin(async move {
            let built = self.pool.client(client).map_err(TransportError::Exporter)?;
            if let (Some(proxy), true) = (&client.proxy, built.proxies(url)) {
                seen(Event::Proxied(proxy.url.as_str().trim_end_matches('/').to_owned()));
                return Ok(());
            }
            let addresses = resolve(url, limit).await?;
            seen(Event::Resolved(addresses.clone()));
            let stream = connect(&addresses, limit, seen).await?;
            if url.scheme() == "https" { shake_hands(client, url, stream, limit, seen).await } else { Ok(()) }
        })
    }
}

async fn within<T>(
    limit: Duration,
    phase: Phase,
    step: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    timeout(limit, step).await.unwrap_or_else(|_| Err(super::silence(limit, phase, false)))
}

async fn resolve(url: &Url, limit: Duration) -> Result<Vec<SocketAddr>, TransportError> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    within(limit, Phase::Resolve, async move {
        let found = tokio::net::lookup_host((host, port)).await;
        let mut addresses: Vec<_> = found.map_err(|error| failure::unresolved(&error))?.collect();
        addresses.dedup();
        if addresses.is_empty() { Err(TransportError::Dns("no address".into())) } else { Ok(addresses) }
    })
    .await
}

/// One address after the other, all within `limit`: a dead first one leaves time for the next.
async fn connect(
    addresses: &[SocketAddr],
    limit: Duration,
    seen: &mut (dyn FnMut(Event) + Send),
) -> Result<TcpStream, TransportError> {
    let end = Instant::now() + limit;
    let mut last = TransportError::Timeout { limit, phase: Phase::Connect };
    for (index, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / left;
        let cause = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                seen(Event::Connected(*address));
                return Ok(stream);
            }
            Ok(Err(error)) => {
                let words = failure::io_words(&error);
                last = failure::no_connection(&error);
                words
            }
            Err(_) => "no answer".to_owned(),
        };
        seen(Event::Refused(*address, cause));
    }
    Err(last)
}

async fn shake_hands(
    client: &ClientSettings,
    url: &Url,
    stream: TcpStream,
    limit: Duration,
    seen: &mut (dyn FnMut(Event) + Send),
) -> Result<(), TransportError> {
    let look = Arc::new(Seen::default());
    let connector =
        TlsConnector::from(Arc::new(tls::looking(client, &look).map_err(TransportError::Exporter)?));
    let url = client.in_tls(url);
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host)
        .map_err(|_| TransportError::Exporter("the host is not a name that a certificate can have".into()))?;
    let shaken = within(limit, Phase::Tls, async {
        let shaken = connector.connect(name, stream).await;
        shaken.map_err(|error| TransportError::Tls(fault(&error, &look)))
    })
    .await;
    let shown = certificates(&look);
    if !shown.is_empty() {
        seen(Event::Shown(shown));
    }
    let protocol = match shaken?.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    seen(Event::Secured(Served { protocol }));
    Ok(())
}

fn fault(error: &std::io::Error, look: &Seen) -> TlsFault {
    let asked = *look.asked.lock().unwrap_or_else(PoisonError::into_inner);
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    inner.map_or_else(|| TlsFault::Lost(failure::io_words(error)), |error| failure::tls_fault(error, asked))
}

/// Certificates of a chain that are shown.
const LONGEST_CHAIN: usize = 10;

fn certificates(seen: &Seen) -> Vec<Certificate> {
    let served = seen.chain.lock().unwrap_or_else(PoisonError::into_inner);
    let parsed = served.iter().filter_map(|der| x509_cert::Certificate::from_der(der).ok());
    parsed
        .take(LONGEST_CHAIN)
        .map(|certificate| Certificate {
            subject: chain::printable(&certificate.tbs_certificate.subject),
            issuer: chain::printable(&certificate.tbs_certificate.issuer),
            not_after: certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs(),
        })
        .collect()
}
