//! The steps on a disk of which a safe write is made, so that a test can end the process between any
//! two of them.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;

/// Larger than any file written here, bytes: the texts of a token answer and two tokens before, escaped and sealed.
const LARGEST: u64 = 8 << 20;
/// Rights of the group and of others.
const NOT_OWN: u32 = 0o077;

#[derive(Debug)]
pub struct Found {
    pub bytes: Vec<u8>,
    /// Whether nobody but its owner may read or write it.
    pub is_private: bool,
}

/// A folder with two folders in it. Names are relative to it.
pub trait Disk: Send + Sync + std::fmt::Debug {
    fn read(&self, name: &str) -> io::Result<Option<Found>>;
    /// Creates a file, mode 0600, in the place of whatever is there, and writes it.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// What was written to a file is on the disk.
    fn sync(&self, name: &str) -> io::Result<()>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; that there is none is no error.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Which names a folder has is on the disk.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// The real one. Root may work in a folder of somebody else's, so no link in it is followed: each step begins at the
/// opened folder and goes on from there by names of one part.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the folder and those in it, mode 0700, where they are not there. One that others may look into is refused,
    /// and a link in the place of an inner one.
    pub fn prepare(&self, inner: &[&str]) -> io::Result<()> {
        let new = is_new(DirBuilder::new().mode(0o700).create(&self.0))?;
        // It has to be there after a power failure, too; not everybody may open what it is in.
        if let Some(Ok(parent)) = self.0.parent().filter(|_| new).map(File::open) {
            parent.sync_all()?;
        }
        let folder = self.open("")?;
        is_private(&folder, &self.0)?;
        for name in inner {
            let new = is_new(mkdirat(&folder, *name, Mode::RWXU).map_err(io::Error::from))?;
            let made = self.open(name)?;
            if new {
                self.own(&made)?;
                folder.sync_all()?;
            }
            is_private(&made, &self.0.join(name))?;
        }
        Ok(())
    }

    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        let file = self.open_file(name, OFlags::WRONLY | OFlags::CREATE)?;
        self.own(&file)?;
        Ok(file)
    }

    pub fn is_here(&self, name: &str, file: &File) -> io::Result<bool> {
        let found = self.place(name).and_then(|(folder, name)| {
            Ok(File::from(openat(
                folder,
                name,
                OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?))
        });
        let found = match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            found => found?.metadata()?,
        };
        let held = file.metadata()?;
        Ok((found.dev(), found.ino()) == (held.dev(), held.ino()))
    }

    /// Opens the folder, whose own path may be a link, or one in it, whose path may not.
    fn open(&self, inner: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(CWD, &self.0, flags, Mode::empty());
        let folder = folder.and_then(|folder| match inner {
            "" => Ok(folder),
            inner => openat(folder, inner, flags | OFlags::NOFOLLOW, Mode::empty()),
        });
        match folder {
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let path = self.0.join(inner);
                Err(io::Error::other(format!("{} is not a folder; move it away", path.display())))
            }
            folder => Ok(folder?.into()),
        }
    }

    fn place<'n>(&self, name: &'n str) -> io::Result<(File, &'n str)> {
        let (inner, name) = name.split_once('/').unwrap_or(("", name));
        Ok((self.open(inner)?, name))
    }

    /// Opens a file: no link, which leads who knows where, and no waiting for who writes to a pipe.
    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let (folder, name) = self.place(name)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// A file that root makes for the service gets the owner of the folder.
    fn own(&self, made: &File) -> io::Result<()> {
        let folder = self.open("")?.metadata()?;
        if folder.uid() == made.metadata()?.uid() {
            return Ok(());
        }
        fchown(made, Some(folder.uid()), Some(folder.gid()))
    }
}

/// Whether a folder was made; that it is there already is as good.
fn is_new(made: io::Result<()>) -> io::Result<bool> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true),
    }
}

fn is_private(folder: &File, path: &Path) -> io::Result<()> {
    let mode = folder.metadata()?.mode();
    if mode & NOT_OWN == 0 {
        return Ok(());
    }
    let text = format!("other users may read it (mode {:o}); chmod 700 {}", mode & 0o777, path.display());
    Err(io::Error::other(text))
}

impl Disk for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Found>> {
        let not_a_file = || io::Error::other("it is not a regular file; move it away");
        let file = match self.open_file(name, OFlags::RDONLY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                return Err(not_a_file());
            }
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
        self.remove(name)?;
        let mut file = self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        self.own(&file)?;
        file.write_all(bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.open_file(name, OFlags::RDONLY)?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let ((from, old), (to, new)) = (self.place(from)?, self.place(to)?);
        Ok(renameat(from, old, to, new)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed =
            self.place(name).and_then(|(folder, name)| Ok(unlinkat(folder, name, AtFlags::empty())?));
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.open(folder)?.sync_all()
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match self.open(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => Dir::new(folder?)?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.filter(|name| !matches!(name.as_deref(), Ok("." | ".."))).collect()
    }
}
