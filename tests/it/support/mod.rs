//! What several test modules need.

pub mod alertmanager;
pub mod board;
pub mod browser;
pub mod golden;
pub mod http;
pub mod kept;
pub mod mariadb;
pub mod openmetrics;
pub mod person;
pub mod process;
pub mod prometheus;
pub mod promql;
pub mod raw;
pub mod scrape;
pub mod terminal;
pub mod tls;
pub mod world;
