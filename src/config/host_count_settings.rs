//! `reference`: the second count of the extensions. Only what reads.

use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::auth::required;
use rustix::fs::Access;

use super::checker::{Checker, MINUTE, SECOND, WEEK, show};
use super::issue::Level;
use super::secret::Forms;
use super::{raw, times};
use crate::domain::Platform;
use crate::domain::host_count::{
    AsteriskCommand, AsteriskSettings, DatabaseServer, DatabaseSettings, HostCountSettings, HostCountSource,
    Table,
};
use crate::domain::target::Call;
use crate::host_count;
use crate::platform::known;

/// Checks `reference`; `None` where there is none, or after reporting an error.
pub(super) fn host_count(
    c: &mut Checker<'_>,
    raw: Option<&raw::Reference>,
    call: Option<&Call>,
    platform: &Platform,
) -> Option<HostCountSettings> {
    let raw = raw?;
    if raw.database.is_some() && !known(platform).has_tables {
        let text = "does not have; use `asterisk`, or remove it";
        c.error("reference.database", format!("counts in FreePBX's tables, which {} {text}", platform.name));
    }
    let interval = c.duration("reference.interval", raw.interval.as_ref(), 5 * MINUTE, SECOND..=WEEK);
    if interval < MINUTE {
        let text = format!(
            "{} is short for a list that people change by hand; 1m or more is recommended",
            show(interval)
        );
        c.warning("reference.interval", text);
    }
    let timeout = times::timeout(c, "reference.timeout", raw.timeout.as_ref(), interval);
    let source = match (&raw.asterisk, &raw.database) {
        (Some(raw), None) => HostCountSource::Asterisk(asterisk(c, raw)),
        (None, Some(raw)) => HostCountSource::Database(database(c, raw, table(call))?),
        (None, None) => {
            c.error("reference", "has no source; add `asterisk: {}` or `database:`");
            return None;
        }
        (Some(_), Some(_)) => {
            c.error("reference", "has both `asterisk` and `database`; keep one");
            return None;
        }
    };
    Some(HostCountSettings { source, interval, timeout })
}

/// The table, and whether the call reads it. One of the user's own may mean anything; most are about
/// `devices`, as extensions are.
fn table(call: Option<&Call>) -> (Table, bool) {
    match call {
        Some(Call::Known(name)) if **name == *"rest" => (Table::Users, true),
        Some(Call::Known(_)) | None => (Table::Devices, true),
        Some(Call::Custom(_)) => (Table::Devices, false),
    }
}

fn asterisk(c: &mut Checker<'_>, raw: &raw::Asterisk) -> AsteriskSettings {
    let program = raw.program.clone().unwrap_or_else(|| PathBuf::from("/usr/sbin/asterisk"));
    // Any other program might take `-rx` for something that changes things.
    if !program.is_absolute() || program.file_name().is_none_or(|name| name != "asterisk") {
        let text = "is not the absolute path of a program named asterisk; write it as in /usr/sbin/asterisk";
        c.error("reference.asterisk.program", text);
    }
    let commands = raw.commands.clone().unwrap_or_else(|| vec![AsteriskCommand::PjsipShowEndpoints]);
    let key = "reference.asterisk.commands";
    if (1..commands.len()).any(|at| commands[..at].contains(&commands[at])) {
        c.error(key, "has the same command twice, so its extensions would count twice; remove one");
    }
    if commands.is_empty() {
        c.error(key, "is empty; write [pjsip show endpoints], or remove it");
    }
    runs(c, "reference.asterisk.program", &program);
    AsteriskSettings { program, commands }
}

fn database(
    c: &mut Checker<'_>,
    raw: &raw::Database,
    (table, same_rows): (Table, bool),
) -> Option<DatabaseSettings> {
    let named = |path: &Path| ["mariadb", "mysql"].iter().any(|name| path.file_name() == Some(name.as_ref()));
    if raw.program.as_ref().is_some_and(|path| !path.is_absolute() || !named(path)) {
        let text =
            "is not the absolute path of a program named mariadb or mysql; write it as in /usr/bin/mariadb";
        c.error("reference.database.program", text);
    }
    let server = server(c, raw);
    let username = required(c, "reference.database.username", raw.username.as_deref());
    if username.as_deref() == Some("root") {
        let text = "root may do everything; create a user for the exporter that may only read one column";
        c.warning("reference.database.username", text);
    }
    let forms = Forms::new(
        "reference.database.password",
        raw.password.as_ref(),
        raw.password_file.as_ref(),
        raw.password_env.as_ref(),
    );
    let password = forms.source(c);
    let name = required(c, "reference.database.name", Some(raw.name.as_deref().unwrap_or("asterisk")));
    let program = raw.program.clone();
    runs(
        c,
        "reference.database.program",
        program.as_deref().unwrap_or_else(|| host_count::database_program()),
    );
    Some(DatabaseSettings {
        program,
        server: server?,
        username: username?,
        password,
        name: name?,
        table,
        same_rows,
    })
}

fn server(c: &mut Checker<'_>, raw: &raw::Database) -> Option<DatabaseServer> {
    match (&raw.socket, &raw.host) {
        (Some(socket), None) => {
            if raw.port.is_some() {
                c.error("reference.database.port", "is not used with a socket; remove it, or write `host`");
            }
            let socket = c.root.nearest("reference.database.socket").place.resolve(socket);
            listens(c, &socket);
            is_text(c, &socket).then_some(DatabaseServer::Socket(socket))
        }
        (None, Some(_)) => {
            let host = required(c, "reference.database.host", raw.host.as_deref())?;
            if !is_this_machine(&host) {
                let text =
                    "the connection has no TLS, so this is for the PBX host itself; run the exporter there";
                c.warning("reference.database.host", text);
            }
            Some(DatabaseServer::Tcp(host, raw.port.unwrap_or(3306)))
        }
        (None, None) => {
            let text = "has no server; add `socket: /run/mysqld/mysqld.sock` (Debian), `socket: \
             /var/lib/mysql/mysql.sock` (elsewhere), or `host: 127.0.0.1`";
            c.error("reference.database", text);
            None
        }
        (Some(_), Some(_)) => {
            c.error("reference.database", "has both `socket` and `host`; keep one");
            None
        }
    }
}

/// Notes a program that this user cannot run.
fn runs(c: &mut Checker<'_>, key: &str, program: &Path) {
    let shown = program.display();
    let text = match program.metadata() {
        Err(error) => format!("{shown}: {error}; without it there is no second count"),
        Ok(meta) if !meta.is_file() => format!("{shown} is no program"),
        Ok(_) if rustix::fs::access(program, Access::EXEC_OK).is_err() => {
            format!("{shown} may not be run by this user")
        }
        Ok(_) => return,
    };
    c.add(Level::Unable, key, text);
}

/// Notes a socket that is not there, or is none.
fn listens(c: &mut Checker<'_>, socket: &Path) {
    let shown = socket.display();
    let text = match socket.metadata() {
        Err(error) => format!("{shown}: {error}; without it there is no second count"),
        Ok(meta) if !meta.file_type().is_socket() => format!("{shown} is no socket"),
        Ok(_) => return,
    };
    c.add(Level::Unable, "reference.database.socket", text);
}

/// What an option file of the client can hold.
fn is_text(c: &mut Checker<'_>, path: &Path) -> bool {
    let is_text = path.to_str().is_some();
    if !is_text {
        c.error("reference.database.socket", "is not UTF-8; use a symbolic link with a UTF-8 name");
    }
    is_text
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}
