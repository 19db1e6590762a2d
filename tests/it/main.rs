//! Integration tests: one binary, a module per behaviour. Offline, loopback only, in any order.

mod alerts;
#[expect(dead_code, reason = "the library's tests ask for the rest")]
#[path = "../answers/mod.rs"]
mod answers;
mod causes_docs;
mod config;
mod confirm;
mod dashboards;
mod deploy;
mod diagnose;
mod documents;
mod drift;
mod exposition;
mod harm;
mod healthy;
mod host_count;
mod listener;
mod logfile;
mod metric_names;
mod metrics_docs;
mod pyfreepbx;
mod ringme;
mod runbooks;
mod schedule;
mod service;
mod storage;
mod support;
mod token;
mod transport;
mod web;
