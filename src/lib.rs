//! pbx_exporter: watches the management APIs of telephone systems and says truthfully what is wrong.

pub mod app;
pub mod board;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod domain;
pub mod metrics;
pub mod oauth;
pub mod platform;
pub mod probe;
pub mod schedule;
pub mod shutdown;
pub mod sim;
pub mod transport;
pub mod web;
