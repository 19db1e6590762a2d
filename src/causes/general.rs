//! Of what any platform's answer may say. A description's own words take their place.

use super::Words;
use crate::domain::cause::{General, Odd};
use crate::domain::platform::Certainty::{Certain, Likely, Open};

const NO_GUESSING: &str = "Do not try other values one after the other: many systems block an address or an account that fails too often.";
const NO_SCOPES: &str =
    "Do not change scopes, users or roles: nothing of them is looked at before the client is accepted.";
const NO_OTHER_ADDRESS: &str = "Do not change the address before you know that another answers better.";
const NO_LOOP: &str = "Do not repeat it: 403 lines are what bans are made of.";

const GRANT: Words = Words {
    title: "what is sent beside the client's id and secret is refused",
    wrong: "",
    fix: "",
    certainty: Certain,
    because: "The token endpoint says so itself.",
    avoid: &[NO_GUESSING, "Do not create a new application: the client itself is not what is refused."],
};
const TOKEN: Words = Words {
    title: "the API does not accept the token",
    certainty: Likely,
    because: "That it is refused is certain. Why, the answer does not say.",
    avoid: &["Do not take new tokens in a loop.", NO_OTHER_ADDRESS],
    ..GRANT
};
const FORBIDDEN: Words = Words {
    title: "it is forbidden, and by whom is open",
    certainty: Open,
    because: "A bare 403 comes from a web server, firewall or proxy in front, or from an API that says no more.",
    avoid: &["{not_looked_at}", NO_LOOP],
    ..GRANT
};
const NOT_FOUND: Words = Words {
    title: "{nothing_there}",
    certainty: Likely,
    because: "The answer 404 is about the address; an object in the path that does not exist answers alike.",
    avoid: &["{not_refused}"],
    ..GRANT
};
const FAILED: Words = Words {
    title: "the far side fails inside",
    certainty: Open,
    because: "That it fails is certain; why it does not say.",
    avoid: &["Do not change credentials: no refusal of them is a 5xx."],
    ..GRANT
};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &General) -> Words {
    match cause {
        General::ClientRefused => Words {
            title: "client id or client secret refused",
            wrong: "{title} refuses the client id or the client secret, sent with grant {grant} to {path}.",
            fix: "Compare both with the {application} there: it was deleted, its secret replaced, or a blank or line end was copied along.",
            certainty: Likely,
            because: "The token endpoint says so; which of the two is wrong it does not say.",
            avoid: &[
                NO_GUESSING,
                NO_SCOPES,
                "Do not replace the secret before you have compared it: that locks out whoever else uses it.",
            ],
        },
        General::PasswordRefused => Words { title: "user name or password refused", ..GRANT }.say(
            "{title} refuses the user name or the password, sent with grant password to {path}.",
            "Correct them for this target, and look whether the account still exists and may sign in.",
        ),
        General::RefreshTokenRefused => GRANT.say(
            "{title} refuses the refresh token at {path}: it expired, was used before, or was revoked.",
            "{another_refresh_token}",
        ),
        General::CodeRefused => GRANT.say(
            "{title} refuses the authorization code at {path}: each serves once and for a short time.",
            "A person has to confirm access again.",
        ),
        General::GrantRefused => GRANT.say(
            "{title} refuses what was sent with grant {grant} to {path}: the {application} or one of the parameters sent for it is not accepted.",
            "Compare them with what {title} shows.",
        ),
        General::ScopeRefused => Words {
            title: "a scope is unknown, or not allowed to this application",
            wrong: "{title} refuses the scopes ({asked_scopes}): one is unknown to it, or outside what the {application} may have.",
            fix: "Correct `auth.scopes`, or the scopes of the {application}.",
            avoid: &["Do not ask for everything to be safe: one unknown scope fails the whole request."],
            ..GRANT
        },
        General::GrantNotAllowed => Words {
            title: "this application may not use this grant",
            wrong: "This client may not use grant {grant} at {path}.",
            fix: "In {title} that takes a {application}: use one's client id and secret, or change the target's grant.",
            avoid: &["Do not change the secret: the client is known, its kind is wrong for this grant."],
            ..GRANT
        },
        General::RequestMalformed => Words {
            title: "a parameter of the token request is missing or malformed",
            wrong: "The token endpoint {path} finds a parameter of the request with grant {grant} missing or malformed.",
            fix: "Compare `auth` of this target with what {title} wants; if all is set, something in front drops or rewrites the body.",
            because: "The token endpoint names the request itself as malformed, not a credential.",
            avoid: &["Do not change the client secret: it is not what is refused."],
            ..GRANT
        },
        General::KeyRejected => Words {
            title: "the API does not accept the key",
            avoid: &[NO_GUESSING, NO_OTHER_ADDRESS],
            ..TOKEN
        }
        .say(
            "{title} does not accept the key at {asked}: it was revoked, has expired, or was not copied whole.",
            "Make a new one and put it into `auth.key`.",
        ),
        General::FreshTokenRejected => TOKEN.say(
            "{title} does not accept a token issued a moment ago, at {asked}.",
            "Something in front drops or alters the {carrier} that carries it, or token endpoint and API do not belong together.",
        ),
        General::TokenRejected => TOKEN.say(
            "{title} no longer accepts the token at {asked}: it was revoked or ended before its time.",
            "A new token mends this.",
        ),
        General::ScopeMissing => Words {
            title: "the {shown} lacks a scope or right",
            wrong: "{title} accepts the {shown} but not for {asked}: it lacks {the_scope}.",
            fix: "Add it to the {application} in {title}{and_scopes}.",
            because: "The API took the {shown} and says itself that it does not reach so far.",
            avoid: &["{accepted}", "Do not grant everything to be safe: the exporter only reads."],
            ..GRANT
        },
        General::AccessDenied => Words {
            title: "the user or application has no right to this",
            wrong: "{title} accepts the token and refuses {asked}: the user or {application} behind it has no right to this.",
            fix: "Give it the right to read, or use another account.",
            because: "The API took the token and says itself that it refuses.",
            avoid: &["{accepted}", "Do not make the account an administrator: a right to read is enough."],
            ..GRANT
        },
        General::KeyDenied => Words {
            title: "the key has no right to this",
            wrong: "{title} accepts the key and refuses {asked}: the key has no right to this.",
            fix: "Give it the right to read, or make one that has it.",
            because: "The API took the key and says itself that it refuses.",
            avoid: &[
                "Do not make the same key anew: this one was accepted, and its rights are too few.",
                "Do not take a key with all rights to be safe: a right to read is enough.",
            ],
            ..GRANT
        },
        General::UserBlocked => Words {
            title: "the account is blocked",
            wrong: "{title} answers {asked} that the account behind the {shown}, or its customer, is blocked.",
            fix: "Whoever administers it, or the provider, has to unblock it.",
            because: "The API says so itself; why it was blocked it does not say.",
            avoid: &[
                "{accepted}",
                "Do not create a second account to get around it: find out first why this one was blocked.",
            ],
            ..GRANT
        },
        General::Forbidden => FORBIDDEN.say(
            "{asked} is answered with HTTP 403 and nothing that {title} is known to say.",
            "A rule of a web server, a firewall or a proxy in front answers so: allow this exporter's address there.{or_not_allowed}",
        ),
        General::ForbiddenHere => FORBIDDEN.say(
            "{asked} is answered with HTTP 403 and nothing that {title} is known to say.",
            "A rule of a web server, a firewall or a proxy in front lets the token request through and not this one: look at the \
             rules for its path, method or body.{or_not_allowed}",
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
            title: "the API works, the call fails inside it",
            wrong: "{title} took the call {asked} and answered that it failed.",
            fix: "Its own logs or the vendor's list of codes tell why.",
            certainty: Likely,
            because: "The API answered, and its own answer says that the call failed.",
            avoid: &["Do not repeat the call in a loop: it fails for a reason of its own."],
        },
        General::RateLimited { .. } => Words {
            title: "too many requests",
            wrong: "{asked} was refused for too many requests (HTTP {status}).{counted}",
            fix: "Lengthen the interval, or let other applications ask less.",
            because: "The answer means nothing else.",
            avoid: &[
                "Do not repeat it before the time is over: each try may begin the time anew.",
                "{not_refused}",
            ],
            ..GRANT
        },
        General::GatewayFailed { .. } => FAILED.say(
            "A proxy or web server in front answers {asked} with HTTP {status}:",
            "it gets no answer from what runs {title}.",
        ),
        General::ServerFailed { .. } => FAILED.say(
            "{title} failed inside at {asked} with HTTP {status}.",
            "Its own logs tell why, or whoever runs it.",
        ),
        General::ProxyPassword => super::way::PROXY.say(
            "The configured proxy wants a user name and password before it passes {asked}:",
            "correct its credentials in the target's proxy settings.",
        ),
    }
}

const ODD: Words = Words {
    title: "something answers, but not as this API does",
    wrong: "",
    fix: "Check {address}, and that nothing in front answers in the place of the API.",
    certainty: Open,
    because: "What answers may be another program, a page in front, or an altered API.",
    avoid: &["Do not send the credentials there by other means: what answers may not be your PBX."],
};
const UNSAID: Words = Words {
    title: "the token request is refused, and the answer does not say why",
    wrong: "{title} refuses the token request with grant {grant} at {path} (HTTP 401) without saying what it refuses: {unsaid}.",
    fix: "Compare them with the {application} there.{kept_all_the_same}",
    certainty: Open,
    because: "That it is refused is certain; which of the values sent is wrong the answer does not say.",
    avoid: &[NO_GUESSING, NO_SCOPES],
};

pub(super) const fn odd(cause: &Odd) -> Words {
    match cause {
        Odd::ClientRefusedUnsaid | Odd::GrantRefusedUnsaid => UNSAID,
        Odd::Redirected { .. } => ODD.say(
            "{asked} is answered with a redirect (HTTP {status}) that is not followed.",
            "Correct {address}; it may also lead to the login page of something in front.",
        ),
        Odd::Status { .. } => Words {
            wrong: "{asked} was answered with HTTP {status}, of which {title} is not known to say what it means.",
            ..ODD
        },
        Odd::Page => Words {
            wrong: "{asked} was answered with success, but with a page for people instead of JSON.",
            ..ODD
        },
        Odd::NoJson => Words {
            wrong: "{asked} was answered with success, but with something that is not JSON.",
            ..ODD
        },
        Odd::Password => ODD.say(
            "Something in front of {title} asks for a password of its own at {asked}: a web server's Basic authentication or a proxy's page.",
            "Exempt the API's paths from it, or correct the address.",
        ),
        Odd::NoToken => Words { wrong: "{asked} was answered with JSON that holds no access token.", ..ODD },
        Odd::UnusableToken => ODD.say(
            "{asked} gave an access token with characters that no bearer token has (RFC 6750 section 2.1), letters that only look \
             Latin for instance, so it cannot be sent.",
            "Something alters the answer, or the platform's token endpoint is broken: show it to whoever runs {title}.",
        ),
        Odd::SaysNo => ODD.say(
            "{title} answers {asked} with a code of its own that says that it gives no token; what this code means is not known here.",
            "Compare client id, secret and the rights of the {application} with {title}'s documentation.",
        ),
        Odd::NoCode { .. } => Words {
            wrong: "{asked} was answered with JSON that has nothing at `{pointer}`, where {title} says whether it succeeded.",
            ..ODD
        },
        Odd::NoTotal { .. } => ODD.say(
            "{asked} succeeded, but its JSON has no number, array or object at `{pointer}`, where the extensions or their number \
             should be.",
            "Another release answers otherwise, or the call's pointer or path is wrong.",
        ),
        Odd::NoVersion => ODD.say(
            "{asked} succeeded, but its JSON does not tell the version.",
            "Leave `version` off.",
        ),
    }
}
