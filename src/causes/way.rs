//! Of what happens on the way, where no platform has a say. The transport's own words of it are `{error}`.

use super::Words;
use crate::domain::cause::Way;
use crate::domain::platform::Certainty::{Certain, Likely, Open};

const NO_REPEATING: &str = "Do not keep running this: if a ban is the cause, each attempt may extend it.";
pub(super) const NO_NEW_SECRET: &str =
    "Do not create new credentials: they were not checked, so they are not the cause.";

pub(super) const PROXY: Words = Words {
    title: "the configured proxy fails",
    wrong: "No usable answer from {host} for {path}: {error}.",
    fix: "Check the proxy's address and credentials in the target's settings.",
    certainty: Certain,
    because: "The proxy itself could not be used; the PBX was not reached.",
    avoid: &["Do not change anything on the PBX: no request has reached it."],
};
const REDIRECT: Words = Words {
    title: "the PBX redirects to another address; credentials are not sent there",
    because: "The redirect names another scheme, host or port, or leads in a circle.",
    avoid: &[
        "Do not switch to an http:// address to avoid the redirect: credentials would be sent unencrypted.",
    ],
    ..PROXY
};
const CONNECT: Words = Words {
    title: "no connection",
    certainty: Likely,
    because: "Nothing accepts the connection. A stopped web server, a wrong port and a ban of this host look the same.",
    avoid: &[NO_REPEATING, NO_NEW_SECRET],
    ..PROXY
};
const SILENT: Words = Words {
    title: "no answer in time",
    certainty: Open,
    because: "There is no answer. An overloaded PBX, packet loss and a ban of this host look the same.",
    avoid: &[NO_REPEATING, "Do not just raise the timeout: first find out what is slow."],
    ..PROXY
};
const LOST: Words = Words {
    title: "the connection was lost",
    certainty: Likely,
    because: "The PBX or something in between closed it; only its logs say why.",
    avoid: &[NO_NEW_SECRET, "Do not reboot the PBX before you have read its web server's error log."],
    ..PROXY
};
const TOO_LARGE: Words = Words {
    title: "the answer is larger than allowed",
    because: "It was cut off at this target's limit.",
    avoid: &["Do not remove the limit: something other than the list may answer there."],
    ..PROXY
};
pub(super) const OURS: Words = Words {
    title: "exporter-side error",
    because: "The request could not be made on this machine.",
    avoid: &["Do not change anything on the PBX: it is not involved."],
    ..PROXY
};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &Way) -> Words {
    match cause {
        Way::ProxyFailed { .. } => PROXY,
        Way::NameNotResolved { .. } => Words {
            title: "the host name does not resolve",
            fix: "Check the host name in {address} and this machine's resolver.",
            because: "This machine's resolver says so; nothing was sent to the PBX.",
            avoid: &["Do not put the bare IP address into an https url: the certificate is for the name."],
            ..PROXY
        },
        Way::NotConnected { .. } => Words {
            fix: "Check host and port, that the host and its web server are running, and firewalls in between. Authentication was not \
                  reached.",
            ..CONNECT
        },
        Way::NotConnectedBan { .. } => Words { fix: "{ban_likely}", ..CONNECT },
        Way::ResolverFailed { .. } => Words {
            title: "this machine's resolver does not work",
            fix: "Check this machine's resolver first (/etc/resolv.conf, `resolvectl status`): it gave no answer about the name.",
            because: "The resolver itself failed, so nothing is known about the name; nothing was sent to the PBX.",
            avoid: &["Do not change the target's url: the name was not looked up."],
            ..PROXY
        },
        Way::NotLetOut { .. } => Words {
            title: "this machine blocks the outgoing connection",
            fix: "Check this machine: its firewall (`nft list ruleset`, `iptables -S OUTPUT`), its routes (`ip route get ADDRESS`), and \
                  SELinux or AppArmor. Nothing has reached the PBX.",
            because: "This machine's own kernel refused the connection.",
            ..OURS
        },
        Way::TunnelPassword { .. } => Words {
            title: "the proxy requires a user name and password",
            fix: "Check proxy.username and proxy.password in the target's settings.",
            because: "The proxy itself says so (HTTP 407); the PBX was not reached.",
            ..PROXY
        },
        Way::TunnelForbidden { .. } => Words {
            title: "the proxy does not allow this PBX",
            fix: "Have {host} with this port allowed in the proxy's rules.",
            because: "The proxy itself says so; the PBX was not reached.",
            ..PROXY
        },
        Way::TunnelDead { .. } => Words {
            title: "the proxy works but cannot reach the PBX",
            fix: "Check on the proxy's host that name and port of {host} are right and that its firewall allows the connection.",
            certainty: Likely,
            because: "The proxy answers and says that it gets no connection.",
            avoid: &[NO_NEW_SECRET],
            ..PROXY
        },
        Way::TunnelOdd { .. } => Words {
            title: "the proxy opens no tunnel",
            fix: "Check the proxy's log, and that proxy.url really is a proxy: a web server answers the same way.",
            ..PROXY
        },
        Way::Garbled { .. } => Words {
            title: "the answer cannot be read",
            fix: "Request the same address with `curl -v`, and find out what sends this part: PHP, the web server, or something in front.",
            certainty: Likely,
            because: "The answer is not valid HTTP; which program sent it is not known.",
            avoid: &[NO_NEW_SECRET],
            ..PROXY
        },
        Way::SlowToConnect { .. } => Words {
            fix: "A firewall drops the packets, or the host is down: check host, port and routes.",
            ..SILENT
        },
        Way::SlowToConnectBan { .. } => Words { fix: "{ban_likely}", ..SILENT },
        Way::SlowToAnswer { .. } => Words {
            fix: "The PBX took the request but does not answer: check its load, or raise the target's timeout.",
            ..SILENT
        },
        Way::Slow { .. } => Words {
            fix: "Check the network and the load of the PBX, or raise the target's timeout.",
            ..SILENT
        },
        Way::ConnectionLost { .. } => Words {
            fix: "The web server or something in front closed it: check its error log for a crashed worker.",
            ..LOST
        },
        Way::ConnectionLostInPlain { .. } => Words {
            fix: "The web server or something in front closed it: check its error log, and whether this port expects https.",
            ..LOST
        },
        Way::AnswerTooLarge { .. } => {
            Words { fix: "Raise the target's body limit, or use a call with a smaller answer.", ..TOO_LARGE }
        }
        Way::TokenAnswerTooLarge { .. } => Words {
            fix: "A token answer is never this large: check what answers there, for instance a page in front.",
            ..TOO_LARGE
        },
        Way::RedirectElsewhere { .. } => Words {
            fix: "Credentials are not sent there. If that address is right, use it as {address}.",
            ..REDIRECT
        },
        Way::RedirectLoop { .. } => {
            Words { fix: "Set {address} to the final scheme, host and port.", ..REDIRECT }
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
        | Way::ResolverFailed { .. }
        | Way::NotLetOut { .. }
        | Way::TunnelPassword { .. }
        | Way::TunnelForbidden { .. }
        | Way::TunnelDead { .. }
        | Way::TunnelOdd { .. }
        | Way::Garbled { .. }
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
