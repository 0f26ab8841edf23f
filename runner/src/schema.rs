//! The JSON Schema of a scenario, generated from the types, so that editors complete and check what is written.
//!
//! It is committed as `scenarios/scenario.schema.json`; a test holds the two together.

use schemars::{
    Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

use crate::scenario::Scenario;

/// The schema, as the text of `scenario.schema.json`.
///
/// Draft 7 with everything in place: what editors' YAML servers understand best.
pub fn scenario_schema() -> String {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Scenario>();
    RecursiveTransform(tidy).transform(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is always valid JSON");
    text.push('\n');
    text
}

/// Removes what would only be noise in an editor: `null` as a type and as a default (an optional key is left out rather
/// than nulled), and the line breaks of the source inside a description.
fn tidy(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    for list in ["enum", "anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = schema.get_mut(list) {
            choices
                .retain(|choice| !choice.is_null() && choice.get("type").is_none_or(|name| name != "null"));
        }
    }
    // What is left of "this or null" is the schema itself; its own description gives way to that of the field.
    if let Some(Value::Array(choices)) = schema.get("anyOf")
        && let [Value::Object(only)] = choices.as_slice()
    {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            if schema.get(&key).is_none() {
                schema.insert(key, value);
            }
        }
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<String> = text.split("\n\n").map(|part| part.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/scenario.schema.json");
        let current = scenario_schema();
        if env::var_os("FLOODMARK_BLESS").is_some() {
            fs::write(&path, &current).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == current,
            "scenarios/scenario.schema.json is not what the types say: \
             run 'FLOODMARK_BLESS=1 cargo test -p runner' and commit it"
        );
    }

    #[test]
    fn the_schema_is_strict_and_helpful() {
        fn walk(schema: &Value, path: &str) {
            let Value::Object(properties) = &schema["properties"] else { return };
            assert_eq!(schema["additionalProperties"], false, "{path}");
            for (key, property) in properties {
                let path = format!("{path}.{key}");
                assert!(property["description"].is_string(), "{path} has no description");
                assert!(!property.to_string().contains("null"), "{path} allows null: {property}");
                walk(property, &path);
            }
        }
        let schema: Value = serde_json::from_str(&scenario_schema()).unwrap();
        walk(&schema, "");
        let connections = &schema["properties"]["connections"]["properties"];
        assert!(connections["hold"]["pattern"].as_str().unwrap().contains("ms"));
        assert_eq!(connections["hold"]["examples"][0], "45s");
        assert!(schema["properties"]["protocol"].to_string().contains("comet"));
    }
}
