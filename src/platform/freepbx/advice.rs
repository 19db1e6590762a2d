//! What a reason means to a person besides its diagnosis, where that depends on more than the reason: on the grant,
//! the call, or what the evidence names. All else of this kind is in the description.

use crate::domain::{Grant, Operation, Reason, Target};
use crate::platform::Certainty::{Certain, Likely, Open};
use crate::platform::advice::{self, advice};
use crate::platform::{Advice, issues_itself};

const NO_GUESSING: &str = "Do not try other values one after the other: each refusal counts for fail2ban, which then bans this host.";
const NO_DEBUG: &str = "Do not turn on FreePBX's debug log for this: up to 17.0.1 freepbx_debug holds client secrets and \
                        passwords in full.";
const NOT_THE_SECRET: &str = "Do not regenerate the client secret: no refusal of it is a 5xx.";
const NOT_THE_CREDENTIALS: &str = "Do not change credentials: a token was issued for them a moment ago.";
const NO_NEW_KEYS: &str = "Do not delete or replace the private key api_oauth.key before `fwconsole chown` has proved too little: a \
                           new one ends the tokens of all applications.";
const NO_LOST_KEY: &str =
    "Do not touch the private key api_oauth.key: a new one ends the tokens of all applications.";
const NO_NEW_TOKENS: &str = "Do not take new tokens in a loop: each is one more row on the PBX.";

pub fn of<'a>(target: &'a Target, operation: Operation, reason: Reason, shown: &[String]) -> Advice<'a> {
    let named = |words: &str| shown.iter().any(|text| text.contains(words));
    match reason {
        Reason::InvalidGrant if target.auth.grant == Grant::Password => advice(
            "user name or password refused",
            Certain,
            "The token endpoint says so, and it looks at the client id first: that one is right.",
            &[
                NO_GUESSING,
                "Do not make the user an administrator of the GUI: this grant knows User Management accounts only.",
                "Do not look for a switch that enables the grant: FreePBX has none.",
            ],
        ),
        // A query of one's own may ask for what this release does not have.
        Reason::InsufficientScope if matches!(super::called(target), super::Called::Custom) => {
            Advice { certainty: Likely, ..advice::of(target, operation, reason, shown) }
        }
        Reason::ServerError => of_crash(operation, &named),
        Reason::TokenRejected if named("Access token could not be verified") => advice(
            "the API's public key does not fit the private one",
            Likely,
            "FreePBX itself says that it cannot verify a token issued a moment ago. Several PBXes at one address are the only \
             other cause known.",
            &[NOT_THE_CREDENTIALS, NO_NEW_TOKENS, NO_LOST_KEY],
        ),
        _ => at_resource(target, operation, reason)
            .unwrap_or_else(|| advice::of(target, operation, reason, shown)),
    }
}

/// Where a token was issued a moment ago, less can be wrong.
fn at_resource(target: &Target, operation: Operation, reason: Reason) -> Option<Advice<'static>> {
    if operation == Operation::Token {
        return None;
    }
    Some(match reason {
        Reason::RateLimited => advice(
            "too many requests",
            Certain,
            "The status 429 means nothing else.",
            &[
                "Do not repeat it before the time is over: each try may begin the time anew.",
                "Do not create new credentials: they are not what is refused.",
            ],
        ),
        _ if !issues_itself(target) => return None,
        Reason::ApiNotFound => advice(
            "the API is there, but not at this path",
            Likely,
            "A token was issued here a moment ago: the API is there, and what is wrong concerns this path alone.",
            &[
                NOT_THE_CREDENTIALS,
                "Do not look for a switch that enables the API or OAuth2: installing the module is all there is.",
                "Do not try /api/oauth2/..., /admin/api/rest/... or /rest.php from a guide: FreePBX has none of them.",
            ],
        ),
        Reason::Forbidden => advice(
            "something in front of FreePBX forbids this request",
            Likely,
            "FreePBX refuses no token, scope or user with a bare 403, and the token request came through a moment ago.",
            &[
                "Do not change users, roles or administrator rights: none of them is looked at here.",
                NOT_THE_CREDENTIALS,
                "Do not turn the firewall or ModSecurity off: let this one path through.",
                "Do not repeat it: 403 lines are what fail2ban counts.",
            ],
        ),
        Reason::UnexpectedResponse => advice(
            "something answers this path, but not as FreePBX's API does",
            Open,
            "A token was issued here a moment ago, so this is the PBX: what answers is a page in front of this path, or an \
             altered API.",
            &[
                NOT_THE_CREDENTIALS,
                "Do not change scopes, users or roles: nothing shows that the API saw the request.",
            ],
        ),
        _ => return None,
    })
}

/// Exceptions that are known have one cause; a bare page or status has several.
fn of_crash(operation: Operation, named: &dyn Fn(&str) -> bool) -> Advice<'static> {
    let token = operation == Operation::Token;
    let avoid: &'static [&'static str] =
        if token { &[NO_DEBUG, NOT_THE_SECRET] } else { &[NO_DEBUG, NOT_THE_CREDENTIALS] };
    let keys: &'static [&'static str] = if token {
        &[NO_NEW_KEYS, NO_DEBUG, NOT_THE_SECRET]
    } else {
        &[NO_NEW_KEYS, NO_DEBUG, NOT_THE_CREDENTIALS]
    };
    if named("\"Key file\"") || named("\"Invalid key supplied\"") {
        return advice(
            "the PBX cannot use its API keys",
            Certain,
            "The exception is about the key files themselves, and nothing of the request is.",
            keys,
        );
    }
    if named("\"Slim\\App::__construct()\"") {
        return advice(
            "the PBX's API code and library do not fit each other",
            Certain,
            "This exception has one cause, the known defect of 17.0.1.",
            avoid,
        );
    }
    let hidden = named("Slim Application Error");
    advice(
        "the PBX fails inside",
        Open,
        "That it fails is certain. Why is known only as far as the evidence names an exception or a page.",
        if hidden { keys } else { avoid },
    )
}
