//! What has to be made of the literal answers of the simulated PBXes. The library's tests and `tests/it` both include this
//! file, so it names no type of the library: `R` is its `Reason`.

use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One answer: the reason of its failure, its cause where that matters, and what the diagnosis has to name, or else the total.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected<R> {
    name: String,
    #[serde(default)]
    on: Vec<String>,
    fails: Option<R>,
    total: Option<u64>,
    #[serde(default)]
    pub cause: Option<String>,
    #[serde(default)]
    pub says: Vec<String>,
}

impl<R: Copy> Expected<R> {
    pub fn result(&self) -> Result<Option<u64>, R> {
        self.fails.map_or(Ok(self.total), Err)
    }
}

pub struct Table<R>(pub Vec<Expected<R>>);

impl<R: DeserializeOwned> Table<R> {
    pub fn of_freepbx() -> Self {
        Self(serde_saphyr::from_str(include_str!("freepbx.yml")).unwrap())
    }

    pub fn of_ringme() -> Self {
        Self(serde_saphyr::from_str(include_str!("ringme.yml")).unwrap())
    }

    /// The row of an answer, by its name and the first of the versions that give it.
    pub fn row(&self, name: &str, generations: &[impl Debug]) -> &Expected<R> {
        let generation = generations.first().map(|generation| format!("{generation:?}"));
        let is_meant = |row: &&Expected<R>| {
            row.name == name && (row.on.is_empty() || generation.as_ref().is_some_and(|g| row.on.contains(g)))
        };
        self.0.iter().find(is_meant).unwrap_or_else(|| panic!("nothing is expected of {name:?}"))
    }
}
