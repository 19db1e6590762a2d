//! The part of FreePBX's GraphQL schema that is simulated, as the tables of its types (FreePBX/core:Api/Gql), and the data
//! behind it. Settings and inbound routes are there and empty.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Problem;
use super::reader::{Field, Operation};
use crate::sim::fixtures::Generation;
use crate::sim::pbx::State;
use crate::sim::scopes::covers;

#[derive(Clone, Copy)]
enum Kind {
    Scalar(&'static str),
    Object(&'static Type),
}

struct Type {
    name: &'static str,
    fields: &'static [(&'static str, Kind)],
}

const BOOLEAN: Kind = Kind::Scalar("Boolean");
const ID: Kind = Kind::Scalar("ID");
const INT: Kind = Kind::Scalar("Int");
const STRING: Kind = Kind::Scalar("String");

static USER: Type = Type {
    name: "coreuser",
    fields: &[
        ("id", ID),
        ("extension", STRING),
        ("password", STRING),
        ("name", STRING),
        ("voicemail", STRING),
        ("ringtimer", INT),
        ("outboundCid", STRING),
        ("extPassword", STRING),
    ],
};
static DEVICE: Type = Type {
    name: "coredevice",
    fields: &[
        ("id", ID),
        ("deviceId", STRING),
        ("tech", STRING),
        ("dial", STRING),
        ("devicetype", STRING),
        ("user", Kind::Object(&USER)),
        ("description", STRING),
        ("status", BOOLEAN),
        ("message", STRING),
    ],
};
static EXTENSION: Type = Type {
    name: "extension",
    fields: &[
        ("id", ID),
        ("extensionId", ID),
        ("tech", STRING),
        ("user", Kind::Object(&USER)),
        ("coreDevice", Kind::Object(&DEVICE)),
        ("status", BOOLEAN),
        ("message", STRING),
    ],
};
/// Of every list: its resolvers fail.
static PAGE_INFO: Type =
    Type { name: "PageInfo", fields: &[("hasNextPage", BOOLEAN), ("endCursor", STRING)] };
static EXTENSION_EDGE: Type =
    Type { name: "ExtensionEdge", fields: &[("node", Kind::Object(&EXTENSION)), ("cursor", STRING)] };
static EXTENSIONS: Type = Type {
    name: "ExtensionConnection",
    fields: &[
        ("pageInfo", Kind::Object(&PAGE_INFO)),
        ("edges", Kind::Object(&EXTENSION_EDGE)),
        ("totalCount", INT),
        ("count", INT),
        ("extension", Kind::Object(&EXTENSION)),
        ("status", BOOLEAN),
        ("message", STRING),
    ],
};
static DEVICES: Type = Type {
    name: "CoredeviceConnection",
    fields: &[
        ("totalCount", INT),
        ("coreDevice", Kind::Object(&DEVICE)),
        ("status", BOOLEAN),
        ("message", STRING),
    ],
};
static USERS: Type =
    Type { name: "CoreuserConnection", fields: &[("totalCount", INT), ("coreUser", Kind::Object(&USER))] };
static SETTING: Type = Type {
    name: "advacesettings",
    fields: &[("keyword", STRING), ("value", STRING), ("status", BOOLEAN), ("message", STRING)],
};
static ROUTE: Type = Type { name: "did", fields: &[("id", ID), ("extension", STRING), ("cidnum", STRING)] };
static ROUTES: Type =
    Type { name: "DidConnection", fields: &[("totalCount", INT), ("inboundRoutes", Kind::Object(&ROUTE))] };
static SYSTEM: Type =
    Type { name: "system", fields: &[("version", STRING), ("engine", STRING), ("needReload", BOOLEAN)] };
static NODE: Type = Type { name: "Node", fields: &[("id", ID)] };
static META_FIELD: Type = Type { name: "__Field", fields: &[("name", STRING)] };
static META_TYPE: Type =
    Type { name: "__Type", fields: &[("name", STRING), ("fields", Kind::Object(&META_FIELD))] };
static META_SCHEMA: Type = Type {
    name: "__Schema",
    fields: &[("queryType", Kind::Object(&META_TYPE)), ("mutationType", Kind::Object(&META_TYPE))],
};

/// A field at the top, the scope that shows it, and what it is.
type Top = (&'static str, Option<&'static str>, Kind);

const READ: Option<&str> = Some("gql:core:read");
const WRITE: Option<&str> = Some("gql:core:write");

static QUERIES: [Top; 13] = [
    ("node", None, Kind::Object(&NODE)),
    ("fetchAllAdvanceSettings", READ, Kind::Object(&SETTING)),
    ("fetchAdvanceSetting", READ, Kind::Object(&SETTING)),
    ("fetchAllCoreDevices", READ, Kind::Object(&DEVICES)),
    ("fetchCoreDevice", READ, Kind::Object(&DEVICE)),
    ("allInboundRoutes", Some("gql:core:read:did"), Kind::Object(&ROUTES)),
    ("inboundRoute", Some("gql:core:read:did"), Kind::Object(&ROUTE)),
    ("fetchAllExtensions", READ, Kind::Object(&EXTENSIONS)),
    ("fetchAllValidExtensions", READ, Kind::Object(&EXTENSIONS)),
    ("fetchExtension", READ, Kind::Object(&EXTENSION)),
    ("allCoreUsers", READ, Kind::Object(&USERS)),
    ("coreUser", READ, Kind::Object(&USER)),
    ("system", Some("gql:framework:read:system"), Kind::Object(&SYSTEM)),
];

static DONE: &[(&str, Kind)] = &[("status", BOOLEAN), ("message", STRING), ("clientMutationId", STRING)];
static ADDED: Type = Type { name: "addExtensionPayload", fields: DONE };
static UPDATED: Type = Type { name: "updateExtensionPayload", fields: DONE };
static DELETED: Type = Type { name: "deleteExtensionPayload", fields: DONE };

static MUTATIONS: [Top; 3] = [
    ("addExtension", WRITE, Kind::Object(&ADDED)),
    ("updateExtension", WRITE, Kind::Object(&UPDATED)),
    ("deleteExtension", WRITE, Kind::Object(&DELETED)),
];

/// What a token of some scopes may ask for.
pub(super) struct Schema {
    name: &'static str,
    fields: Vec<(&'static str, Kind)>,
}

impl Schema {
    pub fn of(granted: &[String], mutation: bool) -> Self {
        let (name, all) = if mutation { ("Mutation", &MUTATIONS[..]) } else { ("Query", &QUERIES[..]) };
        let may = |needed: Option<&str>| {
            needed.is_none_or(|needed| granted.iter().any(|scope| covers(scope, needed)))
        };
        let shown = all.iter().filter(|(_, needed, _)| may(*needed)).map(|&(field, _, kind)| (field, kind));
        Self { name, fields: shown.collect() }
    }

    /// What validation has against an operation.
    pub fn problems(&self, operation: &Operation) -> Vec<Problem> {
        if self.fields.is_empty() {
            let at = operation.fields.first().map_or(0, |field| field.at);
            return vec![Problem { message: "Schema is not configured for mutations.".to_owned(), at }];
        }
        let mut fields = self.fields.clone();
        fields.push(("__schema", Kind::Object(&META_SCHEMA)));
        let mut problems = Vec::new();
        check(self.name, &fields, &operation.fields, &mut problems);
        problems
    }

    /// The data of an operation that has no problems, in the order asked.
    pub fn data(&self, state: &mut State, operation: &Operation) -> Map<String, Value> {
        let one = |field: &Field| {
            let value = match field.name.as_str() {
                "__typename" => self.name.into(),
                "__schema" => json!({"queryType": {"name": "Query", "fields": self.names()}}),
                _ => resolve(state, field),
            };
            (field.alias.clone(), project(&value, field))
        };
        operation.fields.iter().map(one).collect()
    }

    fn names(&self) -> Vec<Value> {
        self.fields.iter().map(|(name, _)| json!({"name": name})).collect()
    }
}

fn check(on: &str, known: &[(&'static str, Kind)], asked: &[Field], problems: &mut Vec<Problem>) {
    for field in asked.iter().filter(|field| field.name != "__typename") {
        let name = &field.name;
        let mut problem = |message| problems.push(Problem { message, at: field.at });
        match known.iter().find(|(known, _)| known == name) {
            None => problem(format!("Cannot query field \"{name}\" on type \"{on}\".{}", meant(name, known))),
            Some((_, Kind::Scalar(kind))) if !field.fields.is_empty() => problem(format!(
                "Field \"{name}\" must not have a selection since type \"{kind}\" has no subfields."
            )),
            Some((_, Kind::Object(kind))) if field.fields.is_empty() => problem(format!(
                "Field \"{name}\" of type \"{}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?",
                kind.name
            )),
            Some((_, Kind::Object(kind))) => check(kind.name, kind.fields, &field.fields, problems),
            Some((_, Kind::Scalar(_))) => {}
        }
    }
}

/// The library's guess: the nearest name, or else, as an older version of it takes for near, one that ends so.
fn meant(asked: &str, known: &[(&'static str, Kind)]) -> String {
    let asked = asked.to_ascii_lowercase();
    let names = || known.iter().map(|(name, _)| *name).filter(|name| !name.starts_with("__"));
    let distance = |name: &&str| strsim::osa_distance(&asked, &name.to_ascii_lowercase());
    let near = names().min_by_key(distance).filter(|name| distance(name) <= asked.len() * 2 / 5 + 1);
    let ends_so =
        || names().filter(|name| name.to_ascii_lowercase().ends_with(&asked)).min_by_key(|name| name.len());
    near.or_else(ends_so).map(|name| format!(" Did you mean \"{name}\"?")).unwrap_or_default()
}

/// What of a value was asked for, under the names asked.
fn project(value: &Value, field: &Field) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| project(item, field)).collect(),
        Value::Object(_) => {
            let member = |inner: &Field| (inner.alias.clone(), project(&value[&inner.name], inner));
            field.fields.iter().map(member).collect::<Map<_, _>>().into()
        }
        _ => value.clone(),
    }
}

fn resolve(state: &mut State, field: &Field) -> Value {
    let argument = |name: &str| field.arguments.get(name).unwrap_or(&Value::Null);
    match field.name.as_str() {
        "fetchAllExtensions" => list(state, field, "extension", "Extension's found successfully"),
        "fetchAllValidExtensions" => list(state, field, "extension", "Valid core extensions"),
        "fetchAllCoreDevices" => list(state, field, "coreDevice", "Core Device's found successfully"),
        "allCoreUsers" => list(state, field, "coreUser", ""),
        "fetchExtension" => match known(state, argument("extensionId")) {
            Some(mut found) => {
                found["status"] = true.into();
                found["message"] = "Extension found successfully".into();
                found
            }
            None => said(false, "Extension does not exists"),
        },
        "fetchCoreDevice" => {
            known(state, argument("device_id")).map_or(Value::Null, |it| it["coreDevice"].clone())
        }
        "coreUser" => known(state, argument("id")).map_or(Value::Null, |it| it["user"].clone()),
        "fetchAllAdvanceSettings" | "fetchAdvanceSetting" => said(false, "Sorry, unable to find settings"),
        "allInboundRoutes" => json!({"totalCount": 0, "inboundRoutes": []}),
        "system" => system(state.generation),
        "addExtension" | "updateExtension" | "deleteExtension" => {
            change(state, &field.name, argument("input"))
        }
        _ => Value::Null,
    }
}

fn said(status: bool, message: &str) -> Value {
    json!({"status": status, "message": message})
}

pub(super) fn system(generation: Generation) -> Value {
    let (version, engine) = match generation {
        Generation::V16 => ("16.0.40.7", "18.20.0"),
        Generation::V17_0_1 | Generation::V17 => ("17.0.19", "21.4.3"),
    };
    json!({"version": version, "engine": engine, "needReload": false})
}

/// What an id or a number of a query names.
fn named(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn known(state: &State, id: &Value) -> Option<Value> {
    let id = named(id);
    state.extensions.contains(&id).then(|| extension(&id))
}

fn extension(id: &str) -> Value {
    let user = json!({"extension": id, "name": "Phone", "voicemail": "novm"});
    let device = json!({
        "deviceId": id, "tech": "pjsip", "dial": format!("PJSIP/{id}"), "devicetype": "fixed", "user": user.clone(),
        "description": "Phone",
    });
    json!({"extensionId": id, "tech": "pjsip", "user": user, "coreDevice": device})
}

/// A list; its items only where they are asked for, since a PBX may have thousands.
fn list(state: &State, field: &Field, items: &str, message: &str) -> Value {
    let total = state.extensions.len();
    let mut list = said(true, message);
    list["totalCount"] = total.into();
    list["count"] = total.into();
    if field.fields.iter().any(|inner| inner.name == items) {
        let page = page(&state.extensions, &field.arguments).iter().map(|id| {
            let mut whole = extension(id);
            match items {
                "coreDevice" => whole["coreDevice"].take(),
                "coreUser" => whole["user"].take(),
                _ => whole,
            }
        });
        list[items] = page.collect();
    }
    list
}

/// Relay's `connectionFromArray`: a cursor is base64 of `arrayconnection:` and an index.
fn page<'a>(all: &'a [String], arguments: &Map<String, Value>) -> &'a [String] {
    let number = |name: &str| usize::try_from(arguments.get(name)?.as_u64()?).ok();
    let cursor = |name: &str| {
        let text = STANDARD.decode(arguments.get(name)?.as_str()?).ok()?;
        std::str::from_utf8(&text).ok()?.strip_prefix("arrayconnection:")?.parse::<usize>().ok()
    };
    let end = cursor("before").unwrap_or(all.len()).min(all.len());
    let start = cursor("after").map_or(0, |index| index.saturating_add(1)).min(end);
    let page = &all[start..end];
    let page = &page[..number("first").unwrap_or(page.len()).min(page.len())];
    &page[page.len() - number("last").unwrap_or(page.len()).min(page.len())..]
}

/// A mutation. The exporter sends none.
fn change(state: &mut State, name: &str, input: &Value) -> Value {
    let id = named(&input["extensionId"]);
    let there = state.extensions.iter().position(|known| *known == id);
    match (name, there) {
        _ if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) => {
            said(false, "Please enter only numeric values")
        }
        ("addExtension", Some(_)) => said(false, "This device id is already in use"),
        ("addExtension", None) => {
            state.extensions.push(id);
            said(true, "Extension has been created Successfully")
        }
        (_, None) => said(false, "Extension does not exists."),
        ("updateExtension", Some(_)) => said(true, "Extension has been updated"),
        (_, Some(at)) => {
            state.extensions.remove(at);
            said(true, "Extension has been deleted")
        }
    }
}
