//! How text looks where it goes: width, colour, whether a line can be written over.

use std::io::IsTerminal as _;

use clap::ValueEnum;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Color {
    /// In a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The form in which a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Plain text
    #[default]
    Text,
    /// One JSON document, described in docs/commands.md
    Json,
}

/// What may be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub colour: bool,
    /// Lines are written over as news comes.
    pub live: bool,
    /// Columns at which text wraps; `None`: nowhere, as in a pipe.
    pub width: Option<usize>,
}

/// Narrower is unreadable anyway, wider is hard to read.
const WIDTHS: (usize, usize) = (40, 110);

impl Style {
    pub fn of_stdout(when: Color) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let smart = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let terminal = std::io::stdout().is_terminal();
        let colour = match when {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && smart && !set("NO_COLOR"),
        };
        let columns = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        let width = terminal.then(|| columns().clamp(WIDTHS.0, WIDTHS.1));
        Self { colour, live: terminal && smart, width }
    }

    /// `text` in the colour of this SGR code.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `text` after `first`, later lines indented by `indent` columns. `taken`: columns of `first` as seen.
    pub fn wrap(self, first: &str, taken: usize, indent: usize, text: &str) -> String {
        let Some(width) = self.width else { return format!("{first}{text}\n") };
        let (mut lines, mut column) = (first.to_owned(), taken);
        for (place, word) in text.split(' ').enumerate() {
            let length = word.chars().count();
            if place > 0 && column + 1 + length > width {
                lines += "\n";
                lines += &" ".repeat(indent);
                column = indent;
            } else if place > 0 {
                lines.push(' ');
                column += 1;
            }
            for letter in word.chars() {
                // A word longer than a line.
                if column >= width && column > indent {
                    lines += "\n";
                    lines += &" ".repeat(indent);
                    column = indent;
                }
                lines.push(letter);
                column += 1;
            }
        }
        lines + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_the_width_with_a_hanging_indent_and_nowhere_in_a_pipe() {
        let narrow = Style { width: Some(16), ..Style::default() };
        assert_eq!(narrow.wrap("  - ", 4, 4, "one two three four"), "  - one two\n    three four\n");
        assert_eq!(narrow.wrap("", 0, 0, "averyveryverylongword x"), "averyveryverylon\ngword x\n");
        assert_eq!(Style::default().wrap("- ", 2, 2, "one two three"), "- one two three\n");
    }
}
