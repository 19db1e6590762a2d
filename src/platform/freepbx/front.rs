//! Diagnoses of what stands before FreePBX: web server, proxy, firewall, fail2ban.

use http::StatusCode;

use super::text::right_address;
use super::{TOKEN_PATH, is_api_module};
use crate::platform::CallContext;

/// What a token issued a moment ago leaves as the cause at the API's own paths.
fn only_this_path(ctx: &CallContext) -> String {
    format!(
        "The API is there and lets this exporter in, for it has just issued a token at {TOKEN_PATH}; so rewrite, module and \
         credentials are good, and only this request, {}, is blocked. Look at the rules of the proxy, firewall or web server for that path, \
         its method or its body.",
        ctx.asked()
    )
}

/// A 404 in JSON that is nobody's of FreePBX.
pub fn nothing_behind_gateway(ctx: &CallContext) -> String {
    if ctx.has_just_issued() {
        return format!(
            "Something in front of FreePBX, a gateway or proxy that answers in JSON of its own, says that there is nothing at \
             {}. {}",
            ctx.path(),
            only_this_path(ctx)
        );
    }
    format!(
        "There is nothing at {}, says something in front of FreePBX, a gateway or proxy that answers in JSON of its \
         own. Let it pass /admin/api/ on to the PBX, or correct host and port in {}.",
        ctx.path(),
        ctx.address()
    )
}

/// A web server's own 404.
pub fn not_found(ctx: &CallContext) -> String {
    if !is_api_module(ctx.path()) {
        return format!("There is nothing at {}. {}", ctx.path(), right_address(ctx));
    }
    if ctx.has_just_issued() {
        return format!("There is nothing at {}. {}", ctx.path(), only_this_path(ctx));
    }
    format!(
        "There is nothing at {}: the web server ignores /admin/api/.htaccess (set `AllowOverride All` for \
         FreePBX's web root), or this address or port is not that of FreePBX's API (see System Admin > Port \
         Management, \"REST API\"). There is no switch that enables the API.",
        ctx.path()
    )
}

pub fn forbidden(ctx: &CallContext) -> String {
    if ctx.has_just_issued() {
        return format!(
            "Something in front of FreePBX forbids {}. FreePBX answers no refused token, scope or user with a 403, so its \
             permissions are not the cause. {}",
            ctx.asked(),
            only_this_path(ctx)
        );
    }
    format!(
        "Something in front of FreePBX forbids {}: a rule of the web server, a firewall or a proxy. FreePBX answers \
         no refused token, scope or user with a 403, so its permissions are not the cause. Allow this exporter's \
         address there.",
        ctx.asked()
    )
}

pub fn password_in_front(ctx: &CallContext) -> String {
    format!(
        "Something in front of FreePBX asks for a password of its own at {}: a web server's Basic authentication or a \
         proxy's page. The token was not looked at. Exempt /admin/api/ from it, or give the target the API's own port \
         (System Admin > Port Management, \"REST API\").",
        ctx.asked()
    )
}

pub fn proxy_password(ctx: &CallContext) -> String {
    format!(
        "The configured proxy wants a user name and password before it passes {}: correct its credentials in the \
         target's proxy settings.",
        ctx.asked()
    )
}

/// A redirect that was not followed: a POST's, or one without a usable address.
pub fn redirected(ctx: &CallContext, status: StatusCode) -> String {
    let (asked, code) = (ctx.asked(), status.as_u16());
    if asked.starts_with("GET ") || asked.starts_with("HEAD ") {
        return format!(
            "{asked} is answered with HTTP {code} that gives no usable address to go on to. FreePBX's API redirects \
             nothing: give the target the final address, and look at what stands in front."
        );
    }
    format!(
        "{asked} is answered with a redirect (HTTP {code}), which a POST does not follow: its body would be lost. \
         FreePBX's API redirects nothing, so it leads to the login page of something in front, or to another address. \
         Give the target the final address, or exempt /admin/api/ from that login."
    )
}

/// True of a token request alone.
pub const WENT_IN_PLAIN: &str = " Credentials went to it unencrypted.";

/// A port of https was spoken to without TLS, by the exporter or by what is in front.
pub fn wants_https(ctx: &CallContext) -> String {
    let (mend, harm) = if ctx.origin().scheme() == "http" {
        (format!("change {} to https://.", ctx.address()), WENT_IN_PLAIN)
    } else {
        let mend = "something in front of FreePBX takes https and passes it on as plain http. Let it speak https to that port.";
        (mend.to_owned(), "")
    };
    format!("The web server refuses {}, because this port wants https: {mend}{harm}", ctx.asked())
}

pub fn throttled(ctx: &CallContext) -> String {
    format!(
        "{} was answered with HTTP 429, too many requests. FreePBX's own API is not known to count requests, so \
         probably a proxy or web application firewall in front does: raise its limit for this exporter, or lengthen the interval.",
        ctx.asked()
    )
}

/// 502 to 504.
pub fn gateway(ctx: &CallContext, status: StatusCode) -> String {
    format!(
        "A proxy or the web server in front answers {} with HTTP {}: it gets no answer from what runs FreePBX.{}",
        ctx.asked(),
        status.as_u16(),
        if ctx.has_just_issued() { IT_RUNS } else { DOES_IT_RUN }
    )
}

/// The mend of a gateway's page where nothing shows that FreePBX runs, and where another answer has shown it.
const DOES_IT_RUN: &str = " Look whether Apache and PHP-FPM run on the PBX and have workers left.";
const IT_RUNS: &str = " Other requests it answered lately, so Apache and PHP-FPM run, and this one alone crashes its worker or \
                       takes too long: look into the logs of PHP-FPM and the proxy, at its time limit and PHP's memory_limit.";

/// The mend of an odd answer where nothing shows that the address is right, and where another answer has shown it.
pub const IS_IT_FREEPBX: &str =
    " Check that address and port are FreePBX's and that nothing in front answers in its place.";
pub const IT_IS_FREEPBX: &str = " Address and port are FreePBX's, for other requests it answered lately: look for what answers \
                                 in its place at this path alone, a rule or cache of what is in front.";

/// `diagnosis` without what an answer of FreePBX's API to another request has proved wrong.
pub fn proved(diagnosis: &str) -> String {
    diagnosis.replace(DOES_IT_RUN, IT_RUNS).replace(IS_IT_FREEPBX, IT_IS_FREEPBX)
}
