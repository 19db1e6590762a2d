//! What is wrong with a chain of certificates that was refused: webpki reports little, and some of it is misleading.
//!
//! Decides nothing: the chain has been refused already. Does not belong here: words.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerified;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, SubjectAltName};
use x509_cert::name::Name;

use crate::domain::foreign::{self, shown};
use crate::domain::tls_fault::{TlsFault, Whose};

/// Names of a certificate that are shown.
const NAMES: usize = 10;

/// A chain as it was served, and what would have been trusted.
pub(super) struct Chain<'a> {
    leaf: Certificate,
    others: Vec<Certificate>,
    roots: &'a [CertificateDer<'static>],
}

/// Carries a fault through rustls.
pub(super) fn carry(fault: TlsFault) -> Error {
    CertificateError::Other(OtherError(Arc::new(fault))).into()
}

/// The fault that rustls carries.
pub(super) fn carried(error: &CertificateError) -> Option<&TlsFault> {
    match error {
        CertificateError::Other(OtherError(inner)) => inner.downcast_ref(),
        _ => None,
    }
}

impl<'a> Chain<'a> {
    /// `None` where the server's own certificate cannot be read.
    pub(super) fn of(
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        roots: &'a [CertificateDer<'static>],
    ) -> Option<Self> {
        let leaf = Certificate::from_der(end_entity).ok()?;
        let others = intermediates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        Some(Self { leaf, others, roots })
    }

    /// When the first of them ends, Unix seconds.
    pub(super) fn expiry(&self) -> i64 {
        let first = self.with_whose().map(|(_, certificate)| not_after(certificate)).min();
        first.and_then(|end| i64::try_from(end).ok()).unwrap_or(i64::MAX)
    }

    /// A certificate that is itself trusted still has to be in date and to bear the name.
    pub(super) fn verify_pinned(
        &self,
        der: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (from, now_unix) = (not_before(&self.leaf), now.as_secs());
        if now_unix < from {
            return Err(carry(TlsFault::NotYetValid { whose: Whose::Server, from, now: now_unix }));
        }
        if now_unix > not_after(&self.leaf) {
            return Err(carry(TlsFault::Expired(Whose::Server, not_after(&self.leaf))));
        }
        let named = ParsedCertificate::try_from(der).and_then(|parsed| verify_server_name(&parsed, name));
        named.map_err(|_| carry(self.wrong_name(name)))?;
        Ok(ServerCertVerified::assertion())
    }

    /// Why `error` came.
    pub(super) fn fault(&self, error: &CertificateError, name: &ServerName<'_>, now: UnixTime) -> TlsFault {
        use CertificateError as C;
        let now = now.as_secs();
        match error {
            C::Expired | C::ExpiredContext { .. } => self.expired(now),
            C::NotValidYet | C::NotValidYetContext { .. } => self.not_yet_valid(now),
            C::NotValidForName | C::NotValidForNameContext { .. } => self.wrong_name(name),
            C::InvalidPurpose | C::InvalidPurposeContext { .. } => TlsFault::WrongUse,
            C::Revoked => TlsFault::Revoked,
            C::BadEncoding | C::UnhandledCriticalExtension => TlsFault::Malformed,
            error => self.weak().unwrap_or_else(|| self.unproven(error)),
        }
    }

    fn with_whose(&self) -> impl Iterator<Item = (Whose, &Certificate)> {
        let others = self.others.iter().map(|other| (Whose::Intermediate(subject(other)), other));
        std::iter::once((Whose::Server, &self.leaf)).chain(others)
    }

    fn expired(&self, now: u64) -> TlsFault {
        let over = self.with_whose().find(|(_, certificate)| not_after(certificate) < now);
        let (whose, end) = over.map_or((Whose::Server, not_after(&self.leaf)), |(w, c)| (w, not_after(c)));
        TlsFault::Expired(whose, end)
    }

    fn not_yet_valid(&self, now: u64) -> TlsFault {
        let early = self.with_whose().find(|(_, certificate)| not_before(certificate) > now);
        let (whose, from) =
            early.map_or((Whose::Server, not_before(&self.leaf)), |(w, c)| (w, not_before(c)));
        TlsFault::NotYetValid { whose, from, now }
    }

    fn wrong_name(&self, name: &ServerName<'_>) -> TlsFault {
        let asked = name.to_str().into_owned();
        match self.leaf.tbs_certificate.get::<SubjectAltName>() {
            Ok(Some((_, names))) => {
                let names = foreign::first(&names.0, NAMES, alt_name);
                let names = if names.is_empty() { vec!["no name".to_owned()] } else { names };
                TlsFault::WrongName { asked, names }
            }
            _ => TlsFault::NoAltName(asked),
        }
    }

    /// A key or signature that is not accepted, whatever the rest is like.
    fn weak(&self) -> Option<TlsFault> {
        self.with_whose().find_map(|(whose, certificate)| {
            if let Some(key) = weak_key(certificate) {
                return Some(TlsFault::WeakKey(whose, key));
            }
            // Nobody looks at the signature of a root that is sent along.
            let counts = whose == Whose::Server || !is_self_issued(certificate);
            let algorithm = weak_signature(certificate).filter(|_| counts)?;
            Some(TlsFault::WeakSignature(whose, algorithm))
        })
    }

    fn unproven(&self, error: &CertificateError) -> TlsFault {
        use CertificateError as C;
        match error {
            _ if is_self_issued(&self.leaf) => TlsFault::SelfSigned,
            C::UnknownIssuer => self.without_issuer(),
            C::BadSignature => TlsFault::NotItsAuthority,
            C::UnsupportedSignatureAlgorithmContext { .. }
            | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                TlsFault::WeakSignature(Whose::Server, "an algorithm that is not supported")
            }
            _ => TlsFault::Malformed,
        }
    }

    /// Whether a certificate between the last one sent and a root is missing, or the root is not trusted. Roots are rarely
    /// sent, so the issuer's name alone is not enough; who signs below another has an address to fetch it from, is of the
    /// same house as a root that is trusted, or says so in its name.
    fn without_issuer(&self) -> TlsFault {
        let last = self.last();
        let issuer = &last.tbs_certificate.issuer;
        let (subject, named) = (subject(last), printable(issuer));
        let is_known = self.roots().any(|root| root.tbs_certificate.subject == *issuer);
        if is_self_issued(last) {
            return TlsFault::UnknownAuthority(subject);
        }
        if is_known {
            return TlsFault::NotItsAuthority;
        }
        let of_house = || {
            let house = organization(issuer);
            house.is_some() && self.roots().any(|root| organization(&root.tbs_certificate.subject) == house)
        };
        let below = ["intermediate", "issuing", "sub ca", "subca", "subordinate"];
        let says_so = || below.iter().any(|word| named.to_ascii_lowercase().contains(word));
        if self.others.is_empty() && (has_address_of_issuer(last) || of_house() || says_so()) {
            return TlsFault::MissingIntermediate { subject, issuer: named };
        }
        if !self.others.is_empty() && (of_house() || says_so()) {
            return TlsFault::MissingIntermediate { subject, issuer: named };
        }
        TlsFault::UnknownAuthority(named)
    }

    /// The end of what was sent, from the server's own on.
    fn last(&self) -> &Certificate {
        let mut last = &self.leaf;
        for _ in 0..self.others.len() {
            let issuer = &last.tbs_certificate.issuer;
            let next = self.others.iter().find(|other| other.tbs_certificate.subject == *issuer);
            match next {
                Some(next) if !is_self_issued(last) => last = next,
                _ => break,
            }
        }
        last
    }

    fn roots(&self) -> impl Iterator<Item = Certificate> {
        self.roots.iter().filter_map(|der| Certificate::from_der(der).ok())
    }
}

/// The key of a certificate that alone explains a refused signature.
pub(super) fn weak_key_of(der: &CertificateDer<'_>) -> Option<TlsFault> {
    let key = weak_key(&Certificate::from_der(der).ok()?)?;
    Some(TlsFault::WeakKey(Whose::Server, key))
}

fn not_after(certificate: &Certificate) -> u64 {
    certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs()
}

fn not_before(certificate: &Certificate) -> u64 {
    certificate.tbs_certificate.validity.not_before.to_unix_duration().as_secs()
}

fn is_self_issued(certificate: &Certificate) -> bool {
    certificate.tbs_certificate.issuer == certificate.tbs_certificate.subject
}

/// RFC 5280 section 4.2.2.1: who signs below a root says where its own certificate is.
fn has_address_of_issuer(certificate: &Certificate) -> bool {
    const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
    let access = certificate.tbs_certificate.get::<AuthorityInfoAccessSyntax>();
    matches!(access, Ok(Some((_, access))) if access.0.iter().any(|one| one.access_method == CA_ISSUERS))
}

fn organization(name: &Name) -> Option<String> {
    const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
    let mut all = name.0.iter().flat_map(|part| part.0.iter());
    all.find(|part| part.oid == ORGANIZATION)
        .map(|part| String::from_utf8_lossy(part.value.value()).into_owned())
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const CURVES: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), ObjectIdentifier::new_unwrap("1.3.132.0.34")];

/// What ring does not verify with.
fn weak_key(certificate: &Certificate) -> Option<String> {
    let key = &certificate.tbs_certificate.subject_public_key_info;
    match key.algorithm.oid {
        RSA => {
            let bits = rsa_bits(key.subject_public_key.raw_bytes())?;
            (!(2048..=8192).contains(&bits)).then(|| format!("RSA of {bits} bits"))
        }
        EC => {
            let curve: ObjectIdentifier = key.algorithm.parameters.as_ref()?.decode_as().ok()?;
            (!CURVES.contains(&curve)).then(|| "elliptic curve that is not supported".to_owned())
        }
        DSA => Some("DSA".to_owned()),
        _ => None,
    }
}

fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader.sequence(|inner| {
        let modulus = UintRef::decode(inner)?;
        UintRef::decode(inner)?;
        Ok(modulus)
    });
    let bytes = modulus.ok()?.as_bytes();
    let unused = usize::try_from(bytes.first()?.leading_zeros()).ok()?;
    Some(bytes.len() * 8 - unused)
}

fn weak_signature(certificate: &Certificate) -> Option<&'static str> {
    match certificate.signature_algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" | "1.3.14.3.2.29" => Some("SHA-1"),
        "1.2.840.113549.1.1.4" => Some("MD5"),
        "1.2.840.113549.1.1.2" => Some("MD2"),
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => Some("SHA-224"),
        _ => None,
    }
}

fn subject(certificate: &Certificate) -> String {
    printable(&certificate.tbs_certificate.subject)
}

pub(super) fn printable(name: &Name) -> String {
    shown(&name.to_string())
}

fn alt_name(name: &x509_cert::ext::pkix::name::GeneralName) -> String {
    use x509_cert::ext::pkix::name::GeneralName as G;
    match name {
        G::DnsName(name) => shown(name.as_str()),
        G::IpAddress(address) => match address.as_bytes() {
            [a, b, c, d] => std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string(),
            bytes => <[u8; 16]>::try_from(bytes).map_or_else(
                |_| "an address".to_owned(),
                |bytes| std::net::Ipv6Addr::from(bytes).to_string(),
            ),
        },
        _ => "a name of another kind".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_is_too_weak_is_called_so_whatever_else_is_wrong() {
        let server = || Whose::Server;
        for (name, fault) in [
            ("sha1", TlsFault::WeakSignature(server(), "SHA-1")),
            ("md5", TlsFault::WeakSignature(server(), "MD5")),
            ("rsa1024", TlsFault::WeakKey(server(), "RSA of 1024 bits".into())),
            ("p521", TlsFault::WeakKey(server(), "elliptic curve that is not supported".into())),
        ] {
            let path = format!("{}/tests/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"));
            let leaf = CertificateDer::from_pem_file(path).expect(name);
            let chain = Chain::of(&leaf, &[], &[]).expect(name);
            let (host, now) = (ServerName::try_from("localhost").expect("a name"), UnixTime::now());
            for error in [CertificateError::UnknownIssuer, CertificateError::BadSignature] {
                assert_eq!(chain.fault(&error, &host, now), fault, "{name}");
            }
            let by_handshake = matches!(fault, TlsFault::WeakKey(..)).then_some(fault);
            assert_eq!(weak_key_of(&leaf), by_handshake, "{name}");
        }
    }
}
