//! Why a TLS handshake failed: one variant a cause, each with its own fix.
//!
//! What is shown of the far side is what its certificates say of themselves. Does not belong here: the fixes, and how a
//! fault is found.

use std::fmt;

use super::moment::day;

/// Why a TLS handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// A certificate is over since then, Unix seconds.
    Expired(Whose, u64),
    /// A certificate is not valid before `from`; `now` is what this machine's clock says, both in Unix seconds.
    NotYetValid {
        /// Which certificate.
        whose: Whose,
        /// Its notBefore.
        from: u64,
        /// This machine's clock.
        now: u64,
    },
    /// The server's certificate is its own issuer, and not trusted here.
    SelfSigned,
    /// The chain ends at an authority that is not trusted here; its name.
    UnknownAuthority(String),
    /// The server sends no certificate of the authority between its own and a root.
    MissingIntermediate {
        /// The last certificate sent.
        subject: String,
        /// Who signed it.
        issuer: String,
    },
    /// The certificate is for other names.
    WrongName {
        /// The name asked for.
        asked: String,
        /// Those in the certificate.
        names: Vec<String>,
    },
    /// The certificate has no subjectAltName, without which no name counts; the name asked for.
    NoAltName(String),
    /// A key that is not accepted; in words of ours.
    WeakKey(Whose, String),
    /// A signature algorithm that is not accepted; in words of ours.
    WeakSignature(Whose, &'static str),
    /// The signature is not that of the authority whose name it bears.
    NotItsAuthority,
    /// The certificate is not for servers.
    WrongUse,
    /// The certificate was revoked.
    Revoked,
    /// The certificate cannot be read, or has what nobody here understands.
    Malformed,
    /// This machine has no CA certificates.
    NoRoots,
    /// The port answers, and not in TLS.
    NotTls,
    /// No version in common.
    Version,
    /// No cipher suite, group or key type in common.
    Ciphers,
    /// The server has no certificate for the name asked for.
    UnrecognisedName,
    /// The server refuses our certificate.
    ClientCertificate(ClientCertificate),
    /// The server refuses the handshake for another cause; the number of its alert (RFC 8446 section 6).
    Alert(u8),
    /// The server breaks the rules of TLS.
    Misbehaved,
    /// The connection ended in the handshake; how.
    Lost(String),
}

/// Which certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The server's own.
    Server,
    /// One between it and the root; its subject.
    Intermediate(String),
}

/// What a server says of our client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// It wants one and got none.
    Missing,
    /// It is expired.
    Expired,
    /// It is revoked.
    Revoked,
    /// Its authority is not trusted there.
    UnknownAuthority,
    /// Good, and not for this.
    Denied,
    /// Refused without saying more.
    Refused,
}

/// When this program was made, Unix seconds, or earlier: no clock can be right before. 0 where nobody knows.
const BUILT: &str = env!("PBX_EXPORTER_BUILT");

impl TlsFault {
    /// What [`Self::NotTls`] says.
    pub const NOT_TLS: &str = "not TLS: the port answers with another protocol, such as plain HTTP";

    /// Whether this machine's clock is certainly wrong.
    pub fn clock_is_wrong(&self) -> bool {
        matches!(self, Self::NotYetValid { now, .. } if *now < BUILT.parse().unwrap_or(0))
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("certificate"),
            Self::Intermediate(subject) => write!(f, "intermediate certificate \"{subject}\""),
        }
    }
}

impl std::error::Error for TlsFault {}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(whose, since) => write!(f, "{whose} expired on {}", day(*since)),
            Self::NotYetValid { whose, from, now } => {
                write!(f, "{whose} not valid before {}, and this host's clock says {}", day(*from), day(*now))
            }
            Self::SelfSigned => f.write_str("certificate is self-signed, and not trusted here"),
            Self::UnknownAuthority(issuer) => {
                write!(f, "certificate of an unknown authority, \"{issuer}\", which is not trusted here")
            }
            Self::MissingIntermediate { subject, issuer } => {
                write!(
                    f,
                    "chain is incomplete: \"{subject}\" is signed by \"{issuer}\", which the server does not send"
                )
            }
            Self::WrongName { asked, names } => {
                write!(f, "certificate is for {}, not for {asked}", names.join(", "))
            }
            Self::NoAltName(asked) => {
                write!(f, "certificate has no subjectAltName, so it is not valid for {asked}")
            }
            Self::WeakKey(whose, key) => write!(f, "{whose} has a key that is not accepted: {key}"),
            Self::WeakSignature(whose, algorithm) => {
                write!(f, "{whose} is signed with {algorithm}, which is not accepted")
            }
            _ => f.write_str(self.words()),
        }
    }
}

impl TlsFault {
    /// Of those without parameters.
    fn words(&self) -> &str {
        match self {
            Self::NotItsAuthority => "certificate is not signed by the CA that it names",
            Self::WrongUse => "certificate is not for use by servers",
            Self::Revoked => "certificate is revoked",
            Self::NoRoots => "this system has no CA certificates installed",
            Self::NotTls => Self::NOT_TLS,
            Self::Version => "protocol version: the server supports none of those allowed",
            Self::Ciphers => "no cipher suite or key type that both sides accept",
            Self::UnrecognisedName => "the server has no certificate for this name",
            Self::ClientCertificate(refused) => refused.words(),
            Self::Misbehaved => "the server violates the TLS protocol",
            Self::Lost(how) => how,
            Self::Alert(number) => alert_words(*number),
            _ => "certificate is malformed, or uses an unsupported extension",
        }
    }
}

impl ClientCertificate {
    const fn words(self) -> &'static str {
        match self {
            Self::Missing => "the server requires a client certificate",
            Self::Expired => "the server says that the client certificate has expired",
            Self::Revoked => "the server says that the client certificate is revoked",
            Self::UnknownAuthority => "the server does not trust the authority of the client certificate",
            Self::Denied => "the server accepts the client certificate but denies it access",
            Self::Refused => "the server refuses the client certificate",
        }
    }
}

/// RFC 8446 section 6, of what has no variant.
const fn alert_words(number: u8) -> &'static str {
    match number {
        10 => "the server refused the handshake: unexpected message",
        47 => "the server refused the handshake: illegal parameter",
        50 => "the server refused the handshake: decode error",
        51 => "the server refused the handshake: wrong signature or key",
        80 => "the server aborted the handshake: internal error",
        90 => "the server aborted the handshake",
        109 => "the server refused the handshake: an extension is missing",
        110 => "the server refused the handshake: an extension is not supported",
        120 => "the server refused the handshake: no application protocol in common",
        _ => "the server refused the handshake",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_this_program_was_made_is_wrong() {
        let fault = |now| TlsFault::NotYetValid { whose: Whose::Server, from: 4_102_444_800, now };
        assert!(fault(0).clock_is_wrong() || BUILT == "0");
        assert!(!fault(4_102_444_799).clock_is_wrong());
        assert!(!TlsFault::Expired(Whose::Server, 0).clock_is_wrong());
    }
}
