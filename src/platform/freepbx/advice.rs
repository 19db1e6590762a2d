//! What each reason means to a person besides its diagnosis: a title, how sure it is and why, and what
//! not to do, which is often what popular guides advise.
//!
//! One total function over [`Reason`]: a new one does not compile without its words.

use crate::domain::{Grant, Operation, Reason, Target};
use crate::platform::Advice;
use crate::platform::Certainty::{Certain, Likely, Open};
use crate::platform::advice::{NO_NEW_SECRET, advice};
use crate::platform::reach::of_way;

const NO_GUESSING: &str = "Do not try other values one after the other: each refusal counts for fail2ban, which then bans this host.";
const NO_SUCH_SCOPES: &str =
    "Do not ask for `extensions:read` or `*`, whatever a guide says: FreePBX has no such scopes.";
const NO_STAR: &str = "Do not put `*` or `extensions:read` into the application's Allowed Scopes: up to 17.0.1 each \
                       token request without scopes then fails with 500, later 17 issues tokens without any scope.";
const NO_ROLES: &str = "Do not change users, roles or administrator rights: none of them is looked at here.";
const NO_DEBUG: &str = "Do not turn on FreePBX's debug log for this: up to 17.0.1 freepbx_debug holds client secrets and \
                        passwords in full.";
const NOT_THE_SECRET: &str = "Do not regenerate the client secret: no refusal of it is a 5xx.";
const NOT_THE_CREDENTIALS: &str = "Do not change credentials: a token was issued for them a moment ago.";
const NO_NEW_KEYS: &str = "Do not run `fwconsole ma install api` before `fwconsole chown` has proved too little: new keys end \
                           the tokens of all applications.";
const ELSEWHERE: &str = "FreePBX itself never gives this answer; something in front of it did.";

pub fn of(target: &Target, operation: Operation, reason: Reason, shown: &[String]) -> Advice<'static> {
    let named = |words: &str| shown.iter().any(|text| text.contains(words));
    match reason {
        Reason::InvalidClient
        | Reason::InvalidGrant
        | Reason::InvalidScope
        | Reason::UnauthorizedClient
        | Reason::InvalidRequest
        | Reason::AuthorizationRequired => of_credentials(target, reason),
        Reason::TokenRejected
        | Reason::InsufficientScope
        | Reason::AccessDenied
        | Reason::UserBlocked
        | Reason::QueryFailed => of_token(target, reason),
        Reason::AjaxDeclined | Reason::Forbidden | Reason::ApiNotFound => of_address(reason),
        Reason::ServerError => of_crash(operation, &named),
        Reason::RateLimited | Reason::UnexpectedResponse => of_answer(reason),
        Reason::ResponseTooLarge
        | Reason::RedirectRefused
        | Reason::Dns
        | Reason::Proxy
        | Reason::Connect
        | Reason::Tls
        | Reason::Timeout
        | Reason::ConnectionLost
        | Reason::ExporterError => of_way(reason, &named),
    }
}

fn of_credentials(target: &Target, reason: Reason) -> Advice<'static> {
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
        Reason::InvalidGrant => advice(
            "code or refresh token refused",
            Certain,
            "The token endpoint says so, and it looks at the client id first: that one is right.",
            &[NO_GUESSING, "Do not send the same one again: each serves once."],
        ),
        Reason::InvalidScope => advice(
            "a scope is unknown, or not allowed to this application",
            Certain,
            "Only a scope makes the token endpoint answer so; it looks at the client first.",
            &[NO_SUCH_SCOPES, NO_STAR, NO_ROLES],
        ),
        Reason::UnauthorizedClient => advice(
            "the grant was not understood, or is not this application's",
            Likely,
            "FreePBX knows this grant, so a form lost on the way is likelier than a wrong setting.",
            &[
                "Do not look for a switch that enables OAuth2 or a grant: FreePBX has none.",
                "Do not send the request as JSON: FreePBX 17 reads forms only.",
            ],
        ),
        Reason::InvalidRequest => advice(
            "a parameter of the token request is missing",
            Certain,
            "The token endpoint names the request itself as malformed, not a credential.",
            &[
                "Do not regenerate the client secret: it is not what is refused.",
                "Do not send the request as JSON: FreePBX 17 reads forms only.",
            ],
        ),
        Reason::AuthorizationRequired => advice(
            "a person has to confirm access again",
            Certain,
            "The one refresh token at hand is used up or refused, and nothing else is configured to ask with.",
            &["Do not restart the exporter to mend it: the same refresh token is refused again."],
        ),
        _ => advice(
            "client id or client secret refused",
            Certain,
            "The token endpoint says so itself. Which of id and secret is wrong it does not say, nor, on 15 and 16, \
             whether it is the application's type.",
            &[
                NO_GUESSING,
                "Do not change scopes, users or roles: nothing of them is looked at before the client is accepted.",
                "Do not regenerate the secret before you have compared it: that locks out whoever else uses it.",
            ],
        ),
    }
}

fn of_token(target: &Target, reason: Reason) -> Advice<'static> {
    match reason {
        Reason::InsufficientScope => advice(
            "the token lacks a scope",
            // A query of one's own may ask for what this release does not have.
            if matches!(super::called(target), super::Called::Custom) { Likely } else { Certain },
            "The API took the token and does not show it this call, which is its only way to refuse for a scope.",
            &[
                NO_SUCH_SCOPES,
                NO_STAR,
                NO_ROLES,
                "Do not grant gql:framework to be safe: even its read scope lets a client add administrators.",
            ],
        ),
        Reason::AccessDenied => advice("access refused", Open, ELSEWHERE, &[NO_GUESSING, NO_ROLES]),
        Reason::UserBlocked => advice("the account is blocked", Open, ELSEWHERE, &[NO_GUESSING]),
        Reason::QueryFailed => advice(
            "the API works, the call fails inside it",
            Certain,
            "The API took the token and answered; its own answer says that the call failed.",
            &[
                NO_DEBUG,
                "Do not change credentials or scopes: both were accepted.",
                "Do not repeat the call in a loop: each failure is written into gql_api_error.log.",
            ],
        ),
        _ => advice(
            "the API does not accept the token it has just issued",
            Likely,
            "That the token is refused is certain, and so is that these credentials gave it. Why, 15 and 16 say by a \
             hint; 17 gives the same answer for everything.",
            &[
                "Do not change client id, secret or password: a token was issued for them a moment ago.",
                "Do not delete rows of FreePBX's api_access_tokens: that ends the tokens of other applications.",
                "Do not take new tokens in a loop: each is one more row on the PBX.",
                "Do not make new keys by `fwconsole ma install api` to try it out: that ends the tokens of all applications.",
            ],
        ),
    }
}

fn of_address(reason: Reason) -> Advice<'static> {
    match reason {
        Reason::AjaxDeclined => advice(
            "\"ajaxRequest declined\" is about the address, not about the user",
            Certain,
            "FreePBX's dispatcher answers so for the name of a command alone, before anybody looks at a token, a \
             user or a scope.",
            &[
                NO_ROLES,
                "Do not widen scopes and do not make new credentials: the same 403 comes with and without a token.",
                "Do not turn CHECKREFERER off: addresses of the API never meet it.",
            ],
        ),
        Reason::Forbidden => advice(
            "something in front of FreePBX forbids it",
            Certain,
            "FreePBX refuses no token, scope or user with a bare 403.",
            &[
                NO_ROLES,
                "Do not turn the firewall or ModSecurity off: allow this one host or path.",
                "Do not repeat it: 403 lines are what fail2ban counts.",
            ],
        ),
        _ => advice(
            "there is no API at this address",
            Certain,
            "The web server or FreePBX's dispatcher says so before any credential is looked at.",
            &[
                "Do not look for a switch that enables the API or OAuth2: installing the module is all there is.",
                "Do not try /api/oauth2/..., /admin/api/rest/... or /rest.php from a guide: FreePBX has none of them.",
                NO_NEW_SECRET,
            ],
        ),
    }
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

fn of_answer(reason: Reason) -> Advice<'static> {
    match reason {
        Reason::RateLimited => advice(
            "too many requests",
            Certain,
            "The status 429 means nothing else.",
            &["Do not repeat it before the time is over: each try may begin the time anew.", NO_NEW_SECRET],
        ),
        _ => advice(
            "something answers, but not as FreePBX's API does",
            Open,
            "What answers may be another program, a page in front, or an altered API.",
            &[
                "Do not send the credentials there by other means: what answers may not be your PBX.",
                "Do not change scopes, users or roles: nothing shows that the API saw the request.",
            ],
        ),
    }
}
