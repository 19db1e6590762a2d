//! Which target sent a configured refresh token first. It may have served once, and what came for it is kept under
//! that target's name: a target of another name would send what is spent, which can end the access of both.

use super::token_record::Owner;
use super::{SEEDS, Store, StoreError, fingerprint};

impl Store {
    /// Notes that the target of `owner` is the one to send its configured refresh token, where it has one.
    pub(super) fn claim_seed(&self, owner: &Owner) -> Result<(), StoreError> {
        let Some(seed) = &owner.seed else { return Ok(()) };
        let key = [&*owner.origin, &owner.client_id, seed].join("\n");
        let name = format!("{SEEDS}/{}", fingerprint(&key));
        let found = self.disk.read(&name).map_err(|cause| self.io("read", &name, cause))?;
        match found {
            None => self.write(&name, SEEDS, owner.target.as_bytes()),
            Some(found) if found.bytes == owner.target.as_bytes() => Ok(()),
            Some(found) => Err(StoreError::Seed {
                path: self.path.join(&name),
                target: String::from_utf8_lossy(&found.bytes).into_owned(),
            }),
        }
    }
}
