//! What `diagnose` and `test-connection` say.

mod commands;
mod ringme;
mod terminal;
mod transcripts;
mod way;
