//! From what reqwest, hyper, rustls and the system report to a [`TransportError`] by the step that
//! failed. Words are ours: reqwest prints URLs, and other errors may quote the far side.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use super::recorder::{Recorder, Step};
use crate::domain::TransportError;
use crate::domain::moment::day;

pub(super) fn classify(error: &reqwest::Error, recorder: &Recorder) -> TransportError {
    if out_of_files(error) {
        return TransportError::Exporter("too many open files: raise the limit of this process".into());
    }
    if error.is_builder() {
        return TransportError::Exporter("the request could not be built".into());
    }
    if !error.is_connect() {
        // Whatever dial is under way, it is not what failed: the request may have been written.
        recorder.sent();
    }
    let trace = recorder.trace();
    match (trace.step, recorder.proxied()) {
        (Step::Resolve, true) if !trace.own_name => TransportError::Proxy(dns_words(error)),
        (Step::Resolve, _) => TransportError::Dns(dns_words(error)),
        (Step::Connect, true) => TransportError::Proxy(proxy_words(error)),
        (Step::Connect, false) => TransportError::Connect(dial_words(error)),
        (Step::Tls, _) => TransportError::Tls(handshake_words(error)),
        (Step::Processing, _) if trace.fresh => match refused_certificate(error) {
            Some(alert) => TransportError::Tls(alert_words(alert)),
            None => lost(error, trace.step),
        },
        (step, _) => lost(error, step),
    }
}

/// In TLS 1.3 the server judges the client's certificate after the client has finished its handshake
/// (RFC 8446 section 4.4.2), so the refusal arrives where an answer should. No request was accepted.
fn refused_certificate(error: &reqwest::Error) -> Option<AlertDescription> {
    use AlertDescription as A;
    match find(error)? {
        rustls::Error::AlertReceived(alert) => matches!(
            alert,
            A::CertificateRequired
                | A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
                | A::HandshakeFailure
                | A::DecryptError
        )
        .then_some(*alert),
        _ => None,
    }
}

fn lost(error: &reqwest::Error, step: Step) -> TransportError {
    let hyper: Option<&hyper::Error> = find(error);
    if hyper.is_some_and(hyper::Error::is_user) {
        return TransportError::Exporter("the request could not be sent as it is".into());
    }
    let words = match (hyper, find(error), io_error(error)) {
        (_, Some(tls), _) => format!("TLS: {}", tls_words(tls)),
        // hyper describes a parse error by a fixed text.
        (Some(hyper), ..) if hyper.is_parse() => format!("malformed answer, {hyper}"),
        (_, _, Some(io)) if io.kind() != io::ErrorKind::UnexpectedEof => io_words(io),
        _ if step == Step::Transfer => "closed in the middle of the answer".into(),
        _ => "closed before an answer".into(),
    };
    TransportError::ConnectionLost(words)
}

fn dns_words(error: &reqwest::Error) -> String {
    io_error(error).map_or_else(|| "no address".into(), resolver_words)
}

/// The system's resolver has no error kinds, only gai_strerror(3)'s text.
pub(super) fn resolver_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

fn dial_words(error: &reqwest::Error) -> String {
    if let Some(io) = io_error(error) {
        return io_words(io);
    }
    // What is left is private types of hyper-util (tunnel, SOCKS, address) with fixed texts; reqwest's
    // own error would show the URL.
    let innermost = chain(error).filter(|cause| !cause.is::<reqwest::Error>()).last();
    innermost.map_or_else(|| "no connection".into(), ToString::to_string)
}

fn proxy_words(error: &reqwest::Error) -> String {
    find(error).map_or_else(|| dial_words(error), |tls| format!("TLS with the proxy: {}", tls_words(tls)))
}

fn handshake_words(error: &reqwest::Error) -> String {
    match (find(error), io_error(error)) {
        (Some(tls), _) => tls_words(tls),
        (None, Some(io)) if io.kind() != io::ErrorKind::UnexpectedEof => io_words(io),
        (None, _) => "closed during the handshake".into(),
    }
}

pub(super) fn io_words(error: &io::Error) -> String {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => "connection refused".into(),
        K::ConnectionReset => "connection reset by the far side".into(),
        K::ConnectionAborted => "connection aborted".into(),
        K::BrokenPipe | K::UnexpectedEof => "connection closed by the far side".into(),
        K::HostUnreachable => "host unreachable".into(),
        K::NetworkUnreachable => "network unreachable".into(),
        K::TimedOut => "the system gave up waiting for the far side".into(),
        K::InvalidData | K::InvalidInput => "malformed answer".into(),
        kind if error.raw_os_error().is_none() => kind.to_string(),
        _ => error.to_string(),
    }
}

pub(super) fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_words(error),
        rustls::Error::AlertReceived(alert) => alert_words(*alert),
        rustls::Error::InvalidMessage(_) => TransportError::NOT_TLS.into(),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => "protocol version: the server speaks none of those allowed".into(),
        rustls::Error::General(text) => text.clone(),
        // Fixed texts, or names of protocol elements.
        error => error.to_string(),
    }
}

fn certificate_words(error: &CertificateError) -> String {
    use CertificateError as C;
    match error {
        C::ExpiredContext { not_after, .. } => {
            format!("certificate expired on {}", day(not_after.as_secs()))
        }
        C::Expired => "certificate expired".into(),
        C::NotValidYetContext { not_before, .. } => {
            format!("certificate not valid before {}", day(not_before.as_secs()))
        }
        C::NotValidForNameContext { expected, presented } => {
            let names: Vec<String> = presented.iter().map(|name| plain_name(name)).collect();
            let names = if names.is_empty() { "no name".into() } else { names.join(", ") };
            format!("certificate is not for {} but for {names}", expected.to_str())
        }
        C::UnknownIssuer => {
            "certificate of an unknown issuer: self-signed, or its CA is not trusted here".into()
        }
        C::BadSignature => "certificate is not signed by the CA whose name it bears".into(),
        C::BadEncoding => "certificate is malformed".into(),
        C::Revoked => "certificate is revoked".into(),
        error => format!("certificate: {error}"),
    }
}

/// webpki gives names as `DnsName("pbx.example.com")`.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

fn alert_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => "the server requires a client certificate".into(),
        AlertDescription::ProtocolVersion => {
            "protocol version: the server speaks none of those allowed".into()
        }
        alert => format!("the server refused the handshake with alert {alert:?}"),
    }
}

fn out_of_files(error: &reqwest::Error) -> bool {
    // EMFILE and ENFILE, for which io::ErrorKind has no name.
    matches!(io_error(error).and_then(io::Error::raw_os_error), Some(23 | 24))
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The innermost: the outer ones are wrappers that say `Other`.
fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    chain(error).filter_map(|error| error.downcast_ref()).last()
}

/// The chain of causes. The source of an `io::Error` is its content's source and skips the content.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(content) => Some(content as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
