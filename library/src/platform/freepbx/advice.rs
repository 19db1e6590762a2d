//! What a reason means to a person besides its diagnosis, where that depends on more than the reason: on the grant,
//! the call, or what the evidence names. All else of this kind is in the description.

use crate::domain::{Grant, Operation, Reason, Target};
use crate::platform::Advice;
use crate::platform::Certainty::{Certain, Likely, Open};
use crate::platform::advice::{self, advice};

const NO_GUESSING: &str = "Do not try other values one after the other: each refusal counts for fail2ban, which then bans this host.";
const NO_DEBUG: &str = "Do not turn on FreePBX's debug log for this: up to 17.0.1 freepbx_debug holds client secrets and \
                        passwords in full.";
const NOT_THE_SECRET: &str = "Do not regenerate the client secret: no refusal of it is a 5xx.";
const NOT_THE_CREDENTIALS: &str = "Do not change credentials: a token was issued for them a moment ago.";
const NO_NEW_KEYS: &str = "Do not run `fwconsole ma install api` before `fwconsole chown` has proved too little: new keys end \
                           the tokens of all applications.";

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
        _ => advice::of(target, operation, reason, shown),
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
