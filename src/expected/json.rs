//! Lists in JSON: ids, records with an id, an object whose members are named by their ids, or any of
//! these inside an answer of the API or of this program.

use serde_json::{Map, Value};

use super::{cell_id, likeliest, plain};
use crate::domain::extensions::Id;

/// Members that hold the list rather than an id.
const LISTS: &str = "data fetchallextensions extensions extension expectedextensions expected sipaccounts accounts \
    users items results ids";

pub fn ids(text: &str) -> Result<Vec<Id>, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| {
        format!("it is not valid JSON (line {}, column {}); correct it there", e.line(), e.column())
    })?;
    list(&value)
}

fn list(value: &Value) -> Result<Vec<Id>, String> {
    match value {
        Value::Array(items) => {
            let told = |(at, item)| {
                item_id(item).ok_or_else(|| {
                    format!(
                        "item {} of its list has no id; write text, a whole number, or an object with `extension`",
                        at + 1
                    )
                })
            };
            items.iter().enumerate().map(told).collect()
        }
        Value::Object(members) => object(members),
        _ => Err(unknown()),
    }
}

fn object(members: &Map<String, Value>) -> Result<Vec<Id>, String> {
    let is_list = |value: &Value| value.is_array() || value.is_object();
    let named = |list: &str| {
        members.iter().find(|(name, value)| plain(name) == list && is_list(value)).map(|(_, value)| value)
    };
    if let Some(inner) = LISTS.split(' ').find_map(named) {
        let ids = list(inner)?;
        return if inner.is_array() && is_a_page(members, ids.len()) {
            Err(a_page(ids.len()))
        } else {
            Ok(ids)
        };
    }
    // FreePBX's REST answer: {"2000": {"extension": "2000", ...}, ...}.
    if members.values().all(Value::is_object) {
        let told =
            |(name, value): (&String, &Value)| item_id(value).or_else(|| cell_id(name)).ok_or_else(unknown);
        return members.iter().map(told).collect();
    }
    Err(unknown())
}

/// Whether what stands beside the list says that there is more than it has: a larger total, or a further page.
fn is_a_page(members: &Map<String, Value>, has: usize) -> bool {
    let inner = members
        .iter()
        .filter(|(name, _)| ["meta", "links", "paging", "pagination"].contains(&plain(name).as_str()));
    let inner = inner.filter_map(|(_, value)| value.as_object()).flatten();
    members.iter().chain(inner).any(|(name, value)| match plain(name).as_str() {
        "total" | "totalcount" | "totalrecords" | "totalitems" | "recordstotal" | "count" => {
            value.as_u64().is_some_and(|total| total > has as u64)
        }
        "lastpage" | "pagecount" | "totalpages" => value.as_u64().is_some_and(|pages| pages > 1),
        "next" | "nextpage" | "nextpagetoken" | "nextpageurl" | "odatanextlink" => {
            value.as_str().is_some_and(|next| !next.is_empty()) || value.as_u64().is_some_and(|next| next > 0)
        }
        _ => false,
    })
}

fn a_page(has: usize) -> String {
    format!("its JSON is one page, with {has} of more extensions; write all pages into one list")
}

fn unknown() -> String {
    "its JSON has no list of extensions; write it as in [\"2000\", \"2001\"]".to_owned()
}

fn item_id(value: &Value) -> Option<Id> {
    match value {
        Value::String(text) => cell_id(text),
        Value::Number(number) => {
            // `2000.0`, as tools write a column in which one number is missing.
            let whole =
                || number.as_f64().filter(|number| *number >= 0.0 && *number < 1e15 && number.fract() == 0.0);
            let whole =
                number.as_u64().map(|number| number.to_string()).or_else(|| Some(format!("{:.0}", whole()?)));
            whole.map(Into::into)
        }
        Value::Object(members) => {
            let at = likeliest(members.keys().map(String::as_str))?;
            members.values().nth(at).filter(|value| !value.is_object()).and_then(item_id)
        }
        _ => None,
    }
}
