//! Arguments, logging, one command, one printed error chain, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    pbx_exporter::cli::run().unwrap_or_else(|error| {
        eprintln!("pbx_exporter: {error:#}");
        ExitCode::FAILURE
    })
}
