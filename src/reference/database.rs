//! Asking FreePBX's database: one fixed query in a transaction that cannot write.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, IoError, OptsBuilder, Row};
use secrecy::ExposeSecret;

use super::ReferenceError;
use crate::domain::reference::{DatabaseServer, DatabaseSettings, Table};

/// The largest packet accepted, bytes: a count and its column fit many times over.
const LARGEST_PACKET: usize = 64 << 10;

pub(super) async fn count(settings: &DatabaseSettings, timeout: Duration) -> Result<u64, ReferenceError> {
    let failure = |error| failure(error, settings.table);
    let mut conn = Conn::new(options(settings)?).await.map_err(failure)?;
    let counted = query(&mut conn, settings.table, timeout).await.map_err(failure);
    // Takes leave, or the server would log an aborted connection; whether it hears that is its affair.
    conn.disconnect().await.ok();
    counted?.ok_or(ReferenceError::Lost)
}

fn options(settings: &DatabaseSettings) -> Result<OptsBuilder, ReferenceError> {
    let password = settings.password.as_ref().map(|source| source.read().map_err(ReferenceError::Secret));
    let password = password.transpose()?;
    let options = OptsBuilder::default()
        .user(Some(&settings.username))
        .pass(password.as_ref().map(ExposeSecret::expose_secret))
        .db_name(Some(&settings.name))
        // Both given, or the driver would ask the server for them.
        .max_allowed_packet(Some(LARGEST_PACKET))
        .wait_timeout(Some(60));
    Ok(match &settings.server {
        DatabaseServer::Socket(path) => options.socket(Some(path.to_string_lossy())),
        DatabaseServer::Tcp(host, port) => options.ip_or_hostname(host).tcp_port(*port).prefer_socket(false),
    })
}

/// The count; `None` where the server gave no number.
async fn query(conn: &mut Conn, table: Table, timeout: Duration) -> Result<Option<u64>, Error> {
    // MariaDB waits for a locked table up to a day, long after we have gone.
    conn.query_drop(format!("SET SESSION lock_wait_timeout = {}", timeout.as_secs().max(1))).await?;
    conn.query_drop("SET SESSION TRANSACTION READ ONLY").await?;
    conn.query_drop("START TRANSACTION READ ONLY").await?;
    let row: Option<Row> = conn.query_first(format!("SELECT COUNT(*) FROM {}", table.as_str())).await?;
    conn.query_drop("ROLLBACK").await?;
    Ok(row.and_then(|mut row| row.take_opt(0)?.ok()))
}

/// The driver's errors may quote the server, or hold what it sent: only numbers are taken over.
fn failure(error: Error, table: Table) -> ReferenceError {
    match error {
        Error::Io(IoError::Io(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ReferenceError::Lost
        }
        Error::Io(IoError::Io(error)) => ReferenceError::Connect(error),
        Error::Server(error) => refusal(error.code, table),
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::CleartextPluginDisabled
            | DriverError::MysqlOldPasswordDisabled,
        ) => ReferenceError::Plugin,
        Error::Driver(_) | Error::Other(_) | Error::Url(_) => ReferenceError::Lost,
    }
}

/// MariaDB's error numbers, which MySQL shares.
fn refusal(code: u16, table: Table) -> ReferenceError {
    match code {
        // ER_ACCESS_DENIED_ERROR, ER_HOST_NOT_PRIVILEGED, ER_ACCESS_DENIED_NO_PASSWORD_ERROR
        1045 | 1130 | 1698 => ReferenceError::Refused,
        // ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR
        1044 | 1142 | 1143 => ReferenceError::Forbidden(table),
        // ER_BAD_DB_ERROR
        1049 => ReferenceError::NoDatabase,
        // ER_NO_SUCH_TABLE
        1146 => ReferenceError::NoTable(table),
        // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        1792 => ReferenceError::Writes(table),
        code => ReferenceError::Server(code),
    }
}
