//! `basic_auth_users`: the form of the hashes.

use std::collections::{BTreeMap, HashMap};

use secrecy::{ExposeSecret as _, SecretString};

/// Who may come in, and what a hash costs at most.
#[derive(Default)]
pub(in crate::listener) struct Users {
    hashes: HashMap<String, SecretString>,
    /// For a name that is not there: made of the highest cost, so that time does not tell who is.
    nobody: String,
}

impl Users {
    pub(super) fn check(users: BTreeMap<String, Option<SecretString>>) -> Result<Self, String> {
        let (mut hashes, mut highest) = (HashMap::new(), 4);
        for (user, hash) in users {
            let hash = hash.unwrap_or_default();
            let cost =
                cost(hash.expose_secret()).map_err(|cause| format!("basic_auth_users: {user:?}: {cause}"))?;
            highest = highest.max(cost);
            hashes.insert(user, hash);
        }
        // Of a password that is refused all the same.
        let nobody = format!("$2y${highest:02}$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi");
        Ok(Self { hashes, nobody })
    }

    pub(in crate::listener) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The user's hash, and whether there is such a user.
    pub(in crate::listener) fn hash(&self, user: &str) -> (&str, bool) {
        self.hashes.get(user).map_or((&self.nobody, false), |hash| (hash.expose_secret(), true))
    }
}

/// The texts of Go's `bcrypt.Cost`, without the character that may be one of a password.
fn cost(hash: &str) -> Result<u32, String> {
    let bytes = hash.as_bytes();
    let wrong = |text: &str| Err(format!("crypto/bcrypt: {text}"));
    if bytes.len() < 59 {
        return wrong("hashedSecret too short to be a bcrypted password");
    }
    if bytes[0] != b'$' {
        return wrong("bcrypt hashes must start with '$'");
    }
    if bytes[1] > b'2' {
        let version = char::from(bytes[1]);
        return wrong(&format!(
            "bcrypt algorithm version '{version}' requested is newer than current version '2'"
        ));
    }
    let digits = hash.get(4..6).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let Some(cost) = digits.and_then(|digits| digits.parse().ok()) else {
        return wrong("the cost must be a number of two digits");
    };
    if !(4..=31).contains(&cost) {
        return wrong(&format!("cost {cost} is outside allowed inclusive range 4..31"));
    }
    // What follows Go finds at each request: such a user can never come in.
    if hash.parse::<bcrypt::HashParts>().is_err() {
        return wrong("this hash fits no password: it must be $2a$, $2b$, $2x$ or $2y$ and 60 characters");
    }
    Ok(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

    #[test]
    fn hashes_as_a_table() {
        let swapped = |from: &str, to: &str| HASH.replacen(from, to, 1);
        for (hash, expected) in [
            (HASH.to_owned(), Ok(10)),
            (swapped("$2y$10", "$2a$12"), Ok(12)),
            (String::new(), Err("hashedSecret too short")),
            (swapped("$2y", "d2y"), Err("bcrypt hashes must start with '$'")),
            (swapped("$2y", "$c2"), Err("bcrypt algorithm version 'c' requested is newer")),
            (swapped("$10$", "$03$"), Err("cost 3 is outside allowed inclusive range 4..31")),
            (swapped("$10$", "$xx$"), Err("two digits")),
            (format!("{HASH}x"), Err("fits no password")),
        ] {
            match (cost(&hash), expected) {
                (Ok(cost), Ok(expected)) => assert_eq!(cost, expected),
                (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
                (got, _) => panic!("{hash}: {got:?}"),
            }
        }
    }

    #[test]
    fn who_is_not_there_costs_as_much_as_the_dearest() {
        let hashes = [("a", HASH.to_owned()), ("b", HASH.replace("$10$", "$12$"))];
        let users = hashes.map(|(user, hash)| (user.to_owned(), Some(SecretString::from(hash))));
        let users = Users::check(users.into()).expect("good hashes");
        let (hash, known) = users.hash("nobody");
        assert_eq!((cost(hash), known, users.hash("a").1), (Ok(12), false, true));
    }
}
