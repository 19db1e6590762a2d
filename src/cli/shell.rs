//! What packages install beside the program: shell completions and the manual page.
//!
//! Made by the program itself when asked, so that they always fit it and no generated file can go
//! stale in the repository.

use std::io::{self, Write};

use clap_complete::Shell;

/// The completion script of `shell`.
pub(super) fn completions(shell: Shell) -> Vec<u8> {
    // Straight to a stream it would panic where that takes nothing.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "pbx_exporter", &mut script);
    script
}

/// The manual page, with a section for each command.
pub(super) fn man() -> io::Result<Vec<u8>> {
    let (command, mut text) = (super::command(), Vec::new());
    let out = &mut text;
    clap_mangen::Man::new(command.clone()).render(out)?;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let page = clap_mangen::Man::new(command.clone());
        writeln!(out, ".SH \"COMMAND {}\"", command.get_name().to_uppercase())?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(text)
}
