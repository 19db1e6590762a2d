//! Reading the files that a configuration names, without being held up by what only looks like one.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The content of a regular file (behind links, too) of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Before it is opened: the opening of a pipe waits for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {} KiB", limit / 1024)));
    }
    Ok(bytes)
}

/// A path for people. A part that may be a secret, pasted where the name of its file belongs, is not repeated.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let parts: Vec<_> = text.split('/').collect();
    let last = parts.len() - 1;
    let is_bare = |part: &str| !part.contains(['.', '-', '_']) && has(part, |c| c.is_ascii_digit());
    let hide = |(at, part): (usize, &str)| {
        may_be_secret(part) || (at == last && is_bare(part) && has(part, char::is_alphabetic))
    };
    let mut masked = false;
    let mut show = |(at, part)| {
        let hidden = hide((at, part));
        masked |= hidden;
        if hidden { "…" } else { part }
    };
    let shown = parts.iter().copied().enumerate().map(&mut show).collect::<Vec<_>>().join("/");
    if masked {
        format!("{shown} (… may be a secret in the place of a file's name, and is not shown)")
    } else {
        shown
    }
}

/// Whether a word looks as one that a machine made up: what neither a file nor a variable is called.
pub fn may_be_secret(word: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || ".-_@ ~'\"".contains(c);
    let is_token = |piece: &str| {
        let turns = piece
            .as_bytes()
            .windows(2)
            .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
        let mixed = has(piece, |c| c.is_ascii_digit()) && has(piece, char::is_alphabetic);
        piece.len() >= 24 || (piece.len() >= 12 && (mixed || turns.count() > 2))
    };
    !word.chars().all(plain)
        || word.contains("-----")
        || word.split(['.', '-', '_', '@', ' ', '~']).any(is_token)
}

fn has(text: &str, is: impl Fn(char) -> bool) -> bool {
    text.chars().any(is)
}

/// The largest PEM file read: all authorities of a system are a quarter of a MiB.
pub const LARGEST_PEM: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown_as_the_name_of_a_file() {
        for secret in [
            "c0ffee0123456789abcdef0123456789",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "Zm9v/YmFyMTIzNDU2Nzg5+ab==",
            "hunter2",
            "Sommer2024!",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "correcthorsebatterystaple",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            let shown = shown(&Path::new("/etc/pbx").join(secret));
            assert!(shown.starts_with("/etc/pbx/"), "{shown}");
            assert!(secret.split('/').all(|part| part.len() < 6 || !shown.contains(part)), "{shown}");
        }
        for name in [
            "/run/credentials/pbx_exporter.service/client_secret",
            "secrets/office.txt",
            "/var/lib/pbx-exporter/..2026_11_30_10_00_00.123456789/key",
            "~/secret",
            "office-2026-production.txt",
        ] {
            assert_eq!(shown(Path::new(name)), name);
        }
    }
}
