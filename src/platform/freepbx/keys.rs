//! Which key file of the API is meant, and what is wrong with it (league/oauth2-server:src/CryptKey.php and lcobucci/jwt).

use crate::domain::Operation;
use crate::domain::cause::Freepbx;

const PRIVATE: &str = "api_oauth.key";
const PUBLIC: &str = "api_oauth_public.key";

/// What a message says of a key file; `None`: nothing. Where it names none, the private one signs and the public one checks.
pub fn read(message: &str, operation: Operation) -> Option<Freepbx> {
    let key = if message.contains(PUBLIC) {
        PUBLIC
    } else if message.contains(PRIVATE) || operation == Operation::Token {
        PRIVATE
    } else {
        PUBLIC
    };
    let (key, says) = (key.into(), |words: &str| message.contains(words));
    Some(if says("Key path ") && says("does not exist or is not readable") || says("Invalid key supplied") {
        Freepbx::KeyMissing { key }
    } else if says("Key file ") && says("permissions are not correct") {
        Freepbx::KeyMode { key }
    } else if [
        "Unable to read key",
        "It was not possible to parse your key",
        "not compatible with this signer",
        "Key file ",
    ]
    .into_iter()
    .any(says)
    {
        Freepbx::KeyBroken { key }
    } else {
        return None;
    })
}
