//! Why a count failed: each a sentence with its fix, in our own words.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::SecretError;
use crate::domain::host_count::{AsteriskCommand, Table};

#[derive(Debug, thiserror::Error)]
pub enum HostCountError {
    #[error("failed to start {path}: {0}; set reference.{2}.program to its path, and run the exporter on the \
     PBX host as a user that may execute it", path = .1.display())]
    Start(#[source] io::Error, PathBuf, &'static str),
    #[error("failed to read the output of {path}: {0}", path = .1.display())]
    Read(#[source] io::Error, PathBuf),
    #[error("`asterisk -rx` ended with {}: usually Asterisk is not running, or this user may not use its \
     control socket. Run the exporter as the user asterisk, or give its group access (astctlpermissions = \
     0660 under [files] in \
     asterisk.conf)", .0.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}")))]
    Exit(Option<i32>),
    #[error("{path} printed more than {limit} MiB, which is not a list of extensions; check \
     reference.{1}.program", path = .0.display(), limit = super::child::LIMIT >> 20)]
    TooLarge(PathBuf, &'static str),
    /// Asterisk has no such command: the channel driver is not loaded.
    #[error("Asterisk does not know `{command}`: that channel driver is not loaded, or Asterisk has just \
     started; if this persists, remove the command from reference.asterisk.commands", command = .0.as_str())]
    UnknownCommand(AsteriskCommand),
    /// Not the table that the command gives, or not whole.
    #[error("`{command}` did not print its complete table; run it on the PBX host by \
     hand", command = .0.as_str())]
    Unreadable(AsteriskCommand),
    #[error("no count within {}; the PBX host is very busy, or the program \
     hangs", humantime::format_duration(*.0))]
    Timeout(Duration),
    #[error("{0}; name a file with the database password that this user may read")]
    Secret(#[source] SecretError),
    #[error(
        "failed to reach the database server: {0}; check that it is running, then reference.database.socket \
         or host and port"
    )]
    Connect(#[source] io::Error),
    #[error(
        "the database server closed the connection, or is not MariaDB; check reference.database and the \
         server's log"
    )]
    Lost,
    #[error(
        "the database rejects this user or password; correct reference.database.username and password, or \
         the account (its host part: ...@'localhost'; with unix_socket the exporter must run as the system \
         user of the same name)"
    )]
    Refused,
    #[error(
        "the database client lacks the plugin to authenticate this account (over TCP it may load none, \
         because a server could then ask for the password in clear text); use reference.database.socket, or \
         give the account a password with MariaDB's default plugin"
    )]
    Plugin,
    #[error("the database user may not read the table `{table}`; GRANT SELECT ({column}) ON it to this user", table = .0.as_str(), column = column(*.0))]
    Forbidden(Table),
    /// No right to the database, or no such database: one number for both.
    #[error(
        "the database user may not use this database, or it does not exist; check reference.database.name \
         first, FreePBX's is named asterisk"
    )]
    NoRightOrDatabase,
    #[error("the table `{table}` is locked, usually by a backup; if this persists, run SHOW PROCESSLIST on \
     the PBX host", table = .0.as_str())]
    Locked(Table),
    #[error(
        "the database has no connection left for this user; run SHOW PROCESSLIST on the PBX host, and check \
         max_connections"
    )]
    Full,
    #[error(
        "the database has blocked this host after many failed connections; run FLUSH HOSTS on the PBX host, \
         then find out which client failed"
    )]
    Blocked,
    /// A setting longer than the client's option file can hold.
    #[error(
        "reference.database: the {0} is longer than 1024 bytes, the limit of the database client; shorten it"
    )]
    TooLong(&'static str),
    #[error("there is no such database; correct reference.database.name, FreePBX's is named asterisk")]
    NoDatabase,
    #[error("this database has no table `{table}`, so it is not FreePBX's; correct reference.database.name \
     or the server", table = .0.as_str())]
    NoTable(Table),
    /// The count would have written, which the read-only transaction prevented.
    #[error("reading the table `{table}` would have changed data, and was stopped: it is not the plain table \
     that FreePBX creates", table = .0.as_str())]
    Writes(Table),
    #[error("the database reports error {0}; look it up in MariaDB's documentation")]
    Server(u16),
    #[error("{} did not print a number; check reference.database.program", .0.display())]
    NoNumber(PathBuf),
    #[error(
        "pbx_exporter itself failed while it counted (a panic, counted in pbx_exporter_panics_total; its log names the place). Please report it"
    )]
    Panicked,
    #[error("the database client ended with {} and no error message; check \
     reference.database.program", .0.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}")))]
    Client(Option<i32>),
}

/// The one column that a user needs a right to: the key, which is no secret.
const fn column(table: Table) -> &'static str {
    match table {
        Table::Devices => "id",
        Table::Users => "extension",
    }
}
