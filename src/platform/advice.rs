//! What each reason means to a person besides its diagnosis, on platforms that say nothing of it themselves:
//! a title, how sure it is and why, and what not to do.

use super::Advice;
use super::Certainty::{self, Certain, Likely, Open};
use super::reach::of_way;
use super::rules::shown_by;
use crate::domain::{Grant, Operation, Reason, Target};

pub const NO_NEW_SECRET: &str =
    "Do not create new credentials: they were not looked at, so they are not the cause.";
const NO_GUESSING: &str = "Do not try other values one after the other: many systems block an address or an account that fails too often.";
const NO_SCOPES: &str =
    "Do not change scopes, users or roles: nothing of them is looked at before the client is accepted.";

/// What the refused request showed for itself.
#[derive(Clone, Copy, PartialEq)]
pub enum Shown {
    Credentials,
    Key,
    Token,
}

impl Shown {
    fn by(target: &Target, operation: Operation) -> Self {
        match (operation, target.auth.grant) {
            (Operation::Token, _) => Self::Credentials,
            (_, Grant::Static) => Self::Key,
            _ => Self::Token,
        }
    }

    const fn not_refused(self) -> &'static str {
        match self {
            Self::Credentials => NO_NEW_SECRET,
            Self::Key => "Do not replace the key: it is not what is refused.",
            Self::Token => "Do not create new credentials: they are not what is refused.",
        }
    }
}

pub fn advice(
    title: &'static str,
    certainty: Certainty,
    because: &'static str,
    avoid: &[&'static str],
) -> Advice<'static> {
    Advice { title, certainty, because, avoid: avoid.to_vec() }
}

/// The platform's own words where it has some, of the rule that fitted before those of the reason; else the general ones.
pub fn of<'a>(target: &'a Target, operation: Operation, reason: Reason, shown: &[String]) -> Advice<'a> {
    let named = |words: &str| shown.iter().any(|text| text.contains(words));
    let general = general(target, operation, reason, &named);
    let general = match target.platform.words(reason, operation) {
        Some(words) => {
            over(general, words.title.as_ref(), words.certainty, words.because.as_ref(), words.avoid.as_ref())
        }
        None => general,
    };
    match shown_by(&target.platform, operation, reason, shown) {
        Some(rule) => {
            over(general, rule.title.as_ref(), rule.certainty, rule.because.as_ref(), rule.avoid.as_ref())
        }
        None => general,
    }
}

/// What is given in place of what is more general.
fn over<'a>(
    general: Advice<'a>,
    title: Option<&'a String>,
    certainty: Option<Certainty>,
    because: Option<&'a String>,
    avoid: Option<&'a Vec<String>>,
) -> Advice<'a> {
    Advice {
        title: title.map_or(general.title, String::as_str),
        certainty: certainty.unwrap_or(general.certainty),
        because: because.map_or(general.because, String::as_str),
        avoid: avoid.map_or(general.avoid, |avoid| avoid.iter().map(String::as_str).collect()),
    }
}

fn general(
    target: &Target,
    operation: Operation,
    reason: Reason,
    named: &dyn Fn(&str) -> bool,
) -> Advice<'static> {
    let shown = Shown::by(target, operation);
    match reason {
        Reason::InvalidClient
        | Reason::InvalidGrant
        | Reason::InvalidScope
        | Reason::UnauthorizedClient
        | Reason::InvalidRequest
        | Reason::AuthorizationRequired => of_credentials(reason, target.auth.grant, named("error ")),
        Reason::TokenRejected
        | Reason::InsufficientScope
        | Reason::AccessDenied
        | Reason::UserBlocked
        | Reason::QueryFailed => of_token(reason, shown),
        Reason::AjaxDeclined
        | Reason::Forbidden
        | Reason::ApiNotFound
        | Reason::RateLimited
        | Reason::ServerError
        | Reason::UnexpectedResponse => of_answer(reason, shown),
        Reason::ResponseTooLarge
        | Reason::RedirectRefused
        | Reason::Dns
        | Reason::Proxy
        | Reason::Connect
        | Reason::Tls
        | Reason::Timeout
        | Reason::ConnectionLost
        | Reason::ExporterError => of_way(reason, named),
    }
}

/// `said`: whether the answer names an error.
fn of_credentials(reason: Reason, grant: Grant, said: bool) -> Advice<'static> {
    match reason {
        Reason::InvalidClient | Reason::InvalidGrant if !said => advice(
            "the token request is refused, and the answer does not say why",
            Open,
            "That it is refused is certain; which of the values sent is wrong the answer does not say.",
            &[NO_GUESSING, NO_SCOPES],
        ),
        Reason::InvalidGrant => advice(
            if grant == Grant::Password {
                "user name or password refused"
            } else {
                "what is sent beside the client's id and secret is refused"
            },
            Certain,
            "The token endpoint says so itself.",
            &[NO_GUESSING, "Do not create a new application: the client itself is not what is refused."],
        ),
        Reason::InvalidScope => advice(
            "a scope is unknown, or not allowed to this application",
            Certain,
            "The token endpoint says so itself.",
            &["Do not ask for everything to be safe: one unknown scope fails the whole request."],
        ),
        Reason::UnauthorizedClient => advice(
            "this application may not use this grant",
            Certain,
            "The token endpoint says so itself.",
            &["Do not change the secret: the client is known, its kind is wrong for this grant."],
        ),
        Reason::InvalidRequest => advice(
            "a parameter of the token request is missing or malformed",
            Certain,
            "The token endpoint names the request itself as malformed, not a credential.",
            &["Do not change the client secret: it is not what is refused."],
        ),
        Reason::AuthorizationRequired => advice(
            "a person has to confirm access again",
            Certain,
            "The one refresh token at hand is used up or refused, and nothing else is configured to ask with.",
            &["Do not restart the exporter to mend it: the same refresh token is refused again."],
        ),
        _ => advice(
            "client id or client secret refused",
            Likely,
            "The token endpoint says so; which of the two is wrong it does not say.",
            &[
                NO_GUESSING,
                NO_SCOPES,
                "Do not replace the secret before you have compared it: that locks out whoever else uses it.",
            ],
        ),
    }
}

fn of_token(reason: Reason, shown: Shown) -> Advice<'static> {
    let say = |token, key| if shown == Shown::Key { key } else { token };
    let accepted = say(
        "Do not change credentials: a token was issued for them.",
        "Do not replace the key: it was accepted.",
    );
    match reason {
        Reason::InsufficientScope => advice(
            say("the token lacks a scope or right", "the key lacks a scope or right"),
            Certain,
            say(
                "The API took the token and says itself that it does not reach so far.",
                "The API took the key and says itself that it does not reach so far.",
            ),
            &[accepted, "Do not grant everything to be safe: the exporter only reads."],
        ),
        Reason::AccessDenied => advice(
            say("the user or application has no right to this", "the key has no right to this"),
            Certain,
            say(
                "The API took the token and says itself that it refuses.",
                "The API took the key and says itself that it refuses.",
            ),
            &[
                say(
                    accepted,
                    "Do not make the same key anew: this one was accepted, and its rights are too few.",
                ),
                say(
                    "Do not make the account an administrator: a right to read is enough.",
                    "Do not take a key with all rights to be safe: a right to read is enough.",
                ),
            ],
        ),
        Reason::UserBlocked => advice(
            "the account is blocked",
            Certain,
            "The API says so itself; why it was blocked it does not say.",
            &[
                accepted,
                "Do not create a second account to get around it: find out first why this one was blocked.",
            ],
        ),
        Reason::QueryFailed => advice(
            "the API works, the call fails inside it",
            Likely,
            "The API answered, and its own answer says that the call failed.",
            &["Do not repeat the call in a loop: it fails for a reason of its own."],
        ),
        _ => advice(
            say("the API does not accept the token", "the API does not accept the key"),
            Likely,
            "That it is refused is certain. Why, the answer does not say.",
            &[
                say("Do not take new tokens in a loop.", NO_GUESSING),
                "Do not change the address before you know that another answers better.",
            ],
        ),
    }
}

fn of_answer(reason: Reason, shown: Shown) -> Advice<'static> {
    match reason {
        Reason::AjaxDeclined | Reason::Forbidden => advice(
            "it is forbidden, and by whom is open",
            Open,
            "A bare 403 comes from a web server, firewall or proxy in front, or from an API that says no more.",
            &[
                match shown {
                    Shown::Credentials => {
                        "Do not change credentials: nothing shows that they were looked at."
                    }
                    Shown::Key => "Do not replace the key before you know who forbids it.",
                    Shown::Token => "Do not change credentials: a token was issued for them.",
                },
                "Do not repeat it: 403 lines are what bans are made of.",
            ],
        ),
        Reason::ApiNotFound => advice(
            match shown {
                Shown::Token => "there is nothing at this path",
                Shown::Credentials | Shown::Key => "there is no API at this address",
            },
            Likely,
            "The answer 404 is about the address; an object in the path that does not exist answers alike.",
            &[shown.not_refused()],
        ),
        Reason::RateLimited => advice(
            "too many requests",
            Certain,
            "The answer means nothing else.",
            &[
                "Do not repeat it before the time is over: each try may begin the time anew.",
                shown.not_refused(),
            ],
        ),
        Reason::ServerError => advice(
            "the far side fails inside",
            Open,
            "That it fails is certain; why it does not say.",
            &["Do not change credentials: no refusal of them is a 5xx."],
        ),
        _ => advice(
            "something answers, but not as this API does",
            Open,
            "What answers may be another program, a page in front, or an altered API.",
            &["Do not send the credentials there by other means: what answers may not be your PBX."],
        ),
    }
}
