//! What stands in braces, and the sentences that depend on circumstances.

use std::borrow::Cow;

use super::{Explanation, freepbx, person};
use crate::domain::{Cause, Failure, Grant, Operation, Target};

/// What is known where words are made.
#[derive(Clone, Copy)]
pub(super) struct Fill<'a> {
    pub target: &'a Target,
    pub operation: Operation,
    pub failure: &'a Failure,
    pub cause: &'a Cause,
}

impl Fill<'_> {
    /// `text` with its placeholders filled in; what they hold may have some, too.
    pub fn text(&self, text: &str) -> String {
        let text = self.below(text);
        let mut filled = String::with_capacity(text.len());
        let mut rest = &*text;
        while let Some((before, after)) = rest.split_once('{') {
            filled += before;
            let found = after.split_once('}').and_then(|(name, after)| Some((self.value(name)?, after)));
            if let Some((value, after)) = found {
                filled += &value;
                rest = after;
            } else {
                filled.push('{');
                rest = after;
            }
        }
        filled + rest
    }

    /// FreePBX's addresses as they are at this target, which may live below a path.
    fn below<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &*self.target.platform.prefix {
            "" => text.into(),
            prefix => text.replace(" /admin/", &format!(" {prefix}/admin/")).into(),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let sentence = || self.by_what_was_shown(name).or_else(|| freepbx::value(self, name));
        self.of_target(name)
            .or_else(|| self.cause.parameter(name))
            .or_else(|| freepbx::word(self, name))
            .or_else(|| sentence().map(|text| self.text(text)))
            .or_else(|| person::value(self, name))
    }

    /// Of these [`crate::domain::platform::PLACEHOLDERS`] may stand in a description.
    fn of_target(&self, name: &str) -> Option<String> {
        let target = self.target;
        Some(match name {
            "title" => target.platform.title.clone(),
            "asked" if self.failure.circumstances.bare => format!("GET {}", self.path()),
            "asked" => format!("{} {}", target.method_of(self.operation), self.path()),
            "path" => self.path().to_owned(),
            "host" => target.origin_of(self.operation).host_str().unwrap_or_default().to_owned(),
            "grant" => self.grant().to_string(),
            "application" => self.application().to_owned(),
            "scope" => target.called().scope.clone().unwrap_or_else(|| "that it needs".to_owned()),
            "scopes" => target.auth.scopes.join(" "),
            "asked_scopes" if target.auth.scopes.is_empty() => "none asked".to_owned(),
            "asked_scopes" => format!("asked: {}", target.auth.scopes.join(" ")),
            "name_in_shell" => in_shell(&target.name),
            "the_scope" => {
                let scope = target.called().scope.as_ref();
                scope.map_or_else(|| "a scope or right".to_owned(), |scope| format!("the scope {scope}"))
            }
            "counted" => {
                let counted = target.platform.rate_limit.counted.as_ref();
                counted.map(|text| format!(" What counts: {text}.")).unwrap_or_default()
            }
            "ban_likely" => self.text(&target.platform.ban.as_ref()?.likely),
            "ban_possible" => self.text(&target.platform.ban.as_ref()?.possible),
            _ => return None,
        })
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    /// Sentences that differ by what the request showed for itself: credentials, a fixed key, or a token.
    fn by_what_was_shown(&self, name: &str) -> Option<&'static str> {
        let (token, key) = (self.operation == Operation::Token, self.target.auth.grant == Grant::Static);
        let by = |credentials, with_key, with_token| {
            if token {
                credentials
            } else if key {
                with_key
            } else {
                with_token
            }
        };
        Some(match name {
            "shown" => {
                if key {
                    "key"
                } else {
                    "token"
                }
            }
            "address" => {
                if token && self.target.has_token_elsewhere() {
                    "the token endpoint's address (`auth.url`, else the platform's own)"
                } else {
                    "the target's url"
                }
            }
            "carrier" => {
                if self.target.platform.sent_as.query.is_some() {
                    "query"
                } else {
                    "header"
                }
            }
            "and_scopes" => {
                if key {
                    ""
                } else {
                    ", and to `auth.scopes` if this target names any"
                }
            }
            "accepted" => {
                if key {
                    "Do not replace the key: it was accepted."
                } else {
                    "Do not change credentials: a token was issued for them."
                }
            }
            "not_refused" => by(
                "Do not create new credentials: they were not checked, so they are not the cause.",
                "Do not replace the key: it was not rejected.",
                "Do not create new credentials: they were not rejected.",
            ),
            "not_looked_at" => by(
                "Do not change credentials: nothing shows that they were checked.",
                "Do not replace the key before you know what forbids it.",
                "Do not change credentials: a token was issued for them.",
            ),
            "not_asked" if key => "The list was not requested",
            "not_asked" => "The token request was not made",
            "nothing_there" => by(
                "there is no API at this address",
                "there is no API at this address",
                "there is nothing at this path",
            ),
            "or_not_allowed" => by(
                "",
                " If it is the API itself, the key may not read this.",
                " If it is the API itself, the user or application may not read this.",
            ),
            "unsaid" => match self.grant() {
                Grant::ClientCredentials | Grant::Static => "client id, client secret or another parameter",
                Grant::Password => "user name, password, client id or client secret",
                Grant::AuthorizationCode => "the code, client id or client secret",
                Grant::RefreshToken => "client id, client secret or the refresh token",
            },
            "kept_all_the_same" if self.grant() != Grant::RefreshToken || key || !self.takes_a_person() => "",
            "kept_all_the_same" => {
                " Check client id and secret first: the refresh token is kept and works once they are right. If they already are, the \
                 refresh token is dead and a new one is needed."
            }
            "another_refresh_token" if self.takes_a_person() => {
                "A person has to confirm access again, or give the exporter a new refresh token."
            }
            "another_refresh_token" => "The exporter requests a new one by itself.",
            _ => return None,
        })
    }

    pub fn path(&self) -> &str {
        self.target.path_of(self.operation)
    }

    pub fn grant(&self) -> Grant {
        self.failure.circumstances.grant.unwrap_or(self.target.auth.grant)
    }

    fn takes_a_person(&self) -> bool {
        !matches!(self.target.auth.grant, Grant::Password | Grant::ClientCredentials)
    }

    fn application(&self) -> &str {
        let grant = if self.grant() == Grant::RefreshToken { self.target.auth.grant } else { self.grant() };
        self.target.platform.application(grant).unwrap_or("application")
    }

    /// What an answer to another question, or the exporter's own state, adds.
    pub fn add_circumstances(&self, explanation: &mut Explanation) {
        let known = self.failure.circumstances;
        if let Some(text) = known.token_is_good.map(|good| freepbx::first(self, good)) {
            explanation.wrong = format!("{}{}", self.text(text), explanation.wrong);
        }
        for (holds, text) in [
            (known.ban_possible, "{ban_possible}"),
            (
                known.bare
                    && !matches!(
                        self.cause,
                        Cause::Freepbx(crate::domain::cause::Freepbx::NotFreepbx { .. })
                    ),
                "No credentials were sent.",
            ),
            (
                known.refresh_token_kept,
                "The refresh token that came in the same answer is kept, and the next request uses it.",
            ),
            (
                known.withheld,
                "No credentials are sent over http until the configuration changes, or the PBX itself answers there 3 times in a row.",
            ),
            (known.token_serves, "Meanwhile the previous token stays in use."),
        ] {
            if holds {
                let before =
                    if explanation.fix.is_empty() { &mut explanation.wrong } else { &mut explanation.fix };
                *before = format!("{before} {}", self.text(text));
            }
        }
    }
}

/// A word as a POSIX shell takes it.
pub(crate) fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@%+:/,".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_a_shell_needs_it() {
        for (name, shown) in [
            ("office", "office"),
            ("PBX 2", "'PBX 2'"),
            ("", "''"),
            ("-x", "'-x'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("Büro", "'Büro'"),
        ] {
            assert_eq!(in_shell(name), shown);
        }
    }
}
