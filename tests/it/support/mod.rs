//! What several tests share.

pub mod board;
pub mod golden;
pub mod openmetrics;
pub mod scrape;
//! What several test modules need.

pub mod raw;
pub mod tls;
