//! The tokens a simulated FreePBX has given: JWTs as the real ones look, with a signature that is none.
//!
//! A token is good while its row is there (FreePBX/api:Includes/AccessTokens.php); a refresh uses both
//! old tokens up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::fixtures::Generation;

/// Rows older than this past their expiry are forgotten.
const FORGET_AFTER: f64 = 3600.0;
/// FreePBX keeps a refresh token for a month.
const REFRESH_LIFETIME: f64 = 30.0 * 24.0 * 3600.0;

#[derive(Default)]
pub struct TokenBook {
    access: Vec<Access>,
    refresh: Vec<Refresh>,
    issued: u64,
    rows: u64,
    key: u64,
}

struct Access {
    token: String,
    scopes: Vec<String>,
    expires: f64,
    revoked: bool,
    key: u64,
}

struct Refresh {
    token: String,
    access: String,
    client: String,
    scopes: Vec<String>,
    expires: f64,
    revoked: bool,
    key: u64,
}

pub struct Grantee<'a> {
    pub client: &'a str,
    /// User name; empty for `client_credentials`.
    pub user: &'a str,
    pub scopes: Vec<String>,
    pub lifetime: f64,
}

impl TokenBook {
    /// A new access token, and a refresh token where `renewable`.
    pub fn issue(
        &mut self,
        grantee: Grantee,
        renewable: bool,
        now: f64,
        generation: Generation,
    ) -> (String, Option<String>) {
        self.access.retain(|row| row.expires + FORGET_AFTER > now);
        self.refresh.retain(|row| row.expires + FORGET_AFTER > now);
        self.issued += 1;
        let id = format!("{:080x}", u128::from(self.issued) * 0x9e37_79b9_7f4a_7c15);
        let token = jwt(&grantee, &id, now, generation);
        self.access.push(Access {
            token: token.clone(),
            scopes: grantee.scopes.clone(),
            expires: now + grantee.lifetime,
            revoked: false,
            key: self.key,
        });
        let refresh = renewable.then(|| format!("def50200{id}"));
        self.rows += 1 + u64::from(renewable);
        self.refresh.extend(refresh.clone().map(|refresh| Refresh {
            token: refresh,
            access: token.clone(),
            client: grantee.client.to_owned(),
            scopes: grantee.scopes,
            expires: now + REFRESH_LIFETIME,
            revoked: false,
            key: self.key,
        }));
        (token, refresh)
    }

    /// How many rows were written so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// The scopes of an access token, or the name of the fixture that refuses it.
    pub fn scopes(&self, token: &str, now: f64) -> Result<&[String], &'static str> {
        let row = self.access.iter().find(|row| row.token == token).ok_or("token of another key")?;
        if row.key != self.key {
            return Err("token of another key");
        }
        if now >= row.expires {
            return Err("token expired");
        }
        if row.revoked { Err("token revoked") } else { Ok(&row.scopes) }
    }

    /// Uses a refresh token up, with the access token beside it; gives its scopes, or the name of the
    /// fixture that refuses it.
    pub fn redeem(&mut self, token: &str, client: &str, now: f64) -> Result<Vec<String>, &'static str> {
        let key = self.key;
        let known = |row: &&mut Refresh| row.token == token && row.key == key;
        let row = self.refresh.iter_mut().find(known).ok_or("refresh token rubbish")?;
        if row.client != client {
            return Err("refresh token of another client");
        }
        if now >= row.expires {
            return Err("refresh token expired");
        }
        if std::mem::replace(&mut row.revoked, true) {
            return Err("refresh token revoked");
        }
        let (access, scopes) = (row.access.clone(), row.scopes.clone());
        self.access.iter_mut().filter(|row| row.token == access).for_each(|row| row.revoked = true);
        Ok(scopes)
    }

    /// Deletes every row, as when an application is deleted.
    pub fn revoke_all(&mut self) {
        self.access.iter_mut().for_each(|row| row.revoked = true);
        self.refresh.iter_mut().for_each(|row| row.revoked = true);
    }

    /// A new key pair, as after an upgrade: no older token verifies or decrypts.
    pub fn regenerate_keys(&mut self) {
        self.key += 1;
    }
}

/// 17 writes times as fractions, 16 as whole seconds.
fn jwt(grantee: &Grantee, id: &str, now: f64, generation: Generation) -> String {
    let time = |seconds: f64| match generation {
        Generation::V16 => json!(whole(seconds)),
        Generation::V17_0_1 | Generation::V17 => json!(seconds),
    };
    let claims = json!({
        "aud": grantee.client, "jti": id, "iat": time(now), "nbf": time(now),
        "exp": time(now + grantee.lifetime), "sub": grantee.user, "scopes": grantee.scopes,
    });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = r#"{"typ":"JWT","alg":"RS256"}"#;
    format!("{}.{}.{}", part(header), part(&claims.to_string()), part(&format!("no signature {id}")))
}

#[expect(clippy::cast_possible_truncation, reason = "Unix seconds fit")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}
