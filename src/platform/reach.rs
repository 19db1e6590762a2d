//! No answer at all: from the transport's failures to causes; and which reasons a target can meet.

use super::{CallContext, freepbx};
use crate::domain::cause::Way;
use crate::domain::{Failure, Grant, Operation, Reason, Target, TransportError};

/// The failure of an exchange that gave no answer. `after_refusals`: whether credentials were refused at
/// this origin lately. A ban then is the likely cause where no connection comes about; where one does,
/// it is a possible one.
pub fn transport_failure(ctx: &CallContext, error: &TransportError, after_refusals: bool) -> Failure {
    // Where there are two hosts it is not known which of them refused.
    let banned = after_refusals && ctx.target.platform.ban.is_some() && !ctx.target.has_token_elsewhere();
    let cause = way(ctx, error, banned);
    let ban_possible =
        banned && matches!(cause, Way::SlowToAnswer { .. } | Way::Slow { .. }) && !is_resolving(error);
    let mut failure = ctx.failure(cause);
    failure.circumstances.ban_possible = ban_possible;
    failure
}

fn is_resolving(error: &TransportError) -> bool {
    matches!(error, TransportError::Timeout { phase: "resolve", .. })
}

fn way(ctx: &CallContext, cause: &TransportError, banned: bool) -> Way {
    let error = cause.to_string().into();
    match cause {
        TransportError::Dns(_) => Way::NameNotResolved { error },
        TransportError::Proxy(_) => Way::ProxyFailed { error },
        TransportError::Connect(_) if banned => Way::NotConnectedBan { error },
        TransportError::Connect(_) => Way::NotConnected { error },
        TransportError::Tls(words) if words == TransportError::NOT_TLS => Way::NotTls { error },
        TransportError::Tls(_) => Way::TlsFailed { error },
        TransportError::Timeout { phase: "connect", .. } if banned => Way::SlowToConnectBan { error },
        TransportError::Timeout { phase: "connect", .. } => Way::SlowToConnect { error },
        TransportError::Timeout { phase: "processing", .. } => Way::SlowToAnswer { error },
        TransportError::Timeout { .. } => Way::Slow { error },
        TransportError::ConnectionLost(_) if ctx.origin().scheme() == "http" => {
            Way::ConnectionLostInPlain { error }
        }
        TransportError::ConnectionLost(_) => Way::ConnectionLost { error },
        TransportError::TooLarge(_) if ctx.operation == Operation::Token => {
            Way::TokenAnswerTooLarge { error }
        }
        TransportError::TooLarge(_) => Way::AnswerTooLarge { error },
        TransportError::RedirectElsewhere(_) => Way::RedirectElsewhere { error },
        TransportError::RedirectLoop => Way::RedirectLoop { error },
        TransportError::Exporter(_) => Way::NotSent { error },
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
        _ if target.is_freepbx() => freepbx::gives(*reason),
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
