//! A certificate authority and TLS servers of its own.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio_rustls::rustls;

/// 2100-01-01, the notAfter of good certificates.
pub const GOOD_UNTIL: i64 = 4_102_444_800;
/// 2020-01-01, the notAfter of expired ones.
pub const EXPIRED_ON: i64 = 1_577_836_800;

/// An authority with a folder for the files that settings name.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate with its key.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    /// Sent along: what signed it.
    pub above: Vec<CertificateDer<'static>>,
    pub certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(2101, 1, 1);
        let key = KeyPair::generate().expect("a key");
        // A name of its own: else another authority's signature would be looked for and found wrong.
        let name = format!("{:02x?}", &key.public_key_raw()[1..9]);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        Self { issuer, folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn ca_file(&self) -> PathBuf {
        self.file("ca.pem", &self.issuer.pem())
    }

    pub fn ca_pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// For `localhost`, good for long.
    pub fn good(&self) -> Identity {
        self.issue("localhost", 2100)
    }

    /// For `name`, until the first of January of `year`.
    pub fn issue(&self, name: &str, year: i32) -> Identity {
        let key = KeyPair::generate().expect("a key");
        self.sign(&params(name, year), key)
    }

    /// For `localhost`, as `change` makes it otherwise.
    pub fn odd(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = params("localhost", 2100);
        change(&mut params);
        self.sign(&params, KeyPair::generate().expect("a key"))
    }

    fn sign(&self, params: &CertificateParams, key: KeyPair) -> Identity {
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let (certificate_pem, certificate) = (certificate.pem(), certificate.der().clone());
        Identity { certificate, above: Vec::new(), certificate_pem, key }
    }

    /// An authority below this one, until the first of January of `year`.
    pub fn below(&self, name: &str, year: i32) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(year, 1, 1));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer).expect("an authority");
        Self { issuer, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Its own certificate.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// Requires a client certificate of this authority.
    pub fn requiring_client(
        &self,
        identity: &Identity,
        version: &'static SupportedProtocolVersion,
    ) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring::default_provider().into())
                .build()
                .expect("a verifier");
        ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![identity.certificate.clone()], identity.key())
            .expect("an identity")
    }
}

impl Identity {
    /// Its own issuer, as the certificates that PBXes come with; marked as an authority, as openssl does.
    pub fn self_signed(name: &str, year: i32) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(name, year);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let (certificate_pem, certificate) = (certificate.pem(), certificate.der().clone());
        Self { certificate, above: Vec::new(), certificate_pem, key }
    }

    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key")
    }

    /// A server with this identity that speaks `versions` only.
    pub fn server(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert([std::slice::from_ref(&self.certificate), &self.above].concat(), self.key())
            .expect("an identity")
    }
}

fn params(name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(year, 1, 1);
    params
}
