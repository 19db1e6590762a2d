//! No answer at all: the transport's failures put into words, and which reasons a target can meet.

use super::Certainty::{Certain, Likely, Open};
use super::advice::{NO_NEW_SECRET, advice};
use super::words::fill;
use super::{Advice, CallContext, freepbx, is_freepbx};
use crate::domain::{Failure, Grant, Operation, Reason, Target, TransportError};

const NO_REPEATING: &str =
    "Do not run this again and again: where a ban is the cause, each try may prolong it.";
const IN_PLAIN: &str = "Do not change to http://: credentials would travel unencrypted.";

/// The failure of an exchange that gave no answer. `after_refusals`: whether credentials were refused at
/// this origin lately. A ban then is the likely cause where no connection comes about; where one does,
/// it is a possible one.
pub fn transport_failure(ctx: &CallContext, error: &TransportError, after_refusals: bool) -> Failure {
    // Where there are two hosts it is not known which of them refused.
    let ban =
        ctx.target.platform.ban.as_ref().filter(|_| after_refusals && !ctx.target.has_token_elsewhere());
    let mend = || own_mend(ctx, error).unwrap_or_else(|| mend(ctx, error));
    let mend = match (error, ban) {
        (TransportError::Connect(_) | TransportError::Timeout { phase: "connect", .. }, Some(ban)) => {
            fill(ctx, &ban.likely)
        }
        (TransportError::Timeout { phase, .. }, Some(ban)) if *phase != "resolve" => {
            format!("{} {}", mend(), fill(ctx, &ban.possible))
        }
        _ => mend(),
    };
    let host = ctx.host();
    Failure::new(error.reason(), format!("No usable answer from {host} for {}: {error}. {mend}", ctx.path()))
}

/// The platform's own words. What it says of a timeout is about a request that it took.
fn own_mend(ctx: &CallContext, error: &TransportError) -> Option<String> {
    if matches!(error, TransportError::Timeout { phase, .. } if *phase != "processing") {
        return None;
    }
    let words = ctx.target.platform.words(error.reason(), ctx.operation)?;
    words.diagnosis.as_ref().map(|text| fill(ctx, text))
}

fn mend(ctx: &CallContext, error: &TransportError) -> String {
    let (address, host) = (ctx.address(), ctx.host());
    let fixed = match error {
        TransportError::Dns(_) => {
            return format!("Check the host name in {address} and this machine's resolver.");
        }
        TransportError::Tls(words) if words == TransportError::NOT_TLS => {
            return format!(
                "This port speaks no TLS: give {address} the port of https, or let the web server speak it there."
            );
        }
        TransportError::Tls(_) => {
            return format!(
                "Renew or complete the certificate chain of {host}, use the name that is in it, or give the target the \
                 right CA file."
            );
        }
        TransportError::RedirectElsewhere(_) => {
            return format!("Credentials are not sent there. If that place is right, make it {address}.");
        }
        TransportError::RedirectLoop => {
            return format!("Give {address} the final scheme, host and port.");
        }
        TransportError::Proxy(_) => "Check the proxy's address and credentials in the target's settings.",
        TransportError::Connect(_) => {
            "Check host and port, that the host and its web server run, and firewalls between. Authentication was not \
             reached."
        }
        TransportError::Timeout { phase: "connect", .. } => {
            "A firewall drops the packets, or the host is down: check host, port and routes."
        }
        TransportError::Timeout { phase: "processing", .. } => {
            "It took the request and stays silent: look at its load, or raise the target's timeout."
        }
        TransportError::Timeout { .. } => {
            "Look at the network and at the load there, or raise the target's timeout."
        }
        TransportError::ConnectionLost(_) if ctx.origin().scheme() == "http" => {
            "The web server or something in front closed it: look into its error log, and whether this port wants \
             https."
        }
        TransportError::ConnectionLost(_) => {
            "The web server or something in front closed it: look into its error log for a crashed worker."
        }
        TransportError::TooLarge(_) if ctx.operation == Operation::Token => {
            "No answer with a token is so large: look what answers there, a page in front for instance."
        }
        TransportError::TooLarge(_) => {
            "Raise the target's body limit, or let it call something whose answer is smaller."
        }
        TransportError::Exporter(_) => "The cause is on the exporter's side, not on the PBX.",
    };
    fixed.to_owned()
}

/// Of what happened on the way, where the platform has no say. `named`: whether the evidence has these words.
pub fn of_way(reason: Reason, named: &dyn Fn(&str) -> bool) -> Advice<'static> {
    match reason {
        Reason::ResponseTooLarge => advice(
            "the answer is larger than allowed",
            Certain,
            "It was cut off at the limit that is set for this target.",
            &["Do not take the limit away: something else than the list may answer there."],
        ),
        Reason::RedirectRefused => advice(
            "the PBX sends elsewhere, and credentials do not follow",
            Certain,
            "The redirect names another scheme, host or port, or leads in a circle.",
            &[
                "Do not take an http:// address because it redirects less: credentials would travel unencrypted.",
            ],
        ),
        Reason::Tls if named(TransportError::NOT_TLS) => advice(
            "no TLS at this port",
            Certain,
            "What the port answered is not TLS; no credential was sent.",
            &[IN_PLAIN, NO_NEW_SECRET],
        ),
        Reason::Dns => advice(
            "the host name does not resolve",
            Certain,
            "The resolver of this machine says so; no packet went to the PBX.",
            &["Do not put the bare IP address into an https url: the certificate bears the name."],
        ),
        Reason::Proxy => advice(
            "the configured proxy fails",
            Certain,
            "The proxy itself could not be used; the PBX was not reached.",
            &["Do not change anything on the PBX: nothing has reached it."],
        ),
        Reason::Connect => advice(
            "no connection",
            Likely,
            "That nothing accepts the connection is certain. A stopped web server, a wrong port and a ban of this \
             host look alike.",
            &[NO_REPEATING, NO_NEW_SECRET],
        ),
        Reason::Tls => advice(
            "no trusted TLS",
            Certain,
            "The handshake ended on it; no credential was sent.",
            &[
                "Do not turn verification off: the client secret would go to whoever answers. Name the right CA file.",
                IN_PLAIN,
                NO_NEW_SECRET,
            ],
        ),
        _ => of_silence(reason),
    }
}

fn of_silence(reason: Reason) -> Advice<'static> {
    match reason {
        Reason::Timeout => advice(
            "no answer in time",
            Open,
            "That it stays silent is certain. An overloaded PBX, a lost packet and a ban of this host look alike.",
            &[NO_REPEATING, "Do not only raise the timeout: find out first what is slow."],
        ),
        Reason::ConnectionLost => advice(
            "the connection broke off",
            Likely,
            "The far side or something between closed it; why is in its logs, not in the answer.",
            &[NO_NEW_SECRET, "Do not reboot the PBX before its web server's error log was read."],
        ),
        _ => advice(
            "the cause is on this side",
            Certain,
            "The request could not even be made on this machine.",
            &["Do not change anything on the PBX: it has no part in this."],
        ),
    }
}

/// Every reason that an exchange of `operation` with this target can give, in the order of
/// [`Reason::ALL`].
pub fn possible_reasons(target: &Target, operation: Operation) -> Vec<Reason> {
    if operation == Operation::Token && target.auth.grant == Grant::Static {
        return Vec::new();
    }
    let proxy = target.client.proxy.as_ref();
    let https = [&target.origin, target.token_origin()].iter().any(|origin| origin.scheme() == "https");
    let tls = https || proxy.is_some_and(|proxy| proxy.url.scheme() == "https");
    let reachable = |reason: &Reason| match reason {
        Reason::Tls => tls,
        Reason::Proxy => proxy.is_some(),
        _ if is_freepbx(target) => freepbx::gives(*reason),
        _ => gives(target, *reason),
    };
    Reason::ALL.into_iter().filter(|reason| reason.occurs_at(operation)).filter(reachable).collect()
}

/// Whether the rules of a description can give `reason`. What the general ones give, any platform can.
fn gives(target: &Target, reason: Reason) -> bool {
    let by_rule = || target.platform.rules.iter().any(|rule| rule.reason == reason);
    match reason {
        Reason::AjaxDeclined | Reason::AccessDenied | Reason::UserBlocked => by_rule(),
        Reason::QueryFailed => by_rule() || target.called().success.is_some(),
        _ => true,
    }
}
