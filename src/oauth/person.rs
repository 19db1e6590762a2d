//! The sentences for whoever has to bring a new refresh token.

use crate::domain::moment::http_date;
use crate::domain::{Failure, Grant, Reason, Target};
use crate::store::{Chain, Ended, InFlight};

fn date(unix: f64) -> String {
    http_date(unix).unwrap_or_else(|| "an unknown day".to_owned())
}

/// What became of the request before, whose answer did not come.
fn cause(before: &InFlight) -> String {
    let when = date(before.since);
    let why = if before.lost {
        format!("The answer to the refresh of {when} was lost")
    } else {
        format!("pbx_exporter was ended while the refresh of {when} was under way, so its answer was lost")
    };
    format!(" {why}: the PBX had most likely replaced this token already.")
}

/// What else the refusal can mean where a refresh sends more than its token.
fn mismatch(target: &Target, chain: &Chain) -> String {
    // The address of a confirmation goes before a configured one.
    let confirmed = chain.confirmed.as_ref().is_some_and(|confirmed| confirmed.redirect_uri.is_some());
    let is_sent = |name: &&str| !(confirmed && *name == "redirect_uri");
    let names: Vec<_> = target.auth.parameters.keys().map(String::as_str).filter(is_sent).collect();
    if names.is_empty() {
        return String::new();
    }
    let names = names.join(", ");
    format!(
        " A wrong value among auth.parameters ({names}) can be refused in the same words: the refresh token is kept aside, and sent \
         once more when one of them or the client secret changes."
    )
}

fn mend(target: &Target) -> String {
    match target.auth.grant {
        Grant::AuthorizationCode => format!(
            "Run `pbx_exporter authorize {}` on the exporter's host and confirm access in a browser. Until then no token \
             request is sent; after that the exporter goes on by itself.",
            in_shell(&target.name)
        ),
        _ => "With the grant refresh_token there is nothing else to ask with: obtain a new refresh token and put it \
              into the configuration. Until then no token request is sent."
            .to_owned(),
    }
}

/// A word as a POSIX shell takes it.
pub fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@%+:/,".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The refresh token was refused for good, just now.
pub(super) fn refused(
    target: &Target,
    chain: &Chain,
    refusal: &Failure,
    before: Option<&InFlight>,
) -> Failure {
    let (cause, mismatch) = (before.map(cause).unwrap_or_default(), mismatch(target, chain));
    let text = format!("{}{cause}{mismatch} {}", refusal.diagnosis, mend(target));
    Failure::new(Reason::AuthorizationRequired, text)
}

pub(super) fn note_received(failure: &mut Failure) {
    let kept = "The refresh token that came in the same answer is kept, and the next request uses it.";
    failure.diagnosis = format!("{} {kept}", failure.diagnosis).into();
}

/// There is no refresh token. `interrupted`: when a confirmation began that got no answer, Unix seconds.
pub(super) fn none(target: &Target, chain: &Chain, interrupted: Option<f64>) -> Failure {
    let what = match (&chain.ended, &chain.confirmed) {
        (Some(Ended { at, after }), _) => {
            let cause = after.as_ref().map(cause).unwrap_or_default();
            format!("The PBX refused the refresh token on {}.{cause}{} ", date(*at), mismatch(target, chain))
        }
        (None, Some(confirmed)) => format!(
            "Access was confirmed on {}, and the PBX gave no refresh token with it, so it ends with the access token. Look \
             whether the application may have one, or needs a scope for it. ",
            date(confirmed.at)
        ),
        (None, None) if interrupted.is_some() => String::new(),
        (None, None) => "Nobody has confirmed access for this target yet. ".to_owned(),
    };
    let begun = interrupted.map_or_else(String::new, |at| {
        format!(
            "A confirmation of {} has left no tokens here: it was ended too early, or they could not be written. Unless the \
             command or the log says that this is still being tried, confirm once more: its code serves once. ",
            date(at)
        )
    });
    Failure::new(Reason::AuthorizationRequired, format!("{what}{begun}{}", mend(target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_a_shell_needs_it() {
        for (name, shown) in [
            ("office", "office"),
            ("PBX 2", "'PBX 2'"),
            ("", "''"),
            ("-x", "'-x'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("Büro", "'Büro'"),
        ] {
            assert_eq!(in_shell(name), shown);
        }
    }

    #[test]
    fn parameters_that_a_refresh_sends_are_named_and_a_confirmed_address_is_none_of_them() {
        let origin = url::Url::parse("https://pbx.example.com").expect("a URL");
        let mut target = crate::sim::ringme::target("office", &origin, Grant::RefreshToken);
        let mut chain = Chain::default();
        assert_eq!(mismatch(&target, &chain), "");
        let value = crate::domain::SecretSource::Literal("made-up".to_owned().into());
        target.auth.parameters.insert("redirect_uri".into(), value);
        assert!(mismatch(&target, &chain).contains("auth.parameters (redirect_uri)"));
        let redirect_uri = Some("http://127.0.0.1/callback".to_owned());
        chain.confirmed = Some(crate::store::Confirmed { id: String::new(), at: 0.0, redirect_uri });
        assert_eq!(mismatch(&target, &chain), "");
    }
}
