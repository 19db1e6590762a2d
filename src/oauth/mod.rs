//! Token requests and their answers (RFC 6749), and the keeper of a target's token.
//!
//! Belongs here: what is sent to a token endpoint, when, and what a token answer holds. Does not
//! belong here: what a refusal means on a given PBX (that is `platform`), nor how bytes travel.

pub mod confirm;
mod keeper;
mod pending;
mod person;
mod request;
mod response;
mod send;
mod vault;

pub(crate) use crate::causes::in_shell;
pub(crate) use keeper::{Asker, Diary, Held, Keeper, NoToken};
pub(crate) use pending::Pending;
pub use request::{Refresh, TokenAnswer, request_token};
pub use response::IssuedToken;
pub(crate) use vault::on_a_thread;
