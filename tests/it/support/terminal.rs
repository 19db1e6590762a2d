//! The real program in a terminal of its own, 80 columns wide: a pty by `script` of util-linux.

use std::fs::{File, Permissions, read_to_string};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::process::{PATIENCE, eventually};

/// What a terminal showed, control sequences included, and the exit code.
#[derive(Debug)]
pub struct Shown {
    pub code: Option<i32>,
    pub text: String,
}

/// Runs the program with no variable of this machine but these, in a folder that holds `file`. Each answer is typed once its
/// prompt stands there and, if `hidden`, once the terminal shows no longer what is typed.
pub async fn run(
    arguments: &[&str],
    variables: &[(&str, &str)],
    file: (&str, &str),
    answers: &[Answer<'_>],
) -> Shown {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(file.0);
    std::fs::write(&path, file.1).expect("a file");
    // Others may not read its secrets: that would be warned of.
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner may");
    let program = [&[env!("CARGO_BIN_EXE_pbx_exporter")], arguments].concat().join("' '");
    let line = format!("stty cols 80 rows 24; tty > tty; exec '{program}'");
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .current_dir(folder.path())
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(File::create(folder.path().join("shown")).expect("a file"))
        .spawn()
        .expect("script runs (Debian: bsdutils)");
    let mut keyboard = script.stdin.take().expect("piped");
    for answer in answers {
        eventually(answer.prompt, async || shown(&folder).contains(answer.prompt).then_some(())).await;
        if answer.hidden {
            eventually("echo is off", async || is_hiding(&folder).await.then_some(())).await;
        }
        keyboard.write_all(format!("{}\n", answer.text).as_bytes()).await.expect("typed");
    }
    let status = timeout(PATIENCE, script.wait()).await.expect("it ends").expect("it runs");
    Shown { code: status.code(), text: shown(&folder) }
}

/// What a person types.
pub struct Answer<'a> {
    pub prompt: &'a str,
    pub text: &'a str,
    pub hidden: bool,
}

fn shown(folder: &TempDir) -> String {
    String::from_utf8_lossy(&std::fs::read(folder.path().join("shown")).expect("a file")).into_owned()
}

async fn is_hiding(folder: &TempDir) -> bool {
    let tty = read_to_string(folder.path().join("tty")).expect("written before the program began");
    let stty = Command::new("stty").args(["-a", "-F", tty.trim()]).output().await.expect("stty runs");
    String::from_utf8_lossy(&stty.stdout).split([' ', '\n']).any(|word| word == "-echo")
}
