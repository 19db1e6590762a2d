//! From what reqwest, hyper, rustls and the system report to a [`TransportError`] by the step that
//! failed. Words are ours: reqwest prints URLs, and other errors may quote the far side.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use super::chain;
use super::recorder::Recorder;
use crate::domain::tls_fault::{ClientCertificate, TlsFault};
use crate::domain::{Garbled, Phase, TransportError};

/// What hyper-util says of a proxy that answers CONNECT with another status than 200 and 407, or not in HTTP.
pub(super) const NO_TUNNEL: &str = "tunnel error: unsuccessful";

/// Why sending a request or reading its answer failed.
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
    match (trace.phase, recorder.proxied()) {
        (Phase::Resolve, true) if !trace.own_name => TransportError::Proxy(dns_words(error)),
        (Phase::Resolve, _) => io_error(error).map_or(TransportError::Dns("no address".into()), unresolved),
        (Phase::Connect, true) if dial_words(error).ends_with("proxy authorization required") => {
            TransportError::Tunnel(407)
        }
        (Phase::Connect, true) => TransportError::Proxy(proxy_words(error)),
        (Phase::Connect, false) => match io_error(error) {
            Some(io) => no_connection(io),
            None => TransportError::Connect(dial_words(error)),
        },
        (Phase::Tls, _) => TransportError::Tls(handshake_fault(error, trace.certificate_asked)),
        (Phase::Processing, _) if trace.fresh => match refused_certificate(error, trace.certificate_asked) {
            Some(fault) => TransportError::Tls(fault),
            None => lost(error, trace.phase),
        },
        (step, _) => lost(error, step),
    }
}

/// Whether a connection that had served before ended without a byte of an answer: most likely the server had closed it
/// while it was idle (RFC 9112 section 9.3.1).
pub(super) fn is_stale(error: &reqwest::Error, recorder: &Recorder) -> bool {
    use io::ErrorKind as K;
    let trace = recorder.trace();
    let ended = |io: &io::Error| {
        matches!(io.kind(), K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof)
    };
    let hyper: Option<&hyper::Error> = find(error);
    !error.is_connect()
        && !trace.fresh
        && trace.phase != Phase::Transfer
        && (hyper.is_some_and(hyper::Error::is_incomplete_message) || io_error(error).is_some_and(ended))
}

/// In TLS 1.3 the server judges the client's certificate after the client has finished its handshake
/// (RFC 8446 section 4.4.2), so the refusal arrives where an answer should. No request was accepted.
fn refused_certificate(error: &reqwest::Error, asked: Option<bool>) -> Option<TlsFault> {
    let rustls::Error::AlertReceived(alert) = find(error)? else { return None };
    let fault = alert_fault(*alert, asked);
    matches!(fault, TlsFault::ClientCertificate(_)).then_some(fault)
}

fn lost(error: &reqwest::Error, phase: Phase) -> TransportError {
    let hyper: Option<&hyper::Error> = find(error);
    if hyper.is_some_and(hyper::Error::is_user) {
        return TransportError::Exporter("the request is not valid and was not sent".into());
    }
    if let Some(hyper) = hyper.filter(|hyper| hyper.is_parse()) {
        return TransportError::Garbled(garbled(hyper));
    }
    let words = match (find(error), io_error(error)) {
        (Some(tls), _) => format!("TLS: {}", tls_fault(tls, None)),
        (None, Some(io)) if matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            return TransportError::Garbled(Garbled::Chunk);
        }
        (None, Some(io)) if io.kind() != io::ErrorKind::UnexpectedEof => io_words(io),
        _ if phase == Phase::Transfer => "closed in the middle of the answer".into(),
        _ => "closed before an answer".into(),
    };
    TransportError::ConnectionLost(words)
}

/// hyper describes a parse error by a fixed text.
fn garbled(error: &hyper::Error) -> Garbled {
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    if error.is_parse_too_large() {
        Garbled::TooMuchHeader
    } else if error.is_parse_status() || says("version") {
        Garbled::StatusLine
    } else if says("content-length") {
        Garbled::Length
    } else if says("transfer-encoding") {
        Garbled::Transfer
    } else {
        Garbled::HeaderField
    }
}

fn dns_words(error: &reqwest::Error) -> String {
    io_error(error).map_or_else(|| "no address".into(), resolver_words)
}

/// The system's resolver has no error kinds, only gai_strerror(3)'s text.
fn resolver_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

/// Names of which the resolver knows nothing, and a resolver that knows nothing, differ in gai_strerror(3)'s text alone.
pub(super) fn unresolved(error: &io::Error) -> TransportError {
    let words = resolver_words(error);
    let broken = ["Temporary failure", "Non-recoverable", "Try again", "System error"];
    if broken.iter().any(|text| words.starts_with(text)) {
        TransportError::Resolver(words)
    } else {
        TransportError::Dns(words)
    }
}

/// A connection that was refused on the way out never left this machine.
pub(super) fn no_connection(error: &io::Error) -> TransportError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => TransportError::Here("not permitted".into()),
        io::ErrorKind::NetworkUnreachable => TransportError::Here("no route to it".into()),
        _ => TransportError::Connect(io_words(error)),
    }
}

fn dial_words(error: &reqwest::Error) -> String {
    if let Some(io) = io_error(error) {
        return io_words(io);
    }
    // What is left is private types of hyper-util (tunnel, SOCKS, address) with fixed texts; reqwest's
    // own error would show the URL.
    let innermost = causes(error).filter(|cause| !cause.is::<reqwest::Error>()).last();
    innermost.map_or_else(|| "no connection".into(), ToString::to_string)
}

fn proxy_words(error: &reqwest::Error) -> String {
    find(error)
        .map_or_else(|| dial_words(error), |tls| format!("TLS with the proxy: {}", tls_fault(tls, None)))
}

fn handshake_fault(error: &reqwest::Error, asked: Option<bool>) -> TlsFault {
    match (find(error), io_error(error)) {
        (Some(tls), _) => tls_fault(tls, asked),
        (None, Some(io)) if io.kind() != io::ErrorKind::UnexpectedEof => TlsFault::Lost(io_words(io)),
        (None, _) => TlsFault::Lost("closed during the handshake".into()),
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
        K::TimedOut => "the system timed out".into(),
        K::InvalidData | K::InvalidInput => "malformed answer".into(),
        kind if error.raw_os_error().is_none() => kind.to_string(),
        _ => error.to_string(),
    }
}

/// `asked`: whether the server asked for a client certificate; if so, whether it got one.
pub(super) fn tls_fault(error: &rustls::Error, asked: Option<bool>) -> TlsFault {
    use PeerIncompatible as P;
    match error {
        rustls::Error::InvalidCertificate(error) => {
            chain::carried(error).cloned().unwrap_or_else(|| unexplained(error))
        }
        rustls::Error::AlertReceived(alert) => alert_fault(*alert, asked),
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        rustls::Error::PeerIncompatible(
            P::ServerDoesNotSupportTls12Or13
            | P::ServerTlsVersionIsDisabledByOurConfig
            | P::Tls12NotOffered
            | P::Tls12NotOfferedOrEnabled,
        ) => TlsFault::Version,
        rustls::Error::PeerIncompatible(_) => TlsFault::Ciphers,
        rustls::Error::NoCertificatesPresented => TlsFault::Malformed,
        _ => TlsFault::Misbehaved,
    }
}

/// Of a certificate that could not be read, or one that does not fit the signature of the handshake.
fn unexplained(error: &CertificateError) -> TlsFault {
    match error {
        CertificateError::BadSignature => TlsFault::Misbehaved,
        _ => TlsFault::Malformed,
    }
}

/// RFC 8446 section 6.2: what a server says of certificates it says of ours.
fn alert_fault(alert: AlertDescription, asked: Option<bool>) -> TlsFault {
    use AlertDescription as A;
    use ClientCertificate as C;
    let refused = |what| TlsFault::ClientCertificate(if asked == Some(false) { C::Missing } else { what });
    match alert {
        A::CertificateRequired => refused(C::Missing),
        A::CertificateExpired => refused(C::Expired),
        A::CertificateRevoked => refused(C::Revoked),
        A::UnknownCA => refused(C::UnknownAuthority),
        A::AccessDenied => refused(C::Denied),
        A::BadCertificate | A::UnsupportedCertificate | A::CertificateUnknown => refused(C::Refused),
        // TLS 1.2 has no alert of its own for one that is missing.
        A::HandshakeFailure | A::DecryptError if asked.is_some() => refused(C::Refused),
        A::HandshakeFailure | A::InsufficientSecurity => TlsFault::Ciphers,
        A::ProtocolVersion => TlsFault::Version,
        A::UnrecognisedName => TlsFault::UnrecognisedName,
        alert => TlsFault::Alert(alert.into()),
    }
}

fn out_of_files(error: &reqwest::Error) -> bool {
    // EMFILE and ENFILE, for which io::ErrorKind has no name.
    matches!(io_error(error).and_then(io::Error::raw_os_error), Some(23 | 24))
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The innermost: the outer ones are wrappers that say `Other`.
fn io_error(error: &reqwest::Error) -> Option<&io::Error> {
    causes(error).filter_map(|error| error.downcast_ref()).last()
}

/// The chain of causes. The source of an `io::Error` is its content's source and skips the content.
fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(content) => Some(content as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    #[test]
    fn a_resolver_that_fails_is_not_a_name_that_is_not_there() {
        let told = |text: &str| {
            unresolved(&io::Error::other(format!("failed to lookup address information: {text}")))
        };
        for text in ["Temporary failure in name resolution", "Non-recoverable failure in name resolution"] {
            assert_eq!(told(text), TransportError::Resolver(text.into()));
            assert_eq!(told(text).reason(), Reason::Dns);
        }
        for text in ["Name or service not known", "No address associated with hostname"] {
            assert_eq!(told(text), TransportError::Dns(text.into()));
        }
    }

    #[test]
    fn what_this_machine_forbids_is_not_laid_to_the_far_side() {
        for (errno, here) in [(1, true), (13, true), (101, true), (111, false), (113, false)] {
            let error = no_connection(&io::Error::from_raw_os_error(errno));
            assert_eq!(matches!(error, TransportError::Here(_)), here, "{error}");
            assert_eq!(error.reason(), Reason::Connect);
        }
    }
}
