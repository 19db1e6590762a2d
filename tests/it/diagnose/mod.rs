//! What `diagnose` and `test-connection` say.

mod ad_hoc;
mod commands;
mod ringme;
mod terminal;
mod transcripts;
mod way;
