//! Simulated PBXes, FreePBX and Ringme, for the project's tests and for `pbx_exporter demo`.
//!
//! Belongs here: how they behave, as literal answers and as a small state machine. Does not belong
//! here: what an answer means; that is `platform`. Its credentials are made up.

mod authorize;
pub(crate) mod demo;
pub mod fault;
pub mod fixtures;
mod graphql;
mod oauth;
mod pbx;
pub mod ringme;
mod scopes;
mod server;
pub mod target;
mod tokens;
mod transport;

pub use fault::Fault;
pub use fixtures::{Fixture, Generation};
pub use pbx::{SimAnswer, SimPbx, SimRequest, Simulated};
pub use ringme::{RingmeFault, SimRingme};
pub use server::SimServer;
pub use transport::SimTransport;

#[cfg(test)]
mod tests;
