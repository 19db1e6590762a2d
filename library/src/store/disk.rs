//! The steps on a disk of which a safe write is made, so that a test can end the process between any
//! two of them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
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
    /// Creates a file, mode 0600, in the place of whatever is there, and writes it.
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

/// The real one. Root may work in a folder of somebody else's, so no link in it is followed.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// At this path, which need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the folder and those in it, mode 0700, where they are not there. One that others may look into is refused,
    /// and a link in the place of an inner one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prepare(&self, inner: &[&str]) -> io::Result<()> {
        for name in [""].iter().chain(inner) {
            let path = self.0.join(name);
            let is_new = match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                Err(error) => return Err(error),
            };
            // Where the whole folder is, may well be told by a link.
            let found = if name.is_empty() { fs::metadata(&path)? } else { fs::symlink_metadata(&path)? };
            if !found.is_dir() {
                return Err(io::Error::other(format!("{} is no folder; move it away", path.display())));
            }
            if is_new {
                self.own(&open(&path)?)?;
            }
            let mode = found.mode();
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
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        options.open(self.0.join(name))
    }

    /// A file that root makes for the service belongs to the service: to whom the folder belongs.
    fn own(&self, made: &File) -> io::Result<()> {
        let folder = fs::metadata(&self.0)?;
        if folder.uid() == made.metadata()?.uid() {
            return Ok(());
        }
        fchown(made, Some(folder.uid()), Some(folder.gid()))
    }
}

/// Opens what is there for reading: no link, which leads who knows where, and no waiting for who writes to a pipe.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

impl Disk for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Found>> {
        let path = self.0.join(name);
        let not_a_file = || io::Error::other("it is no regular file; move it away");
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Err(not_a_file()),
            file => file?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(not_a_file());
        }
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(Some(Found { bytes, is_private: metadata.mode() & NOT_OWN == 0 }))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        self.remove(name)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        self.own(&file)?;
        file.write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        open(&self.0.join(name))?.sync_all()
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
