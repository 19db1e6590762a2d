//! What others leave for the owner of the storage: a command, or the service's page.

use super::record::{Owner, Record};
use super::{FOREIGN, HANDOVER, Loaded, Store, StoreError, new, seal, stem};

/// Nobody takes as long to write a file, seconds.
const ABANDONED: f64 = 60.0;

/// What another process left for a target.
#[derive(Debug)]
pub struct HandedOver {
    /// Its file.
    pub name: String,
    /// Its content.
    pub record: Record,
}

impl Store {
    /// Leaves something for the owner, who adopts it. `id` tells it from others for the same target. Needs no ownership.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn hand_over(&self, id: &str, record: &Record) -> Result<(), StoreError> {
        self.prepare_for_owner()?;
        let name = format!("{HANDOVER}/{}.{id}.json", stem(&record.owner.target));
        self.write(&name, HANDOVER, &seal::encode(record, self.key()?.as_ref()))
    }

    /// Takes back what was left under this `id`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn take_back(&self, id: &str, target: &str) -> Result<(), StoreError> {
        self.remove_handed_over(&format!("{HANDOVER}/{}.{id}.json", stem(target)))
    }

    /// What others left for this owner's target, the oldest first; and notes on files that are not used.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn handed_over(&self, owner: &Owner, now: f64) -> Result<(Vec<HandedOver>, Vec<String>), StoreError> {
        let (mut handed, mut notes) = (Vec::new(), Vec::new());
        for name in self.names_handed_over(&owner.target, now)? {
            // Its owner may be the one after the next reload.
            if let Some(Ok(record)) = self.read(&name, &owner.target)?
                && record.owner != *owner
            {
                notes.push(format!("{} {FOREIGN}; it is left there", self.path.join(name).display()));
                continue;
            }
            let Loaded { record, aside } = self.read_own(&name, owner)?;
            handed.extend(record.map(|record| HandedOver { name, record }));
            notes.extend(aside);
        }
        let at = |handed: &HandedOver| handed.record.chain.confirmed.as_ref().map_or(0.0, |c| c.at);
        handed.sort_by(|a, b| at(a).total_cmp(&at(b)));
        Ok((handed, notes))
    }

    fn names_handed_over(&self, target: &str, now: f64) -> Result<Vec<String>, StoreError> {
        let names = self.disk.list(HANDOVER).map_err(|cause| self.io("read", HANDOVER, cause))?;
        let prefix = format!("{}.", stem(target));
        let (mut whole, mut begun) = (Vec::new(), Vec::new());
        for name in names.into_iter().filter(|name| name.starts_with(&prefix)) {
            let name = format!("{HANDOVER}/{name}");
            match name.strip_suffix(".new") {
                Some(name) => begun.push(name.to_owned()),
                None if name.contains(".aside-") => {}
                None => whole.push(name),
            }
        }
        for name in begun {
            let Some(Ok(record)) = self.read(&new(&name), target)? else { continue };
            // Whoever wrote it has surely ended since, and before it could give it its name.
            if record.chain.confirmed.is_some_and(|confirmed| confirmed.at + ABANDONED < now) {
                self.put(&name, HANDOVER)?;
                whole.retain(|known| *known != name);
                whole.push(name);
            }
        }
        Ok(whole)
    }

    /// Removes what was handed over once it is adopted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn remove_handed_over(&self, name: &str) -> Result<(), StoreError> {
        self.disk.remove(name).map_err(|cause| self.io("remove", name, cause))?;
        self.sync_folder(HANDOVER)
    }
}
