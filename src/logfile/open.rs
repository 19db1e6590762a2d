//! Which files may be opened, and how.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Whether a file must not be followed, whoever asks for it.
pub fn refused(path: &Path) -> Result<(), String> {
    refuse_name(path)?;
    // A symbolic link gives the same file another name, also where there is no such file yet.
    if let Ok(real) = path.canonicalize().or_else(|_| path.read_link()) {
        refuse_name(&real)?;
    }
    path.metadata().map_or(Ok(()), |meta| refuse_kind(&meta))
}

/// FreePBX's debug log, under the names that it has here and there (`FPBXDBUGFILE`). Release 17.0.1 of its API
/// module writes whole token requests there (FreePBX/api:Oauth/Oauth.php).
fn refuse_name(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase().replace('-', "_");
    if name.starts_with("freepbx_debug") {
        let text = "FreePBX writes client secrets and passwords to its debug log, so the exporter never \
         reads it; name gql_api_error.log, freepbx.log or the web server's access log";
        return Err(text.to_owned());
    }
    Ok(())
}

fn refuse_kind(meta: &Metadata) -> Result<(), String> {
    let kind = meta.file_type();
    let word = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(format!("is {word}, not a regular file; name the log itself"))
}

/// Opens a file for reading, unless it is refused; never waits for the writer of a named pipe.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), String> {
    refused(path)?;
    // The file may have become another since it was looked at.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|e| problem(&e))?;
    let meta = file.metadata().map_err(|e| problem(&e))?;
    refuse_kind(&meta)?;
    Ok((file, meta))
}

/// What is wrong with a file, with the fix if there is one.
pub(super) fn problem(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "does not exist; it is read once it does".to_owned(),
        ErrorKind::PermissionDenied => {
            "may not be read by the exporter's user; add that user to the file's group".to_owned()
        }
        kind => format!("cannot be read: {kind}"),
    }
}
