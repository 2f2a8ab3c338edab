//! The JSON Schema of topology files: what editors complete by, and what is enforced here.

use std::sync::LazyLock;

use ipnet::IpNet;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use super::Topology;
use super::provider::ProviderKind;
use crate::name::{PATTERN, RegionName};

/// What an ill-formed name is told; editors show it too.
const NAME: &str = "not a name: use 1 to 40 of a-z, 0-9 and `-`, starting with a letter and not \
                    ending with `-`";

/// The key under which a JSON file may name its schema.
pub const OWN_SCHEMA: &str = "$schema";

/// The JSON Schema (draft 2020-12) of topology files.
///
/// It is generated from the types, and what it says is what [`load`](super::load) enforces. Beside
/// the standard's own keywords it uses `patternErrorMessage`, which editors know, for the sentence
/// that an ill-formed text is told, and the format `ip-prefix`.
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(generate);
    &SCHEMA
}

fn generate() -> Json {
    let settings = SchemaSettings::draft2020_12().with_transform(Tidy);
    let mut schema = settings.into_generator().into_root_schema_for::<Topology>();
    // Editors find the schema by this key; it says nothing of the fleet.
    if let Some(Json::Object(keys)) = schema.get_mut("properties") {
        keys.insert(
            OWN_SCHEMA.to_owned(),
            json!({
                "type": "string",
                "description": "Where an editor finds the JSON Schema of this file."
            }),
        );
    }
    schema.insert("$comment".to_owned(), json!("Generated from damm's types."));
    Arrange.transform(&mut schema);
    schema.into()
}

/// Says in standard keywords what the derived schema leaves to formats and patterns.
#[derive(Debug, Clone)]
struct Tidy;

impl Transform for Tidy {
    fn transform(&mut self, schema: &mut Schema) {
        name_keys(schema);
        bound(schema);
        explain_names(schema);
        transform_subschemas(self, schema);
    }
}

/// Puts what a reader wants to know first in front; the generator leaves an order by chance.
#[derive(Debug, Clone)]
struct Arrange;

/// What stands in front, in this order.
const FRONT: [&str; 8] =
    ["$schema", "$comment", "title", "description", "$ref", "type", "format", "pattern"];

impl Transform for Arrange {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(keys) = schema.as_object_mut() else {
            return;
        };
        let mut all: Vec<_> = std::mem::take(keys).into_iter().collect();
        // Stable: what has no place in front keeps its order.
        all.sort_by_key(|(key, _)| FRONT.iter().position(|f| f == key).unwrap_or(FRONT.len()));
        keys.extend(all);
    }
}

/// A map whose keys are names: one that is not is told so, rather than that it is unknown.
fn name_keys(schema: &mut Schema) {
    let Some(Json::Object(by_pattern)) = schema.remove("patternProperties") else {
        return;
    };
    for (pattern, values) in by_pattern {
        schema.insert("propertyNames".to_owned(), json!({ "pattern": pattern }));
        schema.insert("additionalProperties".to_owned(), values);
    }
}

/// Formats such as `uint32` are not standard, so their bounds are written out.
fn bound(schema: &mut Schema) {
    let most = match schema.get("format").and_then(Json::as_str) {
        Some("uint32") => json!(u32::MAX),
        Some("uint64") => json!(u64::MAX),
        _ => return,
    };
    if schema.get("maximum").is_none() {
        schema.insert("maximum".to_owned(), most);
    }
}

fn explain_names(schema: &mut Schema) {
    if schema.get("pattern").and_then(Json::as_str) == Some(PATTERN) {
        schema.insert("patternErrorMessage".to_owned(), json!(NAME));
    }
}

/// Machine sizes by kind of provider.
pub fn sizes(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": generator.subschema_for::<ProviderKind>(),
        "additionalProperties": { "type": "string", "minLength": 1 },
        "minProperties": 1,
        "examples": [{ "sim": "small" }]
    })
}

/// Places by region.
pub fn places(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": generator.subschema_for::<RegionName>(),
        "additionalProperties": { "type": "string", "minLength": 1 }
    })
}

/// A prefix in CIDR notation.
pub fn prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "ip-prefix",
        "pattern": "^[0-9a-fA-F:.]+/[0-9]{1,3}$",
        "patternErrorMessage": NOT_A_PREFIX,
        "examples": ["192.0.2.0/24", "2001:db8::/48"]
    })
}

/// Prefixes in CIDR notation.
pub fn prefixes(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": prefix(generator), "uniqueItems": true })
}

/// Prefixes in CIDR notation, at least one.
pub fn some_prefixes(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = prefixes(generator);
    schema.insert("minItems".to_owned(), json!(1));
    schema
}

/// What an ill-formed prefix is told.
pub const NOT_A_PREFIX: &str = "not a prefix: write an address and a length, as in `192.0.2.0/24`";

/// What an ill-formed country code is told.
pub const NOT_A_COUNTRY: &str =
    "not a country code: write two capital letters of ISO 3166-1, such as `IR`";

/// What an ill-formed DNS zone is told.
pub const NOT_A_ZONE: &str = "not a DNS zone: write it in lower case with at least one dot and \
                              none at the end, as in `example.org`";

/// What an ill-formed DNS label is told.
pub const NOT_A_LABEL: &str =
    "not a DNS label: use 1 to 63 of a-z, 0-9 and `-`, neither starting nor ending with `-`";

/// What an ill-formed web address is told.
pub const NOT_AN_ADDRESS: &str =
    "not a web address: write `https://`, a host, and a port if need be";

/// Whether a text has the format; formats that only repeat other keywords always hold.
pub fn has_format(format: &str, text: &str) -> bool {
    format != "ip-prefix" || text.parse::<IpNet>().is_ok()
}
