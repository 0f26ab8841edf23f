//! Whether a JSON value is as a JSON Schema says: the part of it that our schemas use.

use serde_json::Value;

/// The part of JSON Schema that ours uses.
pub(crate) fn holds(schema: &Value, value: &Value, path: &str) {
    if let Some(choices) = schema["anyOf"].as_array() {
        assert!(choices.iter().any(|choice| is_of(choice, value)), "{path}: {value} fits none of {schema}");
        return;
    }
    assert!(is_of(schema, value), "{path}: {value} is no {}", schema["type"]);
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(name).is_some(), "{path} has no {name}");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => holds(schema, member, &path),
            (None, Value::Bool(false)) => panic!("{path} is not in the schema"),
            (None, more) => holds(more, member, &path),
        }
    }
    for member in value.as_array().into_iter().flatten() {
        holds(&schema["items"], member, path);
    }
}

fn is_of(schema: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other} is not a type known here"),
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}
