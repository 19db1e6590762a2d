//! The integration tests, one module a behaviour.

mod support;

mod exposition;
//! Integration tests: one binary, a module per behaviour. Offline, loopback only, in any order.

mod support;
mod transport;
