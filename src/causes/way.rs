//! Of what happens on the way, where no platform has a say. The transport's own words of it are `{error}`.

use super::Words;
use crate::domain::cause::Way;
use crate::domain::platform::Certainty::{Certain, Likely, Open};

const NO_REPEATING: &str =
    "Do not run this again and again: where a ban is the cause, each try may prolong it.";
pub(super) const NO_NEW_SECRET: &str =
    "Do not create new credentials: they were not looked at, so they are not the cause.";

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
        Way::ResolverFailed { .. } => Words {
            title: "this machine's resolver does not work",
            fix: "Look at this machine's resolver (/etc/resolv.conf, `resolvectl status`) before the name: it gave no answer about it.",
            because: "The resolver itself failed, so nothing is known about the name; no packet went to the PBX.",
            avoid: &["Do not change the target's url: the name was not looked up."],
            ..PROXY
        },
        Way::NotLetOut { .. } => Words {
            title: "this machine does not let the connection out",
            fix: "Look at this machine: its firewall (`nft list ruleset`, `iptables -S OUTPUT`), its routes (`ip route get ADDRESS`), and \
                  SELinux or AppArmor. Nothing has reached the PBX.",
            because: "This machine's own kernel refused the connection.",
            ..OURS
        },
        Way::TunnelPassword { .. } => Words {
            title: "the proxy wants a user name and password",
            fix: "Check proxy.username and proxy.password in the target's settings.",
            because: "The proxy itself says so (HTTP 407); the PBX was not reached.",
            ..PROXY
        },
        Way::TunnelForbidden { .. } => Words {
            title: "the proxy does not allow this PBX",
            fix: "The proxy's rules do not allow {host} with this port: have it allowed there.",
            because: "The proxy itself says so; the PBX was not reached.",
            ..PROXY
        },
        Way::TunnelDead { .. } => Words {
            title: "the proxy works, and does not reach the PBX",
            fix: "Check from the proxy's host that name and port of {host} are right and that its firewall lets it out.",
            certainty: Likely,
            because: "The proxy answers, and says that it gets no connection.",
            avoid: &[NO_NEW_SECRET],
            ..PROXY
        },
        Way::TunnelOdd { .. } => Words {
            title: "the proxy opens no tunnel",
            fix: "Look into the proxy's log, and check that proxy.url is a proxy: a web server answers like this, too.",
            ..PROXY
        },
        Way::Garbled { .. } => Words {
            title: "the answer cannot be read",
            fix: "Ask for the same address with `curl -v`, and look at what sends this part: PHP, the web server, or something in front.",
            certainty: Likely,
            because: "What came is not HTTP as it is defined; which program sent it is not known.",
            avoid: &[NO_NEW_SECRET],
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
