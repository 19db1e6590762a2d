//! What code knows of a target's settings beyond the description of its platform: [`known`] is the one branch on its reader.

use crate::domain::platform::{Platform, Reader};

use super::calls::{may_change, mutates};
use super::decoded;

/// Which setting is wrong, and the text.
type Wrong = (&'static str, &'static str);
/// The same of one that is odd.
type Odd = (&'static str, String);
/// A call of the platform, and the scope that it needs.
type Needing<'a> = (&'a str, &'a str);

pub(crate) struct Known {
    /// What the names of variables begin with. One PBX's are never taken for another kind's.
    pub variables: &'static str,
    /// Who bans addresses after refusals, where that is known.
    pub bans: Option<&'static str>,
    /// Whether FreePBX's tables are there, to count in.
    pub has_tables: bool,
    /// Whether a scope may exist.
    pub is_scope: fn(&str) -> bool,
    /// What is odd about the scopes asked for, given the call and whether the version is wanted.
    pub odd_scopes: fn(&[String], Option<Needing<'_>>, bool) -> Vec<Odd>,
    /// Why a POST with this path and body may change things, and which member of `call` to fix.
    pub changes: fn(&str, Option<&str>) -> Option<Wrong>,
}

/// The variables of existing portals.
static FREEPBX: Known = Known {
    variables: "FREEPBX_API",
    bans: Some("fail2ban"),
    has_tables: true,
    is_scope: is_freepbx_scope,
    odd_scopes: odd_freepbx_scopes,
    changes: changes_freepbx,
};

static OTHERS: Known = Known {
    variables: "PBX_API",
    bans: None,
    has_tables: false,
    is_scope: |_| true,
    odd_scopes: |_, _, _| Vec::new(),
    changes: |_, body| may_change(body),
};

pub(crate) fn known(platform: &Platform) -> &'static Known {
    match platform.reader {
        Reader::Freepbx => &FREEPBX,
        Reader::Rules => &OTHERS,
    }
}

/// FreePBX/api:Api.class.php: `TYPE[:MODULE[:ACTION[:OBJECT]]]`.
fn is_freepbx_scope(scope: &str) -> bool {
    let is_word =
        |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let parts: Vec<_> = scope.split(':').collect();
    matches!(parts[0], "gql" | "rest")
        && parts.len() <= 4
        && parts.iter().all(is_word)
        && parts.get(2).is_none_or(|action| matches!(*action, "read" | "write"))
}

const VERSION: &str = "gql:framework:read:system";

fn odd_freepbx_scopes(scopes: &[String], call: Option<Needing<'_>>, version: bool) -> Vec<Odd> {
    let needs = |needed: &str| !scopes.is_empty() && !scopes.iter().any(|scope| covers(scope, needed));
    let mut odd = Vec::new();
    if let Some((call, needed)) = call.filter(|(_, needed)| needs(needed)) {
        odd.push((
            "auth.scopes",
            format!("none of them allows `call: {call}` to list extensions; add {needed}"),
        ));
    }
    if version && needs(VERSION) {
        odd.push(("version", format!("no scope allows reading it; add {VERSION}, or remove it")));
    }
    if scopes.iter().any(|scope| covers(scope, VERSION) && scope.contains(':')) {
        let text = "on FreePBX the scope to read framework also allows its mutations (add administrators, \
         install modules); leave it out unless you need the version";
        odd.push(("auth.scopes", text.to_owned()));
    }
    odd
}

/// A shorter scope grants the longer ones that begin with it.
fn covers(scope: &str, needed: &str) -> bool {
    needed.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// FreePBX's REST changes things by POST, and GraphQL by `mutation`.
fn changes_freepbx(path: &str, body: Option<&str>) -> Option<Wrong> {
    let path = decoded(path).to_ascii_lowercase();
    let address = path.split('?').next().unwrap_or_default().trim_end_matches(['/', '=']);
    // The second is what the first is rewritten to (FreePBX/framework:amp_conf/htdocs/admin/api/.htaccess).
    if path.contains("/rest/") || path.contains("command=rest") {
        Some(("method", "a POST to the REST API changes the PBX, but this exporter only reads; write GET"))
    } else if address.ends_with("/api/gql") {
        // In any form: nothing but GraphQL is understood there.
        let text = "contains a GraphQL mutation, but this exporter only reads; write a query";
        body.is_some_and(mutates).then_some(("body", text))
    } else {
        may_change(body)
    }
}
