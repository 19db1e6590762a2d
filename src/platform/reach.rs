//! No answer at all: from the transport's failures to causes; and which reasons a target can meet.

use super::{CallContext, freepbx};
use crate::domain::cause::{Tls, Way};
use crate::domain::tls_fault::{ClientCertificate, TlsFault, Whose};
use crate::domain::{Failure, Grant, Operation, Phase, Reason, Target, TransportError};

/// The failure of an exchange that gave no answer. `after_refusals`: whether credentials were refused at
/// this origin lately. A ban then is the likely cause where no connection comes about; where one does,
/// it is a possible one.
pub fn transport_failure(ctx: &CallContext, error: &TransportError, after_refusals: bool) -> Failure {
    // Where there are two hosts it is not known which of them refused.
    let banned = after_refusals && ctx.target.platform.ban.is_some() && !ctx.target.has_token_elsewhere();
    if let TransportError::Tls(fault) = error {
        return ctx.failure(tls(fault, error.to_string().into()));
    }
    let cause = way(ctx, error, banned);
    let ban_possible =
        banned && matches!(cause, Way::SlowToAnswer { .. } | Way::Slow { .. }) && !is_resolving(error);
    let mut failure = ctx.failure(cause);
    failure.circumstances.ban_possible = ban_possible;
    failure
}

fn is_resolving(error: &TransportError) -> bool {
    matches!(error, TransportError::Timeout { phase: Phase::Resolve, .. })
}

fn way(ctx: &CallContext, cause: &TransportError, banned: bool) -> Way {
    let error = cause.to_string().into();
    match cause {
        TransportError::Dns(_) => Way::NameNotResolved { error },
        TransportError::Resolver(_) => Way::ResolverFailed { error },
        TransportError::Here(_) => Way::NotLetOut { error },
        TransportError::Tunnel(407) => Way::TunnelPassword { error },
        TransportError::Tunnel(403) => Way::TunnelForbidden { error },
        TransportError::Tunnel(502..=504) => Way::TunnelDead { error },
        TransportError::Tunnel(_) => Way::TunnelOdd { error },
        TransportError::Garbled(_) => Way::Garbled { error },
        TransportError::Proxy(_) => Way::ProxyFailed { error },
        TransportError::Connect(_) if banned => Way::NotConnectedBan { error },
        TransportError::Connect(_) => Way::NotConnected { error },
        TransportError::Timeout { phase: Phase::Connect, .. } if banned => Way::SlowToConnectBan { error },
        TransportError::Timeout { phase: Phase::Connect, .. } => Way::SlowToConnect { error },
        TransportError::Timeout { phase: Phase::Processing, .. } => Way::SlowToAnswer { error },
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
        TransportError::Exporter(_) | TransportError::Tls(_) => Way::NotSent { error },
    }
}

fn tls(fault: &TlsFault, error: Box<str>) -> Tls {
    match fault {
        TlsFault::Expired(Whose::Server, _) => Tls::Expired { error },
        TlsFault::Expired(Whose::Intermediate(_), _) => Tls::IntermediateExpired { error },
        TlsFault::NotYetValid { .. } if fault.clock_is_wrong() => Tls::ClockWrong { error },
        TlsFault::NotYetValid { .. } => Tls::NotYetValid { error },
        TlsFault::SelfSigned => Tls::SelfSigned { error },
        TlsFault::UnknownAuthority(_) => Tls::UnknownAuthority { error },
        TlsFault::MissingIntermediate { .. } => Tls::MissingIntermediate { error },
        TlsFault::WrongName { .. } => Tls::WrongName { error },
        TlsFault::NoAltName(_) => Tls::NoAltName { error },
        TlsFault::WeakKey(..) => Tls::WeakKey { error },
        TlsFault::WeakSignature(..) => Tls::WeakSignature { error },
        TlsFault::NotItsAuthority => Tls::NotItsAuthority { error },
        TlsFault::WrongUse => Tls::WrongUse { error },
        TlsFault::Revoked => Tls::Revoked { error },
        TlsFault::NoRoots => Tls::NoRoots { error },
        TlsFault::NotTls => Tls::NotTls { error },
        TlsFault::Version => Tls::Version { error },
        TlsFault::Ciphers => Tls::Ciphers { error },
        TlsFault::UnrecognisedName => Tls::UnrecognisedName { error },
        TlsFault::ClientCertificate(refused) => match refused {
            ClientCertificate::Missing => Tls::ClientMissing { error },
            ClientCertificate::Expired => Tls::ClientExpired { error },
            ClientCertificate::Revoked => Tls::ClientRevoked { error },
            ClientCertificate::UnknownAuthority => Tls::ClientUnknownAuthority { error },
            ClientCertificate::Denied => Tls::ClientDenied { error },
            ClientCertificate::Refused => Tls::ClientRefused { error },
        },
        TlsFault::Lost(_) => Tls::Lost { error },
        TlsFault::Malformed | TlsFault::Alert(_) | TlsFault::Misbehaved => Tls::Failed { error },
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
