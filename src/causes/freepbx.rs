//! Of what FreePBX answers, and what stands before it: somebody woken at three reads this.
//!
//! Nothing of the far side's text is repeated, except the class name of a PHP exception and the name of a missing module.

use super::Words;
use super::fill::Fill;
use super::freepbx_host::NO_UPGRADE;
use crate::domain::cause::{Freepbx, General, KeyFile, Odd, Way};
use crate::domain::platform::Certainty::{Certain, Likely, Open};
use crate::domain::{Cause, Grant, Operation, Reason, Target};
use crate::platform::freepbx::{Called, called, is_api_module, is_graphql, needed_scope};

const NO_GUESSING: &str = "Do not try other values one after the other: each refusal counts for fail2ban, which then bans this host.";
const NO_DEBUG: &str = "Do not turn on FreePBX's debug log for this: up to 17.0.1 freepbx_debug holds client secrets and \
                        passwords in full.";
const NOT_THE_CREDENTIALS: &str = "Do not change credentials: a token was issued for them a moment ago.";
const NO_NEW_KEYS: &str = "Do not delete or replace the private key api_oauth.key before `fwconsole chown` has proved too little: a \
                           new one ends the tokens of all applications.";
const NO_LOST_KEY: &str =
    "Do not touch the private key api_oauth.key: a new one ends the tokens of all applications.";
const NO_NEW_TOKENS: &str = "Do not take new tokens in a loop: each is one more row on the PBX.";
const NO_SCOPES: &str =
    "Do not change scopes, users or roles: nothing of them is looked at before the client is accepted.";
const NO_WILD_SCOPES: &str =
    "Do not ask for `extensions:read` or `*`, whatever a guide says: FreePBX has no such scopes.";
const NO_ALLOWED_WILD: &str = "Do not put `*` or `extensions:read` into the application's Allowed Scopes: up to 17.0.1 each token request \
                               without scopes then fails with 500, later 17 issues tokens without any scope.";
const NO_ROLES: &str = "Do not change users, roles or administrator rights: none of them is looked at here.";
const NO_JSON: &str = "Do not send the request as JSON: FreePBX 17 reads forms only.";
const NO_SWITCH: &str =
    "Do not look for a switch that enables the API or OAuth2: installing the module is all there is.";
const NO_GUIDE: &str =
    "Do not try /api/oauth2/..., /admin/api/rest/... or /rest.php from a guide: FreePBX has none of them.";
const NO_REPEATING: &str = "Do not repeat it: 403 lines are what fail2ban counts.";

const CLIENT: Words = Words {
    title: "client id or client secret refused",
    wrong: "",
    fix: "",
    certainty: Certain,
    because: "The token endpoint says so itself. Which of id and secret is wrong it does not say, nor, on 15 and 16, whether it is the \
              application's type.",
    avoid: &[
        NO_GUESSING,
        NO_SCOPES,
        "Do not regenerate the secret before you have compared it: that locks out whoever else uses it.",
    ],
};
const GRANT: Words = Words {
    title: "code or refresh token refused",
    because: "The token endpoint says so, and it looks at the client id first: that one is right.",
    avoid: &[NO_GUESSING, "Do not send the same one again: each serves once."],
    ..CLIENT
};
const REFRESH_TOKEN: Words = Words {
    fix: "{replaces}. If this recurs, look whether something else uses the same refresh token.",
    ..GRANT
};
const SCOPES: Words = Words {
    title: "a scope is unknown, or not allowed to this application",
    because: "Only a scope makes the token endpoint answer so; it looks at the client first.",
    avoid: &[NO_WILD_SCOPES, NO_ALLOWED_WILD, NO_ROLES],
    ..CLIENT
};
const GRANT_TYPE: Words = Words {
    title: "the grant was not understood, or is not this application's",
    certainty: Likely,
    because: "FreePBX knows this grant, so a form lost on the way is likelier than a wrong setting.",
    avoid: &["Do not look for a switch that enables OAuth2 or a grant: FreePBX has none.", NO_JSON],
    ..CLIENT
};
const PARAMETER: Words = Words {
    title: "a parameter of the token request is missing",
    fix: "Set it for this target; if it is set, something in front of the PBX drops or rewrites the form body or the \
          Authorization header.",
    because: "The token endpoint names the request itself as malformed, not a credential.",
    avoid: &["Do not regenerate the client secret: it is not what is refused.", NO_JSON],
    ..CLIENT
};
const TOKEN: Words = Words {
    title: "the API does not accept the token it has just issued",
    certainty: Likely,
    because: "That the token is refused is certain, and so is that these credentials gave it. Why, 15 and 16 say by a hint; 17 gives \
              the same answer for everything.",
    avoid: &[
        "Do not change client id, secret or password: a token was issued for them a moment ago.",
        "Do not delete rows of FreePBX's api_access_tokens: that ends the tokens of other applications.",
        NO_NEW_TOKENS,
        "Do not delete or replace the private key api_oauth.key to try it out: a new one ends the tokens of all applications.",
    ],
    ..CLIENT
};
const SCOPE: Words = Words {
    title: "the token lacks a scope",
    because: "The API took the token and does not show it this call, which is its only way to refuse for a scope.",
    avoid: &[
        NO_WILD_SCOPES,
        NO_ALLOWED_WILD,
        NO_ROLES,
        "Do not grant gql:framework to be safe: even its read scope lets a client add administrators.",
    ],
    ..CLIENT
};
const DECLINED: Words = Words {
    title: "\"ajaxRequest declined\" is about the address, not about the user",
    because: "FreePBX's dispatcher answers so for the name of a command alone, before anybody looks at a token, a user or a scope.",
    avoid: &[
        NO_ROLES,
        "Do not widen scopes and do not make new credentials: the same 403 comes with and without a token.",
        "Do not turn CHECKREFERER off: addresses of the API never meet it.",
    ],
    ..CLIENT
};
const FORBIDDEN: Words = Words {
    title: "something in front of FreePBX forbids it",
    because: "FreePBX refuses no token, scope or user with a bare 403.",
    avoid: &[
        NO_ROLES,
        "Do not turn the firewall or ModSecurity off: allow this one host or path.",
        NO_REPEATING,
    ],
    ..CLIENT
};
const NO_API: Words = Words {
    title: "there is no API at this address",
    because: "The web server or FreePBX's dispatcher says so before any credential is looked at.",
    avoid: &[
        NO_SWITCH,
        NO_GUIDE,
        "Do not create new credentials: they were not looked at, so they are not the cause.",
    ],
    ..CLIENT
};
/// FreePBX's own text says "disabled or uninstalled", and with a damaged table each module looks absent.
const MODULE: Words = Words {
    title: "FreePBX does not find a module",
    certainty: Likely,
    because: "FreePBX says so before any credential is looked at. Whether it is disabled, not installed, or its list cannot be read, it does not say.",
    avoid: &[super::freepbx_host::NO_UPGRADE, NO_SWITCH],
    ..NO_API
};
const CALL: Words = Words {
    title: "the API works, the call fails inside it",
    because: "The API took the token and answered; its own answer says that the call failed.",
    avoid: &[
        NO_DEBUG,
        "Do not change credentials or scopes: both were accepted.",
        "Do not repeat the call in a loop: each failure is written into gql_api_error.log.",
    ],
    ..CLIENT
};
const ODD: Words = Words {
    title: "something answers, but not as FreePBX's API does",
    certainty: Open,
    because: "What answers may be another program, a page in front, or an altered API.",
    avoid: &[
        "Do not send the credentials there by other means: what answers may not be your PBX.",
        "Do not change scopes, users or roles: nothing shows that the API saw the request.",
    ],
    ..CLIENT
};
const CRASH: Words = Words {
    title: "the PBX fails inside",
    fix: LOGS,
    certainty: Open,
    because: "That it fails is certain. Why is known only as far as the evidence names an exception or a page.",
    avoid: &[NO_DEBUG, "{not_the_credentials}"],
    ..CLIENT
};
/// Where the database may be behind it.
const SICK: Words = Words { avoid: &[NO_UPGRADE, NO_DEBUG, "{not_the_credentials}"], ..CRASH };
const HIDDEN: Words = Words { avoid: &[NO_UPGRADE, NO_NEW_KEYS, NO_DEBUG, "{not_the_credentials}"], ..CRASH };

const KEY: Words = Words {
    certainty: Certain,
    because: "The PBX names the key file itself; nothing of the request is wrong.",
    avoid: &[NO_NEW_KEYS, NO_DEBUG, "{not_the_credentials}"],
    ..CRASH
};

const LOGS: &str = "Look into freepbx.log and the error log of the PBX's web server.";
const ERROR_LOG: &str = "The PBX keeps the details in gql_api_error.log, normally in /var/log/asterisk.";
const NEVER_THE_USER: &str = "This is never about a user, a role or a scope.";
const ONLY_THIS: &str = "The API is there and lets this exporter in, for it has just issued a token at /admin/api/api/token; so rewrite, \
                         module and credentials are good, and only this request, {asked}, is blocked. Look at the rules of the \
                         proxy, firewall or web server for that path, its method or its body.";
const IS_IT_FREEPBX: &str =
    "Check that address and port are FreePBX's and that nothing in front answers in its place.";
const IT_IS_FREEPBX: &str = "Address and port are FreePBX's, for other requests it answered lately: look for what answers in its place \
                             at this path alone, a rule or cache of what is in front.";
const A_PAGE: &str = "{asked} was answered with success, but with a page for people instead of JSON: a login page, a captive portal, or \
                      a PHP message.";
const NO_JSON_AT_ALL: &str =
    "{asked} was answered with success, but with something that is not the JSON its API gives.";
const GATEWAY: &str = "A proxy or the web server in front answers {asked} with HTTP {status}: it gets no answer from what runs FreePBX.";

/// In place of the general words; `None`: they serve, or FreePBX never answers so.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn general(cause: &General) -> Option<Words> {
    Some(match cause {
        General::ClientRefused => CLIENT.say(
            "FreePBX refuses the client id or the client secret, sent with grant {grant} to {path}.",
            "Compare both values with Connectivity > API > Applications: the application was deleted, its secret regenerated, or a \
             blank or line end was copied along. The grant is that of a {application}: on FreePBX 15 and 16 an application \
             serves one grant only and gives this same answer to any other. 17 looks at no grant, and before 17.0.8 at the \
             client id alone, so that a wrong secret can have worked until an upgrade.",
        ),
        General::PasswordRefused => Words {
            title: "user name or password refused",
            avoid: &[
                NO_GUESSING,
                "Do not make the user an administrator of the GUI: this grant knows User Management accounts only.",
                "Do not look for a switch that enables the grant: FreePBX has none.",
            ],
            ..GRANT
        }
        .say(
            "FreePBX refuses the user name or the password, sent with grant password to {path}.",
            "This grant checks accounts of User Management, not administrators of the GUI: create the user there or set its \
             password again, then correct the target.",
        ),
        General::RefreshTokenRefused => Words {
            wrong: "FreePBX refuses the refresh token at {path}: it expired (after a month), was used before (each serves once), or was revoked.",
            ..REFRESH_TOKEN
        },
        General::CodeRefused => GRANT.say(
            "FreePBX refuses the authorization code at {path}.",
            "A code serves once and for 10 minutes: a person has to confirm access again.",
        ),
        General::GrantRefused => Words {
            title: "the grant is refused",
            certainty: Likely,
            because: "The token endpoint says so, without a detail.",
            avoid: &[NO_GUESSING],
            ..GRANT
        }
        .say(
            "FreePBX answers invalid_grant to grant {grant} at {path}, which it does not document.",
            "Check in Connectivity > API > Applications that the client id is that of a {sent_application}.",
        ),
        General::ScopeRefused => SCOPES.say(
            "FreePBX refuses the scopes ({asked_scopes}): one is unknown to its installed modules, or lies outside the application's \
             Allowed Scopes in Connectivity > API > Applications.",
            "{ask_or_allow} The words `*` and `extensions:read` of \
             some guides are no FreePBX scopes, and no user role changes this.",
        ),
        General::GrantNotAllowed => GRANT_TYPE.say(
            "This client may not use grant {grant} at {path}.",
            "On FreePBX 15 and 16 an application serves one grant only: create a {sent_application} in Connectivity > API > \
             Applications and use its client id and secret.",
        ),
        General::RequestMalformed => Words {
            wrong: "The token endpoint {path} finds a parameter missing or malformed in the request with grant {grant}.",
            ..PARAMETER
        },
        General::FreshTokenRejected => TOKEN.say(
            "FreePBX rejects the token at {asked}:",
            "it does not accept a token issued a moment ago. This answer does not tell the cause (FreePBX 17 gives the same for \
             all): the Authorization header is dropped by a proxy or PHP-FPM, the token's row or its application was deleted at once (another \
             program cleans the table), the PBX's clock is wrong, or its API key pair does not match.",
        ),
        General::TokenRejected => TOKEN.say(
            "FreePBX rejects the token at {asked}:",
            "it no longer accepts the token. This answer does not tell the cause (FreePBX 17 gives the same for all): the token or \
             its application was deleted (or another program cleans the table), or the key pair regenerated at an upgrade. A new token fixes \
             this; if not, look for a proxy \
             that drops the Authorization header.",
        ),
        General::Forbidden => FORBIDDEN.say(
            "Something in front of FreePBX forbids {asked}: a rule of the web server, a firewall or a proxy. FreePBX answers no refused \
             token, scope or user with a 403, so its permissions are not the cause.",
            "Allow this exporter's address there.",
        ),
        General::ForbiddenHere => FORBIDDEN.say(
            "Something in front of FreePBX forbids {asked}. FreePBX answers no refused token, scope or user with a 403, so its \
             permissions are not the cause.",
            "{only_this}",
        ),
        General::ApiNotFound => NO_API.say(
            "There is nothing at {path}:",
            "the web server ignores /admin/api/.htaccess (set `AllowOverride All` for FreePBX's web root), or this address or port is \
             not that of FreePBX's API (see System Admin > Port Management, \"REST API\"). There is no switch that enables the API.",
        ),
        General::NotFoundHere => NO_API.say("There is nothing at {path}.", "{only_this}"),
        General::RateLimited { .. } => Words {
            title: "too many requests",
            because: "The status 429 means nothing else.",
            avoid: &[
                "Do not repeat it before the time is over: each try may restart the wait.",
                "{not_refused}",
            ],
            ..CLIENT
        }
        .say(
            "{asked} was answered with HTTP 429, too many requests.",
            "FreePBX's own API is not known to count requests, so probably a proxy or web application firewall in front does: raise \
             its limit for this exporter, or lengthen the interval.",
        ),
        General::GatewayFailed { .. } => SICK.say(
            GATEWAY,
            "Look whether Apache and PHP-FPM run on the PBX and have workers left. With 504 FreePBX itself may hang: Asterisk's manager \
             (`asterisk -rx 'core show uptime'`), the database (`mysqladmin processlist`), or a full disk (`df -h`).",
        ),
        General::ServerFailed { .. } => Words {
            wrong: "The PBX failed at {asked} with HTTP {status} and said nothing of the cause, as PHP does with display_errors off.",
            fix: "Why is in the error log of the PBX's web server. Look also at `systemctl status mariadb`, `df -h`, and whether PHP was updated \
                  last (`php -v`).",
            ..SICK
        },
        General::KeyRejected
        | General::ScopeMissing
        | General::AccessDenied
        | General::KeyDenied
        | General::UserBlocked
        | General::CallFailed
        | General::ProxyPassword => return None,
    })
}

/// The same of what is odd.
pub(super) const fn odd(cause: &Odd) -> Option<Words> {
    Some(match cause {
        Odd::Redirected { .. } => ODD.say(
            "{asked} is answered with a redirect (HTTP {status}), which a POST does not follow: its body would be lost.",
            "FreePBX's API redirects nothing, so it leads to the login page of something in front, or to another address. Give the \
             target the final address, or exempt /admin/api/ from that login.",
        ),
        Odd::Status { .. } => ODD.say(
            "{asked} was answered with HTTP {status} and a body that FreePBX's API does not give.",
            "Check the address, and what stands in front of the PBX.",
        ),
        Odd::Page => ODD.say(A_PAGE, IS_IT_FREEPBX),
        Odd::NoJson => ODD.say(NO_JSON_AT_ALL, IS_IT_FREEPBX),
        Odd::Password => ODD.say(
            "Something in front of FreePBX asks for a password of its own at {asked}: a web server's Basic authentication or a proxy's \
             page. FreePBX did not see the request.",
            "Exempt /admin/api/ from it, or give the target the API's own port (System Admin > Port Management, \"REST API\").",
        ),
        Odd::NoToken => ODD.say(
            "{asked} was answered with JSON that holds no usable access token (RFC 6749 section 5.1).",
            "Check that this address is FreePBX's token endpoint and that nothing in front answers in its place.",
        ),
        Odd::NoTotal { .. } => ODD.say(
            "{asked} succeeded, but its JSON has no number, array or object at {pointer}, where the total should be.",
            "Correct the pointer or the path of this target.",
        ),
        Odd::ClientRefusedUnsaid
        | Odd::GrantRefusedUnsaid
        | Odd::UnusableToken
        | Odd::SaysNo
        | Odd::NoCode { .. }
        | Odd::NoVersion => return None,
    })
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &Freepbx) -> Words {
    match cause {
        Freepbx::RefreshTokenExpired => Words {
            wrong: "FreePBX refuses the refresh token at {path}: it has expired (FreePBX keeps one for a month).",
            ..REFRESH_TOKEN
        },
        Freepbx::RefreshTokenRevoked => Words {
            wrong: "FreePBX refuses the refresh token at {path}: it was revoked: it was used before (each serves once), or deleted in the PBX.",
            ..REFRESH_TOKEN
        },
        Freepbx::RefreshTokenUnreadable => Words {
            wrong: "FreePBX refuses the refresh token at {path}: FreePBX cannot decrypt it: it was cut or altered, or the PBX's key \
                    changed, as at an upgrade of 17.",
            ..REFRESH_TOKEN
        },
        Freepbx::RefreshTokenOfAnother => Words {
            wrong: "FreePBX refuses the refresh token at {path}: it was given to another client id.",
            ..REFRESH_TOKEN
        },
        Freepbx::ParameterMalformed { .. } => Words {
            wrong: "The token endpoint {path} finds the parameter {parameter} missing or malformed in the request with grant {grant}.",
            ..PARAMETER
        },
        Freepbx::GrantTypeLost => GRANT_TYPE.say(
            "The token endpoint {path} does not know the grant type, or found none.",
            "FreePBX serves {grant} by itself, so the form body was probably lost or rewritten on the way, by a proxy or by a redirect; \
             FreePBX 17 reads form-encoded bodies only.",
        ),
        Freepbx::UnknownAllowedScope => SCOPES.say(
            "The application's Allowed Scopes hold a word that FreePBX does not know, such as `*` or `extensions:read` from a guide, and \
             each token request without explicit scopes fails on it.",
            "Replace it in Connectivity > API > Applications with {needed}, or leave the field empty, which allows everything. Words there \
             are separated by exactly one blank and are lower case: commas, line ends and a second blank make unknown words, too.",
        ),
        Freepbx::AllowedScopeSuspected => Words {
            certainty: Likely,
            because: "A second request that named a scope worked. A database that recovered in between looks the same.",
            ..SCOPES
        }
        .say(
            "The application's Allowed Scopes probably hold a word that FreePBX does not know, such as `*` or `extensions:read` from a guide: a \
             token request without scopes failed, one with the scope {needed} worked.",
            "If the next probe fails too, correct Allowed Scopes in Connectivity > API > Applications: {needed}, or empty, which allows \
             everything. Words there are separated by exactly one blank and are lower case.",
        ),
        Freepbx::ScopeNotCovered { .. } => SCOPES.say(
            "FreePBX refuses the scope {refused}, which this target asks for: it is not among the application's Allowed Scopes, or none of the \
             installed modules brings it.",
            "Add {refused} to Allowed Scopes in Connectivity > API > Applications; words there are separated by exactly one blank and are lower \
             case. If it is there, that module is missing: `fwconsole ma list`. No user role changes this.",
        ),
        Freepbx::ScopeUnknown { .. } => SCOPES.say(
            "FreePBX refuses the scope `{refused}`, which this target asks for: FreePBX has no scope of that form, whatever Allowed Scopes hold.",
            "Take it out of the scopes of this target; {needed} is what it needs. No user role changes this.",
        ),
        Freepbx::HeaderDropped => TOKEN.say(
            "FreePBX rejects the token at {asked}: it sees no Authorization header, although one was sent.",
            "A proxy in front or the PHP-FPM setup drops it: let it through (Apache with FPM: `CGIPassAuth On`).",
        ),
        Freepbx::FreshTokenMalformed => TOKEN.say(
            "FreePBX rejects the token at {asked}: it takes the token, issued a moment ago, for expired or malformed.",
            "Check the clock and time zone of the PBX, and that no proxy alters the Authorization header.",
        ),
        Freepbx::FreshTokenMalformedClockRight => TOKEN.say(
            "FreePBX rejects the token at {asked}: it takes the token, issued a moment ago, for malformed; the PBX's clock is right.",
            "Look for a proxy that alters the Authorization header, and check PHP's time zone.",
        ),
        Freepbx::TokenExpired => TOKEN.say(
            "FreePBX rejects the token at {asked}: the token has expired or is malformed.",
            "A new one fixes this; if it comes back, check the PBX's clock.",
        ),
        Freepbx::KeyPairMismatch => Words {
            title: "the API's public key does not fit the private one",
            because: "FreePBX itself says that it cannot verify a token issued a moment ago. Several PBXes at one address are the only \
                      other cause known.",
            avoid: &[NOT_THE_CREDENTIALS, NO_NEW_TOKENS, NO_LOST_KEY],
            ..TOKEN
        }
        .say(
            "FreePBX rejects the token at {asked}: it cannot verify the signature of a token issued a moment ago: its public key does not \
             fit its private one, or several PBXes answer at this address.",
            "If it is one PBX, move `api_oauth_public.key` alone away, in the folder of the setting CERTKEYLOC, else keys/ below \
             ASTETCDIR (normally /etc/asterisk/keys), then run `fwconsole ma install api` and `fwconsole chown`: that makes it again \
             from the private key, which stays, so all tokens stay good.",
        ),
        Freepbx::KeyPairRegenerated => TOKEN.say(
            "FreePBX rejects the token at {asked}: it cannot verify the signature: the API's key pair was regenerated, as at an upgrade of \
             the api module, which ends all tokens.",
            "A new token fixes this.",
        ),
        Freepbx::TokenRevoked => TOKEN.say(
            "FreePBX rejects the token at {asked}: the token was revoked: its row or its application was deleted in the PBX, or its \
             refresh token was used elsewhere.",
            "A new token fixes this unless the application is gone.",
        ),
        Freepbx::FreshTokenRejectedClockRight => TOKEN.say(
            "FreePBX rejects the token at {asked}: it does not accept a token issued a moment ago. This answer does not tell the \
             cause (FreePBX 17 gives the same for all), and the PBX's clock is right:",
            "a proxy or PHP-FPM drops the Authorization header (Apache with FPM: `CGIPassAuth On`), the token's row or its application was deleted at once (another \
             program cleans the table), or its API key pair does not match.",
        ),
        Freepbx::ScopeMissing { .. } => SCOPE.say(
            "FreePBX accepts the token but not for {asked}: it lacks the scope {needed}{or_wider}.",
            "Add it to Allowed Scopes in Connectivity > API > Applications, and to the scopes of this target if it asks for any. No user \
             permission or administrator role takes its place.{about_scope}{rest_instead}",
        ),
        Freepbx::NoScope => SCOPE.say(
            "FreePBX accepts the token but not for {asked}: it lacks the scope {needed}{or_wider}.",
            "Add it to Allowed Scopes in Connectivity > API > Applications, and to the scopes of this target if it asks for any. No user \
             permission or administrator role takes its place. The token names no scope at all, as happens on 17 when Allowed Scopes hold \
             only unknown words.",
        ),
        Freepbx::QueryNotOffered { .. } => Words {
            title: "the API does not offer this query",
            certainty: Likely,
            because: "The token names a scope that covers it, and the API still does not show it.",
            ..SCOPE
        }
        .say(
            "FreePBX accepts the token but does not offer {asked} to it, although the token names the scope {named}, which covers that. So \
             Allowed Scopes are hardly the cause: the {module} module is too old for this query, disabled, or its GraphQL part \
             failed to load.",
            "Compare with `fwconsole ma list`, then run `fwconsole ma upgrade {module}`. No user permission or administrator role takes \
             its place.{rest_instead}",
        ),
        Freepbx::DeclinedReferer => DECLINED.say(
            "{path} is a command of FreePBX's GUI, not of its API: it wants a Referer of the GUI itself (setting CHECKREFERER).",
            "Call an API address instead, /admin/api/api/gql or /admin/api/api/rest/...",
        ),
        Freepbx::DeclinedGuiUser => DECLINED.say(
            "{path} is a command of FreePBX's GUI, and the GUI user behind it may not open that section.",
            "The API never answers so: call an API address, /admin/api/api/gql or /admin/api/api/rest/...",
        ),
        Freepbx::DeclinedHere => DECLINED.say(
            "FreePBX's dispatcher sees another command than that of {path}, although /admin/api/api/token beside it has just issued a token: \
             something in front rewrites this path alone.",
            "Let it pass /admin/api/ on as it is. {never_the_user}",
        ),
        Freepbx::DeclinedRewrite => DECLINED.say(
            "The address {path} is right, but the rewrite of /admin/api/.htaccess is not in force, so FreePBX does not see which command is \
             asked.",
            "Set `AllowOverride All` for its web root and switch MultiViews off in the web server. {never_the_user}",
        ),
        Freepbx::DeclinedPath => DECLINED.say(
            "FreePBX has no API at {path}: its dispatcher declines the command name before it looks at any token, user, role or scope, so no \
             permission fixes it.",
            "Extensions are at /admin/api/api/gql (GraphQL fetchAllExtensions) and /admin/api/api/rest/core/users (REST); correct the path \
             in the application that uses it.",
        ),
        Freepbx::NoAjax => NO_API.say(
            "The FreePBX module that {path} names takes no such requests, so there is no API at this address.",
            "{right_address}",
        ),
        Freepbx::GuiCommand => NO_API.say(
            "{path} is a command of FreePBX's GUI and wants an administrator's session in the browser; no token opens it.",
            "Call /admin/api/api/gql or /admin/api/api/rest/... instead.",
        ),
        Freepbx::DispatcherFailed => {
            Words { wrong: "FreePBX's dispatcher failed at {asked} without saying why.", ..SICK }
        }
        Freepbx::ModuleNameBent => NO_API.say(
            "The web server hands {path} to FreePBX under a wrong module name: MultiViews breaks the rewrite of /admin/api/.htaccess.",
            "Switch MultiViews off for FreePBX's web root (`Options -MultiViews`) and bind PHP by SetHandler, not AddType. Credentials and \
             scopes play no part.",
        ),
        Freepbx::ApiModuleAbsent => MODULE.say(
            "FreePBX has no module behind {path}: PBX API is disabled, not installed, or not found in FreePBX's database.",
            "Look first, which changes nothing: `fwconsole ma list`. If that fails, the database is the cause: `systemctl status mariadb`, \
             `mysqlcheck asterisk`. If it is disabled: `fwconsole ma enable api`. Only if it is not listed: `fwconsole ma downloadinstall \
             api`.",
        ),
        Freepbx::ModuleAbsent { .. } => MODULE.say(NEEDS_MODULE, FIND_MODULE),
        Freepbx::UserManagementAbsent { .. } => MODULE.say(
            "FreePBX's API answers at {path} and needs the module {module}, which is disabled, not installed, or not found in its database. The \
             grant password checks accounts of User Management, which is that module.",
            FIND_MODULE,
        ),
        Freepbx::NoSuchModule => NO_API.say(
            "The address {path} names a FreePBX module that is not there.",
            "{right_address}",
        ),
        Freepbx::NoRoute => NO_API.say(
            "FreePBX's API answers at {path}, so the rewrite works; only this route is missing: the api module is too old.",
            "Compare with `fwconsole ma list`, then run `fwconsole ma upgrade api`.",
        ),
        Freepbx::NoRestRoute { .. } => NO_API.say(
            "FreePBX's API answers at {path}, so the rewrite works; only this REST route is missing: the {module} module is too old or not \
             installed.",
            "Compare with `fwconsole ma list`, then run `fwconsole ma upgrade {module}` or `fwconsole ma downloadinstall {module}`.",
        ),
        Freepbx::NothingThere => NO_API.say("There is nothing at {path}.", "{right_address}"),
        Freepbx::NothingBehindGateway => NO_API.say(
            "There is nothing at {path}, says something in front of FreePBX, a gateway or proxy that answers in JSON of its own.",
            "Let it pass /admin/api/ on to the PBX, or correct host and port in {address}.",
        ),
        Freepbx::NothingBehindGatewayHere => NO_API.say(
            "Something in front of FreePBX, a gateway or proxy that answers in JSON of its own, says that there is nothing at {path}.",
            "{only_this}",
        ),
        Freepbx::MethodChanged => ODD.say(
            "The PBX saw another method than the one sent, {asked}.",
            "A redirect or a proxy turned it into a GET: give the target the final address, with the right scheme and port.",
        ),
        Freepbx::WrongMethod => ODD.say("{asked} is not answered with this method:", "correct the target's method."),
        Freepbx::PageHere => ODD.say(A_PAGE, IT_IS_FREEPBX),
        Freepbx::NoJsonHere => ODD.say(NO_JSON_AT_ALL, IT_IS_FREEPBX),
        Freepbx::RedirectNowhere { .. } => ODD.say(
            "{asked} is answered with HTTP {status} that gives no usable address to go on to.",
            "FreePBX's API redirects nothing: give the target the final address, and look at what stands in front.",
        ),
        Freepbx::PortWantsHttps => ODD.say(
            "The web server refuses {asked}, because this port wants https:",
            "change {address} to https://.{went_in_plain}",
        ),
        Freepbx::FrontSpeaksHttp => ODD.say(
            "The web server refuses {asked}, because this port wants https:",
            "something in front of FreePBX takes https and passes it on as plain http. Let it speak https to that port.",
        ),
        Freepbx::NotFreepbx { .. } => ODD.say(
            "GET {path}, sent without credentials, was answered with HTTP {status} in a way that FreePBX's API never does: another program \
             answers at this address, or something in front of the PBX. No credentials were sent.",
            "Correct host and port in {address}, or let what is in front pass /admin/api/ on.",
        ),
        Freepbx::TotalMissing => ODD.say(
            "{asked} answered without the member totalCount, which fetchAllExtensions of FreePBX 15 to 17 always has.",
            "Something in front alters the answer, or the core module is of another version: compare with `fwconsole ma list`.",
        ),
        Freepbx::QueryLost => CRASH.say(QUERY_LOST.0, QUERY_LOST.1),
        Freepbx::QueryLostQuietly => ODD.say(QUERY_LOST.0, QUERY_LOST.1),
        Freepbx::Exception { .. } | Freepbx::ExceptionQuietly { .. } => SICK.say(EXCEPTION.0, EXCEPTION.1),
        Freepbx::KeyMissing { .. } => Words { title: "a key file of the API is missing or unreadable", ..KEY }.say(
            "FreePBX's API does not find its key file {key}, or may not read it, so {asked} fails for every client.",
            "Look on the PBX with `ls -l /etc/asterisk/keys`. If the file is there, `fwconsole chown` gives it to the web server's user. \
             {key_gone}",
        ),
        Freepbx::KeyMode { .. } => Words { title: "a key file of the API has the wrong mode", ..KEY }.say(
            "FreePBX's API refuses its key file {key}, because others may read it, so {asked} fails for every client.",
            "Run `fwconsole chown` on the PBX, or `chmod 660` on that file in /etc/asterisk/keys: it needs mode 600 or 660 and the web server's \
             user. The key itself is good and stays.",
        ),
        Freepbx::KeyBroken { .. } => Words { title: "a key file of the API holds no key", ..KEY }.say(
            "FreePBX's API cannot read a key from its key file {key}, so {asked} fails for every client.",
            "Look at it on the PBX with `ls -l /etc/asterisk/keys`: it may be empty, cut (a full disk, `df -h`) or not readable for the web \
             server's user (`fwconsole chown`). {key_gone}",
        ),
        Freepbx::SlimUpdate => Words {
            title: "the PBX's API code and library do not fit each other",
            certainty: Certain,
            because: "This exception has one cause, the known defect of 17.0.1.",
            ..CRASH
        }
        .say(
            "FreePBX's API code does not fit the Slim library installed with it, a known defect of 17.0.1: {asked} fails for everybody, \
             whatever the credentials.",
            "Upgrade with `fwconsole ma upgrade api` and `fwconsole ma upgrade core`.{or_graphql}",
        ),
        Freepbx::OauthServerError => {
            Words { wrong: "FreePBX's OAuth2 server failed inside at {asked}.", ..SICK }
        }
        Freepbx::HiddenCrashAtToken => HIDDEN.say(HIDDEN_AT_TOKEN, "{keys_or_scopes}"),
        Freepbx::HiddenCrashWithScopeToo => HIDDEN.say(
            HIDDEN_AT_TOKEN,
            "{keys_or_scopes} Asked with an explicit scope it fails alike, so the scopes are the least likely.",
        ),
        Freepbx::HiddenCrash => HIDDEN.say(
            "FreePBX failed inside at {asked} and hides the cause.",
            "First the database and the disk: `systemctl status mariadb`, `df -h`. Then the API's public key in /etc/asterisk/keys: \
             `fwconsole chown`. The error log of the PBX's web server may name the cause.",
        ),
        Freepbx::HiddenCrashOfQuery => HIDDEN.say(
            "FreePBX failed inside at {asked} and hides the cause.",
            "First the database and the disk: `systemctl status mariadb`, `df -h`. Then the API's public key in /etc/asterisk/keys: \
             `fwconsole chown`. It may also be that the query was lost on the way. The error log of the PBX's web server may name the cause.",
        ),
        Freepbx::HiddenCrashHere => HIDDEN.say(
            "FreePBX fails inside at {asked} alone and hides the cause.",
            "The keys are good, for the same token was checked with them a moment ago. So the table or the module behind this call is left: look \
             into freepbx.log and the error log of the PBX's web server, and run `mysqlcheck asterisk`.",
        ),
        Freepbx::GatewayFailedHere { .. } => CRASH.say(
            GATEWAY,
            "Other requests it answered lately, so Apache and PHP-FPM run, and this one alone crashes its worker or takes too long: look \
             into the logs of PHP-FPM and the proxy, at its time limit and PHP's memory_limit.",
        ),
        Freepbx::ListNull => CALL.say(
            "FreePBX's GraphQL answers {asked} with null in place of the list, and names no error: the core module's own code gave nothing.",
            "{error_log} The database is the first suspect: `systemctl status mariadb`, `mysqlcheck asterisk`. Then compare the modules with \
             `fwconsole ma list`.",
        ),
        Freepbx::DataNull => CALL.say(
            "FreePBX's GraphQL answers {asked} with null in place of the data, and names no error: the module's own code gave nothing.",
            "{error_log} The database is the first suspect: `systemctl status mariadb`, `mysqlcheck asterisk`. Then compare the modules with \
             `fwconsole ma list`.",
        ),
        Freepbx::FieldMissing => CALL.say(
            "FreePBX accepts the token and knows the query of {asked}, but not a field inside it, which no scope hides: the module that \
             brings it is of another age than this exporter knows.",
            "Compare with `fwconsole ma list`, then update that module alone{or_own_query}: `fwconsole ma upgrade core` where it is the extensions.",
        ),
        Freepbx::StatusFalse => CALL.say(
            "FreePBX took the call {asked} and answered with status false: it could not do it.",
            "{error_log}",
        ),
        Freepbx::ResolverFailed => CALL.say(
            "The token is accepted, but FreePBX's own code failed while it answered {asked} (\"Internal server error\" inside GraphQL).",
            "{error_log} Known causes are a table of the database (`systemctl status mariadb`, `mysqlcheck asterisk`) and a module that does not \
             fit the others (`fwconsole ma list`).",
        ),
        Freepbx::GraphqlRefused => {
            CALL.say("FreePBX's GraphQL refused or failed the query to {asked}.", "{error_log}")
        }
    }
}

/// A query of one's own may ask for what this release does not have.
pub(super) fn of_call(words: Words, reason: Reason, target: &Target) -> Words {
    let own = reason == Reason::InsufficientScope && called(target) == Called::Custom;
    Words { certainty: if own { Likely } else { words.certainty }, ..words }
}

const NEEDS_MODULE: &str = "FreePBX's API answers at {path} and needs the module {module}, which is disabled, not installed, or not found in its database.";
const FIND_MODULE: &str = "Look first, which changes nothing: `fwconsole ma list`. If that fails, the database is the cause: `systemctl status mariadb`, \
                           `mysqlcheck asterisk`. If it is disabled: `fwconsole ma enable {module_name}`. Only if it is not listed: `fwconsole \
                           ma downloadinstall {module_name}`.";
const QUERY_LOST: (&str, &str) = (
    "FreePBX's GraphQL found no query in the request to {path}.",
    "If the target's call has a body, something in front drops it; else give it one, with content type application/json.",
);
const EXCEPTION: (&str, &str) = (
    "PHP code of FreePBX failed at {asked} with an uncaught exception ({class}).",
    "Why is in freepbx.log and the error log of the PBX's web server. Look there first, then at `systemctl status mariadb`, `df -h` and \
     `fwconsole ma list`.",
);
const HIDDEN_AT_TOKEN: &str = "FreePBX's OAuth2 server failed inside at {asked} and hides the cause.";
const KEYS_OR_SCOPES: &str = "Look in this order. The database and the disk: `systemctl status mariadb`, `df -h`. The application's Allowed \
                              Scopes in Connectivity > API > Applications: an unknown word there, such as `*` or \
                              `extensions:read`, does it. The key files in /etc/asterisk/keys: `fwconsole chown` sets owner and mode.";

/// What to do about what happened on the way, where FreePBX is known for a cause.
pub(super) const fn fix_of_way(cause: &Way) -> Option<&'static str> {
    match cause {
        Way::SlowToAnswer { .. } => Some(
            "The PBX took the request and stays silent. Four suspects: Asterisk's manager, to which each request logs in (does `asterisk -rx \
             'core show uptime'` hang, too?), the database (`mysqladmin processlist`), a full disk (`df -h`), PHP-FPM without a free worker. \
             Raise the target's timeout only if the PBX is just slow.",
        ),
        Way::AnswerTooLarge { .. } => {
            Some("Raise the target's body limit; `call: graphql` gives a smaller answer than `call: rest`.")
        }
        _ => None,
    }
}

/// Where a token was issued a moment ago, less can be wrong.
pub(super) const fn after_token(reason: Reason) -> Option<Words> {
    Some(match reason {
        Reason::ApiNotFound => Words {
            title: "the API is there, but not at this path",
            certainty: Likely,
            because: "A token was issued here a moment ago: the API is there, and what is wrong concerns this path alone.",
            avoid: &[NOT_THE_CREDENTIALS, NO_SWITCH, NO_GUIDE],
            ..NO_API
        },
        Reason::Forbidden => Words {
            title: "something in front of FreePBX forbids this request",
            certainty: Likely,
            because: "FreePBX refuses no token, scope or user with a bare 403, and the token request came through a moment ago.",
            avoid: &[
                NO_ROLES,
                NOT_THE_CREDENTIALS,
                "Do not turn the firewall or ModSecurity off: let this one path through.",
                NO_REPEATING,
            ],
            ..FORBIDDEN
        },
        Reason::UnexpectedResponse => Words {
            title: "something answers this path, but not as FreePBX's API does",
            because: "A token was issued here a moment ago, so this is the PBX: what answers is a page in front of this path, or an altered \
                      API.",
            avoid: &[
                NOT_THE_CREDENTIALS,
                "Do not change scopes, users or roles: nothing shows that the API saw the request.",
            ],
            ..ODD
        },
        _ => return None,
    })
}

/// Said first where a harmless query with the same token went well (`good`) or was refused, too. It proves the rewrite for
/// its own address alone.
pub(super) fn first(fill: &Fill<'_>, good: bool) -> &'static str {
    if !good {
        "{asked} failed, and so did a harmless query with the same token: the token is the cause. "
    } else if is_graphql(fill.path()) {
        "A harmless GraphQL query with the same token went well, so credentials, token and rewrite are good and this query to {path} itself \
         fails. "
    } else {
        "GraphQL accepts the token, so credentials and token are good and {asked} itself fails. "
    }
}

/// What depends on the path, the call or the grant.
pub(super) fn value(fill: &Fill<'_>, name: &str) -> Option<&'static str> {
    let (call, extensions) = (called(fill.target), fill.operation == Operation::Extensions);
    Some(match name {
        "only_this" => ONLY_THIS,
        "never_the_user" => NEVER_THE_USER,
        "keys_or_scopes" => KEYS_OR_SCOPES,
        "error_log" => {
            if is_graphql(fill.path()) {
                ERROR_LOG
            } else {
                LOGS
            }
        }
        "right_address" if is_api_module(fill.path()) => {
            "Check the PBX API module with `fwconsole ma list`, and only if it is not listed there, install it with `fwconsole ma downloadinstall api`."
        }
        "right_address" => {
            "The API's addresses all begin with /admin/api/api/, such as /admin/api/api/gql and /admin/api/api/rest/core/users."
        }
        "went_in_plain" if fill.failure.circumstances.bare => "",
        "went_in_plain" => " Credentials went to it unencrypted.",
        "not_the_credentials" if fill.operation == Operation::Token => {
            "Do not regenerate the client secret: no refusal of it is a 5xx."
        }
        "not_the_credentials" => NOT_THE_CREDENTIALS,
        "replaces" => match fill.target.auth.grant {
            Grant::Password | Grant::ClientCredentials => "A new grant replaces it without a person's help",
            Grant::AuthorizationCode => "A person has to confirm access again",
            Grant::RefreshToken | Grant::Static => "A person has to give the exporter a new refresh token",
        },
        "or_graphql" if extensions && call == Called::Rest => " Calling GraphQL instead avoids it.",
        "or_own_query" if call == Called::Custom => ", or correct the query of this target",
        "or_graphql" | "or_own_query" => "",
        "or_wider" if needed_scope(fill.target, fill.operation).contains(':') => " or a wider one",
        "or_wider" => " or the narrower one of its module",
        "about_scope" => match call {
            _ if fill.operation == Operation::Version => {
                " That scope guards changes as well (adding administrators, installing modules): leave the version query off unless you \
                 want it."
            }
            Called::Graphql => " `gql:core:read:extension` exists but is not enough.",
            Called::Custom => " A name that this PBX's API does not have is answered in the same way.",
            Called::Rest => "",
        },
        "rest_instead" if fill.cause.parameter("rest").is_none_or(|scope| scope.is_empty()) => "",
        "rest_instead" => " Or set `call: rest`, which the token's scope {rest} lets through.",
        _ => return of_keys_and_host(fill, name),
    })
}

/// What depends on the key file, the scopes asked for, or the module.
fn of_keys_and_host(fill: &Fill<'_>, name: &str) -> Option<&'static str> {
    let is_rest = called(fill.target) == Called::Rest && fill.operation == Operation::Extensions;
    Some(match name {
        "key_gone" if key_of(fill.cause) == Some(KeyFile::Public) => PUBLIC_KEY_GONE,
        "key_gone" => PRIVATE_KEY_GONE,
        "ask_or_allow"
            if fill.target.auth.scopes.iter().any(|s| s == needed_scope(fill.target, fill.operation)) =>
        {
            "Add what is asked for to Allowed Scopes there; words are separated by exactly one blank and are lower case."
        }
        "ask_or_allow" => "Ask for {needed}, or for none, which gives all that the application may have.",
        "smaller" if is_rest => "`call: graphql` takes less of it than `call: rest`.",
        "smaller" => "A PBX with many extensions needs more.",
        _ => return None,
    })
}

const fn key_of(cause: &Cause) -> Option<KeyFile> {
    match cause {
        Cause::Freepbx(
            Freepbx::KeyMissing { key } | Freepbx::KeyMode { key } | Freepbx::KeyBroken { key },
        ) => Some(*key),
        _ => None,
    }
}

const PUBLIC_KEY_GONE: &str = "If it is gone or holds no key: move the damaged file away, if there is one, then run `fwconsole ma install \
                               api` and `fwconsole chown`: that makes it again from the private key, so all tokens stay good.";
const PRIVATE_KEY_GONE: &str = "If it is gone, take it from a backup. Only where there is none, `fwconsole ma install api` makes a new pair, \
                                which ends the tokens of all applications.";

/// What is no sentence.
pub(super) fn word(fill: &Fill<'_>, name: &str) -> Option<String> {
    Some(match name {
        "needed" => needed_scope(fill.target, fill.operation).to_owned(),
        "module_name" => fill.cause.parameter("module")?.to_ascii_lowercase(),
        "sent_application" => {
            fill.target.platform.application(fill.grant()).unwrap_or("application").to_owned()
        }
        _ => return None,
    })
}
