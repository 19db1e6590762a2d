//! No answer at all: the transport's failures put into words, and which reasons a target can meet.

use super::{CallContext, freepbx};
use crate::domain::target::PlatformId;
use crate::domain::{Failure, Grant, Operation, Reason, Target, TransportError};

/// The failure of an exchange that gave no answer. `after_refusals`: whether credentials were refused at
/// this origin lately. A ban then is the likely cause where no connection comes about; where one does,
/// it is a possible one.
pub fn transport_failure(ctx: &CallContext, error: &TransportError, after_refusals: bool) -> Failure {
    let mend = match error {
        TransportError::Connect(_) | TransportError::Timeout { phase: "connect", .. } if after_refusals => {
            likely_ban(ctx.target.platform).to_owned()
        }
        TransportError::Timeout { phase, .. } if after_refusals && *phase != "resolve" => {
            format!("{} {}", mend(ctx, error), possible_ban(ctx.target.platform))
        }
        _ => mend(ctx, error).to_owned(),
    };
    let host = ctx.target.origin.host_str().unwrap_or_default();
    Failure::new(error.reason(), format!("No usable answer from {host} for {}: {error}. {mend}", ctx.path()))
}

fn likely_ban(platform: PlatformId) -> &'static str {
    match platform {
        PlatformId::FreePbx => freepbx::likely_ban(),
    }
}

fn possible_ban(platform: PlatformId) -> &'static str {
    match platform {
        PlatformId::FreePbx => freepbx::possible_ban(),
    }
}

fn mend(ctx: &CallContext, error: &TransportError) -> &'static str {
    let https = ctx.target.origin.scheme() == "https";
    match error {
        TransportError::Dns(_) => "Check the host name in the target's url and this machine's resolver.",
        TransportError::Proxy(_) => "Check the proxy's address and credentials in the target's settings.",
        TransportError::Connect(_) => {
            "Check host and port, that the PBX and its web server run, and firewalls between. Authentication was not \
             reached."
        }
        TransportError::Tls(words) if words == TransportError::NOT_TLS => {
            "This port speaks no TLS: give the target's url the port of https, or let the web server speak it there."
        }
        TransportError::Tls(_) => {
            "Renew or complete the PBX's certificate chain, use the name that is in it, or give the target the right CA \
             file."
        }
        TransportError::Timeout { phase: "connect", .. } => {
            "A firewall drops the packets, or the host is down: check host, port and routes."
        }
        TransportError::Timeout { phase: "processing", .. } => {
            "The PBX took the request and stays silent: look at its load, at MariaDB and at free PHP workers, or raise \
             the target's timeout."
        }
        TransportError::Timeout { .. } => {
            "Look at the network and at the PBX's load, or raise the target's timeout."
        }
        TransportError::ConnectionLost(_) if !https => {
            "The web server or something in front closed it: look into its error log, and whether this port wants \
             https."
        }
        TransportError::ConnectionLost(_) => {
            "The web server or something in front closed it: look into its error log for a crashed worker."
        }
        TransportError::TooLarge(_) => {
            "Raise the target's body limit, or let it call GraphQL, whose answer stays small."
        }
        TransportError::RedirectElsewhere(_) => {
            "Credentials are not sent there. If that place is right, make it the target's url."
        }
        TransportError::RedirectLoop => "Give the target's url the final scheme, host and port.",
        TransportError::Exporter(_) => "The cause is on the exporter's side, not on the PBX.",
    }
}

/// Every reason that an exchange of `operation` with this target can give, in the order of
/// [`Reason::ALL`].
pub fn possible_reasons(target: &Target, operation: Operation) -> Vec<Reason> {
    if operation == Operation::Token && target.auth.grant == Grant::Static {
        return Vec::new();
    }
    let proxy = target.client.proxy.as_ref();
    let tls = target.origin.scheme() == "https" || proxy.is_some_and(|proxy| proxy.url.scheme() == "https");
    let reachable = |reason: &Reason| match reason {
        Reason::Tls => tls,
        Reason::Proxy => proxy.is_some(),
        _ => match target.platform {
            PlatformId::FreePbx => freepbx::gives(*reason),
        },
    };
    Reason::ALL.into_iter().filter(|reason| reason.occurs_at(operation)).filter(reachable).collect()
}
