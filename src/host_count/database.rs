//! Asking FreePBX's database: by the client program that every PBX host has, one fixed query in a
//! transaction that cannot write.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::HostCountError;
use super::child::run;
use crate::domain::host_count::{DatabaseServer, DatabaseSettings, Table};

/// Where the client program is: MariaDB's own name, then the older one, which MySQL has too.
const PROGRAMS: [&str; 2] = ["/usr/bin/mariadb", "/usr/bin/mysql"];

/// The client reads its option file in pieces of 4 KiB.
const LONGEST_VALUE: usize = 1024;

pub(super) async fn count(settings: &DatabaseSettings, timeout: Duration) -> Result<u64, HostCountError> {
    let program = match &settings.program {
        Some(program) => program,
        None => installed(),
    };
    let options = options(settings)?;
    let query = query(settings.table, timeout);
    // The file comes by the pipe: neither arguments nor environment show a password.
    let arguments = ["--defaults-file=/dev/stdin", "--batch", "--skip-column-names", "--execute", &query];
    let output = run(program, "database", &arguments, options.expose_secret().as_bytes()).await?;
    if !output.status.success() {
        return Err(failure(&String::from_utf8_lossy(&output.stderr), output.status.code(), settings.table));
    }
    let number = std::str::from_utf8(&output.stdout).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| HostCountError::NoNumber(program.to_owned()))
}

/// The client program where none is named.
pub(crate) fn installed() -> &'static Path {
    let mut programs = PROGRAMS.iter().map(Path::new);
    programs.find(|path| path.exists()).unwrap_or(Path::new(PROGRAMS[0]))
}

fn query(table: Table, timeout: Duration) -> String {
    format!(
        // MariaDB waits for a locked table up to a day; it is to say so before we are gone. MariaDB 5.5, of
        // FreePBX's distribution up to 16, knows no read-only transaction and skips these words.
        "SET SESSION lock_wait_timeout = {}; START TRANSACTION /*!50605 READ ONLY */; SELECT COUNT(*) FROM {}; \
         ROLLBACK",
        timeout.as_secs().saturating_sub(1).max(1),
        table.as_str()
    )
}

fn options(settings: &DatabaseSettings) -> Result<SecretString, HostCountError> {
    let password = settings.password.as_ref().map(|source| source.read().map_err(HostCountError::Secret));
    let password = password.transpose()?;
    let mut text = String::from(
        "[client]\nloose-skip-ssl\nloose-ssl-mode=DISABLED\nloose-local-infile=0\ndefault-character-set=utf8mb4\n",
    );
    let mut set = |name: &str, value: &str| writeln!(text, "{name}={}", quoted(value));
    let port;
    let server = match &settings.server {
        DatabaseServer::Socket(path) => [("protocol", "socket"), ("socket", text_of(path)), ("port", "0")],
        DatabaseServer::Tcp(host, number) => {
            port = number.to_string();
            [("protocol", "tcp"), ("host", host.as_str()), ("port", &port)]
        }
    };
    let password = password.as_ref().map_or("", ExposeSecret::expose_secret);
    let who = [("user", &*settings.username), ("password", password), ("database", &settings.name)];
    for (name, value) in server.into_iter().chain(who) {
        if value.len() > LONGEST_VALUE {
            return Err(HostCountError::TooLong(name));
        }
        set(name, value).ok();
    }
    if let DatabaseServer::Tcp(..) = settings.server {
        // Whoever answers there may ask for the password in clear, which only plugins give.
        set("plugin-dir", "/nonexistent").ok();
    }
    Ok(SecretString::from(text))
}

/// The configuration takes no other.
fn text_of(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// A value of an option file, where a backslash begins an escape.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The client's words may quote the server's: only numbers are taken over. It writes `ERROR 2002 (HY000):
/// ... (2)`, the system's own number last.
fn failure(said: &str, status: Option<i32>, table: Table) -> HostCountError {
    let line = said.lines().find_map(|line| line.strip_prefix("ERROR "));
    let Some((line, code)) = line.and_then(|line| Some((line, line.split(' ').next()?.parse().ok()?))) else {
        return HostCountError::Client(status);
    };
    match code {
        // CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR
        2002 | 2003 => {
            let number = line
                .rsplit('(')
                .next()
                .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
            // 115, EINPROGRESS, is where a connection was waited for; it says nothing of why none came.
            let error = number.filter(|number| *number != 115);
            HostCountError::Connect(
                error.map_or_else(|| io::Error::other("no connection"), io::Error::from_raw_os_error),
            )
        }
        // CR_UNKNOWN_HOST
        2005 => HostCountError::Connect(io::Error::other("unknown host")),
        // CR_AUTH_PLUGIN_CANNOT_LOAD, CR_AUTH_PLUGIN_ERR, ER_NOT_SUPPORTED_AUTH_MODE, ER_PLUGIN_IS_NOT_LOADED
        2059 | 2061 | 1251 | 1524 => HostCountError::Plugin,
        // Any other of the client's own: the server went away, or speaks something else.
        2000..=2999 => HostCountError::Lost,
        code => refusal(code, table),
    }
}

/// MariaDB's error numbers, which MySQL shares.
fn refusal(code: u16, table: Table) -> HostCountError {
    match code {
        // ER_ACCESS_DENIED_ERROR, ER_HOST_NOT_PRIVILEGED, ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        1045 | 1130 | 1698 => HostCountError::Refused,
        // ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR
        1142 | 1143 => HostCountError::Forbidden(table),
        // ER_DBACCESS_DENIED_ERROR, which users of few rights get for a name that does not exist, too
        1044 => HostCountError::NoRightOrDatabase,
        // ER_BAD_DB_ERROR
        1049 => HostCountError::NoDatabase,
        // ER_LOCK_WAIT_TIMEOUT
        1205 => HostCountError::Locked(table),
        // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED
        1040 | 1203 | 1226 => HostCountError::Full,
        // ER_HOST_IS_BLOCKED
        1129 => HostCountError::Blocked,
        // ER_NO_SUCH_TABLE
        1146 => HostCountError::NoTable(table),
        // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        1792 => HostCountError::Writes(table),
        code => HostCountError::Server(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_what_the_client_says_count() {
        for (said, expected) in [
            (
                "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)\n",
                "failed to reach the database server: No such file",
            ),
            (
                "ERROR 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3306' (111)",
                "failed to reach the database server: Connection refused",
            ),
            (
                "ERROR 2003 (HY000): Can't connect to server on 'x' (111 \"Connection refused\")",
                "failed to reach the database server: Connection refused",
            ),
            (
                "ERROR 2005 (HY000): Unknown server host 'canary' (-2)",
                "failed to reach the database server: unknown host",
            ),
            (
                "Warning: canary\nERROR 1045 (28000): Access denied for user 'canary'@'localhost'",
                "the database rejects this user",
            ),
            (
                "ERROR 1146 (42S02) at line 1: Table 'canary.devices' doesn't exist",
                "this database has no table",
            ),
            (
                "ERROR 2059 (HY000): Authentication plugin 'canary' cannot be loaded: canary",
                "the database client lacks the plugin",
            ),
            (
                "ERROR 2013 (HY000): Lost connection to server at 'handshake: canary', system error: 11",
                "the database server closed",
            ),
            (
                "ERROR 2002 (HY000): Can't connect to server on '127.0.0.1' (115)",
                "failed to reach the database server: no connection",
            ),
            ("ERROR 1205 (HY000) at line 1: canary", "the table `devices` is locked"),
            (
                "ERROR 1044 (42000): canary",
                "the database user may not use this database, or it does not exist",
            ),
            ("ERROR 1317 (70100): canary", "the database reports error 1317"),
            ("ERROR canary", "the database client ended with status 1"),
            ("canary", "the database client ended with status 1"),
        ] {
            let error = failure(said, Some(1), Table::Devices).to_string();
            assert!(error.starts_with(expected), "{said}: {error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
