//! The rules for what any call can meet: throttling, `ajax.php`, uncaught exceptions, and a bare status.

use http::StatusCode;

use super::body::{Body, Exception};
use super::{AUTHORIZE_PATH, Called, REST_PATH, called, host, is_api_module, keys, own, resource_answer};
use crate::domain::cause::{Freepbx, General, Host, Odd};
use crate::domain::{Answer, Cause, Failure, Grant, Operation};
use crate::platform::CallContext;
use crate::platform::rules::has_challenge;

/// What the body says of itself that means the same at any address; `None`: nothing.
pub fn by_body(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Failure> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Some(ctx.failure(General::RateLimited { status: 429 }));
    }
    let cause = host::read(body)
        .map(Cause::from)
        .or_else(|| body.exceptions().find_map(|exception| by_exception(ctx, &exception)))
        .or_else(|| body.exceptions().find_map(|exception| unnamed_exception(answer, &exception)))
        .or_else(|| Some(by_dispatcher(ctx, body.error()?)?.into()))
        .or_else(|| Some(printed(ctx, answer, body)?.into()));
    cause.map(|cause| ctx.failure(cause))
}

/// A path of the user's own may answer with whatever it likes.
fn printed(ctx: &CallContext, answer: &Answer, body: &Body) -> Option<Host> {
    let users_own = answer.status.is_success() && !own(ctx.path()).starts_with("/admin/");
    if users_own { None } else { host::printed(body, !answer.status.is_success()) }
}

/// FreePBX/framework:amp_conf/htdocs/admin/libraries/BMO/Ajax.class.php.
fn by_dispatcher(ctx: &CallContext, error: &str) -> Option<Freepbx> {
    if let Some(variant) = error.strip_prefix("ajaxRequest declined") {
        return Some(declined(ctx, variant));
    }
    Some(match error {
        "ajaxRequest not found" | "ajaxHandler not found" => Freepbx::NoAjax,
        "Not Authenticated" => Freepbx::GuiCommand,
        "Unknown Error" => Freepbx::DispatcherFailed,
        _ => return None,
    })
}

fn declined(ctx: &CallContext, variant: &str) -> Freepbx {
    let path = ctx.path();
    if variant.contains("Referrer") {
        Freepbx::DeclinedReferer
    } else if variant.contains("Permissions") {
        Freepbx::DeclinedGuiUser
    } else if ctx.has_just_issued() && is_api_module(path) {
        Freepbx::DeclinedHere
    } else if is_api_module(path) || own(path) == AUTHORIZE_PATH {
        Freepbx::DeclinedRewrite
    } else {
        Freepbx::DeclinedPath
    }
}

fn by_exception(ctx: &CallContext, exception: &Exception) -> Option<Cause> {
    let token = ctx.operation == Operation::Token;
    let said = |part: &str| exception.message.contains(part);
    let is = |class: &str| exception.is(class);
    let cause = if said("Module requested invalid") {
        Freepbx::ModuleNameBent
    } else if exception.message.starts_with("Attempted to load ")
        || exception.message.starts_with("Unable to locate ")
    {
        module_absent(ctx, exception.absent_module())
    } else if !token && is("OAuthServerException") && exception.code.is_none_or(|code| code == 9) {
        return Some(resource_answer::rejected(ctx));
    } else if token && said("addScope()") {
        Freepbx::UnknownAllowedScope
    } else if let Some(key) = keys::read(exception.message, ctx.operation) {
        key
    } else if is("HttpMethodNotAllowedException") {
        wrong_method(ctx)
    } else if is("HttpNotFoundException") {
        no_route(ctx)
    } else if said("Slim\\App::__construct()") {
        Freepbx::SlimUpdate
    } else {
        return None;
    };
    Some(cause.into())
}

/// `module`: the one that FreePBX names; not always the API's own.
fn module_absent(ctx: &CallContext, module: Option<&str>) -> Freepbx {
    if !is_api_module(ctx.path()) {
        return Freepbx::NoSuchModule;
    }
    match module {
        Some(name) if ctx.grant == Grant::Password && name.eq_ignore_ascii_case("userman") => {
            Freepbx::UserManagementAbsent { module: name.into() }
        }
        Some(name) if !name.eq_ignore_ascii_case("api") => Freepbx::ModuleAbsent { module: name.into() },
        Some(_) | None => Freepbx::ApiModuleAbsent,
    }
}

/// Slim itself, behind the rewrite, knows no such route. The first part of a REST route is the module that brings it
/// (FreePBX/api:Rest/Api.php).
fn no_route(ctx: &CallContext) -> Freepbx {
    let Some(route) = own(ctx.path()).strip_prefix(REST_PATH) else { return Freepbx::NoRoute };
    let module = route.split('/').next().filter(|name| !name.is_empty()).unwrap_or("api");
    Freepbx::NoRestRoute { module: module.into() }
}

fn wrong_method(ctx: &CallContext) -> Freepbx {
    let custom = ctx.operation == Operation::Extensions && called(ctx.target) == Called::Custom;
    if custom { Freepbx::WrongMethod } else { Freepbx::MethodChanged }
}

/// None of the known messages. Gateways give an object `error` too: only the name of a PHP class makes
/// it FreePBX's.
fn unnamed_exception(answer: &Answer, exception: &Exception) -> Option<Cause> {
    let class = exception.shown()?;
    let failed = answer.status.is_server_error();
    if let Some(cause) = host::unnamed(exception, class).filter(|_| failed && class != QUERY_LOST) {
        return Some(cause.into());
    }
    Some(match (class, failed) {
        (QUERY_LOST, true) => Freepbx::QueryLost.into(),
        (QUERY_LOST, false) => Freepbx::QueryLostQuietly.into(),
        (class, true) => Freepbx::Exception { class: class.into() }.into(),
        (class, false) => Freepbx::ExceptionQuietly { class: class.into() }.into(),
    })
}

/// webonyx/graphql-php's, where a request holds no query.
const QUERY_LOST: &str = "GraphQL\\Server\\RequestError";

/// What remains when the body says nothing known.
pub fn by_status(ctx: &CallContext, answer: &Answer, body: &Body) -> Failure {
    let (proxied, here) = (ctx.target.client.proxy.is_some(), ctx.has_just_issued());
    let status = answer.status.as_u16();
    let cause: Cause = match status {
        200..=299 => no_json(body.html, here),
        300..=399 if is_read(ctx) => Freepbx::RedirectNowhere { status }.into(),
        300..=399 => Odd::Redirected { status }.into(),
        400 if body.wants_https && ctx.origin().scheme() == "http" => Freepbx::PortWantsHttps.into(),
        400 if body.wants_https => Freepbx::FrontSpeaksHttp.into(),
        401 if body.html || has_challenge(answer, "basic") => Odd::Password.into(),
        403 if here => General::ForbiddenHere.into(),
        403 => General::Forbidden.into(),
        404 => absent(ctx, body, here),
        405 if body.is_slim_wrong_method() => wrong_method(ctx).into(),
        407 if proxied => General::ProxyPassword.into(),
        502..=504 | 511 | 520..=530 if here => Freepbx::GatewayFailedHere { status }.into(),
        502..=504 | 511 | 520..=530 => General::GatewayFailed { status }.into(),
        500..=599 => General::ServerFailed { status }.into(),
        _ => Odd::Status { status }.into(),
    };
    ctx.failure(cause)
}

fn is_read(ctx: &CallContext) -> bool {
    matches!(ctx.target.method_of(ctx.operation), http::Method::GET | http::Method::HEAD)
}

fn no_json(page: bool, here: bool) -> Cause {
    match (page, here) {
        (true, true) => Freepbx::PageHere.into(),
        (true, false) => Odd::Page.into(),
        (false, true) => Freepbx::NoJsonHere.into(),
        (false, false) => Odd::NoJson.into(),
    }
}

fn absent(ctx: &CallContext, body: &Body, here: bool) -> Cause {
    let api = is_api_module(ctx.path());
    if body.is_slim_not_found() {
        return no_route(ctx).into();
    }
    match (api, body.json().is_some(), here) {
        (false, ..) => Freepbx::NothingThere.into(),
        (true, true, true) => Freepbx::NothingBehindGatewayHere.into(),
        (true, true, false) => Freepbx::NothingBehindGateway.into(),
        (true, false, true) => General::NotFoundHere.into(),
        (true, false, false) => General::ApiNotFound.into(),
    }
}

/// The same cause without what an answer of FreePBX's API to another request has proved wrong.
pub fn proved(cause: Cause) -> Cause {
    match cause {
        Cause::Odd(Odd::Page) => Freepbx::PageHere.into(),
        Cause::Odd(Odd::NoJson) => Freepbx::NoJsonHere.into(),
        Cause::General(General::GatewayFailed { status }) => Freepbx::GatewayFailedHere { status }.into(),
        Cause::Freepbx(Freepbx::HiddenCrash | Freepbx::HiddenCrashOfQuery) => Freepbx::HiddenCrashHere.into(),
        cause => cause,
    }
}
