//! pbx_exporter: watches the management APIs of telephone systems and says what is wrong.
//!
//! Flow: `config` → `schedule` → `probe` → (`oauth`, `platform` over `transport`) → outcome → `board` →
//! `metrics`, `web`. Arrows point down this list; `domain` knows nobody. ARCHITECTURE.md has the reasons.
//!
//! - [`cli`]: flags, logging, a file a command.
//! - [`sim`]: simulated PBXes, for tests and the demo.
//! - [`app`]: builds, starts and stops everything else.
//! - [`diagnose`]: every step to a PBX and its API, one by one, and one verdict.
//! - [`listener`]: sockets and connections, and the checks in front of the router (hyper).
//! - [`web`]: router, handlers of a few lines, the page (axum).
//! - [`schedule`]: when to probe, and how many at once.
//! - [`mod@host_count`]: a second count of the extensions, on the PBX host itself (child processes).
//! - [`probe`]: one pass over a target: token, list, one retry after a rejection.
//! - [`observer`]: who watches a pass.
//! - [`oauth`]: token requests, and the keeper of a target's token.
//! - [`store`]: tokens on disk: files, their form, their lock.
//! - [`budget`]: how many refusing answers an origin may still give.
//! - [`platform`]: what differs between PBXes; from an answer to a cause. Pure.
//! - [`causes`]: from a cause to the sentences that explain it.
//! - [`transport`]: one HTTP exchange (reqwest, rustls).
//! - [`config`]: files or environment to checked domain values.
//! - [`logfile`]: the PBX's own logs, followed and counted where the exporter runs on its host.
//! - [`expected`]: which extensions there should be: the forms of a list.
//! - [`metrics`]: board and own counters to an exposition (the crate prometheus).
//! - [`control`]: what the web may ask for, so that it never sees modules that hold secrets.
//! - [`board`]: the newest state of each target.
//! - [`domain`]: plain values and pure rules.
//! - [`clock`], [`shutdown`], [`systemd`]: wall clock, signals, and what systemd is told.

#[cfg(test)]
#[path = "../tests/answers/mod.rs"]
mod answers;
pub mod app;
pub mod board;
pub mod budget;
pub mod causes;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod diagnose;
pub mod domain;
mod expected;
pub mod exposition;
pub mod host_count;
pub mod listener;
pub mod logfile;
pub mod metrics;
pub mod oauth;
pub mod observer;
pub mod platform;
pub mod probe;
pub mod schedule;
mod shutdown;
pub mod sim;
pub mod store;
pub mod systemd;
pub mod transport;
pub mod web;
