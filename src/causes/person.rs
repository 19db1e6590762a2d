//! Of a confirmation that a person has to repeat.

use std::time::{Duration, UNIX_EPOCH};

use super::Words;
use super::fill::Fill;
use crate::domain::cause::Person;
use crate::domain::platform::Certainty::Certain;
use crate::domain::{Cause, Grant};

const WORDS: Words = Words {
    title: "a person has to confirm access again",
    wrong: "",
    fix: "{replace}",
    certainty: Certain,
    because: "The only refresh token is used up or refused, and no other credential is configured.",
    avoid: &["Do not restart the exporter to fix this: the same refresh token would be refused again."],
};

pub(super) const fn words(cause: &Person) -> Words {
    match cause {
        Person::RefreshTokenRefused => Words { wrong: "{refusal}{before}{mismatch}", ..WORDS },
        Person::RefreshTokenWasRefused => WORDS.say(
            "The PBX refused the refresh token on {at}.{before}{mismatch}",
            "{begun}{replace}",
        ),
        Person::NoRefreshTokenGiven => WORDS.say(
            "Access was confirmed on {at}, but the PBX gave no refresh token, so access ends with the access token. Check whether the \
             application may have one, or needs a scope for it.",
            "{begun}{replace}",
        ),
        Person::NeverConfirmed => Words { wrong: "Nobody has confirmed access for this target yet.", ..WORDS },
        Person::Interrupted => Words { wrong: "{interrupted}", ..WORDS },
    }
}

const ENDED: &str = " pbx_exporter was stopped during the refresh of {since}, so its answer was lost: the PBX had \
                     most likely replaced this token already.";
const LOST: &str =
    " The answer to the refresh of {since} was lost: the PBX had most likely replaced this token already.";
const MISMATCH: &str = " A wrong value in auth.parameters ({parameters}) can give the same answer: the refresh token is kept, and sent \
                        once more when one of them or the client secret changes.";
const INTERRUPTED: &str = "A confirmation on {began} left no tokens here: it was stopped too early, or they could not be written. Unless \
                           the command or the log says that it is still trying, confirm again: its code works only once.";
const CONFIRM: &str = "Run `pbx_exporter --config.file FILE authorize {name_in_shell}` on the exporter's host and confirm access in a \
                       browser. Until then no token request is sent; after that the exporter continues by itself.";
const NEW_REFRESH_TOKEN: &str = "With grant refresh_token there is no other credential: obtain a new refresh token and \
                                 put it into the configuration. Until then no token request is sent.";

pub(super) fn value(fill: &Fill<'_>, name: &str) -> Option<String> {
    let Cause::Person(_, known) = fill.cause else { return None };
    let text = match name {
        "refusal" => {
            let refusal = known.refusal.as_ref()?;
            return Some(super::explain(fill.target, fill.operation, refusal).diagnosis());
        }
        "at" => return Some(date(known.at)),
        "since" => return Some(date(known.before?.0)),
        "began" => return Some(date(known.interrupted?)),
        "parameters" => return Some(known.parameters.join(", ")),
        "before" => known.before.map_or("", |(_, lost)| if lost { LOST } else { ENDED }),
        "mismatch" if known.parameters.is_empty() => "",
        "mismatch" => MISMATCH,
        "interrupted" => INTERRUPTED,
        "begun" if known.interrupted.is_none() => "",
        "begun" => return Some(fill.text(INTERRUPTED) + " "),
        "replace" if fill.target.auth.grant == Grant::AuthorizationCode => CONFIRM,
        "replace" => NEW_REFRESH_TOKEN,
        _ => return None,
    };
    Some(fill.text(text))
}

/// A moment for people; Unix seconds.
fn date(unix: f64) -> String {
    let at = Duration::try_from_secs_f64(unix).ok().filter(|_| unix < 253_402_300_800.0).unwrap_or_default();
    httpdate::fmt_http_date(UNIX_EPOCH + at)
}
