//! A script in the place of Asterisk: what it may do, and what becomes of it.

use std::time::Duration;

use pbx_exporter::domain::host_count::{AsteriskCommand, HostCountSource};
use pbx_exporter::host_count::{HostCountError, count_once};

use super::{ENDPOINTS, asking, fake_asterisk, prints};
use crate::support::process::{PATIENCE, eventually};

async fn count(script: &str) -> Result<u64, HostCountError> {
    let folder = tempfile::tempdir().expect("a folder");
    count_once(&asking(fake_asterisk(folder.path(), script), PATIENCE)).await
}

#[tokio::test]
async fn extensions_are_counted() {
    assert_eq!(count(&prints(ENDPOINTS)).await.expect("a count"), 2);
}

#[tokio::test]
async fn the_counts_of_several_drivers_add_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "case \"$*\" in\n'-rx pjsip show endpoints') cat <<'END'\n{ENDPOINTS}END\n;;\n'-rx sip show peers') cat <<'END'\n\
         Name/username  Host           Dyn Status\n\
         2002/2002      (Unspecified)   D  UNKNOWN\n\
         1 sip peers [Monitored: 0 online, 1 offline Unmonitored: 0 online, 0 offline]\nEND\n;;\nesac"
    );
    let mut settings = asking(fake_asterisk(folder.path(), &script), PATIENCE);
    let HostCountSource::Asterisk(asterisk) = &mut settings.source else { panic!("asks Asterisk") };
    asterisk.commands.push(AsteriskCommand::SipShowPeers);
    assert_eq!(count_once(&settings).await.expect("a count"), 3);
}

#[tokio::test]
async fn the_environment_stays_here_and_no_shell_reads_the_command() {
    // A test's environment has more than these, such as CARGO_MANIFEST_DIR; PWD and _ are the script's own.
    let script = format!(
        "[ \"$#\" = 2 ] || exit 8\n[ -z \"$(env | grep -Ev '^(PATH|LC_ALL|PWD|OLDPWD|SHLVL|_)=')\" ] || exit 7\n{}",
        prints(ENDPOINTS)
    );
    assert_eq!(count(&script).await.expect("a count"), 2);
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_at_the_timeout() {
    let folder = tempfile::tempdir().expect("a folder");
    let pid = folder.path().join("pid");
    // A wrapper's own child, as that of a script that enters a container.
    let script = format!("sleep 600 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", pid.display());
    let settings = asking(fake_asterisk(folder.path(), &script), Duration::from_secs(3));
    let error = count_once(&settings).await.expect_err("nothing came");
    assert!(matches!(error, HostCountError::Timeout(_)), "{error}");
    assert!(error.to_string().starts_with("no count within 3s"), "{error}");
    let pid = std::fs::read_to_string(pid).expect("the script got to writing it");
    eventually("the child's child is gone", async || is_gone(pid.trim()).then_some(())).await;
}

/// Whether a process is dead: gone, or not yet reaped by whoever inherited it.
fn is_gone(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn endless_output_is_cut_off() {
    let error = count("exec yes").await.expect_err("too much");
    assert!(matches!(error, HostCountError::TooLarge(..)), "{error}");
}

#[tokio::test]
async fn each_failure_has_its_own_sentence() {
    let unconnected =
        "echo 'Unable to connect to remote asterisk (does /var/run/asterisk/asterisk.ctl exist?)'; exit 1";
    let unknown =
        "echo \"No such command 'pjsip show endpoints' (type 'core show help pjsip show' for others)\"";
    for (script, expected) in [
        (
            unconnected,
            "`asterisk -rx` ended with status 1: usually Asterisk is not running, or this user may not",
        ),
        ("kill -9 $$", "`asterisk -rx` ended with a signal"),
        (unknown, "Asterisk does not know `pjsip show endpoints`: that channel driver is not loaded"),
        ("echo canary", "`pjsip show endpoints` did not print its complete table"),
        (":", "`pjsip show endpoints` did not print its complete table"),
    ] {
        let error = count(script).await.expect_err(script).to_string();
        assert!(error.starts_with(expected), "{script}: {error}");
        assert!(!error.contains("canary") && !error.contains("asterisk.ctl"), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_missing_or_may_not_run_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("asterisk");
    for cause in ["No such file or directory", "Permission denied"] {
        let error = count_once(&asking(program.clone(), PATIENCE)).await.expect_err(cause).to_string();
        assert!(error.contains(cause) && error.contains("reference.asterisk.program"), "{error}");
        assert!(error.contains(&program.display().to_string()), "{error}");
        std::fs::write(&program, "not executable").expect("a file");
    }
}
