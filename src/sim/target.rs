//! The simulator's made-up credentials, and targets that use them.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use secrecy::SecretString;
use url::Url;

use crate::domain::target::{Auth, Backoff, Call, ClientSettings};
use crate::domain::{Grant, SecretSource, Target};
use crate::platform::builtin;

pub const MACHINE_ID: &str = "51a151a151a151a151a151a151a151a151a151a151a151a151a151a151a151a1";
pub const NATIVE_ID: &str = "51b251b251b251b251b251b251b251b251b251b251b251b251b251b251b251b2";
pub const WEB_ID: &str = "51c351c351c351c351c351c351c351c351c351c351c351c351c351c351c351c3";
pub const SECRET: &str = "5ecre7-made-up-5ecre7-made-up-51";
/// A User Management account.
pub const USER: &str = "simulated-user";
pub const PASSWORD: &str = "made-up-password";

/// A target for a [`super::SimPbx`] at `origin`, with the usual settings and the application that
/// serves `grant`: `client_credentials`, `password` or `authorization_code`.
pub fn target(name: &str, origin: &Url, grant: Grant, call: Call) -> Target {
    let person = grant == Grant::Password;
    Target {
        name: Arc::from(name),
        platform: builtin("freepbx").unwrap_or_default(),
        origin: origin.clone(),
        auth: Auth {
            grant,
            client_id: match grant {
                Grant::Password => NATIVE_ID,
                Grant::AuthorizationCode => WEB_ID,
                _ => MACHINE_ID,
            }
            .into(),
            client_secret: Some(literal(SECRET)),
            username: person.then(|| USER.into()),
            password: person.then(|| literal(PASSWORD)),
            ..Auth::empty(grant)
        },
        call,
        version: false,
        interval: Duration::from_secs(60),
        failure_interval: Duration::from_secs(15),
        timeout: Duration::from_secs(10),
        token_interval: Some(Duration::from_secs(900)),
        backoff: Backoff {
            start: Duration::from_secs(300),
            cap: Duration::from_secs(3600),
            denied: Duration::from_secs(300),
        },
        body_limit: 8 << 20,
        headers: HeaderMap::new(),
        secret_headers: Vec::new(),
        client: ClientSettings::default(),
        customer: None,
        log: Vec::new(),
        expected: None,
        host_count: None,
    }
}

fn literal(text: &str) -> SecretSource {
    SecretSource::Literal(SecretString::from(text))
}
