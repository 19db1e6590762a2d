//! What is known where somebody has to bring a new refresh token.

use crate::domain::cause::{Confirmation, Person};
use crate::domain::{Cause, Failure, Target};
use crate::store::{Chain, Ended, InFlight};

/// What else a refresh sends, so that a refusal may be about that.
fn parameters(target: &Target, chain: &Chain) -> Vec<String> {
    // The address of a confirmation goes before a configured one.
    let confirmed = chain.confirmed.as_ref().is_some_and(|confirmed| confirmed.redirect_uri.is_some());
    let is_sent = |name: &&String| !(confirmed && *name == "redirect_uri");
    target.auth.parameters.keys().filter(is_sent).cloned().collect()
}

fn before(before: &InFlight) -> (f64, bool) {
    (before.since, before.lost)
}

fn failure(person: Person, known: Confirmation) -> Failure {
    Failure::new(Cause::Person(person, Box::new(known)))
}

/// The refresh token was refused for good, just now.
pub(super) fn refused(
    target: &Target,
    chain: &Chain,
    refusal: &Failure,
    in_flight: Option<&InFlight>,
) -> Failure {
    let known = Confirmation {
        refusal: Some(refusal.clone()),
        before: in_flight.map(before),
        parameters: parameters(target, chain),
        ..Confirmation::default()
    };
    failure(Person::RefreshTokenRefused, known)
}

/// There is no refresh token. `interrupted`: when a confirmation began that got no answer, Unix seconds.
pub(super) fn none(target: &Target, chain: &Chain, interrupted: Option<f64>) -> Failure {
    let known = Confirmation { interrupted, ..Confirmation::default() };
    match (&chain.ended, &chain.confirmed) {
        (Some(Ended { at, after }), _) => {
            let (before, parameters) = (after.as_ref().map(before), parameters(target, chain));
            failure(Person::RefreshTokenWasRefused, Confirmation { at: *at, before, parameters, ..known })
        }
        (None, Some(confirmed)) => {
            failure(Person::NoRefreshTokenGiven, Confirmation { at: confirmed.at, ..known })
        }
        (None, None) if interrupted.is_some() => failure(Person::Interrupted, known),
        (None, None) => failure(Person::NeverConfirmed, known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grant;
    use crate::store::Confirmed;

    #[test]
    fn each_cause_of_a_confirmation_is_led_to() {
        let origin = url::Url::parse("https://pbx.example.com").expect("a URL");
        let target = crate::sim::ringme::target("office", &origin, Grant::AuthorizationCode);
        let chain = Chain::default();
        let ended = Chain { ended: Some(Ended { at: 1.0, after: None }), ..Chain::default() };
        let confirmed = Confirmed { id: String::new(), at: 1.0, redirect_uri: None };
        let confirmed = Chain { confirmed: Some(confirmed), ..Chain::default() };
        let found = [
            refused(&target, &chain, &Failure::default(), None),
            none(&target, &ended, None),
            none(&target, &confirmed, None),
            none(&target, &chain, None),
            none(&target, &chain, Some(1.0)),
        ];
        let found: Vec<_> = found.iter().map(|failure| failure.cause.name()).collect();
        let all = Person::samples();
        assert_eq!(found, all.iter().map(Person::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn parameters_that_a_refresh_sends_are_named_and_a_confirmed_address_is_none_of_them() {
        let origin = url::Url::parse("https://pbx.example.com").expect("a URL");
        let mut target = crate::sim::ringme::target("office", &origin, Grant::RefreshToken);
        let mut chain = Chain::default();
        assert!(parameters(&target, &chain).is_empty());
        let value = crate::domain::SecretSource::Literal("made-up".to_owned().into());
        target.auth.parameters.insert("redirect_uri".into(), value);
        assert_eq!(parameters(&target, &chain), ["redirect_uri"]);
        let redirect_uri = Some("http://127.0.0.1/callback".to_owned());
        chain.confirmed = Some(crate::store::Confirmed { id: String::new(), at: 0.0, redirect_uri });
        assert!(parameters(&target, &chain).is_empty());
    }
}
