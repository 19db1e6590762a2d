//! FreePBX's scopes, `TYPE[:MODULE[:ACTION[:OBJECT]]]`: which exist, which cover which, what is granted.

use super::fixtures::Generation;

/// What the simulated modules list, as far as the exporter could ask for it.
const OBJECTS: [&str; 5] = [
    "gql:core:read:extension",
    "gql:core:write:extension",
    "gql:framework:read:system",
    "rest:core:read:users",
    "rest:framework:read:system",
];

/// Whether one scope includes another: it is the same or the beginning of it.
pub fn covers(wide: &str, narrow: &str) -> bool {
    narrow.strip_prefix(wide).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether any installed module lists this scope or one below it.
fn exists(scope: &str) -> bool {
    OBJECTS.iter().any(|object| covers(scope, object))
}

/// The scopes of a new token, or the name of the fixture that refuses. An unknown word among the
/// allowed ones breaks every request that asks for none, except in later 17, which skips it.
pub fn grant(
    allowed: &[String],
    requested: &str,
    generation: Generation,
) -> Result<Vec<String>, &'static str> {
    let requested: Vec<_> = requested.split_ascii_whitespace().map(str::to_owned).collect();
    if requested.is_empty() {
        return match (allowed.iter().all(|scope| exists(scope)), generation) {
            (false, Generation::V16 | Generation::V17_0_1) => Err("unknown word in allowed scopes"),
            _ => Ok(allowed.iter().filter(|scope| exists(scope)).cloned().collect()),
        };
    }
    let may = |scope: &String| {
        generation == Generation::V17_0_1 || allowed.iter().any(|allowed| covers(allowed, scope))
    };
    let good = requested.iter().all(|scope| exists(scope) && may(scope));
    if good { Ok(requested) } else { Err("bad scope") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_granted_as_each_generation_does() {
        use Generation::{V16, V17, V17_0_1};
        let everything = ["gql", "rest"].as_slice();
        let guide = ["gql:core:read", "extensions:read"].as_slice();
        for (allowed, requested, generation, expected) in [
            (everything, "", V16, Ok("gql rest")),
            (everything, "gql:core:read", V16, Ok("gql:core:read")),
            (everything, "extensions:read", V16, Err("bad scope")),
            (everything, "*", V17_0_1, Err("bad scope")),
            (everything, "gqlx", V17, Err("bad scope")),
            (&["rest"], "gql:core", V16, Err("bad scope")),
            (&["rest"], "gql:core", V17, Err("bad scope")),
            (&["rest"], "gql:core", V17_0_1, Ok("gql:core")),
            (guide, "", V16, Err("unknown word in allowed scopes")),
            (guide, "", V17_0_1, Err("unknown word in allowed scopes")),
            (guide, "", V17, Ok("gql:core:read")),
            (guide, "gql:core:read", V16, Ok("gql:core:read")),
        ] {
            let allowed: Vec<_> = allowed.iter().map(|&scope| scope.to_owned()).collect();
            let granted = grant(&allowed, requested, generation).map(|scopes| scopes.join(" "));
            assert_eq!(granted, expected.map(str::to_owned), "{allowed:?} {requested:?} {generation:?}");
        }
    }
}
