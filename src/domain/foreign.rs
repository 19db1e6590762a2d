//! Text of the far side, made fit to be shown where it enters: a terminal, a log and a page print it as it is.

/// Characters shown of one text.
pub const LONGEST: usize = 120;

/// The same text as one short line, without what a terminal would obey or nobody would see.
pub fn shown(text: &str) -> String {
    let mut visible = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| is_shown(*c));
    let mut shown: String = visible.by_ref().take(LONGEST).collect();
    if visible.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The first of many texts, and how many more there are.
pub fn first<T>(all: &[T], limit: usize, show: impl Fn(&T) -> String) -> Vec<String> {
    let mut shown: Vec<_> = all.iter().take(limit).map(show).collect();
    if all.len() > limit {
        shown.push(format!("and {} more", all.len() - limit));
    }
    shown
}

fn is_shown(c: char) -> bool {
    !c.is_control() && !is_invisible(c)
}

/// Whether a character has no shape, or turns the direction of others: two names may then look the same.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_short_line_that_no_terminal_obeys() {
        for (text, expected) in [
            ("Müller & Söhne 電話", "Müller & Söhne 電話"),
            ("\u{1b}[2J\u{1b}]0;root\u{7}pbx", "[2J]0;rootpbx"),
            ("a\r\nlevel=error", "a  level=error"),
            ("\u{202e}gpj.exe\u{2066}\u{200b}", "gpj.exe"),
            ("a\u{2028}b\u{9b}31mc", "a b31mc"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
        assert_eq!(shown(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
        assert_eq!(shown(&"電".repeat(9000)), format!("{}…", "電".repeat(LONGEST - 1)));
    }

    #[test]
    fn of_many_the_first_are_shown_and_the_rest_counted() {
        let show = |n: &u32| n.to_string();
        assert_eq!(first(&[1, 2], 2, show), ["1", "2"]);
        assert_eq!(first(&[1, 2, 3, 4], 2, show), ["1", "2", "and 2 more"]);
    }
}
