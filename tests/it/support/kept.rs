//! What ./run-tests builds for tests and keeps from run to run.

use std::path::PathBuf;
use std::process::Command;

/// Where it is: what this function of `.ci/install.sh` prints.
pub fn kept(function: &str) -> PathBuf {
    let folder = place(function);
    assert!(folder.is_dir(), "{} is not there: ./run-tests makes it", folder.display());
    folder
}

/// A file of it, where whoever builds it could: says so where not.
pub fn kept_file(function: &str, name: &str) -> Option<PathBuf> {
    let path = Some(place(function).join(name)).filter(|path| path.exists());
    if path.is_none() {
        eprintln!("skipped: {name} is not there; tests/toolkit/build makes it, with Go");
    }
    path
}

fn place(function: &str) -> PathBuf {
    let line = format!(". .ci/install.sh && {function}");
    let said = Command::new("sh").args(["-euc", &line]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    PathBuf::from(String::from_utf8(said.expect("a shell").stdout).expect("text").trim_end())
}
