//! What `diagnose` and `test-connection` say.

mod commands;
mod terminal;
mod transcripts;
mod way;
