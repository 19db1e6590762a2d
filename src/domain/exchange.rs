//! One HTTP exchange as plain values: what is sent, what came back, how long each phase took.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::tls_fault::TlsFault;
use super::{Reason, vocabulary};

/// One request. `Debug` shows neither headers nor body: both may hold credentials.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Header fields, `Authorization` included (marked sensitive).
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whose cookies go along: the target's name, for requests to its own origin. `None`: nobody's.
    pub session: Option<Arc<str>>,
    /// Whether it changes nothing there, and so may be sent again (RFC 9110 section 9.2.2).
    pub reads: bool,
    /// Whether this is, as far as known, the last exchange of its pass: the connection is let go.
    pub last: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

/// One HTTP answer, its body whole and within the limit. `Debug` leaves headers and body out.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no answer, by the step that failed. Messages are for people, contain no URL, no
/// credential, and nothing of the far side but what a certificate or an address says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    #[error("name resolution failed: {0}")]
    Dns(String),
    /// The resolver of this machine does not work: nothing is known of the name.
    #[error("this machine's resolver failed: {0}")]
    Resolver(String),
    /// The configured proxy could not be reached or refused.
    #[error("proxy failed: {0}")]
    Proxy(String),
    /// The proxy works, and answers a request for a tunnel to the target with this status.
    #[error("the proxy refused the tunnel: HTTP {0}")]
    Tunnel(u16),
    /// This machine does not let the connection out, or knows no way.
    #[error("no outgoing connection from this host: {0}")]
    Here(String),
    /// No TCP connection.
    #[error("connection failed: {0}")]
    Connect(String),
    #[error("TLS handshake failed: {0}")]
    Tls(TlsFault),
    /// The limit passed; the phase in which it did.
    #[error("no answer within {} while in phase {}", humantime::format_duration(*.limit), .phase)]
    Timeout { limit: Duration, phase: Phase },
    #[error("connection lost: {0}")]
    ConnectionLost(String),
    /// An answer came that cannot be read.
    #[error("the answer cannot be read: {0}")]
    Garbled(Garbled),
    /// The body is larger than the limit, in bytes.
    #[error("answer is larger than {0} bytes")]
    TooLarge(u64),
    /// A redirect to another origin; `scheme://host[:port]` of where it pointed.
    #[error("redirect to another origin, {0}")]
    RedirectElsewhere(String),
    /// Too many redirects within the origin, or one back to an address already visited.
    #[error("redirect loop")]
    RedirectLoop,
    /// Our own side: the request could not be built or sent for a cause that lies here.
    #[error("{0}")]
    Exporter(String),
}

/// What makes an answer unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// No status line of HTTP/1.1 or 1.0.
    #[error("it does not begin with an HTTP/1.1 status line")]
    StatusLine,
    /// A header field that is none, even leniently read.
    #[error("a header field is malformed")]
    HeaderField,
    /// More header fields, or larger ones, than are read.
    #[error("it has too many header fields, or they are too large")]
    TooMuchHeader,
    /// `Content-Length` is no number, or there are several.
    #[error("its Content-Length is not a number, or contradicts another")]
    Length,
    /// `Transfer-Encoding` is none that is known.
    #[error("its Transfer-Encoding is unknown")]
    Transfer,
    /// The body is not chunked as announced.
    #[error("its chunked body is malformed")]
    Chunk,
    /// The body is in a content coding that was not asked for; which, of those that have a name.
    #[error("its body is compressed with {0}, which was not requested")]
    Coding(&'static str),
    /// The coding is known, and its data is broken or cut off.
    #[error("its compressed body is corrupt or truncated")]
    Compressed,
}

impl TransportError {
    /// The reason; total.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Dns(_) | Self::Resolver(_) => Reason::Dns,
            // It works, and does not reach the target.
            Self::Tunnel(502..=504) | Self::Connect(_) | Self::Here(_) => Reason::Connect,
            Self::Proxy(_) | Self::Tunnel(_) => Reason::Proxy,
            Self::Tls(_) => Reason::Tls,
            Self::Timeout { .. } => Reason::Timeout,
            Self::ConnectionLost(_) => Reason::ConnectionLost,
            Self::Garbled(_) => Reason::UnexpectedResponse,
            Self::TooLarge(_) => Reason::ResponseTooLarge,
            Self::RedirectElsewhere(_) | Self::RedirectLoop => Reason::RedirectRefused,
            Self::Exporter(_) => Reason::ExporterError,
        }
    }

    /// Whether the request certainly never reached the far side, so that nothing can have changed
    /// there (a refresh token is still unused, for example).
    pub const fn never_sent(&self) -> bool {
        match self {
            Self::Dns(_)
            | Self::Resolver(_)
            | Self::Connect(_)
            | Self::Here(_)
            | Self::Tls(_)
            | Self::Proxy(_)
            | Self::Tunnel(_)
            | Self::Exporter(_) => true,
            Self::Timeout { phase, .. } => matches!(phase, Phase::Resolve | Phase::Connect | Phase::Tls),
            Self::ConnectionLost(_)
            | Self::Garbled(_)
            | Self::TooLarge(_)
            | Self::RedirectElsewhere(_)
            | Self::RedirectLoop => false,
        }
    }
}

impl Exchange {
    /// What stands for an exchange that never took place.
    pub fn unsent(error: TransportError) -> Self {
        Self {
            result: Err(error),
            duration: Duration::ZERO,
            phases: Phases::default(),
            status: None,
            certificate_expiry: None,
        }
    }
}

vocabulary! {
    /// What an exchange is busy with.
    Phase {
        /// The name is being looked up.
        Resolve => "resolve",
        /// A connection is being made.
        Connect => "connect",
        /// The handshake.
        Tls => "tls",
        /// The request is sent, and no byte of the answer is there.
        Processing => "processing",
        /// The answer is being read.
        Transfer => "transfer",
    }
}

/// Seconds spent in each phase of an exchange; `None` for a phase that did not take place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phases {
    pub resolve: Option<f32>,
    pub connect: Option<f32>,
    pub tls: Option<f32>,
    /// From the request sent to the first byte of the answer.
    pub processing: Option<f32>,
    /// From the first byte to the last.
    pub transfer: Option<f32>,
}

/// What one exchange gave, failed or not.
#[derive(Debug)]
pub struct Exchange {
    pub result: Result<Answer, TransportError>,
    /// From start to the last byte or the failure.
    pub duration: Duration,
    pub phases: Phases,
    /// Status code received, also where the body was then refused or lost.
    pub status: Option<StatusCode>,
    /// Earliest notAfter of the chain served, Unix seconds; also when the chain was refused.
    pub certificate_expiry: Option<i64>,
}
