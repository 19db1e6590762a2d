//! The file's shape as serde types: keys, their documentation and their built-in defaults.
//!
//! Belongs here: what may be written. The JSON Schema, the tables of docs/configuration.md and the
//! structural check all come from these types. Does not belong here: what values make sense together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, json_schema};
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::host_count::AsteriskCommand;
use crate::domain::target::{ClientAuth, LogFile, TlsVersion};
use crate::domain::{Grant, Platform};
use crate::platform::DEFAULT;

/// Configuration of pbx_exporter. Several files are merged: `targets` add up, `defaults`, `limits`,
/// `storage` and `authorization` may each be in one of the files and apply to all.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "pbx_exporter")]
#[expect(dead_code, reason = "only its schema is used: files are merged as trees before serde sees them")]
pub(super) struct File {
    /// What every target inherits, key by key, unless it says otherwise; `KEY: null` in a target drops an
    /// inherited key. Any key of a target except `name` and `url`.
    #[schemars(with = "Option<Settings>")]
    pub defaults: Option<Settings>,
    /// Limits over all targets.
    pub limits: Option<Limits>,
    /// Where tokens are kept over a restart; needed for the grant `authorization_code`. A reload cannot
    /// change it.
    pub storage: Option<Storage>,
    /// Lets people confirm access on a page of the running service; off without it. A reload cannot
    /// change it.
    pub authorization: Option<Authorization>,
    /// Kinds of PBX that are not built in, by name: see docs/platforms.md.
    pub platforms: Option<BTreeMap<String, Platform>>,
    /// The PBXes to watch.
    pub targets: Option<Vec<Target>>,
}

/// One PBX.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Target {
    /// The name that becomes the label `target`: unique, any text of 1 to 128 characters.
    pub name: String,
    /// Where the PBX is: its origin (`https://pbx.example.com`), or any address of its API as the PBX shows
    /// it, which is cut down to the origin; of FreePBX's, what stands before `/admin` is kept.
    pub url: String,
    #[serde(flatten)]
    pub settings: Settings,
}

/// What every target inherits: any key of a target except `name` and `url`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Defaults")]
pub(super) struct Settings {
    /// What kind of PBX: one that is built in (see docs/platforms.md), or one described under `platforms`.
    #[schemars(extend("default" = DEFAULT))]
    pub platform: Option<String>,
    /// How to get a token.
    pub auth: Option<Auth>,
    /// From the start of one probe to the start of the next.
    #[schemars(extend("default" = "60s"))]
    pub interval: Option<DurationText>,
    /// From the end of a probe that failed for a passing reason to the next; at most `interval`, which is also its
    /// default if that is shorter.
    #[schemars(extend("default" = "15s"))]
    pub failure_interval: Option<DurationText>,
    /// Limit of one HTTP exchange; less than `interval`, and by default at most half of it.
    #[schemars(extend("default" = "10s"))]
    pub timeout: Option<DurationText>,
    /// A good token is renewed at the latest after this, so that a dead token endpoint or a regenerated
    /// secret is noticed; at least `5m`, or `off`. Always off for the grants `authorization_code` and `refresh_token`.
    #[schemars(extend("default" = "15m"))]
    pub token_interval: Option<DurationText>,
    /// Waits after rejected credentials.
    pub backoff: Option<Backoff>,
    /// Largest answer accepted: bytes, or a number with `KiB` or `MiB`.
    #[schemars(extend("default" = "10MiB"))]
    pub body_limit: Option<Size>,
    /// Extra header fields sent with each request to `url` (not to a token endpoint elsewhere); the value is a text, or
    /// where to read it.
    pub headers: Option<BTreeMap<String, Option<Header>>>,
    /// TLS, for `https://` targets.
    pub tls: Option<Tls>,
    /// Proxy; without it the PBX is contacted directly. Proxy variables of the environment are ignored.
    pub proxy: Option<Proxy>,
    /// What the probe calls as the extensions endpoint: one of the platform's calls, by default its first; for
    /// FreePBX `graphql` (`fetchAllExtensions`) or `rest` (`core/users`). Or a call of your own.
    #[schemars(extend("default" = "graphql"))]
    pub call: Option<Call>,
    /// Ask for the version as well. Needs the scope `gql:framework:read:system`, which on FreePBX also
    /// allows changes.
    #[schemars(extend("default" = false))]
    pub version: Option<bool>,
    /// The customer whose request budget this target uses, where all of a customer's applications share one (Ringme).
    /// Targets at one origin with the same customer share one request budget; without it those with the same
    /// `client_id` do.
    pub customer: Option<String>,
    /// The PBX's own logs, for an exporter on the PBX host: new events in them are counted.
    pub log: Option<Vec<LogFile>>,
    /// The extensions that should exist, to be compared with those listed: `[2000, "0200"]`; quote one with a
    /// leading zero.
    pub expected_extensions: Option<Vec<ExtensionId>>,
    /// The same as a CSV or JSON file, read again at each probe.
    pub expected_extensions_file: Option<PathBuf>,
    /// A second count of the extensions, if the exporter runs on the PBX host.
    pub reference: Option<Reference>,
}

/// The id of an extension.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ExtensionId {
    /// A number without leading zeros.
    Number(u64),
    /// Any id.
    Text(String),
}

/// How a target gets its token. Each secret has three forms; give one: literal, `_file`, `_env`.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the keys as users write them")]
pub(super) struct Auth {
    /// What is sent for a token; it must match the application's type. On a platform that does not have
    /// `client_credentials` the default is its first grant.
    #[schemars(extend("default" = "client_credentials"))]
    pub grant: Option<Grant>,
    /// Origin of the token endpoint, if it is not the platform's: `https://login.example.com`.
    pub url: Option<String>,
    /// Client id of the application.
    pub client_id: Option<String>,
    /// Client secret of the application.
    #[schemars(with = "Option<String>")]
    pub client_secret: Option<SecretString>,
    /// File with the client secret, read again at each use.
    pub client_secret_file: Option<PathBuf>,
    /// Environment variable with the client secret, read at start and reload.
    pub client_secret_env: Option<String>,
    /// Where the client id and secret travel: in the form body or in an `Authorization: Basic` header. The default is
    /// the platform's, mostly `body`.
    #[schemars(extend("default" = "body"))]
    pub client_auth: Option<ClientAuth>,
    /// User name, for the grant `password`; on FreePBX an account of User Management.
    pub username: Option<String>,
    /// Password of that user.
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// File with the password, read again at each use.
    pub password_file: Option<PathBuf>,
    /// Environment variable with the password, read at start and reload.
    pub password_env: Option<String>,
    /// Refresh token, for the grant `refresh_token`.
    #[schemars(with = "Option<String>")]
    pub refresh_token: Option<SecretString>,
    /// File with the refresh token, read again at each use.
    pub refresh_token_file: Option<PathBuf>,
    /// Environment variable with the refresh token, read at start and reload.
    pub refresh_token_env: Option<String>,
    /// Redirect address of the application, for `authorize` and the grant `authorization_code`. Without it the command
    /// listens on a free port of 127.0.0.1 for `/callback`. The service's page always uses `authorization.external_url`.
    pub redirect_uri: Option<String>,
    /// Scopes to ask for, one per item; by default all that the application has, or what the platform needs.
    pub scopes: Option<Vec<String>>,
    /// More parameters of the platform's token requests, such as `account_id`; the value is a text, or
    /// where to read it.
    pub parameters: Option<BTreeMap<String, Header>>,
    /// The key, for the grant `static`.
    #[schemars(with = "Option<String>")]
    pub key: Option<SecretString>,
    /// File with the key, read again at each use.
    pub key_file: Option<PathBuf>,
    /// Environment variable with the key, read at start and reload.
    pub key_env: Option<String>,
}

/// Waits after rejected credentials. FreePBX's fail2ban bans the exporter's address after 8 rejections in 40 minutes.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Backoff {
    /// First wait after a rejected credential; doubles with each further rejection.
    #[schemars(extend("default" = "5m"))]
    pub start: Option<DurationText>,
    /// The longest such wait.
    #[schemars(extend("default" = "60m"))]
    pub cap: Option<DurationText>,
    /// First wait after a denial with a good token; the second and later ones are twice as long.
    #[schemars(extend("default" = "5m"))]
    pub denied: Option<DurationText>,
}

/// TLS, for `https://` targets.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Tls {
    /// PEM file with the only CA certificates to trust; by default the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client certificate chain; needs `key_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM file with the key of the client certificate; needs `cert_file`.
    pub key_file: Option<PathBuf>,
    /// Name that the certificate must bear, and that is asked for (SNI), where `url` has an address or another name.
    pub server_name: Option<String>,
    /// Lowest TLS version allowed.
    #[schemars(extend("default" = "1.2"))]
    pub min_version: Option<TlsVersion>,
    /// Accept any certificate. Anyone in between can then read the credentials.
    #[schemars(extend("default" = false))]
    pub insecure_skip_verify: Option<bool>,
}

/// A proxy.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the keys as users write them")]
pub(super) struct Proxy {
    /// `http://`, `https://`, `socks5://` or `socks5h://` with host and port, without credentials.
    pub url: Option<String>,
    /// User name for the proxy.
    pub username: Option<String>,
    /// Password for the proxy.
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// File with the proxy's password, read again when it changes.
    pub password_file: Option<PathBuf>,
    /// Environment variable with the proxy's password, read at start and reload.
    pub password_env: Option<String>,
    /// Hosts contacted directly, in the form of `NO_PROXY`: `localhost,10.0.0.0/8,.example.com`.
    pub no_proxy: Option<String>,
}

/// What the probe calls.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Call {
    /// A call that the platform knows.
    Known(String),
    /// A call of your own.
    Custom(CustomCall),
}

/// A call of your own, for watching exactly what an application calls. It must only read.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CustomCall {
    /// `GET`, `HEAD` or `POST`.
    #[schemars(extend("default" = "GET"))]
    pub method: Option<String>,
    /// Absolute path on the target's origin, with optional query: `/admin/api/api/extensions`.
    pub path: String,
    /// Body of a `POST`.
    pub body: Option<String>,
    /// Content type of `body`.
    #[schemars(extend("default" = "application/json"))]
    pub content_type: Option<String>,
    /// JSON pointer (RFC 6901) to the number of extensions in the answer: a number, or an array or object
    /// whose members are counted. Without it any 2xx is a success, unless the platform's own API says otherwise in it.
    pub total: Option<String>,
    /// JSON pointer to the extensions themselves, an array or object: for `expected_extensions` and the
    /// command `extensions`. Without `total` they are counted, too.
    pub list: Option<String>,
    /// JSON pointer within one of them to its id: `/extension`. Without it a text or number is the id
    /// itself, and a member of an object has it as its name.
    pub id: Option<String>,
}

/// A text, or where to read it.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Header {
    /// The value itself.
    Text(#[schemars(with = "String")] SecretString),
    /// Where to read the value.
    Source(HeaderSource),
}

/// Where to read a header field's or parameter's value: one of the two.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct HeaderSource {
    /// File with the value, read again at each request.
    pub file: Option<PathBuf>,
    /// Environment variable with the value, read at start and reload.
    pub env: Option<String>,
}

/// A second count of the extensions, on the PBX host and without its API: by `asterisk` or by `database`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Reference {
    /// From one count to the next.
    #[schemars(extend("default" = "5m"))]
    pub interval: Option<DurationText>,
    /// Limit of one count; less than `interval`, and by default at most half of it.
    #[schemars(extend("default" = "10s"))]
    pub timeout: Option<DurationText>,
    /// Ask Asterisk's console, with read-only commands; `asterisk: {}` has all defaults.
    pub asterisk: Option<Asterisk>,
    /// Ask FreePBX's database, in a transaction that cannot write: the rows of the table that the watched call
    /// itself reads (`users` for `call: rest`, else `devices`).
    pub database: Option<Database>,
}

/// Asking Asterisk's console.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Asterisk {
    /// Absolute path of the program `asterisk`. It is run without a shell, with `-rx` and one of the commands.
    #[schemars(extend("default" = "/usr/sbin/asterisk"))]
    pub program: Option<PathBuf>,
    /// What to ask, one command for each SIP driver in use; the counts add up.
    #[schemars(extend("default" = ["pjsip show endpoints"]))]
    pub commands: Option<Vec<AsteriskCommand>>,
}

/// Asking FreePBX's database. The password has three forms; give one at most.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Database {
    /// Absolute path of MariaDB's client program, named `mariadb` or `mysql`; without it the one in `/usr/bin`.
    pub program: Option<PathBuf>,
    /// Unix socket of the server: usually `/run/mysqld/mysqld.sock` (Debian) or `/var/lib/mysql/mysql.sock`.
    pub socket: Option<PathBuf>,
    /// Host of the server, instead of `socket`. The connection has no TLS.
    pub host: Option<String>,
    /// Port of the server, with `host`.
    #[schemars(range(min = 1, max = 65535), extend("default" = 3306))]
    pub port: Option<u16>,
    /// Database user: one for the exporter alone, with the right to read one column.
    pub username: Option<String>,
    /// Password of that user.
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// File with the password, read again at each count.
    pub password_file: Option<PathBuf>,
    /// Environment variable with the password, read at start and reload.
    pub password_env: Option<String>,
    /// Name of FreePBX's database.
    #[schemars(extend("default" = "asterisk"))]
    pub name: Option<String>,
}

/// Where tokens are kept over a restart.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Storage {
    /// A folder for this exporter alone, mode 0700; it is created if only its last part is missing.
    pub path: PathBuf,
    /// File with the key that seals the tokens: 32 random bytes as 64 hexadecimal digits or in Base64
    /// (`openssl rand -hex 32`). Without it only the folder's permissions protect them.
    pub key_file: Option<PathBuf>,
}

/// Confirmation on a page of the running service.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Authorization {
    /// The address at which browsers reach this service: `https://exporter.example.com`, with the path that a
    /// proxy in front adds. The application's redirect address is this followed by `/oauth/callback`.
    /// Default: that of `--web.external-url`.
    pub external_url: Option<String>,
}

/// Limits over all targets.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Limits {
    /// Probes in flight at once, in total.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 100))]
    pub probes_in_flight: Option<usize>,
    /// Probes in flight at once to one host.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 4))]
    pub probes_per_host: Option<usize>,
    /// Rejections that all targets of one origin together may get within `refusal_window`.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 6))]
    pub refusals_per_origin: Option<usize>,
    /// See `refusals_per_origin`.
    #[schemars(extend("default" = "40m"))]
    pub refusal_window: Option<DurationText>,
}

/// A duration as humantime reads it: `60s`, `2m`, `1h 30m`.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct DurationText(pub String);

impl JsonSchema for DurationText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: `60s`, `2m`, `1h 30m`.",
            "pattern": "^(off|([0-9]+ ?[a-z]+ ?)+)$",
        })
    }
}

/// A size: bytes, or a number with `KiB` or `MiB`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Size {
    Bytes(u64),
    Text(String),
}

impl JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        json_schema!({
            "description": "A size: bytes, or a number with `KiB` or `MiB`.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+ ?(KiB|MiB)$" },
            ],
        })
    }
}
