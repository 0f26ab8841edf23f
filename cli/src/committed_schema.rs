//! The JSON Schemas in `docs/schema`: committed, and held to what the types say.

use std::path::Path;
use std::{env, fs};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// Fails unless `docs/schema/NAME` is what `T` says; writes it when `FLOODMARK_BLESS` is set.
#[track_caller]
pub(crate) fn is_current<T: JsonSchema>(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(name);
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let current = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if env::var_os("FLOODMARK_BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, &current).expect("written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/schema/{name} is not what the types say: run 'FLOODMARK_BLESS=1 cargo test -p cli' and commit it"
    );
}
