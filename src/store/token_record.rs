//! What is kept of one target's tokens, and how that changes: pure values and transitions.
//!
//! A refresh token that rotates serves once, so what is kept says at any moment whether it may be used
//! up: [`Chain::begin`] is on disk before a request that spends something goes out, and what the answer
//! brought is on disk before it is used.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::seal;

/// Whose tokens these are: those of another application, place or grant are never used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub target: String,
    pub platform: String,
    pub origin: String,
    pub client_id: String,
    pub grant: String,
    /// Fingerprint of the configured refresh token from which the kept one descends, where one is configured.
    pub seed: Option<String>,
}

/// A secret that is written to disk, where a plain `SecretString` cannot be.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Written(pub SecretString);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// An access token, so that a restart needs no new one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    pub token: Written,
    /// When it was received, Unix seconds.
    pub issued: f64,
    /// `expires_in`, seconds; absent where unknown.
    pub lifetime: Option<f64>,
    pub scopes: Option<Vec<String>>,
    /// Of the other secrets with which it was asked for: 16 bits show that they changed, and nothing else.
    pub secrets: u16,
}

/// A request that spends what serves once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InFlight {
    /// When it was about to go out, Unix seconds.
    pub since: f64,
    /// Fingerprint of what it spends.
    pub spends: String,
    /// Whether its answer is known to be lost. If not, the process ended before there was one.
    pub lost: bool,
}

/// The end of a chain: nothing is left to ask with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub at: f64,
    /// The request before, where its answer never came.
    pub after: Option<InFlight>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Distinguishes confirmations.
    pub id: String,
    pub at: f64,
    /// Where the browser came back to; some platforms want to hear it again at a refresh.
    #[serde(default)]
    pub redirect_uri: Option<String>,
}

/// A refresh token that was refused, though it may have been for what went with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refused {
    pub token: Written,
    /// Of what went with it: 16 bits show that it changed, and nothing else.
    pub beside: u16,
}

/// Refresh tokens, each of which came in answer to the one before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Chain {
    pub refresh_token: Option<Written>,
    /// The request that may have used it up.
    pub in_flight: Option<InFlight>,
    /// Why there is none.
    pub ended: Option<Ended>,
    /// The one that was refused, kept aside: it is sent once more when something else goes with it.
    #[serde(default)]
    pub refused: Option<Refused>,
    /// The confirmation from which it descends.
    pub confirmed: Option<Confirmed>,
}

impl Chain {
    /// A request that spends `secret` is about to go out. One whose answer never came stays the cause.
    pub fn begin(&mut self, secret: &SecretString, now: f64) {
        let spends = seal::fingerprint(secret.expose_secret());
        if self.in_flight.as_ref().is_none_or(|before| before.spends != spends) {
            self.in_flight = Some(InFlight { since: now, spends, lost: false });
        }
    }

    /// Its answer did not come, or left open whether it was carried out.
    pub fn lost(&mut self) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.lost = true;
        }
    }

    /// It brought tokens; without a refresh token among them the old one stays (RFC 6749 section 6).
    pub fn received(&mut self, refresh_token: Option<SecretString>) {
        if let Some(received) = refresh_token {
            self.refresh_token = Some(Written(received));
        }
        (self.in_flight, self.ended, self.refused) = (None, None, None);
    }

    /// The refused one serves again where something else goes with it now.
    pub fn retry(&mut self, beside: u16) {
        if let Some(refused) = self.refused.take_if(|refused| refused.beside != beside) {
            self.refresh_token = Some(refused.token);
        }
    }

    /// A confirmation that brought no refresh token ends none that is kept, whose redirect address stays its own.
    /// Whether there is one.
    pub fn inherit(&mut self, before: &Self) -> bool {
        if self.refresh_token.is_some() || before.refresh_token.is_none() {
            return false;
        }
        let redirect_uri = before.confirmed.as_ref().and_then(|confirmed| confirmed.redirect_uri.clone());
        let confirmed = self.confirmed.take().map(|confirmed| Confirmed { redirect_uri, ..confirmed });
        *self = Self { confirmed, ..before.clone() };
        true
    }

    /// The refresh token was refused for good. `before` is what was in flight when the request began.
    pub fn end(&mut self, refused: Option<Refused>, before: Option<InFlight>, now: f64) {
        (self.refresh_token, self.in_flight, self.refused) = (None, None, refused);
        self.ended = Some(Ended { at: now, after: before });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub owner: Owner,
    /// Grows by one with each writing.
    pub serial: u64,
    #[serde(flatten)]
    pub chain: Chain,
    pub access: Option<Access>,
}

impl Record {
    /// Whether there is anything to use or to ask with.
    pub const fn has_tokens(&self) -> bool {
        self.access.is_some() || self.chain.refresh_token.is_some()
    }

    /// The last moment in it, Unix seconds.
    pub fn newest(&self) -> f64 {
        let Chain { in_flight, ended, confirmed, .. } = &self.chain;
        let moments = [
            self.access.as_ref().map(|access| access.issued),
            in_flight.as_ref().map(|in_flight| in_flight.since),
            ended.as_ref().map(|ended| ended.at),
            confirmed.as_ref().map(|confirmed| confirmed.at),
        ];
        moments.into_iter().flatten().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn chain() -> Chain {
        Chain { refresh_token: Some(Written(secret("first"))), ..Chain::default() }
    }

    #[test]
    fn the_first_lost_request_stays_the_cause_until_an_answer_comes() {
        let mut chain = chain();
        chain.begin(&secret("first"), 1.0);
        chain.lost();
        chain.begin(&secret("first"), 2.0);
        let lost = chain.in_flight.clone();
        assert_eq!(lost.as_ref().map(|l| (l.since, l.lost)), Some((1.0, true)));
        chain.end(None, lost.clone(), 3.0);
        assert!(chain.refresh_token.is_none() && chain.in_flight.is_none());
        assert_eq!(chain.ended, Some(Ended { at: 3.0, after: lost }));
    }

    #[test]
    fn an_answer_ends_all_doubt_and_keeps_the_old_refresh_token_where_it_brings_none() {
        let mut chain = chain();
        chain.begin(&secret("first"), 1.0);
        chain.received(None);
        assert_eq!(chain.refresh_token.as_ref().map(|w| w.0.expose_secret()), Some("first"));
        chain.begin(&secret("first"), 2.0);
        chain.received(Some(secret("second")));
        assert_eq!(chain.refresh_token.as_ref().map(|w| w.0.expose_secret()), Some("second"));
        assert!(chain.in_flight.is_none());
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", chain()).contains("first"));
    }
}
