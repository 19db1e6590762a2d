//! Tokens on disk: refresh tokens, which only a person can replace, and access tokens, so that a restart
//! needs no new ones.
//!
//! Belongs here: files, their form, their lock, and what is kept of a target. Does not belong here: when
//! a token is asked for or used (`oauth`), nor what a refusal means (`platform`).
//!
//! One process owns a folder. It alone writes `NAME.json`, one for each target: whole or not at all. Who
//! else has something for a target (a command, while the service runs) leaves it in `handover/`, and the
//! owner adopts it; `codes/` holds what starts a confirmation on the service's page; `seeds/` records which target sent a configured refresh token.

mod disk;
mod error;
mod handover;
mod leftovers;
mod one_time_code;
mod seal;
mod seed;
mod token_record;
mod turn;

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use disk::{Disk, Folder, Found};
pub use error::StoreError;
pub(crate) use handover::{HandedOver, Left};
pub(crate) use one_time_code::CodeState;
pub(crate) use one_time_code::same;
pub(crate) use seal::{change_mark, fingerprint, is_key, random};
pub(crate) use token_record::{Access, Chain, Confirmed, Ended, InFlight, Owner, Record, Refused, Written};
pub(crate) use turn::Turn;

use secrecy::ExposeSecret as _;

use crate::domain::{SecretSource, StorageSettings};
use seal::{Key, Unusable};
use turn::Seat;

const HANDOVER: &str = "handover";
const CODES: &str = "codes";
const SEEDS: &str = "seeds";
const LOCK: &str = "lock";
/// How long a lock is waited for that another process has, 2 s in all: the one before this may be about to end, and a child of
/// it has every lock of its parent until it becomes another program.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub struct Loaded {
    pub record: Option<Record>,
    /// Which file was put aside or taken up again, and why.
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    key: Option<SecretSource>,
    disk: Arc<dyn Disk>,
    lock: Mutex<Option<File>>,
    /// Held while a file is written and gets its name: who goes and who comes may write the same one.
    writing: Mutex<()>,
    /// Held while a one-time code is tried.
    trying: Mutex<()>,
    seats: Mutex<HashMap<Box<str>, Arc<Seat>>>,
}

impl Store {
    /// The one that is configured. Nothing is touched yet.
    pub fn new(settings: &StorageSettings) -> Self {
        Self::on(Arc::new(Folder::new(&settings.path)), settings)
    }

    pub fn on(disk: Arc<dyn Disk>, settings: &StorageSettings) -> Self {
        let (path, key) = (settings.path.clone(), settings.key.clone());
        Self {
            path,
            key,
            disk,
            lock: Mutex::default(),
            writing: Mutex::default(),
            trying: Mutex::default(),
            seats: Mutex::default(),
        }
    }

    /// Makes this process the owner, for as long as this value lives. Waits a moment where there is another, so it must not
    /// run on the event loop.
    pub fn own(&self) -> Result<(), StoreError> {
        self.own_after(|| std::thread::sleep(LOCK_PAUSE))
    }

    /// Nothing is held in a pause, so that many targets wait side by side.
    fn own_after(&self, pause: impl Fn()) -> Result<(), StoreError> {
        for _ in 1..LOCK_TRIES {
            match self.try_own() {
                Err(StoreError::Locked(_)) => pause(),
                owned => return owned,
            }
        }
        self.try_own()
    }

    fn try_own(&self) -> Result<(), StoreError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new(&self.path);
        if let Some(held) = &*lock {
            // Somebody may have removed the folder, and whoever makes it again may have locked that one.
            if folder.is_here(LOCK, held).map_err(|cause| self.io("look at", LOCK, cause))? {
                return Ok(());
            }
            *lock = None;
        }
        self.prepare()?;
        let file = folder.lock_file(LOCK);
        let file = file.map_err(|cause| self.io("open", LOCK, cause))?;
        match file.try_lock() {
            Ok(()) => *lock = Some(file),
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(self.path.clone())),
            Err(TryLockError::Error(cause)) => return Err(self.io("lock", LOCK, cause)),
        }
        Ok(())
    }

    /// Whether something can be left for the owner, before a person takes the trouble.
    pub fn can_hand_over(&self) -> Result<(), StoreError> {
        self.prepare_for_owner()?;
        self.key().map(|_| ())
    }

    /// The folder for what is left for its owner. Root cannot know who that is to be.
    fn prepare_for_owner(&self) -> Result<(), StoreError> {
        if rustix::process::geteuid().is_root() && !self.path.exists() {
            return Err(StoreError::NoFolder(self.path.clone()));
        }
        self.prepare()
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let made = Folder::new(&self.path).prepare(&[HANDOVER, CODES, SEEDS]);
        made.map_err(|cause| self.io("prepare the token storage", "", cause))
    }

    fn key(&self) -> Result<Option<Key>, StoreError> {
        let Some(source) = &self.key else { return Ok(None) };
        let text = source.read().map_err(|error| StoreError::Key(error.with_fix()))?;
        let key = Key::parse(text.expose_secret());
        let fix = || StoreError::Key(format!("its content {}", crate::domain::storage::KEY_FORM));
        key.map(Some).ok_or_else(fix)
    }

    fn io(&self, doing: &'static str, name: &str, cause: io::Error) -> StoreError {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        StoreError::Io { path, doing, cause }
    }

    /// What is kept of this owner's target. A file of another owner, or none of ours, is kept aside, and taken up again
    /// when it is this owner's once more.
    pub fn load(&self, owner: &Owner) -> Result<Loaded, StoreError> {
        self.own()?;
        self.claim_seed(owner)?;
        let name = format!("{}.json", stem(&owner.target));
        let mut loaded = Loaded::default();
        self.finish_writing(&name, owner, &mut loaded)?;
        self.read_own(&name, owner, &mut loaded)?;
        if loaded.record.is_none() {
            self.bring_back(&name, owner, &mut loaded)?;
        }
        Ok(loaded)
    }

    /// A file; the inner error is one of its content.
    fn read(&self, name: &str, target: &str) -> Result<Option<Result<Record, Unusable>>, StoreError> {
        let found = self.disk.read(name).map_err(|cause| self.io("read", name, cause))?;
        let Some(Found { bytes, is_private }) = found else { return Ok(None) };
        if !is_private {
            return Err(StoreError::TooOpen(self.path.join(name)));
        }
        let sealed = |what| StoreError::Sealed { path: self.path.join(name), what };
        match seal::decode(&bytes, target, self.key()?.as_ref()) {
            Err(Unusable::NoKey) => Err(sealed("a key, and none is configured")),
            Err(Unusable::OtherKey) => Err(sealed("another key")),
            decoded => Ok(Some(decoded)),
        }
    }

    /// Writes what is kept of a target, whole or not at all; on disk when it returns.
    pub fn save(&self, record: &Record) -> Result<(), StoreError> {
        self.own()?;
        self.write(
            &format!("{}.json", stem(&record.owner.target)),
            "",
            &seal::encode(record, self.key()?.as_ref()),
        )
    }

    fn write(&self, name: &str, folder: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let new = new(name);
        self.disk.write(&new, bytes).map_err(|cause| self.io("write", &new, cause))?;
        self.name(name, folder)
    }

    /// Gives a file its name that somebody else wrote.
    fn put(&self, name: &str, folder: &str) -> Result<(), StoreError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.name(name, folder)
    }

    /// What was written is on the disk, takes the place of the old file, and that is on the disk, too.
    fn name(&self, name: &str, folder: &str) -> Result<(), StoreError> {
        let new = new(name);
        self.disk.sync(&new).map_err(|cause| self.io("write", &new, cause))?;
        self.disk.rename(&new, name).map_err(|cause| self.io("write", name, cause))?;
        self.sync_folder(folder)
    }

    fn sync_folder(&self, folder: &str) -> Result<(), StoreError> {
        self.disk.sync_folder(folder).map_err(|cause| self.io("write", folder, cause))
    }
}

fn new(name: &str) -> String {
    format!("{name}.new")
}

/// A file's name for a target, whose own may be any text: what is readable of it, and a fingerprint, which alone makes it unique.
fn stem(target: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let readable: String = target.chars().take(32).map(plain).collect();
    format!("{}-{}", readable.trim_matches('-'), fingerprint(target)).trim_start_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
