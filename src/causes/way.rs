//! Of what happens on the way, where no platform has a say. The transport's own words of it are `{error}`.

use super::Words;
use crate::domain::cause::Way;
use crate::domain::platform::Certainty::{Certain, Likely, Open};

const NO_REPEATING: &str =
    "Do not run this again and again: where a ban is the cause, each try may prolong it.";
const NO_NEW_SECRET: &str =
    "Do not create new credentials: they were not looked at, so they are not the cause.";
const IN_PLAIN: &str = "Do not change to http://: credentials would travel unencrypted.";

pub(super) const PROXY: Words = Words {
    title: "the configured proxy fails",
    wrong: "No usable answer from {host} for {path}: {error}.",
    fix: "Check the proxy's address and credentials in the target's settings.",
    certainty: Certain,
    because: "The proxy itself could not be used; the PBX was not reached.",
    avoid: &["Do not change anything on the PBX: nothing has reached it."],
};
const REDIRECT: Words = Words {
    title: "the PBX sends elsewhere, and credentials do not follow",
    because: "The redirect names another scheme, host or port, or leads in a circle.",
    avoid: &[
        "Do not take an http:// address because it redirects less: credentials would travel unencrypted.",
    ],
    ..PROXY
};
const CONNECT: Words = Words {
    title: "no connection",
    certainty: Likely,
    because: "That nothing accepts the connection is certain. A stopped web server, a wrong port and a ban of this host look alike.",
    avoid: &[NO_REPEATING, NO_NEW_SECRET],
    ..PROXY
};
const SILENT: Words = Words {
    title: "no answer in time",
    certainty: Open,
    because: "That it stays silent is certain. An overloaded PBX, a lost packet and a ban of this host look alike.",
    avoid: &[NO_REPEATING, "Do not only raise the timeout: find out first what is slow."],
    ..PROXY
};
const LOST: Words = Words {
    title: "the connection broke off",
    certainty: Likely,
    because: "The far side or something between closed it; why is in its logs, not in the answer.",
    avoid: &[NO_NEW_SECRET, "Do not reboot the PBX before its web server's error log was read."],
    ..PROXY
};
const TOO_LARGE: Words = Words {
    title: "the answer is larger than allowed",
    because: "It was cut off at the limit that is set for this target.",
    avoid: &["Do not take the limit away: something else than the list may answer there."],
    ..PROXY
};
pub(super) const OURS: Words = Words {
    title: "the cause is on this side",
    because: "The request could not even be made on this machine.",
    avoid: &["Do not change anything on the PBX: it has no part in this."],
    ..PROXY
};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &Way) -> Words {
    match cause {
        Way::ProxyFailed { .. } => PROXY,
        Way::NameNotResolved { .. } => Words {
            title: "the host name does not resolve",
            fix: "Check the host name in {address} and this machine's resolver.",
            because: "The resolver of this machine says so; no packet went to the PBX.",
            avoid: &["Do not put the bare IP address into an https url: the certificate bears the name."],
            ..PROXY
        },
        Way::NotConnected { .. } => Words {
            fix: "Check host and port, that the host and its web server run, and firewalls between. Authentication was not reached.",
            ..CONNECT
        },
        Way::NotConnectedBan { .. } => Words { fix: "{ban_likely}", ..CONNECT },
        Way::NotTls { .. } => Words {
            title: "no TLS at this port",
            fix: "This port speaks no TLS: give {address} the port of https, or let the web server speak it there.",
            because: "What the port answered is not TLS; no credential was sent.",
            avoid: &[IN_PLAIN, NO_NEW_SECRET],
            ..PROXY
        },
        Way::TlsFailed { .. } => Words {
            title: "no trusted TLS",
            fix: "Renew or complete the certificate chain of {host}, use the name that is in it, or give the target the right CA file.",
            because: "The handshake ended on it; no credential was sent.",
            avoid: &[
                "Do not turn verification off: the client secret would go to whoever answers. Name the right CA file.",
                IN_PLAIN,
                NO_NEW_SECRET,
            ],
            ..PROXY
        },
        Way::SlowToConnect { .. } => Words {
            fix: "A firewall drops the packets, or the host is down: check host, port and routes.",
            ..SILENT
        },
        Way::SlowToConnectBan { .. } => Words { fix: "{ban_likely}", ..SILENT },
        Way::SlowToAnswer { .. } => Words {
            fix: "It took the request and stays silent: look at its load, or raise the target's timeout.",
            ..SILENT
        },
        Way::Slow { .. } => Words {
            fix: "Look at the network and at the load there, or raise the target's timeout.",
            ..SILENT
        },
        Way::ConnectionLost { .. } => Words {
            fix: "The web server or something in front closed it: look into its error log for a crashed worker.",
            ..LOST
        },
        Way::ConnectionLostInPlain { .. } => Words {
            fix: "The web server or something in front closed it: look into its error log, and whether this port wants https.",
            ..LOST
        },
        Way::AnswerTooLarge { .. } => Words {
            fix: "Raise the target's body limit, or let it call something whose answer is smaller.",
            ..TOO_LARGE
        },
        Way::TokenAnswerTooLarge { .. } => Words {
            fix: "No answer with a token is so large: look what answers there, a page in front for instance.",
            ..TOO_LARGE
        },
        Way::RedirectElsewhere { .. } => Words {
            fix: "Credentials are not sent there. If that place is right, make it {address}.",
            ..REDIRECT
        },
        Way::RedirectLoop { .. } => {
            Words { fix: "Give {address} the final scheme, host and port.", ..REDIRECT }
        }
        Way::NotSent { .. } => Words { fix: "The cause is on the exporter's side, not on the PBX.", ..OURS },
    }
}

/// Whether a description's words say what to do. What it says of a timeout is about a request that the PBX took, and of
/// a ban it has words apart.
pub(super) const fn may_be_fixed_otherwise(cause: &Way) -> bool {
    match cause {
        Way::NotConnectedBan { .. }
        | Way::SlowToConnectBan { .. }
        | Way::SlowToConnect { .. }
        | Way::Slow { .. } => false,
        Way::ProxyFailed { .. }
        | Way::NameNotResolved { .. }
        | Way::NotConnected { .. }
        | Way::NotTls { .. }
        | Way::TlsFailed { .. }
        | Way::SlowToAnswer { .. }
        | Way::ConnectionLost { .. }
        | Way::ConnectionLostInPlain { .. }
        | Way::AnswerTooLarge { .. }
        | Way::TokenAnswerTooLarge { .. }
        | Way::RedirectElsewhere { .. }
        | Way::RedirectLoop { .. }
        | Way::NotSent { .. } => true,
    }
}
