//! Where a second count of the extensions comes from: the PBX host itself, past its API.

mod comparison;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretSource;

#[derive(Clone, Debug, PartialEq)]
pub struct HostCountSettings {
    pub source: HostCountSource,
    pub interval: Duration,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum HostCountSource {
    /// Asterisk, by commands of its console that only show.
    Asterisk(AsteriskSettings),
    Database(DatabaseSettings),
}

impl HostCountSource {
    pub const fn kind(&self) -> HostCountKind {
        match self {
            Self::Asterisk(_) => HostCountKind::Asterisk,
            Self::Database(settings) => {
                HostCountKind::Database { table: settings.table, same_rows: settings.same_rows }
            }
        }
    }
}

/// A source, as readers need to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCountKind {
    Asterisk,
    Database {
        /// Whose rows are counted.
        table: Table,
        /// Whether the watched call counts these same rows, so that a lasting difference means something.
        same_rows: bool,
    },
}

impl HostCountKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asterisk => "asterisk",
            Self::Database { .. } => "database",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AsteriskSettings {
    /// Absolute path of the program, whose name is `asterisk`.
    pub program: PathBuf,
    /// What is asked; the counts add up.
    pub commands: Vec<AsteriskCommand>,
}

/// A command of Asterisk's console. None that changes anything is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum AsteriskCommand {
    /// Endpoints of chan_pjsip.
    #[serde(rename = "pjsip show endpoints")]
    PjsipShowEndpoints,
    /// Peers of chan_sip, which FreePBX up to 16 may use.
    #[serde(rename = "sip show peers")]
    SipShowPeers,
}

impl AsteriskCommand {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PjsipShowEndpoints => "pjsip show endpoints",
            Self::SipShowPeers => "sip show peers",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseSettings {
    /// Absolute path of the client program, named `mariadb` or `mysql`; `None`: where either usually is.
    pub program: Option<PathBuf>,
    pub server: DatabaseServer,
    pub username: String,
    /// Its password; `None`: it has none.
    pub password: Option<SecretSource>,
    pub name: String,
    /// Whose rows are counted.
    pub table: Table,
    /// Whether the watched call reads this table; a call of the user's own may read anything.
    pub same_rows: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseServer {
    Socket(PathBuf),
    /// Host and port, without TLS.
    Tcp(String, u16),
}

/// The table that the watched call itself reads (FreePBX/core:Core.class.php), so that both counts mean the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `fetchAllExtensions` counts all rows of `devices`, by `getAllDevicesByType()`.
    Devices,
    /// REST `core/users` lists all rows of `users`, by `getAllUsers()`.
    Users,
}

impl Table {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Users => "users",
        }
    }
}
