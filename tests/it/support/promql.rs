//! Which metrics a PromQL expression names. No parser: words that can be nothing else.

const OPERATORS: [&str; 10] =
    ["and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "group_left", "group_right"];
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Each metric named, with what follows it.
pub fn metrics(expression: &str) -> Vec<(&str, &str)> {
    let (mut found, mut rest) = (Vec::new(), expression);
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_:.".contains(c);
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = match first {
            '"' | '\'' | '`' => ("", past_string(rest)),
            '{' => ("", past(rest, '}')),
            '[' => ("", past(rest, ']')),
            // A variable of Grafana.
            '$' => ("", rest[1..].trim_start_matches(is_part)),
            // A number with its unit, too.
            _ if is_part(first) => rest.split_at(end),
            _ => ("", &rest[first.len_utf8()..]),
        };
        rest = after;
        let next = after.trim_start();
        let is_list = LISTS.contains(&word) && next.starts_with('(');
        let is_aggregation =
            next.starts_with("by ") || next.starts_with("by(") || next.starts_with("without");
        if is_list {
            rest = past(next, ')');
        } else if word.starts_with(|c: char| c.is_ascii_alphabetic() || "_:".contains(c))
            && !next.starts_with('(')
            && !is_aggregation
            && !OPERATORS.contains(&word.to_ascii_lowercase().as_str())
        {
            found.push((word, after));
        }
    }
    found
}

/// What follows the string that `text` begins with.
fn past_string(text: &str) -> &str {
    let quote = text.chars().next();
    let mut is_escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        if Some(c) == quote && !is_escaped {
            return &text[i + 1..];
        }
        is_escaped = c == '\\' && !is_escaped && quote != Some('`');
    }
    ""
}

/// What follows the first `end` outside of strings.
fn past(text: &str, end: char) -> &str {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '"' | '\'' | '`' => rest = past_string(rest),
            _ if c == end => return &rest[1..],
            _ => rest = &rest[c.len_utf8()..],
        }
    }
    ""
}

#[test]
fn metrics_are_told_from_labels_functions_operators_and_strings() {
    for (expression, expected) in [
        ("sum by (a, b) (rate(x_total{c=\"d}\"}[5m])) / 60 > bool 0", &["x_total"][..]),
        ("sum(a:b:rate5m) without (c) or on (job) group_left (d) e offset 1h", &["a:b:rate5m", "e"]),
        ("label_replace(up, \"a\", \"$1 nothing\", 'b', `c`) and -1.5e3 * y @ end()", &["up", "y"]),
        ("max_over_time(z[1h:5m]) unless vector(1) == inf", &["z"]),
        ("count without (a) (b) / $c", &["b"]),
    ] {
        let names: Vec<_> = metrics(expression).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected, "{expression}");
    }
}
