//! Diagnoses of what FreePBX itself answers and that is no refused credential: addresses, rewrites, crashes.
//!
//! One to four short sentences for somebody woken at three: what it means, then the mend. They name the
//! path that was asked and nothing of the far side's text, but for the class name of a PHP exception and
//! the name of a missing module.

use http::StatusCode;

use super::{AUTHORIZE_PATH, Called, TOKEN_PATH, called, front, is_api_module, is_graphql};
use crate::domain::{Grant, Operation, Reason};
use crate::platform::CallContext;

/// Where the applications are kept in FreePBX's GUI.
pub const APPLICATIONS: &str = "Connectivity > API > Applications";

/// `ajaxRequest declined`, and what follows it.
pub fn declined(ctx: &CallContext, variant: &str) -> String {
    let path = ctx.path();
    if variant.contains("Referrer") {
        return format!(
            "{path} is a command of FreePBX's GUI, not of its API: it wants a Referer of the GUI itself \
             (setting CHECKREFERER). Call an API address instead, /admin/api/api/gql or /admin/api/api/rest/..."
        );
    }
    if variant.contains("Permissions") {
        return format!(
            "{path} is a command of FreePBX's GUI, and the GUI user behind it may not open that section. The API \
             never answers so: call an API address, /admin/api/api/gql or /admin/api/api/rest/..."
        );
    }
    if ctx.has_just_issued() && is_api_module(path) {
        return format!(
            "FreePBX's dispatcher sees another command than that of {path}, although {TOKEN_PATH} beside it has just issued a \
             token: something in front rewrites this path alone. Let it pass /admin/api/ on as it is. This is never about a \
             user, a role or a scope."
        );
    }
    if is_api_module(path) || path == AUTHORIZE_PATH {
        return format!(
            "The address {path} is right, but the rewrite of /admin/api/.htaccess is not in force, so FreePBX does not \
             see which command is asked. Set `AllowOverride All` for its web root and switch MultiViews off in \
             the web server. This is never about a user, a role or a scope."
        );
    }
    format!(
        "FreePBX has no API at {path}: its dispatcher declines the command name before it looks at any token, \
         user, role or scope, so no permission mends it. Extensions are at /admin/api/api/gql (GraphQL \
         fetchAllExtensions) and /admin/api/api/rest/core/users (REST); correct the path in the application \
         that uses it."
    )
}

pub fn no_ajax(ctx: &CallContext) -> String {
    format!(
        "The FreePBX module that {} names takes no such requests, so there is no API at this address. {}",
        ctx.path(),
        right_address(ctx)
    )
}

pub fn gui_command(ctx: &CallContext) -> String {
    format!(
        "{} is a command of FreePBX's GUI and wants an administrator's session in the browser; no token opens it. \
         Call /admin/api/api/gql or /admin/api/api/rest/... instead.",
        ctx.path()
    )
}

pub fn unknown_error(ctx: &CallContext) -> String {
    format!("FreePBX's dispatcher failed at {} without saying why. {LOGS}", ctx.asked())
}

pub fn module_invalid(ctx: &CallContext) -> String {
    format!(
        "The web server hands {} to FreePBX under a wrong module name: MultiViews bends the rewrite of \
         /admin/api/.htaccess. Switch MultiViews off for FreePBX's web root (`Options -MultiViews`) and bind \
         PHP by SetHandler, not AddType. Credentials and scopes play no part.",
        ctx.path()
    )
}

/// `module`: the one that FreePBX names; not always the API's own.
pub fn module_absent(ctx: &CallContext, module: Option<&str>) -> String {
    if is_api_module(ctx.path()) {
        if let Some(other) = module.filter(|name| !name.eq_ignore_ascii_case("api")) {
            return another_module_absent(ctx, other);
        }
        return format!(
            "FreePBX has no module behind {}: PBX API is not installed or its files are gone. Install it in Module \
             Admin or with `fwconsole ma downloadinstall api`; nothing else has to be enabled.",
            ctx.path()
        );
    }
    format!("The address {} names a FreePBX module that is not there. {}", ctx.path(), right_address(ctx))
}

fn another_module_absent(ctx: &CallContext, module: &str) -> String {
    let needs = if ctx.grant == Grant::Password && module.eq_ignore_ascii_case("userman") {
        " The grant password checks accounts of User Management, which is that module."
    } else {
        ""
    };
    format!(
        "FreePBX's API answers at {} and needs the module {module}, which is not installed or has lost its files. \
         Install it in Module Admin or with `fwconsole ma downloadinstall {}`.{needs}",
        ctx.path(),
        module.to_ascii_lowercase(),
    )
}

pub fn right_address(ctx: &CallContext) -> &'static str {
    if is_api_module(ctx.path()) {
        "Check the PBX API module with `fwconsole ma list`, and reinstall it with `fwconsole ma downloadinstall api`."
    } else {
        "The API's addresses all begin with /admin/api/api/, such as /admin/api/api/gql and \
         /admin/api/api/rest/core/users."
    }
}

const LOGS: &str = "Look into freepbx.log and the error log of the PBX's web server.";

/// Slim itself, behind the rewrite, knows no such route.
pub fn no_route(ctx: &CallContext) -> String {
    let path = ctx.path();
    let rest = path.strip_prefix(super::REST_PATH);
    // The first part of a REST route is the module that brings it (FreePBX/api:Rest/Api.php).
    let module = rest.and_then(|route| route.split('/').next()).filter(|name| !name.is_empty());
    let (what, module) =
        (if rest.is_some() { "this REST route" } else { "this route" }, module.unwrap_or("api"));
    format!(
        "FreePBX's API answers at {path}, so the rewrite works; only {what} is missing: the {module} module is too old \
         or not installed. Compare with `fwconsole ma list`, then run `fwconsole ma upgrade {module}` or `fwconsole ma \
         downloadinstall {module}`."
    )
}

pub fn wrong_method(ctx: &CallContext) -> String {
    let custom = ctx.operation == Operation::Extensions && matches!(called(ctx.target), Called::Custom);
    if custom {
        return format!("{} is not answered with this method: correct the target's method.", ctx.asked());
    }
    format!(
        "The PBX saw another method than the one sent, {}. A redirect or a proxy turned it into a GET: give the \
         target the final address, with the right scheme and port.",
        ctx.asked()
    )
}

/// A 2xx that is nothing known.
pub fn nonsense(ctx: &CallContext, html: bool) -> String {
    let what = if html {
        "a page for people instead of JSON: a login page, a captive portal, or a PHP message"
    } else {
        "something that is not the JSON its API gives"
    };
    format!(
        "{} was answered with success, but with {what}.{}",
        ctx.asked(),
        if ctx.has_just_issued() { front::IT_IS_FREEPBX } else { front::IS_IT_FREEPBX }
    )
}

pub fn no_access_token(ctx: &CallContext) -> String {
    format!(
        "{} was answered with JSON that holds no usable access token (RFC 6749 section 5.1). Check that this address \
         is FreePBX's token endpoint and that nothing in front answers in its place.",
        ctx.asked()
    )
}

pub fn no_total(ctx: &CallContext) -> String {
    format!(
        "{} answered without the member totalCount, which fetchAllExtensions of FreePBX 15 to 17 always has. Something \
         in front alters the answer, or the core module is of another version: compare with `fwconsole ma list`.",
        ctx.asked()
    )
}

/// GraphQL names no error, and yet `what` is null: `whose` own code gave that.
pub fn is_null(ctx: &CallContext, what: &str, whose: &str) -> String {
    format!(
        "FreePBX's GraphQL answers {} with null in place of {what}, and names no error: {whose} own code gave \
         nothing. {} Compare the modules with `fwconsole ma list`, then `fwconsole ma upgradeall`.",
        ctx.asked(),
        error_log(ctx)
    )
}

/// GraphQL knows what was asked, and not a field inside it.
pub fn field_missing(ctx: &CallContext) -> String {
    let own = if matches!(called(ctx.target), Called::Custom) {
        ", or correct the query of this target"
    } else {
        ""
    };
    format!(
        "FreePBX accepts the token and knows the query of {}, but not a field inside it, which no scope hides: the module that \
         brings it is of another age than this exporter knows. Compare with `fwconsole ma list`, then run `fwconsole ma upgradeall`{own}.",
        ctx.asked()
    )
}

pub fn no_pointer(ctx: &CallContext, pointer: &str) -> String {
    format!(
        "{} succeeded, but its JSON has no number, array or object at {pointer}, where the total should be. Correct \
         the pointer or the path of this target.",
        ctx.asked()
    )
}

pub fn odd_status(ctx: &CallContext, status: StatusCode) -> String {
    format!(
        "{} was answered with HTTP {} and a body that FreePBX's API does not give. Check the address, and what stands \
         in front of the PBX.",
        ctx.asked(),
        status.as_u16()
    )
}

/// The token endpoint's address, asked without credentials, answers as FreePBX's never does.
pub fn not_as_freepbx(ctx: &CallContext, status: StatusCode) -> String {
    format!(
        "GET {}, sent without credentials, was answered with HTTP {} in a way that FreePBX's API never does: another \
         program answers at this address, or something in front of the PBX. No credentials were sent. Correct host and \
         port in {}, or let what is in front pass /admin/api/ on.",
        ctx.path(),
        status.as_u16(),
        ctx.address()
    )
}

pub fn bare_5xx(ctx: &CallContext, status: StatusCode) -> String {
    format!(
        "The PBX failed at {} with HTTP {} and said nothing of the cause. {LOGS}",
        ctx.asked(),
        status.as_u16()
    )
}

pub fn oauth_server_error(ctx: &CallContext) -> String {
    format!("FreePBX's OAuth2 server failed inside at {}. {LOGS}", ctx.asked())
}

pub fn exception(ctx: &CallContext, kind: &str) -> String {
    format!(
        "PHP code of FreePBX failed at {} with an uncaught exception ({kind}). Often modules do not fit each other after \
         an update: run `fwconsole ma upgradeall`. {LOGS}",
        ctx.asked()
    )
}

pub fn slim_update(ctx: &CallContext) -> String {
    let or_else = match (ctx.operation, called(ctx.target)) {
        (Operation::Extensions, Called::Rest) => " Calling GraphQL instead avoids it.",
        _ => "",
    };
    format!(
        "FreePBX's API code does not fit the Slim library installed with it, a known defect of 17.0.1: {} fails for \
         everybody, whatever the credentials. Upgrade with `fwconsole ma upgrade api` and `fwconsole ma upgrade \
         core`.{or_else}",
        ctx.asked()
    )
}

pub fn empty_query(ctx: &CallContext) -> String {
    let path = ctx.path();
    format!(
        "FreePBX's GraphQL found no query in the request to {path}. If the target's call has a body, something in front \
         drops it; else give it one, with content type application/json."
    )
}

pub fn key_files(ctx: &CallContext) -> String {
    format!(
        "FreePBX's API cannot use its key files, so {} fails for every client. Run `fwconsole chown` on the PBX (the \
         files need mode 600 or 660 and the web server's user); only if they are missing, `fwconsole ma install \
         api` makes them anew, which ends the tokens of all applications.",
        ctx.asked()
    )
}

/// An unknown word in the application's allowed scopes.
pub fn unknown_allowed_scope(ctx: &CallContext) -> String {
    format!(
        "The application's Allowed Scopes hold a word that FreePBX does not know, such as `*` or `extensions:read` from \
         a guide, and each token request without explicit scopes fails on it. Replace it in {APPLICATIONS} with {}, or \
         leave the field empty, which allows everything.",
        super::follow_up::needed_scope(ctx)
    )
}

/// Slim 3's bare page at the token endpoint: two causes look the same.
pub fn slim_error_at_token(ctx: &CallContext) -> String {
    format!(
        "FreePBX's OAuth2 server failed inside at {} and hides the cause. Either the application's Allowed Scopes hold \
         an unknown word, such as `*` or `extensions:read`: correct them in {APPLICATIONS}. Or the API's key files are \
         missing or lack mode 600 or 660: run `fwconsole chown` on the PBX, and only if they are missing `fwconsole ma install api`: new keys end the \
         tokens of all applications.",
        ctx.asked()
    )
}

/// Behind [`slim_error_at_token`], once an explicit scope was asked for.
pub fn hidden_with_scope_too(first: &str) -> String {
    format!("{first} Asked with an explicit scope it fails alike, which speaks for the key files.")
}

pub fn slim_error_at_resource(ctx: &CallContext) -> String {
    let query = if is_graphql(ctx.path()) { " or a request whose query was lost on the way" } else { "" };
    format!(
        "FreePBX failed inside at {} and hides the cause. Known for it are an unreadable key file of the API (run \
         `fwconsole chown` on the PBX){query}. {LOGS}",
        ctx.asked()
    )
}

pub fn status_false(ctx: &CallContext) -> String {
    format!(
        "FreePBX took the call {} and answered with status false: it could not do it. {}",
        ctx.asked(),
        error_log(ctx)
    )
}

pub fn resolver_failed(ctx: &CallContext) -> String {
    format!(
        "The token is accepted, but FreePBX's own code failed while it answered {} (\"Internal server error\" inside \
         GraphQL). {} Modules that do not fit each other are a known cause: `fwconsole ma upgradeall`.",
        ctx.asked(),
        error_log(ctx)
    )
}

pub fn graphql_error(ctx: &CallContext) -> String {
    format!("FreePBX's GraphQL refused or failed the query to {}. {}", ctx.asked(), error_log(ctx))
}

fn error_log(ctx: &CallContext) -> &'static str {
    if is_graphql(ctx.path()) {
        "The PBX keeps the details in gql_api_error.log, normally in /var/log/asterisk."
    } else {
        LOGS
    }
}

/// In front of another diagnosis: the harmless query went well. It proves the rewrite for its own
/// address alone.
pub fn accepted_elsewhere(ctx: &CallContext, first: &str) -> String {
    let (asked, first) = (ctx.asked(), front::proved(first));
    if is_graphql(ctx.path()) {
        return format!(
            "A harmless GraphQL query with the same token went well, so credentials, token and rewrite are good and \
             this query to {} itself fails. {first}",
            ctx.path()
        );
    }
    format!("GraphQL accepts the token, so credentials and token are good and {asked} itself fails. {first}")
}

/// In front of the diagnosis of a rejected token: the harmless query was refused too.
pub fn rejected_elsewhere(ctx: &CallContext, rejected: &str) -> String {
    format!(
        "{} failed, and so did a harmless query with the same token: the token is the cause. {rejected}",
        ctx.asked()
    )
}

/// Whether FreePBX can answer with `reason` at all: its refusals are never these two.
pub const fn gives(reason: Reason) -> bool {
    !matches!(reason, Reason::AccessDenied | Reason::UserBlocked)
}
