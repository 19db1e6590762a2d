//! The second count of the extensions: from a program that poses as Asterisk, and from a real MariaDB.

mod asterisk;
pub mod database;
mod timetable;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pbx_exporter::domain::HostCountSettings;
use pbx_exporter::domain::host_count::{AsteriskCommand, AsteriskSettings, HostCountSource};

/// Two extensions, and a trunk whose name is a number.
pub const ENDPOINTS: &str = "
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
    I/OAuth:  <AuthId/UserName...........................................................>
==========================================================================================

 Endpoint:  2000/2000                                            Not in use    0 of inf
     InAuth:  2000-auth/2000
        Aor:  2000                                               1

 Endpoint:  2001/2001                                            Unavailable   0 of inf
     InAuth:  2001-auth/2001
        Aor:  2001                                               1

 Endpoint:  442071838750                                         Not in use    0 of inf
    OutAuth:  442071838750/442071838750

Objects found: 3
";

/// Writes a script named `asterisk`. Another process does so: a file that this one has open for writing when
/// another test starts a program cannot be executed for a moment.
pub fn fake_asterisk(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("asterisk");
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 700 \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let text = format!("#!/bin/sh\n{script}\n");
    shell.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    assert!(shell.wait().expect("it ends").success());
    path
}

/// A script that prints these endpoints if it is asked for them, and for nothing else.
pub fn prints(output: &str) -> String {
    format!("[ \"$*\" = '-rx pjsip show endpoints' ] || exit 9\ncat <<'END'\n{output}END")
}

pub fn asking(program: PathBuf, timeout: Duration) -> HostCountSettings {
    let commands = vec![AsteriskCommand::PjsipShowEndpoints];
    let source = HostCountSource::Asterisk(AsteriskSettings { program, commands });
    HostCountSettings { source, interval: Duration::from_secs(300), timeout }
}
