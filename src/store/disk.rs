//! The steps on a disk of which a safe write is made, so that a test can end the process between any
//! two of them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Larger than any file written here, bytes.
const LARGEST: u64 = 1 << 20;
/// Rights of the group and of others.
const NOT_OWN: u32 = 0o077;

/// A file as it is found.
#[derive(Debug)]
pub struct Found {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether nobody but its owner may read or write it.
    pub is_private: bool,
}

/// A folder with two folders in it. Names are relative to it.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// A file; `None`: there is none.
    fn read(&self, name: &str) -> io::Result<Option<Found>>;
    /// Creates or empties a file, mode 0600, and writes it.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// What was written to a file is on the disk.
    fn sync(&self, name: &str) -> io::Result<()>;
    /// Puts a file in the place of another, or where there is none.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; that there is none is no error.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Which names a folder has is on the disk.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// The names in a folder; empty where there is none.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// The real one.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// At this path, which need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the folder and those in it, mode 0700, where they are not there. One that others may look into is refused.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare(&self, inner: &[&str]) -> io::Result<()> {
        for path in [self.0.clone()].into_iter().chain(inner.iter().map(|name| self.0.join(name))) {
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => self.own(&path)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            let mode = fs::metadata(&path)?.mode();
            if mode & NOT_OWN != 0 {
                let text = format!(
                    "others may look into it (mode {:o}); chmod 700 {}",
                    mode & 0o777,
                    path.display()
                );
                return Err(io::Error::other(text));
            }
        }
        Ok(())
    }

    /// Opens a file of this folder for a lock.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.0.join(name))
    }

    /// A file that root makes for the service belongs to the service: to whom the folder belongs.
    fn own(&self, path: &Path) -> io::Result<()> {
        let (folder, made) = (fs::metadata(&self.0)?, fs::metadata(path)?);
        if folder.uid() == made.uid() {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(folder.uid()), Some(folder.gid()))
    }
}

impl Disk for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Found>> {
        let path = self.0.join(name);
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        // Before it is opened: a pipe waits for a writer; and a link leads who knows where.
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file; move it away"));
        }
        let mut bytes = Vec::new();
        File::open(&path)?.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(Some(Found { bytes, is_private: metadata.mode() & NOT_OWN == 0 }))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        // The mode above holds for a new file only.
        file.set_permissions(Permissions::from_mode(0o600))?;
        self.own(&path)?;
        file.write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        File::open(self.0.join(name))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.0.join(folder))?.sync_all()
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.0.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }
}
