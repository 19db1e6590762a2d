//! Why a count failed: each a sentence with its mend, in our own words.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::SecretError;
use crate::domain::host_count::{AsteriskCommand, Table};

#[derive(Debug, thiserror::Error)]
pub enum HostCountError {
    #[error("failed to start {path}: {0}; give its place as reference.{2}.program, and let the exporter run on the PBX host as a user that may execute it", path = .1.display())]
    Start(#[source] io::Error, PathBuf, &'static str),
    #[error("failed to read the output of {path}: {0}", path = .1.display())]
    Read(#[source] io::Error, PathBuf),
    #[error("`asterisk -rx` ended with {}: mostly Asterisk does not run, or this user may not use its control socket. Run the exporter as the user asterisk, or let its group in (astctlpermissions = 0660 under [files] of asterisk.conf)", .0.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}")))]
    Exit(Option<i32>),
    #[error("{path} gave more than {limit} MiB; this is no list of extensions, look at what reference.{1}.program is", path = .0.display(), limit = super::child::LIMIT >> 20)]
    TooLarge(PathBuf, &'static str),
    /// Asterisk has no such command: the channel driver is not loaded.
    #[error("Asterisk does not know `{command}`: that channel driver is not loaded, or Asterisk has only just started; leave the command out of reference.asterisk.commands if this stays", command = .0.as_str())]
    UnknownCommand(AsteriskCommand),
    /// Not the table that the command gives, or not whole.
    #[error("`{command}` gave something else than its table, or not all of it; try it on the PBX host by hand", command = .0.as_str())]
    Unreadable(AsteriskCommand),
    #[error("no count within {}; the PBX host is very busy, or what was asked hangs", humantime::format_duration(*.0))]
    Timeout(Duration),
    #[error("{0}; give a file with the database password that this user may read")]
    Secret(#[source] SecretError),
    #[error(
        "failed to reach the database server: {0}; look whether it runs, and at reference.database.socket or host and port"
    )]
    Connect(#[source] io::Error),
    #[error(
        "the database server ended the connection, or does not speak MariaDB's protocol; look at reference.database and at the server's log"
    )]
    Lost,
    #[error(
        "the database refuses this user or password; mend reference.database.username and password, or the account (its host part: ...@'localhost'; with unix_socket the system user that the exporter runs as must have the same name)"
    )]
    Refused,
    #[error(
        "the client program of the database lacks the plugin by which this account proves who it is (by TCP it is given none, for whoever answers there could ask for the password in clear); use reference.database.socket, or set the account up with a password as MariaDB does by itself"
    )]
    Plugin,
    #[error("the database user may not read the table `{table}`; GRANT SELECT ({column}) ON it to this user", table = .0.as_str(), column = column(*.0))]
    Forbidden(Table),
    /// No right to the database, or no such database: one number for both.
    #[error(
        "the database user may not use this database, or there is none of that name; look at reference.database.name first, FreePBX's is named asterisk"
    )]
    NoRightOrDatabase,
    #[error("the table `{table}` is locked, mostly by a backup; if this stays, look at SHOW PROCESSLIST on the PBX host", table = .0.as_str())]
    Locked(Table),
    #[error(
        "the database has no connection left for this user; look at SHOW PROCESSLIST on the PBX host, and at max_connections"
    )]
    Full,
    #[error(
        "the database has blocked this host after many failed connections; FLUSH HOSTS on the PBX host, then look for who failed"
    )]
    Blocked,
    /// A setting longer than the client's option file can hold.
    #[error(
        "reference.database: the {0} is longer than 1024 bytes, which the client program cannot take; shorten it"
    )]
    TooLong(&'static str),
    #[error("there is no such database; mend reference.database.name, FreePBX's is named asterisk")]
    NoDatabase,
    #[error("this database has no table `{table}`, so it is not FreePBX's; mend reference.database.name or the server", table = .0.as_str())]
    NoTable(Table),
    /// The count would have written, which the read-only transaction prevented.
    #[error("reading the table `{table}` would change something, which was prevented: it is not the plain table that FreePBX makes", table = .0.as_str())]
    Writes(Table),
    #[error("the database answers with error {0}; look it up in the documentation of MariaDB")]
    Server(u16),
    #[error("{} gave something else than a number; look at what reference.database.program is", .0.display())]
    NoNumber(PathBuf),
    #[error(
        "pbx_exporter itself failed while it counted (a panic, counted in pbx_exporter_panics_total; its log names the place). Please report it"
    )]
    Panicked,
    #[error("the client program of the database ended with {} and names no error; look at what reference.database.program is", .0.map_or_else(|| "a signal".to_owned(), |code| format!("status {code}")))]
    Client(Option<i32>),
}

/// The one column that a user needs a right to: the key, which is no secret.
const fn column(table: Table) -> &'static str {
    match table {
        Table::Devices => "id",
        Table::Users => "extension",
    }
}
