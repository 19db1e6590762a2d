//! What `diagnose` and `test-connection` say.

mod ad_hoc;
mod commands;
mod refusals;
mod ringme;
mod second_count;
mod shipped;
mod terminal;
mod transcripts;
mod way;
