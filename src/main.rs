//! Arguments, logging, one command, one printed error chain, exit code.

fn main() {}
