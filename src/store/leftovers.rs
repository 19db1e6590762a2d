//! What a process finds that is not as it should be: half written, broken, of somebody else, put aside. Nothing that may
//! be worth something to anybody is overwritten or removed.

use super::seal::Unusable;
use super::token_record::{Chain, Owner, Record};
use super::{Loaded, Store, StoreError, new, random};

/// Stands between the name of a file that is not used and what makes it unique.
pub(super) const ASIDE: &str = ".aside-";
/// Why a file of another owner is not used.
pub(super) const FOREIGN: &str =
    "belongs to another application, address, grant or refresh token than the one configured now";
const OTHER_VERSION: &str = "comes from another version of pbx_exporter, or from another target";

const fn why(unusable: Unusable) -> &'static str {
    match unusable {
        Unusable::Foreign => OTHER_VERSION,
        Unusable::Broken | Unusable::NoKey | Unusable::OtherKey => "is broken",
    }
}

impl Store {
    /// A process that ended between writing and renaming left the newest file beside the old one.
    pub(super) fn finish_writing(
        &self,
        name: &str,
        owner: &Owner,
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let new = new(name);
        let record = match self.read(&new, &owner.target)? {
            Some(Ok(record)) => record,
            Some(Err(Unusable::Foreign)) => return self.keep_aside(&new, OTHER_VERSION, loaded),
            _ => return self.disk.remove(&new).map_err(|cause| self.io("remove", &new, cause)),
        };
        match self.read(name, &owner.target)? {
            None => {}
            Some(Ok(old)) if record.serial > old.serial => {}
            Some(Ok(_)) => return self.disk.remove(&new).map_err(|cause| self.io("remove", &new, cause)),
            Some(Err(unusable)) => self.keep_aside(name, why(unusable), loaded)?,
        }
        self.put(name, "")
    }

    /// A file that belongs to its owner; any other worth keeping is put aside.
    pub(super) fn read_own(&self, name: &str, owner: &Owner, loaded: &mut Loaded) -> Result<(), StoreError> {
        let why = match self.read(name, &owner.target)? {
            None => return Ok(()),
            Some(Ok(record)) if record.owner == *owner => {
                loaded.record = Some(record);
                return Ok(());
            }
            // An access token is easily had again, unless a person had to confirm it.
            Some(Ok(Record { chain: Chain { refresh_token: None, confirmed: None, .. }, .. })) => {
                return Ok(());
            }
            Some(Ok(_)) => FOREIGN,
            Some(Err(unusable)) => why(unusable),
        };
        self.keep_aside(name, why, loaded)
    }

    /// A mistake in the configuration costs no refresh token: once it is corrected, the newest file that it put aside
    /// is in use again. One that cannot be read stays where it is.
    pub(super) fn bring_back(
        &self,
        name: &str,
        owner: &Owner,
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let names = self.disk.list("").map_err(|cause| self.io("read", "", cause))?;
        let beside = format!("{name}{ASIDE}");
        let own = names.into_iter().filter(|name| name.starts_with(&beside)).filter_map(|name| {
            let record = self.read(&name, &owner.target).ok()??.ok()?;
            (record.owner == *owner).then_some((name, record))
        });
        let newest = own.max_by(|(_, a), (_, b)| a.newest().total_cmp(&b.newest()));
        let Some((aside, record)) = newest else { return Ok(()) };
        self.disk.rename(&aside, name).map_err(|cause| self.io("take up again", &aside, cause))?;
        self.sync_folder("")?;
        loaded.record = Some(record);
        let path = |name: &str| self.path.join(name).display().to_string();
        loaded.notes.push(format!(
            "{} is in use again, as {}: it matches the current configuration",
            path(&aside),
            path(name)
        ));
        Ok(())
    }

    fn keep_aside(&self, name: &str, why: &str, loaded: &mut Loaded) -> Result<(), StoreError> {
        let aside = format!("{name}{ASIDE}{}", random(6));
        self.disk.rename(name, &aside).map_err(|cause| self.io("move aside", name, cause))?;
        self.sync_folder(name.split_once('/').map_or("", |(folder, _)| folder))?;
        let path = |name: &str| self.path.join(name).display().to_string();
        loaded.notes.push(format!("{} {why}; it is kept as {}", path(name), path(&aside)));
        Ok(())
    }
}
