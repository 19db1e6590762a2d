//! What `diagnose` and `test-connection` say.

mod commands;
mod transcripts;
mod way;
