//! The TLS side of a client: trusted roots, client certificate, versions, and a verifier that notes
//! when the chain served expires. Does not belong here: what a failed handshake is called.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Resumption, Tls12Resumption, WebPkiServerVerifier};
use rustls::client::{ResolvesClientCert, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore};
use rustls::{SignatureScheme, SupportedProtocolVersion};

use super::chain::{self, Chain};
use super::hooks;
use crate::domain::file;
use crate::domain::target::{ClientSettings, TlsVersion};
use crate::domain::tls_fault::TlsFault;

/// The configuration that `settings` ask for; reads the files they name.
pub(super) fn config(settings: &ClientSettings) -> Result<ClientConfig, String> {
    with_verifier(settings, NotingVerifier { trust: trust(settings)?, seen: None })
}

/// The key of a target whose file is unusable, why, and how to fix it.
pub(super) fn validate(settings: &ClientSettings) -> Result<(), (&'static str, String)> {
    let wrong = |key, cause, fix| (key, format!("{cause}; {fix}"));
    let whole = "give a PEM file with complete certificates";
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

/// What a server shows and asks for, kept also where it is then refused.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) chain: Mutex<Vec<CertificateDer<'static>>>,
    /// Whether it asked for a client certificate; if so, whether there was one.
    pub(super) asked: Mutex<Option<bool>>,
}

/// The same configuration for a look at the far side: what it shows is left in `seen`.
pub(super) fn looking(settings: &ClientSettings, seen: &Arc<Seen>) -> Result<ClientConfig, String> {
    let verifier = NotingVerifier { trust: trust(settings)?, seen: Some(Arc::clone(seen)) };
    with_verifier(settings, verifier)
}

fn with_verifier(settings: &ClientSettings, verifier: NotingVerifier) -> Result<ClientConfig, String> {
    let seen = verifier.seen.clone();
    let versions: &[&SupportedProtocolVersion] = match settings.min_version {
        TlsVersion::Tls12 => &[&TLS12, &TLS13],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &settings.client_certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(certificates(chain)?, private_key(key)?)
            .map_err(|e| match e {
                Error::InconsistentKeys(_) => "it belongs to another certificate".to_owned(),
                e => e.to_string(),
            })
            .map_err(|e| format!("key {} with client certificate {}: {e}", key.display(), chain.display()))?,
    };
    let inner = Arc::clone(&config.client_auth_cert_resolver);
    config.client_auth_cert_resolver = Arc::new(NotingResolver { inner, seen });
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
    if found.is_empty() { Err(error("it has no PEM certificate".into())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    // The parser's own errors may quote lines of the file, which here would be key material.
    let error = |cause: String| format!("failed to read a private key from {}: {cause}", path.display());
    let pem = file::read(path, file::LARGEST_PEM).map_err(|e| error(e.to_string()))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| error("it has no usable PEM private key".into()))
}

/// Which chains are accepted.
#[derive(Debug)]
enum Trust {
    Anything,
    System,
    /// Roots of a file, and the same certificates as they are.
    Only(Arc<WebPkiServerVerifier>, Vec<CertificateDer<'static>>),
}

impl Trust {
    /// The certificates of the CA file.
    fn pinned(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Only(_, pinned) => pinned,
            Self::Anything | Self::System => &[],
        }
    }
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
        return Err(chain::carry(TlsFault::NoRoots));
    }
    let verifier = webpki(roots)?;
    Ok(Arc::clone(SYSTEM.get_or_init(|| verifier)))
}

#[derive(Debug)]
struct NotingVerifier {
    trust: Trust,
    seen: Option<Arc<Seen>>,
}

/// Notes that the server asks for a client certificate.
#[derive(Debug)]
struct NotingResolver {
    inner: Arc<dyn ResolvesClientCert>,
    seen: Option<Arc<Seen>>,
}

impl ResolvesClientCert for NotingResolver {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let found = self.inner.resolve(hints, schemes);
        hooks::certificate_asked(found.is_some());
        if let Some(seen) = &self.seen {
            *seen.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.is_some());
        }
        found
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
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
        let served = Chain::of(end_entity, intermediates, self.trust.pinned());
        hooks::chain_served(server_name, served.as_ref().map(Chain::expiry));
        if let Some(seen) = &self.seen {
            let chain = std::iter::once(end_entity).chain(intermediates);
            *seen.chain.lock().unwrap_or_else(PoisonError::into_inner) =
                chain.map(|der| der.clone().into_owned()).collect();
        }
        let verifier = match &self.trust {
            Trust::Anything => return Ok(ServerCertVerified::assertion()),
            Trust::System => system()?,
            Trust::Only(verifier, _) => Arc::clone(verifier),
        };
        let verdict = verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let (Err(Error::InvalidCertificate(error)), Some(served)) = (&verdict, &served) else {
            return verdict;
        };
        // webpki refuses a CA certificate as a server's own, which the self-signed certificate of many a PBX is. Named in
        // the CA file it is trusted like there.
        if matches!(error, CertificateError::Other(_)) && self.trust.pinned().contains(end_entity) {
            return served.verify_pinned(end_entity, server_name, now);
        }
        Err(chain::carry(served.fault(error, server_name, now)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
            .map_err(|error| chain::weak_key_of(cert).map_or(error, chain::carry))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
            .map_err(|error| chain::weak_key_of(cert).map_or(error, chain::carry))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Keeps no session. On purpose: a resumed session shows no chain, so neither a renewed nor an expired
/// certificate would be seen. Being asked for a ticket means that the ClientHello is about to be made.
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
