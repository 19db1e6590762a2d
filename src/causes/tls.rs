//! Why there is no trusted TLS: the first step for each fault, and the least harmful. The transport's own words are `{error}`.

use super::Words;
use super::way::{NO_NEW_SECRET, PROXY};
use crate::domain::cause::Tls;
use crate::domain::platform::Certainty::{Certain, Likely};

const IN_PLAIN: &str = "Do not switch to http://: credentials would be sent unencrypted.";

/// What this side refuses.
const UNTRUSTED: Words = Words {
    title: "no trusted TLS",
    because: "The TLS handshake failed on it; no credential was sent.",
    avoid: &[
        "Do not turn verification off: the client secret would go to whoever answers. Set the right CA file.",
        IN_PLAIN,
        NO_NEW_SECRET,
    ],
    ..PROXY
};
/// What the other side refuses.
const REFUSED: Words = Words {
    title: "the server refuses the TLS handshake",
    because: "The server says so; no credential was sent.",
    avoid: &["Do not change the server's certificate: it was not rejected.", IN_PLAIN, NO_NEW_SECRET],
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
            fix: "Not the certificate of {host} itself but its chain has expired: install the current chain of its authority there.",
            ..UNTRUSTED
        },
        Tls::ClockWrong { .. } => Words {
            title: "this machine's clock is wrong",
            fix: "Set this machine's clock (`timedatectl` shows it): it shows a day before this program was built.",
            because: "A clock that shows a day before this program was built cannot be right.",
            avoid: &["Do not change anything on the PBX: its certificate is not the cause."],
            ..UNTRUSTED
        },
        Tls::NotYetValid { .. } => Words {
            title: "the certificate is not valid yet according to this machine's clock",
            fix: "Check this machine's clock first (`timedatectl`): if it is behind, a good certificate looks like this. If it is right, \
                  wait, or correct the clock of {host} and issue a new certificate.",
            certainty: Likely,
            ..UNTRUSTED
        },
        Tls::SelfSigned { .. } => Words {
            title: "the certificate is self-signed and not trusted here",
            fix: "Save the certificate of {host}, compare its fingerprint with the one that the PBX itself shows, and set tls.ca_file to \
                  the file; docs/configuration.md has the commands.",
            ..UNTRUSTED
        },
        Tls::UnknownAuthority { .. } => Words {
            title: "the certificate's authority is not trusted here",
            fix: "If {host} should have a certificate of that authority, set tls.ca_file to the authority's file. If not, first find out \
                  who answers there.",
            ..UNTRUSTED
        },
        Tls::MissingIntermediate { .. } => Words {
            title: "the server does not send its full certificate chain",
            fix: "On {host}, install the file that the authority calls fullchain or bundle instead of the certificate alone.",
            certainty: Likely,
            ..UNTRUSTED
        },
        Tls::WrongName { .. } => Words {
            title: "the certificate is for another name",
            fix: "Use a name from the certificate in {address}, set tls.server_name to one, or install a certificate for the requested \
                  name.",
            ..UNTRUSTED
        },
        Tls::NoAltName { .. } => Words {
            title: "the certificate has no subjectAltName",
            fix: "Issue a new certificate for {host} with the name, or the address, as subjectAltName: the common name is no longer used \
                  (RFC 9525).",
            ..UNTRUSTED
        },
        Tls::WeakKey { .. } => Words {
            title: "the certificate's key is too weak",
            fix: "Create a new key and certificate for {host}: RSA of 2048 bits or more, or P-256.",
            because: "`openssl verify` may accept it; this exporter does not accept such keys.",
            ..UNTRUSTED
        },
        Tls::WeakSignature { .. } => Words {
            title: "the certificate's signature is too weak",
            fix: "Renew the certificate of {host}: authorities sign with SHA-256 or better now.",
            because: "`openssl verify` may accept it; this exporter does not accept such signatures.",
            ..UNTRUSTED
        },
        Tls::NotItsAuthority { .. } => Words {
            title: "the certificate is signed by another authority of the same name",
            fix: "Two authorities have this name: set tls.ca_file to the file of the one that signed it.",
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
            fix: "Install them on this machine (package ca-certificates), or set tls.ca_file.",
            avoid: &["Do not change anything on the PBX: it is not involved."],
            ..UNTRUSTED
        },
        Tls::NotTls { .. } => Words {
            title: "no TLS at this port",
            fix: "This port does not speak TLS: set {address} to the https port, or enable TLS on this port.",
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
            fix: "Enable TLS 1.2 or newer on {host}; if tls.min_version is set here, compare it with what {host} supports.",
            ..REFUSED
        },
        Tls::Ciphers { .. } => Words {
            title: "no cipher suite in common",
            fix: "Allow an ECDHE suite with AES-GCM or ChaCha20 on {host}, and use an RSA, P-256 or P-384 key. Some servers also fail \
                  like this when they want a client certificate.",
            certainty: Likely,
            ..REFUSED
        },
        Tls::UnrecognisedName { .. } => Words {
            title: "the server has no certificate for this name",
            fix: "Correct the name in {address} or tls.server_name, or give {host} a virtual host for it.",
            ..REFUSED
        },
        Tls::ClientMissing { .. } => Words {
            title: "the server requires a client certificate",
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
        Tls::ClientDenied { .. } => Words { fix: "Allow the name in tls.cert_file on {host}.", ..CLIENT },
        Tls::ClientRefused { .. } => Words {
            fix: "Check the certificate in tls.cert_file: its dates, its authority, and what the error log of {host} says about it.",
            certainty: Likely,
            ..CLIENT
        },
        Tls::Lost { .. } => Words {
            title: "the TLS handshake was cut off",
            fix: "Check the web server's error log on {host}, and whether a firewall or proxy in between inspects TLS.",
            certainty: Likely,
            because: "The connection ended during the handshake without a reason. No credential was sent.",
            ..UNTRUSTED
        },
        _ => Words {
            fix: "Check what {host} sends: `openssl s_client -connect {host}:443`, and its web server's error log.",
            certainty: Certain,
            ..UNTRUSTED
        },
    }
}
