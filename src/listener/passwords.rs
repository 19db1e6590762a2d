//! Passwords against bcrypt hashes, so that nobody without one can keep the machine busy or others waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::hmac::{HMAC_SHA256, Key, sign};
use ring::rand::SystemRandom;
use tokio::sync::Semaphore;

use super::web_config::Users;

/// How many passwords may wait for their hash, the one at work included.
const QUEUE: usize = 16;
/// How many accepted passwords are known again.
const KNOWN: usize = 100;

/// What became of a user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Refused,
    /// Too many wait already.
    Busy,
}

/// One hash at a time, and a memory of what was accepted.
pub(super) struct Passwords {
    /// Of this process alone: what is kept tells nobody a password.
    key: Key,
    accepted: Mutex<VecDeque<Vec<u8>>>,
    queue: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> anyhow::Result<Self> {
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
        Ok(Self {
            key,
            accepted: Mutex::default(),
            queue: Arc::new(Semaphore::new(QUEUE)),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether these headers name a user with their password. Who was let in before waits for nobody.
    pub(super) async fn verdict(&self, users: &Users, headers: &HeaderMap) -> Verdict {
        let Some((user, password)) = credentials(headers) else { return Verdict::Refused };
        let (hash, is_known) = users.hash(&user);
        let tag = self.tag(&user, &password, hash);
        if self.is_accepted(&tag) {
            return Verdict::Accepted;
        }
        // Both are held until the hash is made, also where nobody waits for it any more.
        let Ok(place) = Arc::clone(&self.queue).try_acquire_owned() else { return Verdict::Busy };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return Verdict::Busy };
        let hash = hash.to_owned();
        let verified = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            bcrypt::verify(&password, &hash).unwrap_or(false)
        });
        if verified.await.unwrap_or(false) && is_known {
            self.accept(tag);
            Verdict::Accepted
        } else {
            Verdict::Refused
        }
    }

    /// Lengths keep apart what would else read the same (CVE-2022-46146).
    fn tag(&self, user: &str, password: &[u8], hash: &str) -> Vec<u8> {
        let mut text = Vec::new();
        for part in [user.as_bytes(), password, hash.as_bytes()] {
            text.extend_from_slice(&part.len().to_le_bytes());
            text.extend_from_slice(part);
        }
        sign(&self.key, &text).as_ref().to_vec()
    }

    /// Whether it was; it is then the last to be forgotten.
    fn is_accepted(&self, tag: &[u8]) -> bool {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = accepted.iter().position(|known| known == tag) else { return false };
        if let Some(tag) = accepted.remove(place) {
            accepted.push_back(tag);
        }
        true
    }

    fn accept(&self, tag: Vec<u8>) {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.len() == KNOWN {
            accepted.pop_front();
        }
        accepted.push_back(tag);
    }
}

/// User and password of Basic authentication (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let field = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = field.split_at_checked("Basic ".len())?;
    let encoded = scheme.eq_ignore_ascii_case("Basic ").then_some(encoded)?;
    let decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn field(text: &str) -> HeaderMap {
        let value = HeaderValue::from_str(text).unwrap();
        [(AUTHORIZATION, value)].into_iter().collect()
    }

    #[test]
    fn credentials_as_a_table() {
        for (text, expected) in [
            ("Basic YWxpY2U6YTpi", Some(("alice", "a:b"))),
            ("basic YWxpY2U6", Some(("alice", ""))),
            ("Basic YWxpY2U", None),
            ("Basic !!!!", None),
            ("Bearer YWxpY2U6YTpi", None),
            ("Basic", None),
            ("", None),
        ] {
            let found = credentials(&field(text));
            let found = found.map(|(user, password)| (user, String::from_utf8(password).unwrap()));
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(credentials(&HeaderMap::new()), None);
    }

    #[test]
    fn what_reads_the_same_without_lengths_has_another_tag() {
        let passwords = Passwords::new().unwrap();
        assert_ne!(passwords.tag("ab", b"c", "h"), passwords.tag("a", b"bc", "h"));
        assert_ne!(passwords.tag("a", b"b", "hh"), passwords.tag("a", b"bh", "h"));
        assert_eq!(passwords.tag("a", b"b", "h"), passwords.tag("a", b"b", "h"));
    }

    #[test]
    fn what_was_used_last_is_forgotten_last() {
        let passwords = Passwords::new().unwrap();
        for n in 0..KNOWN {
            passwords.accept(vec![u8::try_from(n).unwrap()]);
        }
        assert!(passwords.is_accepted(&[0]));
        passwords.accept(vec![200]);
        assert!(passwords.is_accepted(&[0]) && !passwords.is_accepted(&[1]) && passwords.is_accepted(&[200]));
    }
}
