//! One HTTP exchange as plain values: what is sent, what came back, how long each phase took.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::Reason;

/// One request. `Debug` shows neither headers nor body: both may hold credentials.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Header fields, `Authorization` included (marked sensitive).
    pub headers: HeaderMap,
    pub body: Bytes,
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
    /// The configured proxy could not be reached or refused.
    #[error("proxy failed: {0}")]
    Proxy(String),
    #[error("connection failed: {0}")]
    Connect(String),
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    /// The limit passed; the phase in which it did.
    #[error("no answer within {} while in phase {phase}", humantime::format_duration(*.limit))]
    Timeout {
        limit: Duration,
        /// `resolve`, `connect`, `tls`, `processing` or `transfer`.
        phase: &'static str,
    },
    #[error("connection lost: {0}")]
    ConnectionLost(String),
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

impl TransportError {
    /// What [`Self::Tls`] says where the port answers, and not in TLS.
    pub const NOT_TLS: &str = "not TLS: the port answers something else, plain HTTP for instance";

    pub const fn reason(&self) -> Reason {
        match self {
            Self::Dns(_) => Reason::Dns,
            Self::Proxy(_) => Reason::Proxy,
            Self::Connect(_) => Reason::Connect,
            Self::Tls(_) => Reason::Tls,
            Self::Timeout { .. } => Reason::Timeout,
            Self::ConnectionLost(_) => Reason::ConnectionLost,
            Self::TooLarge(_) => Reason::ResponseTooLarge,
            Self::RedirectElsewhere(_) | Self::RedirectLoop => Reason::RedirectRefused,
            Self::Exporter(_) => Reason::ExporterError,
        }
    }

    /// Whether the request certainly never reached the far side, so that nothing can have changed
    /// there (a refresh token is still unused, for example).
    pub const fn never_sent(&self) -> bool {
        match self {
            Self::Dns(_) | Self::Connect(_) | Self::Tls(_) | Self::Proxy(_) | Self::Exporter(_) => true,
            Self::Timeout { phase, .. } => {
                matches!(phase.as_bytes(), b"resolve" | b"connect" | b"tls")
            }
            Self::ConnectionLost(_) | Self::TooLarge(_) | Self::RedirectElsewhere(_) | Self::RedirectLoop => {
                false
            }
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
