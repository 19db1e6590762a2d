//! What others leave for the owner of the storage: a command, or the service's page.

use super::leftovers::{ASIDE, FOREIGN};
use super::token_record::{Owner, Record};
use super::{HANDOVER, Loaded, Store, StoreError, new, seal, stem};

/// Nobody takes as long to write a file, seconds.
const ABANDONED: f64 = 60.0;

#[derive(Debug)]
pub struct HandedOver {
    pub name: String,
    pub record: Record,
}

#[derive(Debug, Default)]
pub struct Left {
    /// What can be adopted, the oldest first.
    pub usable: Vec<HandedOver>,
    pub notes: Vec<String>,
    /// The first that could if the storage were in order.
    pub unusable: Option<StoreError>,
}

impl Left {
    fn unusable(&mut self, error: StoreError) {
        self.notes.push(error.to_string());
        self.unusable.get_or_insert(error);
    }
}

impl Store {
    /// Leaves something for the owner, who adopts it. `id` distinguishes it from others for the same target. Needs no ownership.
    pub fn hand_over(&self, id: &str, record: &Record) -> Result<(), StoreError> {
        self.prepare_for_owner()?;
        let name = format!("{HANDOVER}/{}.{id}.json", stem(&record.owner.target));
        self.write(&name, HANDOVER, &seal::encode(record, self.key()?.as_ref()))
    }

    /// Takes back what was left under this `id`.
    pub fn take_back(&self, id: &str, target: &str) -> Result<(), StoreError> {
        self.remove_handed_over(&format!("{HANDOVER}/{}.{id}.json", stem(target)))
    }

    /// What others left for this owner's target. What cannot be read of it is reported, and harms nothing else.
    pub fn handed_over(&self, owner: &Owner, now: f64) -> Left {
        let mut left = Left::default();
        let names = match self.names_handed_over(&owner.target, now, &mut left.notes) {
            Ok(names) => names,
            Err(error) => {
                left.unusable(error);
                return left;
            }
        };
        for name in names {
            if let Err(error) = self.look_at(name, owner, &mut left) {
                left.unusable(error);
            }
        }
        let at = |handed: &HandedOver| handed.record.chain.confirmed.as_ref().map_or(0.0, |c| c.at);
        left.usable.sort_by(|a, b| at(a).total_cmp(&at(b)));
        left
    }

    fn look_at(&self, name: String, owner: &Owner, left: &mut Left) -> Result<(), StoreError> {
        // Its owner may be the one after the next reload.
        if let Some(Ok(record)) = self.read(&name, &owner.target)?
            && record.owner != *owner
        {
            left.notes.push(format!("{} {FOREIGN}; it is left there", self.path.join(name).display()));
            return Ok(());
        }
        let mut loaded = Loaded::default();
        self.read_own(&name, owner, &mut loaded)?;
        let Loaded { record, notes } = loaded;
        left.usable.extend(record.map(|record| HandedOver { name, record }));
        left.notes.extend(notes);
        Ok(())
    }

    fn names_handed_over(
        &self,
        target: &str,
        now: f64,
        notes: &mut Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let names = self.disk.list(HANDOVER).map_err(|cause| self.io("read", HANDOVER, cause))?;
        let prefix = format!("{}.", stem(target));
        let (mut whole, mut begun) = (Vec::new(), Vec::new());
        for name in names.into_iter().filter(|name| name.starts_with(&prefix)) {
            let name = format!("{HANDOVER}/{name}");
            match name.strip_suffix(".new") {
                Some(name) => begun.push(name.to_owned()),
                None if name.contains(ASIDE) => {}
                None => whole.push(name),
            }
        }
        for name in begun {
            match self.finish_handing_over(&name, target, now) {
                Ok(true) => {
                    whole.retain(|known| *known != name);
                    whole.push(name);
                }
                Ok(false) => {}
                // Somebody may be about to write it.
                Err(error) => notes.push(format!("{error}; it is left there")),
            }
        }
        Ok(whole)
    }

    /// Whether a file got its name that whoever wrote it, and has surely ended since, could not give it any more.
    fn finish_handing_over(&self, name: &str, target: &str, now: f64) -> Result<bool, StoreError> {
        let Some(Ok(record)) = self.read(&new(name), target)? else { return Ok(false) };
        let abandoned = record.chain.confirmed.is_some_and(|confirmed| confirmed.at + ABANDONED < now);
        if abandoned {
            self.put(name, HANDOVER)?;
        }
        Ok(abandoned)
    }

    /// Removes what was handed over once it is adopted.
    pub fn remove_handed_over(&self, name: &str) -> Result<(), StoreError> {
        self.disk.remove(name).map_err(|cause| self.io("remove", name, cause))?;
        self.sync_folder(HANDOVER)
    }
}
