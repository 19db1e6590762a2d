//! Sentences for platforms that bring none of their own: what a reason means, then the mend.
//!
//! They name what was asked and what the description says, and nothing of the far side's text.

use super::CallContext;
use super::rules::takes_a_person;
use crate::domain::{Grant, Operation, Reason};

/// What may stand in braces in a description's texts.
pub const PLACEHOLDERS: [&str; 8] =
    ["title", "asked", "path", "host", "grant", "application", "scope", "scopes"];

/// `text` with its placeholders filled in.
pub fn fill(ctx: &CallContext, text: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let found = after.split_once('}').and_then(|(name, after)| Some((value(ctx, name)?, after)));
        if let Some((value, after)) = found {
            filled += &value;
            rest = after;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled + rest
}

fn value(ctx: &CallContext, name: &str) -> Option<String> {
    let target = ctx.target;
    Some(match name {
        "title" => target.platform.title.clone(),
        "asked" => ctx.asked(),
        "path" => ctx.path().to_owned(),
        "host" => ctx.host().to_owned(),
        "grant" => ctx.grant.to_string(),
        "application" => application(ctx).to_owned(),
        "scope" => target.called().scope.clone().unwrap_or_else(|| "that it needs".to_owned()),
        "scopes" => target.auth.scopes.join(" "),
        _ => return None,
    })
}

fn application<'a>(ctx: &CallContext<'a>) -> &'a str {
    let grant = if ctx.grant == Grant::RefreshToken { ctx.target.auth.grant } else { ctx.grant };
    ctx.target.platform.application(grant).unwrap_or("application")
}

/// What is odd about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd<'a> {
    /// Nothing more than its status is known.
    Status(u16),
    /// A page for people.
    Page,
    /// No JSON.
    NoJson,
    /// A page or challenge asks for a password.
    Password,
    /// JSON without a token.
    NoToken,
    /// A token that cannot travel in a header.
    UnusableToken,
    /// The token endpoint's own member says that it gives none.
    SaysNo,
    /// Nothing at this pointer, which tells success from failure.
    NoCode(&'a str),
    /// No total at this pointer.
    NoTotal(&'a str),
    /// No version where it should be.
    NoVersion,
}

/// An answer that the API does not document.
pub fn odd(ctx: &CallContext, odd: Odd) -> String {
    let (asked, title) = (ctx.asked(), &ctx.target.platform.title);
    let address = ctx.address();
    let look = format!("Check {address}, and that nothing in front answers in the place of the API.");
    match odd {
        Odd::Status(status @ 300..=399) => format!(
            "{asked} is answered with a redirect (HTTP {status}) that is not followed. Correct {address}; it may also lead \
             to the login page of something in front."
        ),
        Odd::Status(status) => {
            format!(
                "{asked} was answered with HTTP {status}, of which {title} is not known to say what it means. {look}"
            )
        }
        Odd::Page => {
            format!("{asked} was answered with success, but with a page for people instead of JSON. {look}")
        }
        Odd::NoJson => {
            format!("{asked} was answered with success, but with something that is not JSON. {look}")
        }
        Odd::Password => format!(
            "Something in front of {title} asks for a password of its own at {asked}: a web server's Basic \
             authentication or a proxy's page. Exempt the API's paths from it, or correct the address."
        ),
        Odd::NoToken => format!("{asked} was answered with JSON that holds no access token. {look}"),
        Odd::UnusableToken => format!(
            "{asked} gave an access token with characters that no bearer token has (RFC 6750 section 2.1), letters that \
             only look Latin for instance, so it cannot be sent. Something alters the answer, or the platform's token \
             endpoint is broken: show it to whoever runs {title}."
        ),
        Odd::SaysNo => format!(
            "{title} answers {asked} with a code of its own that says that it gives no token; what this code means is \
             not known here. Compare client id, secret and the rights of the {} with {title}'s documentation.",
            application(ctx)
        ),
        Odd::NoCode(pointer) => format!(
            "{asked} was answered with JSON that has nothing at `{pointer}`, where {title} says whether it succeeded. {look}"
        ),
        Odd::NoTotal(pointer) => format!(
            "{asked} succeeded, but its JSON has no number, array or object at `{pointer}`, where the extensions or \
             their number should be. Another release answers otherwise, or the call's pointer or path is wrong."
        ),
        Odd::NoVersion => {
            format!("{asked} succeeded, but its JSON does not tell the version. Leave `version` off.")
        }
    }
}

/// A refused token request whose answer does not say what is refused.
pub fn unsaid(ctx: &CallContext) -> String {
    let what = match ctx.grant {
        Grant::ClientCredentials | Grant::Static => "client id, client secret or another parameter",
        Grant::Password => "user name, password, client id or client secret",
        Grant::AuthorizationCode => "the code, client id or client secret",
        Grant::RefreshToken => "client id, client secret or the refresh token",
    };
    let mend = if takes_a_person(ctx) {
        " Client id and secret come first: the refresh token is kept, and serves once they are right. Where they are \
         right already it is dead, and a new one is needed."
    } else {
        ""
    };
    format!(
        "{} refuses the token request with grant {} at {} (HTTP 401) without saying what it refuses: {what}. Compare \
         them with the {} there.{mend}",
        ctx.target.platform.title,
        ctx.grant,
        ctx.path(),
        application(ctx)
    )
}

/// What `reason` means on any platform.
pub fn general(ctx: &CallContext, reason: Reason, status: u16) -> String {
    match reason {
        Reason::InvalidClient
        | Reason::InvalidGrant
        | Reason::InvalidScope
        | Reason::UnauthorizedClient
        | Reason::InvalidRequest
        | Reason::AuthorizationRequired => refused(ctx, reason),
        Reason::TokenRejected | Reason::InsufficientScope | Reason::AccessDenied | Reason::UserBlocked => {
            denied(ctx, reason)
        }
        _ => failed(ctx, reason, status),
    }
}

fn refused(ctx: &CallContext, reason: Reason) -> String {
    let (title, path, grant, application) =
        (&ctx.target.platform.title, ctx.path(), ctx.grant, application(ctx));
    match (reason, grant) {
        (Reason::InvalidClient, _) => format!(
            "{title} refuses the client id or the client secret, sent with grant {grant} to {path}. Compare both with the \
             {application} there: it was deleted, its secret replaced, or a blank or line end was copied along."
        ),
        (Reason::InvalidGrant, Grant::Password) => format!(
            "{title} refuses the user name or the password, sent with grant password to {path}. Correct them for this \
             target, and look whether the account still exists and may sign in."
        ),
        (Reason::InvalidGrant, Grant::RefreshToken) => {
            let mend = match ctx.target.auth.grant {
                Grant::Password | Grant::ClientCredentials => {
                    "A new grant replaces it without a person's help."
                }
                _ => "A person has to confirm access again, or give the exporter a new refresh token.",
            };
            format!(
                "{title} refuses the refresh token at {path}: it expired, was used before, or was revoked. {mend}"
            )
        }
        (Reason::InvalidGrant, Grant::AuthorizationCode) => format!(
            "{title} refuses the authorization code at {path}: each serves once and for a short time. A person has to \
             confirm access again."
        ),
        (Reason::InvalidGrant, _) => format!(
            "{title} refuses what was sent with grant {grant} to {path}: the {application} or one of the parameters sent \
             for it is not accepted. Compare them with what {title} shows."
        ),
        (Reason::InvalidScope, _) => {
            let scopes = ctx.target.auth.scopes.join(" ");
            let asked = if scopes.is_empty() { "none asked".to_owned() } else { format!("asked: {scopes}") };
            format!(
                "{title} refuses the scopes ({asked}): one is unknown to it, or outside what the {application} may have. \
                 Correct `auth.scopes`, or the scopes of the {application}."
            )
        }
        (Reason::UnauthorizedClient, _) => format!(
            "This client may not use grant {grant} at {path}. In {title} that takes a {application}: use one's client id \
             and secret, or change the target's grant."
        ),
        (Reason::InvalidRequest, _) => format!(
            "The token endpoint {path} finds a parameter of the request with grant {grant} missing or malformed. Compare \
             `auth` of this target with what {title} wants; if all is set, something in front drops or rewrites the body."
        ),
        _ => format!("No usable token is left for {title}, and a person has to confirm access again."),
    }
}

fn denied(ctx: &CallContext, reason: Reason) -> String {
    let (title, asked, application) = (&ctx.target.platform.title, ctx.asked(), application(ctx));
    let by_key = ctx.target.auth.grant == Grant::Static;
    let shown = if by_key { "key" } else { "token" };
    match reason {
        Reason::TokenRejected if ctx.target.auth.grant == Grant::Static => format!(
            "{title} does not accept the key at {asked}: it was revoked, has expired, or was not copied whole. Make a new \
             one and put it into `auth.key`."
        ),
        Reason::TokenRejected if ctx.fresh => format!(
            "{title} does not accept a token issued a moment ago, at {asked}. Something in front drops or alters the {} \
             that carries it, or token endpoint and API do not belong together.",
            if ctx.target.platform.sent_as.query.is_some() { "query" } else { "header" }
        ),
        Reason::TokenRejected => format!(
            "{title} no longer accepts the token at {asked}: it was revoked or ended before its time. A new token mends this."
        ),
        Reason::InsufficientScope => {
            let scope = ctx.target.called().scope.as_ref();
            let scope =
                scope.map_or_else(|| "a scope or right".to_owned(), |scope| format!("the scope {scope}"));
            format!(
                "{title} accepts the {shown} but not for {asked}: it lacks {scope}. Add it to the {application} in {title}{}.",
                if by_key { "" } else { ", and to `auth.scopes` if this target names any" }
            )
        }
        Reason::UserBlocked => format!(
            "{title} answers {asked} that the account behind the {shown}, or its customer, is blocked. Whoever administers \
             it, or the provider, has to unblock it."
        ),
        _ if by_key => format!(
            "{title} accepts the key and refuses {asked}: the key has no right to this. Give it the right to read, or make one \
             that has it."
        ),
        _ => format!(
            "{title} accepts the token and refuses {asked}: the user or {application} behind it has no right to this. Give \
             it the right to read, or use another account."
        ),
    }
}

fn failed(ctx: &CallContext, reason: Reason, status: u16) -> String {
    let (title, asked, path) = (&ctx.target.platform.title, ctx.asked(), ctx.path());
    match reason {
        Reason::Forbidden => {
            let or_else = match ctx.operation {
                Operation::Token => "",
                _ if ctx.target.auth.grant == Grant::Static => {
                    " If it is the API itself, the key may not read this."
                }
                Operation::Extensions | Operation::Version => {
                    " If it is the API itself, the user or application may not read this."
                }
            };
            let mend = if ctx.has_just_issued() {
                "lets the token request through and not this one: look at the rules for its path, method or body"
            } else {
                "answers so: allow this exporter's address there"
            };
            format!(
                "{asked} is answered with HTTP 403 and nothing that {title} is known to say. A rule of a web server, a \
                 firewall or a proxy in front {mend}.{or_else}"
            )
        }
        Reason::ApiNotFound if ctx.has_just_issued() => format!(
            "There is nothing at {path} on {}, which has just issued a token: host and port are right. Check the path of the \
             call, and whether a proxy in front lets it through.",
            ctx.host()
        ),
        Reason::ApiNotFound => format!(
            "There is nothing at {path} on {}. Check {}, and that this is {title}'s API.",
            ctx.host(),
            ctx.address()
        ),
        Reason::QueryFailed => format!(
            "{title} took the call {asked} and answered that it failed. Its own logs or the vendor's list of codes tell \
             why."
        ),
        Reason::RateLimited => {
            let counted = ctx.target.platform.rate_limit.counted.as_ref();
            let counted = counted.map(|text| format!(" Counted are {text}.")).unwrap_or_default();
            format!(
                "{asked} was refused for too many requests (HTTP {status}).{counted} Lengthen the interval, or let other \
                 applications ask less."
            )
        }
        Reason::ServerError if (502..=504).contains(&status) => format!(
            "A proxy or web server in front answers {asked} with HTTP {status}: it gets no answer from what runs {title}."
        ),
        Reason::ServerError => {
            format!(
                "{title} failed inside at {asked} with HTTP {status}. Its own logs tell why, or whoever runs it."
            )
        }
        Reason::Proxy => format!(
            "The configured proxy wants a user name and password before it passes {asked}: correct its credentials in the \
             target's proxy settings."
        ),
        _ => odd(ctx, Odd::Status(status)),
    }
}
