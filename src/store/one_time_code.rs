//! One-time codes, by which who has a shell on the exporter's host lets a browser begin a confirmation.
//!
//! The folder holds a fingerprint of 256 bits; the code itself is shown once, by the command. It has 120 random bits: who
//! tries a million a second until it is too old, finds it once in 10^27 times. So wrong tries are not counted: a limit
//! would only serve a stranger to lock the right person out.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{CODES, Store, StoreError, random, stem};

const LIFETIME: f64 = 600.0;
const BYTES: usize = 15;

#[derive(Debug, Serialize, Deserialize)]
pub struct OneTimeCode {
    hash: String,
    expires: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// It was right, and is used up now.
    Right,
    Wrong,
    /// There is none, or it is used up or too old.
    None,
}

fn hash(target: &str, code: &str) -> Vec<u8> {
    digest(&SHA256, format!("{target}\0{code}").as_bytes()).as_ref().to_vec()
}

/// Whether two secrets are the same, in a time that does not depend on how much of them is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (digest(&SHA256, a), digest(&SHA256, b));
    a.as_ref().iter().zip(b.as_ref()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl Store {
    /// Makes a code for `target` that holds from `now` (Unix seconds) for 10 minutes; it replaces an older one.
    pub fn new_code(&self, target: &str, now: f64) -> Result<String, StoreError> {
        self.prepare_for_owner()?;
        let code = random(BYTES);
        let kept = OneTimeCode { hash: STANDARD.encode(hash(target, &code)), expires: now + LIFETIME };
        self.write(&file(target), CODES, &serde_json::to_vec(&kept).unwrap_or_default())?;
        Ok(code)
    }

    /// Tries a code: a right one is used up by it, a wrong one changes nothing.
    pub fn use_code(&self, target: &str, code: &str, now: f64) -> Result<CodeState, StoreError> {
        // Of two who try the same code at once, one finds it used up.
        let _alone = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        let name = file(target);
        let found = self.disk.read(&name).map_err(|cause| self.io("read", &name, cause))?;
        let kept = found.filter(|found| found.is_private);
        let kept = kept.and_then(|found| serde_json::from_slice::<OneTimeCode>(&found.bytes).ok());
        let Some(kept) = kept.filter(|kept| now < kept.expires) else {
            return Ok(CodeState::None);
        };
        if same(STANDARD.encode(hash(target, code.trim())).as_bytes(), kept.hash.as_bytes()) {
            self.disk.remove(&name).map_err(|cause| self.io("remove", &name, cause))?;
            self.sync_folder(CODES)?;
            return Ok(CodeState::Right);
        }
        Ok(CodeState::Wrong)
    }
}

fn file(target: &str) -> String {
    format!("{CODES}/{}.json", stem(target))
}
