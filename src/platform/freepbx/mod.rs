//! FreePBX 15 to 17 with the API module.
//!
//! Its behaviour, as its source shows it (github.com/FreePBX/api, branches release/15.0 to 17.0, and
//! FreePBX/framework): an OAuth2 server of league/oauth2-server behind `/admin/api/api/token`, GraphQL
//! and REST beside it, and all of them behind `ajax.php`, which looks at a command's name before
//! anything else. 15 and 16 answer alike; 17 turns many refusals into a 500 or a 200, so the body is
//! read before the status.
//!
//! `body` and `printed` say what a body holds, `host` and `database` what failed before the module, `keys` which key file; `shared` judges what any call can meet, `token_answer` and `resource_answer` the
//! rest; `follow_up` says when another question helps; `survey` is what `diagnose` asks besides. The sentences are in
//! `causes`.

pub(super) mod body;
mod database;
pub(super) mod follow_up;
mod host;
mod keys;
mod printed;
pub(super) mod resource_answer;
mod shared;
pub(super) mod survey;
pub(super) mod token_answer;

use crate::domain::target::Call;
use crate::domain::{Reason, Target};

pub(crate) use follow_up::needed_scope;

// What the code below knows by heart; what is asked, and where, says the description.
pub(super) const TOKEN_PATH: &str = "/admin/api/api/token";
pub(super) const AUTHORIZE_PATH: &str = "/admin/api/api/authorize";
pub(super) const GRAPHQL_PATH: &str = "/admin/api/api/gql";
pub(super) const REST_PATH: &str = "/admin/api/api/rest/";

/// What a target calls, as far as words and rules differ by it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    Graphql,
    Rest,
    Custom,
}

pub(crate) fn called(target: &Target) -> Called {
    match &target.call {
        Call::Known(name) if **name == *"rest" => Called::Rest,
        Call::Known(_) => Called::Graphql,
        Call::Custom(_) => Called::Custom,
    }
}

pub(crate) fn is_graphql(path: &str) -> bool {
    own(path).trim_end_matches('/') == GRAPHQL_PATH
}

/// Whether the API module itself answers this path, once the rewrite works.
pub(crate) fn is_api_module(path: &str) -> bool {
    let own = own(path);
    is_graphql(own) || own.starts_with(REST_PATH) || own == TOKEN_PATH
}

/// A path as FreePBX sees it: without what its web root is below.
pub(crate) fn own(path: &str) -> &str {
    path.find("/admin/").map_or(path, |at| &path[at..])
}

/// Whether FreePBX can answer with `reason` at all: its refusals are never these two.
pub(super) const fn gives(reason: Reason) -> bool {
    !matches!(reason, Reason::AccessDenied | Reason::UserBlocked)
}
