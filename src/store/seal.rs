//! The form of a file: JSON that says its version; sealed by AES-256-GCM where there is a key.
//!
//! Name of the target and version are authenticated with the content, so that a file cannot be given
//! to another target.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use super::token_record::Record;

const FORMAT: u32 = 1;

/// A key of 32 bytes. `Debug` shows nothing of it.
pub struct Key {
    key: LessSafeKey,
    id: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = hex(text).or_else(|| STANDARD.decode(text).ok()).filter(|bytes| bytes.len() == 32)?;
        let id = fingerprint_of(&[b"pbx_exporter key\0", &*bytes].concat());
        let key = UnboundKey::new(&AES_256_GCM, &bytes).ok()?;
        Some(Self { key: LessSafeKey::new(key), id })
    }
}

pub fn is_key(text: &str) -> bool {
    Key::parse(text).is_some()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).ok();
    is_hex.then(|| (0..text.len()).step_by(2).map(byte).collect()).flatten()
}

/// 64 bits of SHA-256 in hexadecimal: distinguishes secrets and does not reveal them.
pub fn fingerprint(secret: &str) -> String {
    fingerprint_of(secret.as_bytes())
}

/// 16 bits of the same: enough to see a change, too few to find a password by.
pub fn change_mark(secrets: &str) -> u16 {
    u16::from_str_radix(&fingerprint(secrets)[..4], 16).unwrap_or_default()
}

fn fingerprint_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    digest(&SHA256, bytes).as_ref().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `count` random bytes as text that is safe in addresses and file names.
///
/// # Panics
/// Where the system gives no random numbers, without which nothing here is safe.
pub fn random(count: usize) -> String {
    let mut bytes = vec![0; count];
    SystemRandom::new().fill(&mut bytes).expect("the system's random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Body {
    Sealed { key: String, nonce: String, sealed: String },
    Plain(Box<Record>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    Broken,
    Foreign,
    NoKey,
    OtherKey,
}

/// The bytes of a file.
///
/// # Panics
/// Never: what is written is JSON, and shorter than AES-GCM can seal.
pub fn encode(record: &Record, key: Option<&Key>) -> Vec<u8> {
    let body = match key {
        None => Body::Plain(Box::new(record.clone())),
        Some(key) => seal(record, key),
    };
    serde_json::to_vec(&File { format: FORMAT, body }).expect("JSON")
}

fn seal(record: &Record, key: &Key) -> Body {
    let mut content = serde_json::to_vec(record).expect("JSON");
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).expect("the system's random numbers");
    let (at, bound) = (Nonce::assume_unique_for_key(nonce), bound(&record.owner.target));
    key.key.seal_in_place_append_tag(at, bound, &mut content).expect("short enough");
    Body::Sealed { key: key.id.clone(), nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(content) }
}

fn bound(target: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("pbx_exporter\0{FORMAT}\0{target}").into_bytes())
}

pub fn decode(bytes: &[u8], target: &str, key: Option<&Key>) -> Result<Record, Unusable> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(bytes).map_err(|_| Unusable::Broken)?;
    if format != FORMAT {
        return Err(Unusable::Foreign);
    }
    let File { body, .. } = serde_json::from_slice(bytes).map_err(|_| Unusable::Broken)?;
    let record = match body {
        Body::Plain(record) => *record,
        Body::Sealed { key: id, nonce, sealed } => {
            let key = key.ok_or(Unusable::NoKey)?;
            if key.id != id {
                return Err(Unusable::OtherKey);
            }
            open(&nonce, &sealed, target, key).ok_or(Unusable::Broken)?
        }
    };
    if record.owner.target == target { Ok(record) } else { Err(Unusable::Foreign) }
}

fn open(nonce: &str, sealed: &str, target: &str, key: &Key) -> Option<Record> {
    let nonce: [u8; NONCE_LEN] = STANDARD.decode(nonce).ok()?.try_into().ok()?;
    let mut sealed = STANDARD.decode(sealed).ok()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let content = key.key.open_in_place(nonce, bound(target), &mut sealed).ok()?;
    serde_json::from_slice(content).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret, SecretString};

    use super::super::token_record::{Chain, Owner, Written};
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn record(target: &str) -> Record {
        let text = |text: &str| text.to_owned();
        let owner = Owner {
            target: text(target),
            platform: text("freepbx"),
            origin: text("https://pbx.example.com"),
            client_id: text("app"),
            grant: text("authorization_code"),
            seed: None,
        };
        let refresh_token = Some(Written(SecretString::from("canary-refresh")));
        Record { owner, serial: 1, chain: Chain { refresh_token, ..Chain::default() }, access: None }
    }

    fn refresh(record: &Record) -> Option<&str> {
        record.chain.refresh_token.as_ref().map(|written| written.0.expose_secret())
    }

    #[test]
    fn what_is_written_is_read_again_with_and_without_a_key() {
        let key = Key::parse(KEY).expect("a key");
        for key in [None, Some(&key)] {
            let bytes = encode(&record("office"), key);
            let shown = String::from_utf8(bytes.clone()).expect("text");
            assert_eq!(shown.contains("canary"), key.is_none());
            assert_eq!(refresh(&decode(&bytes, "office", key).expect("readable")), Some("canary-refresh"));
        }
    }

    #[test]
    fn a_key_is_given_in_hexadecimal_or_base64_and_is_32_bytes() {
        let bytes: Vec<u8> = (0..32).collect();
        let same = Key::parse(&STANDARD.encode(&bytes)).expect("Base64");
        assert_eq!(same.id, Key::parse(KEY).expect("hexadecimal").id);
        for bad in ["", "00", &KEY[2..], &STANDARD.encode(&bytes[1..]), "pässword"] {
            assert!(Key::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_file_serves_its_own_target_key_and_version_only() {
        let (key, other) = (Key::parse(KEY).expect("a key"), Key::parse(&"7".repeat(64)).expect("a key"));
        let (sealed, plain) = (encode(&record("office"), Some(&key)), encode(&record("office"), None));
        let told = |bytes: &[u8], target, key| decode(bytes, target, key).map(|_| ()).unwrap_err();
        assert_eq!(told(&sealed, "branch", Some(&key)), Unusable::Broken);
        assert_eq!(told(&plain, "branch", None), Unusable::Foreign);
        assert_eq!(told(&sealed, "office", Some(&other)), Unusable::OtherKey);
        assert_eq!(told(&sealed, "office", None), Unusable::NoKey);
        let newer = String::from_utf8(plain.clone()).expect("text").replace("\"format\":1", "\"format\":2");
        assert_eq!(told(newer.as_bytes(), "office", None), Unusable::Foreign);
    }

    #[test]
    fn whatever_is_cut_or_altered_is_broken_and_no_panic() {
        let key = Key::parse(KEY).expect("a key");
        for key in [None, Some(&key)] {
            let bytes = encode(&record("office"), key);
            for length in 0..bytes.len() {
                assert!(decode(&bytes[..length], "office", key).is_err(), "{length}");
            }
        }
        let sealed = encode(&record("office"), Some(&key));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            let same = decode(&altered, "office", Some(&key)).ok();
            assert!(same.is_none_or(|record| refresh(&record) == Some("canary-refresh")), "{at}");
        }
    }
}
