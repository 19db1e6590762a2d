//! What packages install beside the program: shell completions and the manual page.
//!
//! Made by the program itself when asked, so that they always fit it and no generated file can go
//! stale in the repository.

use std::io::{self, Write};

use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::exit::Exit;

pub(super) fn completions(shell: Shell) -> Vec<u8> {
    // Straight to a stream it would panic where that takes nothing.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "pbx_exporter", &mut script);
    script
}

/// The manual page, with a section for each command: there are no pages beside it.
pub(super) fn man() -> io::Result<Vec<u8>> {
    let (command, mut text) = (super::command(), Vec::new());
    let (page, out) = (Man::new(command.clone()), &mut text);
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    let shown = || command.get_subcommands().filter(|command| !command.is_hide_set());
    let mut list = Roff::new();
    list.control("SH", ["COMMANDS"]);
    for command in shown() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        list.control("TP", []).text([bold(names(command))]).text([roman(about)]);
    }
    list.to_writer(out)?;
    for command in shown() {
        let page = Man::new(command.clone());
        writeln!(out, ".SH \"COMMAND {}\"", command.get_name().to_uppercase())?;
        page.render_description_section(out)?;
        page.render_options_section(out)?;
    }
    exit_status().to_writer(out)?;
    page.render_version_section(out)?;
    Ok(text)
}

/// A command's name and those under which guides know it.
fn names(command: &clap::Command) -> String {
    let names: Vec<_> = std::iter::once(command.get_name()).chain(command.get_visible_aliases()).collect();
    names.join(", ")
}

fn exit_status() -> Roff {
    let mut status = Roff::new();
    status.control("SH", ["EXIT STATUS"]);
    for (exit, meaning) in Exit::ALL {
        status.control("TP", []).text([bold(exit.code().to_string())]).text([roman(meaning)]);
    }
    status
}
