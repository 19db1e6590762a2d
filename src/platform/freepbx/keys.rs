//! Which key file of the API is meant, and what is wrong with it (league/oauth2-server:src/CryptKey.php and lcobucci/jwt).

use crate::domain::Operation;
use crate::domain::cause::{Freepbx, KeyFile};

/// What a message says of a key file; `None`: nothing. Where it names none, the private one signs and the public one checks.
pub fn read(message: &str, operation: Operation) -> Option<Freepbx> {
    let says = |words: &str| message.contains(words);
    let names = |key: KeyFile| says(&key.to_string());
    let signs = names(KeyFile::Private) || operation == Operation::Token;
    let key = if signs && !names(KeyFile::Public) { KeyFile::Private } else { KeyFile::Public };
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
