//! A token and when it is renewed.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

/// A longer lifetime than this is taken for a mistake and treated as unknown.
pub const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// A longer token, bytes, is not taken: what is stored can always be read back, and no server takes a header so long.
pub const LONGEST_TOKEN: usize = 64 * 1024;

/// Whether a text can travel as an access token in a header: what is visible in ASCII. Tokens in use have characters outside
/// the alphabet of RFC 6750 section 2.1.
pub fn fits_header(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// An access token with what is known of it. `Debug` shows no secret (`SecretString` redacts).
#[derive(Clone, Debug)]
pub struct Token {
    pub secret: SecretString,
    pub issued: Instant,
    /// The same in Unix seconds.
    pub issued_unix: f64,
    /// `expires_in`, a hint; `None` where missing or absurd.
    pub lifetime: Option<Duration>,
    /// Scopes read from the answer or the JWT: a hint, never trusted.
    pub scopes: Option<Vec<String>>,
}

impl Token {
    /// Whether its lifetime is over at `now`; one of unknown lifetime never is.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.lifetime.is_some_and(|lifetime| now >= self.issued + lifetime)
    }
}

/// How long after its issue a token is renewed: shortly before its expiry, and at the latest after
/// `token_interval`, so that a good token does not hide a dead token endpoint. The margin before the
/// expiry is a tenth of the lifetime, at least 30 s and at most 5 min, but never more than half the
/// lifetime. `None`: the lifetime is unknown and nothing else asks for a renewal.
pub fn renewal_after(lifetime: Option<Duration>, token_interval: Option<Duration>) -> Option<Duration> {
    let near_expiry = lifetime.map(|lifetime| {
        let margin = (lifetime / 10).clamp(Duration::from_secs(30), Duration::from_secs(300));
        lifetime.saturating_sub(margin.min(lifetime / 2))
    });
    match (near_expiry, token_interval) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_renewal_rule_as_a_table() {
        let seconds = Duration::from_secs;
        for (lifetime, interval, due) in [
            (Some(3600), Some(900), Some(900)),
            (Some(3600), None, Some(3300)),
            (Some(600), Some(900), Some(540)),
            (Some(120), None, Some(90)),
            (Some(60), Some(900), Some(30)),
            (Some(10), None, Some(5)),
            (Some(0), None, Some(0)),
            (None, Some(900), Some(900)),
            (None, None, None),
            (Some(366 * 24 * 3600), None, Some(366 * 24 * 3600 - 300)),
        ] {
            assert_eq!(
                renewal_after(lifetime.map(seconds), interval.map(seconds)),
                due.map(seconds),
                "lifetime {lifetime:?}, token_interval {interval:?}"
            );
        }
    }
}
