//! What `diagnose` and `test-connection` say.

mod ad_hoc;
mod commands;
mod ringme;
mod second_count;
mod terminal;
mod transcripts;
mod way;
