//! A real MariaDB of its own, on a unix socket alone, with tables as FreePBX has them.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};

use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::process::eventually;

/// The password of every user.
pub const PASSWORD: &str = "canary-database-password";
/// Rows of `devices`.
pub const DEVICES: u64 = 5;
/// Rows of `users`.
pub const USERS: u64 = 4;

/// FreePBX's tables as far as they matter, users with more and less rights, and in `traps` a view named
/// `devices` that writes whenever it is read.
const SETUP: &str = "
CREATE DATABASE asterisk;
CREATE DATABASE elsewhere;
CREATE DATABASE traps;
CREATE TABLE asterisk.devices (id VARCHAR(20) NOT NULL PRIMARY KEY, tech VARCHAR(10), user VARCHAR(50));
INSERT INTO asterisk.devices VALUES ('2000', 'pjsip', '2000'), ('2001', 'pjsip', '2001'), ('2002', 'sip', '2002'),
  ('2003', 'virtual', '2003'), ('902000', 'pjsip', 'none');
CREATE TABLE asterisk.users (extension VARCHAR(20) NOT NULL PRIMARY KEY, password VARCHAR(20), name VARCHAR(50));
INSERT INTO asterisk.users (extension) VALUES ('2000'), ('2001'), ('2002'), ('2003');
CREATE TABLE traps.written (n INT);
DELIMITER //
CREATE FUNCTION traps.writes() RETURNS INT MODIFIES SQL DATA
  BEGIN INSERT INTO traps.written VALUES (1); RETURN 1; END//
DELIMITER ;
CREATE VIEW traps.devices AS SELECT id FROM asterisk.devices WHERE traps.writes() = 1;
CREATE USER watcher@localhost IDENTIFIED BY 'canary-database-password';
GRANT SELECT (id) ON asterisk.devices TO watcher@localhost;
GRANT SELECT (extension) ON asterisk.users TO watcher@localhost;
GRANT SELECT ON elsewhere.* TO watcher@localhost;
CREATE USER stranger@localhost IDENTIFIED BY 'canary-database-password';
GRANT SELECT (name) ON asterisk.users TO stranger@localhost;
CREATE USER writer@localhost IDENTIFIED BY 'canary-database-password';
GRANT ALL ON *.* TO writer@localhost;
CREATE USER peer@localhost IDENTIFIED VIA unix_socket;
INSTALL SONAME 'auth_ed25519';
INSTALL SONAME 'auth_pam';
CREATE USER central@localhost IDENTIFIED VIA pam;
CREATE USER modern@localhost IDENTIFIED VIA ed25519 USING PASSWORD('canary-database-password');
GRANT SELECT (id) ON asterisk.devices TO modern@localhost;
";

/// A running server; killed when dropped.
pub struct MariaDb {
    folder: TempDir,
    child: Child,
}

/// The server that tests share while they run side by side.
pub async fn shared() -> Arc<MariaDb> {
    static SHARED: Mutex<Weak<MariaDb>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(MariaDb::start().await);
    *shared = Arc::downgrade(&server);
    server
}

impl MariaDb {
    /// Makes its files, starts it, waits until it answers.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let is_root = folder.path().metadata().expect("a folder").uid() == 0;
        let user: &[&str] = if is_root { &["--user=root"] } else { &[] };
        let datadir = format!("--datadir={}", folder.path().join("data").display());
        let install = Command::new("mariadb-install-db")
            .args(["--no-defaults", &datadir, "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(user)
            // Two that start at once may give their temporary tables the same names.
            .env("TMPDIR", folder.path())
            .output()
            .expect("mariadb-install-db runs (Debian: mariadb-server)");
        assert!(install.status.success(), "{install:?}");
        let child = Command::new("mariadbd")
            .args(["--no-defaults", &datadir, "--skip-networking", "--innodb-flush-method=nosync"])
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .args(user)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mariadbd runs (Debian: mariadb-server)");
        let server = Self { folder, child };
        eventually("mariadbd answers", async || UnixStream::connect(server.socket()).await.ok()).await;
        server.run(SETUP);
        server
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Runs SQL as its administrator; what it printed.
    pub fn run(&self, sql: &str) -> String {
        let mut client = Command::new("mariadb")
            .args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"])
            .arg(format!("--socket={}", self.socket().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("mariadb runs (Debian: mariadb-client)");
        client.stdin.take().expect("a pipe").write_all(sql.as_bytes()).expect("it reads");
        let output = client.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{sql}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
