//! What several test modules need.

pub mod board;
pub mod golden;
pub mod openmetrics;
pub mod raw;
pub mod scrape;
pub mod tls;
pub mod world;
