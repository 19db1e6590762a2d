//! Plain values of the field and pure transitions that take `now`.
//!
//! Belongs here: what a target, a grant, a token, a reason or an outcome is. Does not belong here:
//! anything that does I/O (except reading the files that hold secrets), knows a PBX product, or renders for a
//! reader.

pub mod cause;
pub mod exchange;
pub mod extensions;
pub mod file;
pub mod foreign;
pub mod host_count;
pub mod moment;
pub mod outcome;
pub mod pace;
pub mod platform;
pub mod reason;
pub mod secret;
pub mod storage;
pub mod target;
pub mod tls_fault;
pub mod token;
pub mod warning;

pub use cause::Cause;
pub use exchange::{Answer, Exchange, Garbled, Phase, Phases, Request, TransportError};
pub use extensions::Extension;
pub use host_count::HostCountSettings;
pub use outcome::{Failure, Listing};
pub use platform::Platform;
pub(crate) use reason::vocabulary;
pub use reason::{Class, Grant, LogEvent, Operation, Reason};
pub use secret::{SecretError, SecretSource};
pub use storage::StorageSettings;
pub use target::Target;
pub use warning::Warning;
