//! Of what any platform's answer may say. A description's own words take their place.

use super::Words;
use crate::domain::cause::{General, Odd};
use crate::domain::platform::Certainty::{Certain, Likely, Open};

const NO_GUESSING: &str =
    "Do not guess values: many systems block an address or an account after too many failures.";
const NO_SCOPES: &str =
    "Do not change scopes, users or roles: they are not checked until the client is accepted.";
const NO_OTHER_ADDRESS: &str = "Do not change the address unless you know that another one works.";
const NO_LOOP: &str =
    "Do not keep retrying: repeated 403 lines in the PBX's log can get this address banned.";

const GRANT: Words = Words {
    title: "the grant is refused, not the client id and secret",
    wrong: "",
    fix: "",
    certainty: Certain,
    because: "The token endpoint says so.",
    avoid: &[NO_GUESSING, "Do not create a new application: the client itself was not rejected."],
};
const TOKEN: Words = Words {
    title: "the API does not accept the token",
    certainty: Likely,
    because: "The rejection is certain; the answer does not give the reason.",
    avoid: &["Do not request new tokens in a loop.", NO_OTHER_ADDRESS],
    ..GRANT
};
const FORBIDDEN: Words = Words {
    title: "access is forbidden, and the answer does not say by what",
    certainty: Open,
    because: "A bare 403 comes from a web server, firewall or proxy in front, or from an API that gives no details.",
    avoid: &["{not_looked_at}", NO_LOOP],
    ..GRANT
};
const NOT_FOUND: Words = Words {
    title: "{nothing_there}",
    certainty: Likely,
    because: "A 404 is about the address; a missing object in the path gives the same answer.",
    avoid: &["{not_refused}"],
    ..GRANT
};
const FAILED: Words = Words {
    title: "internal error on the PBX",
    certainty: Open,
    because: "The failure is certain; the answer does not give the reason.",
    avoid: &["Do not change credentials: rejected credentials do not give a 5xx."],
    ..GRANT
};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &General) -> Words {
    match cause {
        General::ClientRefused => Words {
            title: "client id or client secret refused",
            wrong: "{title} refuses the client id or the client secret, sent with grant {grant} to {path}.",
            fix: "Compare both with the {application} there: it may have been deleted, its secret replaced, or a blank or line end copied \
                  along.",
            certainty: Likely,
            because: "The token endpoint says so, but not which of the two is wrong.",
            avoid: &[
                NO_GUESSING,
                NO_SCOPES,
                "Do not replace the secret before comparing it: that locks out everyone else who uses it.",
            ],
        },
        General::PasswordRefused => Words { title: "user name or password refused", ..GRANT }.say(
            "{title} refuses the user name or the password, sent with grant password to {path}.",
            "Correct them for this target, and check that the account still exists and may sign in.",
        ),
        General::RefreshTokenRefused => GRANT.say(
            "{title} refuses the refresh token at {path}: it expired, was used before, or was revoked.",
            "{another_refresh_token}",
        ),
        General::CodeRefused => GRANT.say(
            "{title} refuses the authorization code at {path}: a code works once and only for a short time.",
            "A person has to confirm access again.",
        ),
        General::GrantRefused => GRANT.say(
            "{title} refuses grant {grant} at {path}: the {application} or one of its parameters is not accepted.",
            "Compare them with what {title} shows.",
        ),
        General::ScopeRefused => Words {
            title: "a scope is unknown, or not allowed to this application",
            wrong: "{title} refuses the scopes ({asked_scopes}): one is unknown, or not allowed for the {application}.",
            fix: "Correct `auth.scopes`, or the scopes of the {application}.",
            avoid: &["Do not request every scope: a single unknown one fails the whole request."],
            ..GRANT
        },
        General::GrantNotAllowed => Words {
            title: "this application may not use this grant",
            wrong: "This client may not use grant {grant} at {path}.",
            fix: "In {title} this grant needs a {application}: use the client id and secret of one, or change the target's grant.",
            avoid: &["Do not change the secret: the client is known, but is the wrong kind for this grant."],
            ..GRANT
        },
        General::RequestMalformed => Words {
            title: "a parameter of the token request is missing or malformed",
            wrong: "The token endpoint {path} reports a missing or malformed parameter in the request with grant {grant}.",
            fix: "Compare `auth` of this target with what {title} requires. If everything is set, something in front drops or rewrites \
                  the body.",
            because: "The token endpoint says that the request is malformed, not that a credential is wrong.",
            avoid: &["Do not change the client secret: it was not rejected."],
            ..GRANT
        },
        General::KeyRejected => Words {
            title: "the API does not accept the key",
            avoid: &[NO_GUESSING, NO_OTHER_ADDRESS],
            ..TOKEN
        }
        .say(
            "{title} does not accept the key at {asked}: it was revoked, has expired, or was not copied whole.",
            "Create a new one and set it as `auth.key`.",
        ),
        General::FreshTokenRejected => TOKEN.say(
            "{title} does not accept a token issued a moment ago, at {asked}.",
            "Check whether something in front drops or alters the {carrier} that carries it, and that token endpoint and API belong \
             together.",
        ),
        General::TokenRejected => TOKEN.say(
            "{title} no longer accepts the token at {asked}: it was revoked or ended early.",
            "A new token fixes this.",
        ),
        General::ScopeMissing => Words {
            title: "the {shown} lacks a scope or right",
            wrong: "{title} accepts the {shown} but not for {asked}: it lacks {the_scope}.",
            fix: "Add it to the {application} in {title}{and_scopes}.",
            because: "The API accepted the {shown} and says that its rights are not sufficient.",
            avoid: &["{accepted}", "Do not grant everything: the exporter only reads."],
            ..GRANT
        },
        General::AccessDenied => Words {
            title: "the user or application lacks the right",
            wrong: "{title} accepts the token but refuses {asked}: the user or {application} behind it lacks the right.",
            fix: "Grant it read access, or use another account.",
            because: "The API accepted the token and says that access is denied.",
            avoid: &["{accepted}", "Do not make the account an administrator: read access is enough."],
            ..GRANT
        },
        General::KeyDenied => Words {
            title: "the key lacks the right",
            wrong: "{title} accepts the key but refuses {asked}: the key lacks the right.",
            fix: "Grant it read access, or create a key that has it.",
            because: "The API accepted the key and says that access is denied.",
            avoid: &[
                "Do not create the same key again: this one was accepted, but lacks the right.",
                "Do not use a key with all rights: read access is enough.",
            ],
            ..GRANT
        },
        General::UserBlocked => Words {
            title: "the account is blocked",
            wrong: "{title} reports at {asked} that the account behind the {shown}, or its customer, is blocked.",
            fix: "Its administrator or the provider has to unblock it.",
            because: "The API says so, but not why it was blocked.",
            avoid: &[
                "{accepted}",
                "Do not create a second account: first find out why this one was blocked.",
            ],
            ..GRANT
        },
        General::Forbidden => FORBIDDEN.say(
            "{asked} got HTTP 403, but no message that {title} is known to send.",
            "A web server, firewall or proxy in front may refuse it: allow this exporter's address there.{or_not_allowed}",
        ),
        General::ForbiddenHere => FORBIDDEN.say(
            "{asked} got HTTP 403, but no message that {title} is known to send.",
            "A web server, firewall or proxy in front may allow the token request but not this one: check its rules for this path, method \
             or body.{or_not_allowed}",
        ),
        General::ApiNotFound => NOT_FOUND.say(
            "There is nothing at {path} on {host}.",
            "Check {address}, and that this is {title}'s API.",
        ),
        General::NotFoundHere => NOT_FOUND.say(
            "There is nothing at {path} on {host}, which has just issued a token: host and port are right.",
            "Check the path of the call, and whether a proxy in front lets it through.",
        ),
        General::CallFailed => Words {
            title: "the API works, but the call failed on the PBX",
            wrong: "{title} accepted the call {asked} and reports that it failed.",
            fix: "Check its logs, or the vendor's list of error codes.",
            certainty: Likely,
            because: "The API itself reports that the call failed.",
            avoid: &["Do not repeat the call in a loop: the cause is on the PBX."],
        },
        General::RateLimited { .. } => Words {
            title: "too many requests",
            wrong: "{asked} was refused for too many requests (HTTP {status}).{counted}",
            fix: "Increase the interval, or have other applications send fewer requests.",
            because: "The answer has no other meaning.",
            avoid: &[
                "Do not retry before the wait is over: each attempt may restart it.",
                "{not_refused}",
            ],
            ..GRANT
        },
        General::GatewayFailed { .. } => FAILED.say(
            "A proxy or web server in front answers {asked} with HTTP {status}:",
            "it gets no answer from {title}. Check that {title} is running.",
        ),
        General::ServerFailed { .. } => FAILED.say(
            "{title} had an internal error at {asked} (HTTP {status}).",
            "Check its logs, or ask whoever runs it.",
        ),
        General::ProxyPassword => super::way::PROXY.say(
            "The configured proxy requires a user name and password for {asked}:",
            "correct its credentials in the target's proxy settings.",
        ),
    }
}

const ODD: Words = Words {
    title: "something answers, but not like this API",
    wrong: "",
    fix: "Check {address}, and whether something in front answers instead of the API.",
    certainty: Open,
    because: "It may be another program, a page in front, or a changed API.",
    avoid: &["Do not send the credentials there by other means: it may not be your PBX."],
};
const UNSAID: Words = Words {
    title: "the token request is refused without a reason",
    wrong: "{title} refuses the token request with grant {grant} at {path} (HTTP 401) without saying which value is wrong: {unsaid}.",
    fix: "Compare them with the {application} there.{kept_all_the_same}",
    certainty: Open,
    because: "The refusal is certain; the answer does not say which value is wrong.",
    avoid: &[NO_GUESSING, NO_SCOPES],
};

pub(super) const fn odd(cause: &Odd) -> Words {
    match cause {
        Odd::ClientRefusedUnsaid | Odd::GrantRefusedUnsaid => UNSAID,
        Odd::Redirected { .. } => ODD.say(
            "{asked} got a redirect (HTTP {status}), which is not followed.",
            "Correct {address}. The redirect may also lead to a login page in front.",
        ),
        Odd::Status { .. } => Words {
            wrong: "{asked} got HTTP {status}, which has no known meaning for {title}.",
            ..ODD
        },
        Odd::Page => Words {
            wrong: "{asked} got a success status, but an HTML page instead of JSON.",
            ..ODD
        },
        Odd::NoJson => Words {
            wrong: "{asked} got a success status, but the body is not JSON.",
            ..ODD
        },
        Odd::Password => ODD.say(
            "Something in front of {title} asks for its own password at {asked}: a web server's Basic authentication or a proxy's login \
             page.",
            "Exempt the API's paths from it, or correct the address.",
        ),
        Odd::NoToken => Words { wrong: "{asked} got JSON without an access token.", ..ODD },
        Odd::UnusableToken => ODD.say(
            "{asked} returned a token of more than 64 KiB, or an access token with characters that a bearer token cannot have (RFC 6750 \
             section 2.1), for instance letters that only look Latin, so it cannot be used.",
            "Something alters the answer, or the token endpoint is broken: report it to whoever runs {title}.",
        ),
        Odd::SaysNo => ODD.say(
            "{title} answers {asked} with an error code of its own instead of a token; the exporter does not know this code.",
            "Compare client id, secret and the rights of the {application} with {title}'s documentation.",
        ),
        Odd::NoCode { .. } => Words {
            wrong: "{asked} got JSON with nothing at `{pointer}`, where {title} reports success or failure.",
            ..ODD
        },
        Odd::NoTotal { .. } => ODD.say(
            "{asked} succeeded, but its JSON has no number, array or object at `{pointer}`, where the extensions or their number \
             should be.",
            "Check the call's pointer and path; another release may answer differently.",
        ),
        Odd::NoVersion => ODD.say(
            "{asked} succeeded, but its JSON does not contain the version.",
            "Turn `version` off.",
        ),
    }
}
