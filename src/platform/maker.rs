//! Who made an answer, as far as it matters for the PBX's harm: whether a refusal of the PBX may stand behind it, and
//! whether credentials may go that way again.

use http::header::LOCATION;

use super::CallContext;
use super::freepbx::body::Body;
use super::json_body::{self, Around};
use crate::domain::outcome::{Attempt, Maker, Seen, Trace};
use crate::domain::{Answer, Failure, Operation, TransportError};

type Heard<'a> = Result<&'a Answer, &'a TransportError>;

/// Writes what `failure` was to the PBX into it and into `attempt`. `credentials`: whether any went along.
pub fn judge(
    ctx: &CallContext,
    credentials: bool,
    heard: Heard,
    attempt: &mut Attempt,
    failure: &mut Failure,
) {
    let sent = heard.map_or_else(|error| !error.never_sent(), |_| true);
    let by = heard.map_or(Maker::Unknown, |answer| maker(ctx, answer));
    let (operation, reason, status) = (ctx.operation, failure.reason(), attempt.status);
    let seen = Seen { operation, reason, status, credentials, sent, by };
    let hides = seen.trace() == Trace::MayHideRefusal;
    attempt.failure = Some(reason);
    attempt.refused = failure.refused || hides;
    attempt.exposed = credentials
        && ctx.origin().scheme() == "http"
        && (by == Maker::Front || leads_to_https(heard) || hides && is_page(heard));
    failure.refused |= attempt.is_refusal();
    failure.left_row = seen.may_have_left_row();
}

/// Whether `answer` is the PBX's own, so that nobody stands in front who keeps requests from it.
pub fn is_own(ctx: &CallContext, answer: &Answer) -> bool {
    maker(ctx, answer) == Maker::Pbx
}

fn maker(ctx: &CallContext, answer: &Answer) -> Maker {
    if wants_https(&answer.body) {
        return Maker::Front;
    }
    let json = || json_body::read(&answer.body).is_some_and(|found| found.around != Around::Output);
    let answers = ctx.operation != Operation::Token && answer.status.is_success();
    let own = if ctx.is_freepbx() { Body::of(answer).is_own() || answers && json() } else { json() };
    if own || is_of_php(&answer.body) || holds_token(answer) { Maker::Pbx } else { Maker::Unknown }
}

/// A token that cannot be read is no refusal.
fn holds_token(answer: &Answer) -> bool {
    answer.status.is_success() && contains(&answer.body, b"\"access_token\"")
}

/// PHP prints its messages into answers where `display_errors` is on; Composer and ionCube explain themselves.
fn is_of_php(body: &[u8]) -> bool {
    const SAID: [&[u8]; 3] = [
        b"Composer detected issues in your platform",
        b"PHP Loader needs to be installed",
        b" PHP Stack trace:",
    ];
    const KINDS: [&[u8]; 6] =
        [b"Warning", b"Notice", b"Deprecated", b"Fatal error", b"Parse error", b"Strict Standards"];
    let prints =
        |kind: &[u8]| contains(body, &[kind, b"</b>:"].concat()) || contains(body, &[kind, b": "].concat());
    SAID.iter().any(|words| contains(body, words))
        || contains(body, b" on line ") && KINDS.iter().any(|kind| prints(kind))
}

/// Whether this is a web server's page against plain HTTP on a port of https: Apache's (apache/httpd:modules/ssl/ssl_engine_kernel.c)
/// or nginx's (its own status 497, sent as 400).
pub(super) fn wants_https(body: &[u8]) -> bool {
    const PAGES: [&[u8]; 2] = [
        b"speaking plain HTTP to an SSL-enabled server port",
        b"The plain HTTP request was sent to HTTPS port",
    ];
    PAGES.iter().any(|words| contains(body, words))
}

fn leads_to_https(heard: Heard) -> bool {
    match heard {
        Ok(answer) => {
            let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let elsewhere = location.and_then(|text| text.get(..8));
            answer.status.is_redirection()
                && elsewhere.is_some_and(|start| start.eq_ignore_ascii_case("https://"))
        }
        Err(TransportError::RedirectElsewhere(origin)) => origin.starts_with("https://"),
        Err(_) => false,
    }
}

fn is_page(heard: Heard) -> bool {
    heard.is_ok_and(|answer| answer.body.trim_ascii_start().starts_with(b"<"))
}

pub(super) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
