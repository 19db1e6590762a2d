//! Integration tests: one binary, a module per behaviour. Offline, loopback only, in any order.

mod exposition;
mod support;
mod transport;
mod metrics_docs;
mod web;
//! Behaviour tests, a module per behaviour, in one binary.

mod config;
