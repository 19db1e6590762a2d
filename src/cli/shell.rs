//! What packages install beside the program: shell completions and the manual page.
//!
//! Made by the program itself when asked, so that they always fit it and no generated file can go
//! stale in the repository.

use std::io::{self, Write};

use clap_complete::Shell;

/// The completion script of `shell`.
pub(super) fn completions(shell: Shell, out: &mut dyn Write) {
    clap_complete::generate(shell, &mut super::command(), "pbx_exporter", out);
}

/// The manual page, with a section for each command.
pub(super) fn man(out: &mut dyn Write) -> io::Result<()> {
    let command = super::command();
    clap_mangen::Man::new(command.clone()).render(out)?;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let page = clap_mangen::Man::new(command.clone());
        writeln!(out, ".SH \"COMMAND {}\"", command.get_name().to_uppercase())?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}
