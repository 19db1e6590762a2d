//! Why there is no trusted TLS: the first step for each fault, and the least harmful. The transport's own words are `{error}`.

use super::Words;
use super::way::{NO_NEW_SECRET, PROXY};
use crate::domain::cause::Tls;
use crate::domain::platform::Certainty::{Certain, Likely};

const IN_PLAIN: &str = "Do not change to http://: credentials would travel unencrypted.";

/// What this side refuses.
const UNTRUSTED: Words = Words {
    title: "no trusted TLS",
    because: "The handshake ended on it; no credential was sent.",
    avoid: &[
        "Do not turn verification off: the client secret would go to whoever answers. Name the right CA file.",
        IN_PLAIN,
        NO_NEW_SECRET,
    ],
    ..PROXY
};
/// What the other side refuses.
const REFUSED: Words = Words {
    title: "the server refuses the TLS handshake",
    because: "The server says so itself; no credential was sent.",
    avoid: &["Do not change the server's certificate: it is not what is refused.", IN_PLAIN, NO_NEW_SECRET],
    ..PROXY
};
const CLIENT: Words = Words { title: "the server refuses the client certificate", ..REFUSED };

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &Tls) -> Words {
    match cause {
        Tls::Expired { .. } => Words {
            title: "the certificate has expired",
            fix: "Renew the certificate of {host}.",
            ..UNTRUSTED
        },
        Tls::IntermediateExpired { .. } => Words {
            title: "an intermediate certificate has expired",
            fix: "The certificate of {host} itself is not what expired: install there the chain that its authority issues now.",
            ..UNTRUSTED
        },
        Tls::ClockWrong { .. } => Words {
            title: "this machine's clock is wrong",
            fix: "Set this machine's clock (`timedatectl` shows it): it is before the day this program was made.",
            because: "No clock can be right that shows a day before this program was made.",
            avoid: &["Do not change anything on the PBX: its certificate is not the cause."],
            ..UNTRUSTED
        },
        Tls::NotYetValid { .. } => Words {
            title: "the certificate is not valid yet, by this machine's clock",
            fix: "Check this machine's clock first (`timedatectl`): one that is behind makes a good certificate look like this. If it is \
                  right, wait, or have {host} issue another certificate with its clock set.",
            certainty: Likely,
            ..UNTRUSTED
        },
        Tls::SelfSigned { .. } => Words {
            title: "the certificate is self-signed, and not trusted here",
            fix: "Save the certificate of {host}, compare its fingerprint with the one that the PBX itself shows, and name the file as \
                  tls.ca_file; docs/configuration.md has the commands.",
            ..UNTRUSTED
        },
        Tls::UnknownAuthority { .. } => Words {
            title: "the certificate's authority is not trusted here",
            fix: "If {host} should have a certificate of that authority, name the authority's file as tls.ca_file. If not, find out first \
                  who answers there.",
            ..UNTRUSTED
        },
        Tls::MissingIntermediate { .. } => Words {
            title: "the server does not send its whole chain",
            fix: "On {host}, install the file that the authority calls fullchain or bundle in place of the certificate alone.",
            certainty: Likely,
            ..UNTRUSTED
        },
        Tls::WrongName { .. } => Words {
            title: "the certificate is for another name",
            fix: "Use a name that is in it in {address}, set tls.server_name to one, or install a certificate for the name that is asked for.",
            ..UNTRUSTED
        },
        Tls::NoAltName { .. } => Words {
            title: "the certificate has no subjectAltName",
            fix: "Issue a new certificate for {host} with the name, or the address, as subjectAltName: the common name has not counted \
                  for years (RFC 9525).",
            ..UNTRUSTED
        },
        Tls::WeakKey { .. } => Words {
            title: "the certificate's key is too weak",
            fix: "Make a new key and certificate for {host}: RSA of 2048 bits or more, or P-256.",
            because: "`openssl verify` may call it good: this exporter does not accept such keys.",
            ..UNTRUSTED
        },
        Tls::WeakSignature { .. } => Words {
            title: "the certificate's signature is too weak",
            fix: "Renew the certificate of {host}: authorities sign with SHA-256 or better now.",
            because: "`openssl verify` may call it good: this exporter does not accept such signatures.",
            ..UNTRUSTED
        },
        Tls::NotItsAuthority { .. } => Words {
            title: "the certificate is signed by another authority of the same name",
            fix: "Two authorities have this name: name the file of the one that signed it as tls.ca_file.",
            certainty: Likely,
            ..UNTRUSTED
        },
        Tls::WrongUse { .. } => Words {
            title: "the certificate is not for servers",
            fix: "Install a certificate on {host} whose extended key usage has serverAuth.",
            ..UNTRUSTED
        },
        Tls::Revoked { .. } => Words {
            title: "the certificate is revoked",
            fix: "Find out why it was revoked, and renew the certificate of {host}.",
            ..UNTRUSTED
        },
        Tls::NoRoots { .. } => Words {
            title: "this machine has no CA certificates",
            fix: "Install them on this machine (the package ca-certificates), or name tls.ca_file.",
            avoid: &["Do not change anything on the PBX: it has no part in this."],
            ..UNTRUSTED
        },
        Tls::NotTls { .. } => Words {
            title: "no TLS at this port",
            fix: "This port speaks no TLS: give {address} the port of https, or let the web server speak it there.",
            because: "What the port answered is not TLS; no credential was sent.",
            avoid: &[IN_PLAIN, NO_NEW_SECRET],
            ..PROXY
        },
        _ => of_server(cause),
    }
}

const fn of_server(cause: &Tls) -> Words {
    match cause {
        Tls::Version { .. } => Words {
            title: "no TLS version in common",
            fix: "Enable TLS 1.2 or newer at {host}; where tls.min_version is set here, compare it with what {host} speaks.",
            ..REFUSED
        },
        Tls::Ciphers { .. } => Words {
            title: "no cipher suite in common",
            fix: "Allow an ECDHE suite with AES-GCM or ChaCha20 at {host}, and a key that is RSA, P-256 or P-384. Some servers end the \
                  handshake like this where they want a client certificate, too.",
            certainty: Likely,
            ..REFUSED
        },
        Tls::UnrecognisedName { .. } => Words {
            title: "the server has no certificate for this name",
            fix: "Correct the name in {address} or tls.server_name, or give {host} a virtual host for it.",
            ..REFUSED
        },
        Tls::ClientMissing { .. } => Words {
            title: "the server wants a client certificate",
            fix: "Give the target tls.cert_file and tls.key_file, a pair that {host} trusts.",
            ..CLIENT
        },
        Tls::ClientExpired { .. } => Words {
            title: "our client certificate has expired",
            fix: "Renew the certificate in tls.cert_file.",
            ..CLIENT
        },
        Tls::ClientRevoked { .. } => Words {
            title: "our client certificate is revoked",
            fix: "Have a new certificate issued for tls.cert_file.",
            ..CLIENT
        },
        Tls::ClientUnknownAuthority { .. } => Words {
            fix: "Have {host} trust the authority that signed tls.cert_file, or give tls.cert_file a certificate of an authority that it \
                  trusts; intermediates belong in the same file.",
            ..CLIENT
        },
        Tls::ClientDenied { .. } => Words { fix: "Allow the name in tls.cert_file at {host}.", ..CLIENT },
        Tls::ClientRefused { .. } => Words {
            fix: "Check the certificate in tls.cert_file: its dates, its authority, and what the error log of {host} says about it.",
            certainty: Likely,
            ..CLIENT
        },
        Tls::Lost { .. } => Words {
            title: "the TLS handshake broke off",
            fix: "Look into the error log of the web server of {host}, and whether a firewall or proxy between looks into TLS.",
            certainty: Likely,
            because: "The connection ended in the handshake; why, nobody said. No credential was sent.",
            ..UNTRUSTED
        },
        _ => Words {
            fix: "Look at what {host} sends: `openssl s_client -connect {host}:443`, and its web server's error log.",
            certainty: Certain,
            ..UNTRUSTED
        },
    }
}
