//! `tls_server_config`: from its keys to what rustls does at each handshake.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use secrecy::ExposeSecret;

use super::clients::{AnyCertificate, OfAllowedNames};
use super::file::Tls;

/// TLS as it is in force.
pub(in crate::listener) struct ServerTls {
    pub config: Arc<ServerConfig>,
    /// Whether a client certificate is verified, where there is one.
    pub verifies: bool,
    /// How strictly clients are asked for one; what falls below opens the pages to more people.
    pub(super) demands: Demands,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Demands {
    pub certificate: Certificate,
    pub names: bool,
}

/// In the order of what they ask of a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certificate {
    None,
    Request,
    VerifyIfGiven,
    RequireAny,
    RequireAndVerify,
}

impl ServerTls {
    /// Whether nobody gets in without a certificate that is verified.
    pub(in crate::listener) fn requires_verified(&self) -> bool {
        self.verifies && self.config_requires()
    }

    fn config_requires(&self) -> bool {
        self.demands.certificate == Certificate::RequireAndVerify || self.demands.names
    }
}

/// What the keys lead to, and what a person should know about it.
pub(super) struct Read {
    pub tls: Option<ServerTls>,
    pub warnings: Vec<String>,
}

/// The bytes that are behind the keys.
pub(super) struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl Tls {
    /// Whether anything turns it on.
    pub(super) fn is_on(&self) -> bool {
        let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let texts = [
            &self.cert,
            &self.cert_file,
            &self.key_file,
            &self.client_ca,
            &self.client_ca_file,
            &self.client_auth_type,
        ];
        texts.into_iter().any(set) || self.key.as_ref().is_some_and(|key| !key.expose_secret().is_empty())
    }

    /// Reads certificate, key and authorities. Relative paths begin at the folder of the file.
    pub(super) fn material(&self, folder: &Path) -> Result<Material, String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (cert_file, key_file) = (given(&self.cert_file), given(&self.key_file));
        let key = self.key.as_ref().map(ExposeSecret::expose_secret).filter(|key| !key.is_empty());
        if cert_file.is_none() && given(&self.cert).is_none() {
            return Err("missing one of cert or cert_file".to_owned());
        }
        if key_file.is_none() && key.is_none() {
            return Err("missing one of key or key_file".to_owned());
        }
        let file = |name: &str, path: String| read(name, &folder.join(path));
        let certificate = match cert_file {
            Some(path) => file("cert_file", path)?,
            None => given(&self.cert).unwrap_or_default().into_bytes(),
        };
        let key = match key_file {
            Some(path) => file("key_file", path)?,
            None => key.unwrap_or_default().as_bytes().to_vec(),
        };
        let authorities = match given(&self.client_ca_file) {
            Some(path) => Some(file("client_ca_file", path)?),
            None => given(&self.client_ca).map(String::into_bytes),
        };
        Ok(Material { certificate, key, authorities })
    }
}

impl Material {
    /// Everything, to see whether it has changed.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [&self.certificate, &self.key, self.authorities.as_deref().unwrap_or_default()]
    }
}

fn read(name: &str, path: &PathBuf) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("failed to read {name} ({}): {error}", path.display()))
}

/// Builds what `tls` and `material` say; HTTP/2 is offered where `http2` says so.
pub(super) fn build(tls: &Tls, material: &Material, http2: bool) -> Result<Read, String> {
    let mut warnings = Vec::new();
    let versions = versions(tls, &mut warnings)?;
    let provider = Arc::new(provider(tls, http2, &versions, &mut warnings)?);
    let identity = identity(material, &provider)?;
    let (demands, verifier) = clients(tls, material, &provider, &mut warnings)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| format!("no TLS version and cipher suite is left: {error}"))?;
    let builder = match &verifier {
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.ignore_client_order = true;
    if verifier.is_some() {
        // A resumed session would skip the look at the certificate.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let is_verifying =
        matches!(demands.certificate, Certificate::VerifyIfGiven | Certificate::RequireAndVerify);
    Ok(Read { tls: Some(ServerTls { config: Arc::new(config), verifies: is_verifying, demands }), warnings })
}

fn identity(material: &Material, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let failed = |cause: String| format!("failed to load X509KeyPair: {cause}");
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&material.certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| failed("the certificate is no PEM".to_owned()))?;
    if chain.is_empty() {
        return Err(failed("failed to find any PEM data in certificate input".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(&material.key)
        .map_err(|_| failed("failed to find any PEM data in key input".to_owned()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| failed(error.to_string()))
}

fn versions(tls: &Tls, warnings: &mut Vec<String>) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let mut number = |text: &Option<String>, default| match text.as_deref() {
        None => Ok(default),
        Some("TLS13") => Ok(13),
        Some("TLS12") => Ok(12),
        Some(old @ ("TLS10" | "TLS11")) => {
            warnings.push(format!("{old} is not spoken by this program; TLS12 is the oldest"));
            Ok(if old == "TLS10" { 10 } else { 11 })
        }
        Some(other) => Err(format!("unknown TLS version: {other}")),
    };
    let (min, max) = (number(&tls.min_version, 12)?, number(&tls.max_version, 13)?);
    let versions: Vec<_> = [(12, &TLS12), (13, &TLS13)]
        .into_iter()
        .filter(|(n, _)| (min..=max).contains(n))
        .map(|(_, v)| v)
        .collect();
    if versions.is_empty() {
        return Err("min_version and max_version leave no TLS version that this program speaks".to_owned());
    }
    Ok(versions)
}

/// The suites of TLS 1.2 that can be chosen; those of 1.3 are always there, as in Go.
const SUITES: [(&str, Option<SupportedCipherSuite>); 12] = {
    use ring::cipher_suite as suite;
    [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Some(suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Some(suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Some(suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
            Some(suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Some(suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Some(suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            Some(suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
        ),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", Some(suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256)),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
    ]
};
const OF_TLS13: [(&str, SupportedCipherSuite); 3] = {
    use ring::cipher_suite as suite;
    [
        ("TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
        ("TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
        ("TLS_CHACHA20_POLY1305_SHA256", suite::TLS13_CHACHA20_POLY1305_SHA256),
    ]
};

const CURVES: [(&str, Option<&dyn SupportedKxGroup>); 4] = [
    ("X25519", Some(ring::kx_group::X25519)),
    ("CurveP256", Some(ring::kx_group::SECP256R1)),
    ("CurveP384", Some(ring::kx_group::SECP384R1)),
    ("CurveP521", None),
];

fn provider(
    tls: &Tls,
    http2: bool,
    versions: &[&SupportedProtocolVersion],
    warnings: &mut Vec<String>,
) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if let Some(names) = tls.cipher_suites.as_ref().filter(|names| !names.is_empty()) {
        let chosen = suites(names, warnings)?;
        let speaks_12 = versions.contains(&&TLS12);
        if http2 && speaks_12 && !names.iter().any(|name| name.ends_with("_WITH_AES_128_GCM_SHA256")) {
            return Err(
                "http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher \
                        (need at least one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or \
                        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)"
                    .to_owned(),
            );
        }
        if chosen.is_empty() && !versions.contains(&&TLS13) {
            return Err("cipher_suites leaves no cipher suite that this program has".to_owned());
        }
        provider.cipher_suites = OF_TLS13.iter().map(|(_, suite)| *suite).chain(chosen).collect();
    }
    if let Some(names) = tls.curve_preferences.as_ref().filter(|names| !names.is_empty()) {
        provider.kx_groups = curves(names, warnings)?;
    }
    Ok(provider)
}

fn suites(names: &[String], warnings: &mut Vec<String>) -> Result<Vec<SupportedCipherSuite>, String> {
    let mut chosen = Vec::new();
    for name in names {
        let known = SUITES.iter().find(|(known, _)| known == name);
        match known {
            Some((_, Some(suite))) => chosen.push(*suite),
            Some((_, None)) => {
                warnings.push(format!("{name} is not among the cipher suites of this program"));
            }
            None if OF_TLS13.iter().any(|(known, _)| known == name) => {}
            None => return Err(format!("unknown cipher: {name}")),
        }
    }
    Ok(chosen)
}

fn curves(
    names: &[String],
    warnings: &mut Vec<String>,
) -> Result<Vec<&'static dyn SupportedKxGroup>, String> {
    let mut chosen = Vec::new();
    for name in names {
        match CURVES.iter().find(|(known, _)| known == name) {
            Some((_, Some(group))) => chosen.push(*group),
            Some((_, None)) => warnings.push(format!("{name} is not among the curves of this program")),
            None => return Err(format!("unknown curve: {name}")),
        }
    }
    if chosen.is_empty() {
        return Err("curve_preferences leaves no curve that this program has".to_owned());
    }
    Ok(chosen)
}

type Verifier = Option<Arc<dyn ClientCertVerifier>>;

fn clients(
    tls: &Tls,
    material: &Material,
    provider: &Arc<CryptoProvider>,
    warnings: &mut Vec<String>,
) -> Result<(Demands, Verifier), String> {
    let certificate = match tls.client_auth_type.as_deref().unwrap_or_default() {
        "" | "NoClientCert" => Certificate::None,
        "RequestClientCert" => Certificate::Request,
        "RequireAnyClientCert" | "RequireClientCert" => Certificate::RequireAny,
        "VerifyClientCertIfGiven" => Certificate::VerifyIfGiven,
        "RequireAndVerifyClientCert" => Certificate::RequireAndVerify,
        other => return Err(format!("invalid ClientAuth: {other}")),
    };
    let demands = Demands { certificate, names: tls.client_allowed_sans.is_some() };
    let verified: Arc<dyn ClientCertVerifier> = match certificate {
        Certificate::None if material.authorities.is_some() => {
            return Err("client CA's have been configured without a Client Auth Policy".to_owned());
        }
        Certificate::None => return Ok((demands, None)),
        Certificate::Request | Certificate::RequireAny => {
            let mandatory = certificate == Certificate::RequireAny;
            if demands.names {
                warnings.push(format!(
                    "client_allowed_sans with {}: nobody verifies these certificates, so anybody can make one",
                    tls.client_auth_type.as_deref().unwrap_or_default()
                ));
            }
            Arc::new(AnyCertificate::new(Arc::clone(provider), mandatory))
        }
        Certificate::VerifyIfGiven | Certificate::RequireAndVerify => {
            let roots = roots(tls, material, warnings)?;
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let optional = certificate == Certificate::VerifyIfGiven;
            let builder = if optional { builder.allow_unauthenticated() } else { builder };
            builder.build().map_err(|error| format!("failed to use the client CAs: {error}"))?
        }
    };
    Ok(match &tls.client_allowed_sans {
        Some(names) => (demands, Some(Arc::new(OfAllowedNames::new(verified, names.clone())))),
        None => (demands, Some(verified)),
    })
}

/// Those that are configured, else those of the system, as in the family.
fn roots(tls: &Tls, material: &Material, warnings: &mut Vec<String>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(authorities) = &material.authorities else {
        if tls.client_allowed_sans.is_none() {
            let line = "client certificates are verified without client_ca or client_ca_file: every certificate that \
                        the system's authorities have issued to anybody lets its owner in";
            warnings.push(line.to_owned());
        }
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = || "client_ca holds no certificate, or one that is not whole".to_owned();
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        roots.add(certificate.map_err(|_| unusable())?).map_err(|_| unusable())?;
    }
    if roots.is_empty() { Err(unusable()) } else { Ok(roots) }
}
