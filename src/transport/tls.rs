//! The TLS side of a client: trusted roots, client certificate, versions, and a verifier that notes
//! when the chain served expires. Does not belong here: what a failed handshake is called.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Resumption, Tls12Resumption, WebPkiServerVerifier};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore};
use rustls::{SignatureScheme, SupportedProtocolVersion};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::hooks;
use crate::domain::file;
use crate::domain::target::{ClientSettings, TlsVersion};

/// The configuration that `settings` ask for; reads the files they name.
pub(super) fn config(settings: &ClientSettings) -> Result<ClientConfig, String> {
    with_verifier(settings, Arc::new(NotingVerifier { trust: trust(settings)?, seen: None }))
}

/// The key of a target whose file cannot serve, why, and how to mend it.
pub(super) fn validate(settings: &ClientSettings) -> Result<(), (&'static str, String)> {
    let wrong = |key, cause, mend| (key, format!("{cause}; {mend}"));
    let whole = "give a PEM file of whole certificates";
    trust(settings).map_err(|cause| wrong("tls.ca_file", cause, whole))?;
    if let Some((chain, key)) = &settings.client_certificate {
        leaf(chain).map_err(|cause| wrong("tls.cert_file", cause, whole))?;
        let fits = private_key(key).and_then(|_| config(settings).map(drop));
        fits.map_err(|cause| wrong("tls.key_file", cause, "give the key of the certificate in cert_file"))?;
    }
    Ok(())
}

fn leaf(path: &Path) -> Result<(), String> {
    let chain = certificates(path)?;
    ParsedCertificate::try_from(&chain[0])
        .map(drop)
        .map_err(|e| format!("certificate in {}: {e}", path.display()))
}

/// The chain that a server shows, kept also where it is then refused.
pub(super) type Seen = Arc<Mutex<Vec<CertificateDer<'static>>>>;

/// The same configuration for a look at the far side: the chain served is left in `seen`.
pub(super) fn looking(settings: &ClientSettings, seen: &Seen) -> Result<ClientConfig, String> {
    let verifier = NotingVerifier { trust: trust(settings)?, seen: Some(Arc::clone(seen)) };
    with_verifier(settings, Arc::new(verifier))
}

fn with_verifier(settings: &ClientSettings, verifier: Arc<NotingVerifier>) -> Result<ClientConfig, String> {
    let versions: &[&SupportedProtocolVersion] = match settings.min_version {
        TlsVersion::Tls12 => &[&TLS12, &TLS13],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &settings.client_certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(|e| match e {
                Error::InconsistentKeys(_) => "it is another certificate's".to_owned(),
                e => e.to_string(),
            })
            .map_err(|e| format!("key {} with client certificate {}: {e}", key.display(), chain.display()))?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::store(Arc::new(NoSessions)).tls12_resumption(Tls12Resumption::Disabled);
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));
    PROVIDER.clone()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let error = |cause: String| format!("failed to read certificates from {}: {cause}", path.display());
    let pem = file::read(path, file::LARGEST_PEM).map_err(|e| error(e.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|e| error(e.to_string()))?;
    if found.is_empty() { Err(error("no PEM certificate in it".into())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    // The parser's own errors may quote lines of the file, which here would be key material.
    let error = |cause: String| format!("failed to read a private key from {}: {cause}", path.display());
    let pem = file::read(path, file::LARGEST_PEM).map_err(|e| error(e.to_string()))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| error("no usable PEM private key in it".into()))
}

/// Which chains are accepted.
#[derive(Debug)]
enum Trust {
    Anything,
    System,
    /// Roots of a file, and the same certificates as they are.
    Only(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
}

fn trust(settings: &ClientSettings) -> Result<Trust, String> {
    if settings.insecure_skip_verify {
        return Ok(Trust::Anything);
    }
    let Some(path) = &settings.ca_file else { return Ok(Trust::System) };
    let pinned = certificates(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &pinned {
        roots.add(certificate.clone()).map_err(|e| format!("certificate in {}: {e}", path.display()))?;
    }
    Ok(Trust::Only(webpki(roots).map_err(|e| e.to_string())?, pinned))
}

fn webpki(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|e| Error::General(e.to_string()))
}

/// The system's roots, read at the first handshake that asks for them: a service that watches only
/// plain HTTP or its own CA never pays for them.
fn system() -> Result<Arc<WebPkiServerVerifier>, Error> {
    static SYSTEM: OnceLock<Arc<WebPkiServerVerifier>> = OnceLock::new();
    if let Some(verifier) = SYSTEM.get() {
        return Ok(Arc::clone(verifier));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Error::General("this system has no CA certificates installed".into()));
    }
    let verifier = webpki(roots)?;
    Ok(Arc::clone(SYSTEM.get_or_init(|| verifier)))
}

#[derive(Debug)]
struct NotingVerifier {
    trust: Trust,
    seen: Option<Seen>,
}

impl ServerCertVerifier for NotingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf = Certificate::from_der(end_entity).ok();
        let others = intermediates.iter().filter_map(|der| Certificate::from_der(der).ok());
        let expiry = leaf.iter().map(not_after).chain(others.map(|c| not_after(&c))).min();
        hooks::chain_served(server_name, expiry);
        if let Some(seen) = &self.seen {
            let chain = std::iter::once(end_entity).chain(intermediates);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) =
                chain.map(|der| der.clone().into_owned()).collect();
        }
        let (verifier, pinned) = match &self.trust {
            Trust::Anything => return Ok(ServerCertVerified::assertion()),
            Trust::System => (system()?, None),
            Trust::Only(verifier, pinned) => (Arc::clone(verifier), Some(pinned)),
        };
        match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // webpki refuses a CA certificate as a server's own, which the self-signed certificate of
            // many a PBX is. Named in the CA file it is trusted like there; else nobody vouches for it.
            Err(Error::InvalidCertificate(CertificateError::Other(other))) => match leaf {
                Some(leaf) if pinned.is_some_and(|pinned| pinned.contains(end_entity)) => {
                    verify_pinned(&leaf, end_entity, server_name, now)
                }
                Some(leaf) if leaf.tbs_certificate.issuer == leaf.tbs_certificate.subject => {
                    Err(CertificateError::UnknownIssuer.into())
                }
                _ => Err(CertificateError::Other(other).into()),
            },
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate that is itself trusted still has to be in date and to bear the name.
fn verify_pinned(
    leaf: &Certificate,
    der: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let validity = &leaf.tbs_certificate.validity;
    let at = |time: x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    let (not_before, not_after) = (at(validity.not_before), at(validity.not_after));
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    verify_server_name(&ParsedCertificate::try_from(der)?, name)?;
    Ok(ServerCertVerified::assertion())
}

fn not_after(certificate: &Certificate) -> i64 {
    let seconds = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Keeps no session. On purpose: a resumed session shows no chain, so neither a renewed nor an expired
/// certificate would be seen. Being asked for a ticket tells that the ClientHello is about to be made.
#[derive(Debug)]
struct NoSessions;

impl ClientSessionStore for NoSessions {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        hooks::handshake_begins(name);
        None
    }
}
