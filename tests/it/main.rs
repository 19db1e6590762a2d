//! Integration tests: one binary, a module per behaviour. Offline, loopback only, in any order.

mod config;
mod diagnose;
mod drift;
mod exposition;
mod logfile;
mod metrics_docs;
mod reference;
mod ringme;
mod schedule;
mod service;
mod support;
mod token;
mod transport;
mod web;
