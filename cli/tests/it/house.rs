//! DESIGN's arrows: which crate of the house may know which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// For each crate of the workspace, the others of the workspace that it depends on; not for its tests alone.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let house: BTreeSet<String> = packages.iter().map(name).collect();
    let arrows = |package: &Value| -> BTreeSet<String> {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        // Normal dependencies have no kind; those of build scripts count as well.
        let real = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
        real.map(name).filter(|name| house.contains(name)).collect()
    };
    packages.iter().map(|package| (name(package), arrows(package))).collect()
}

#[test]
fn lower_rows_know_nothing_of_higher_ones() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("wire", &[][..]),
        ("shard", &[]),
        ("telemetry", &[]),
        ("limit", &[]),
        ("chat", &["shard", "telemetry", "wire"]),
        ("floodtest", &["shard", "telemetry", "wire"]),
        ("msggen", &["telemetry", "wire"]),
        ("sar", &["shard", "telemetry"]),
        ("doctor", &["shard"]),
        ("runner", &["doctor", "plots", "sar", "shard", "telemetry", "wire"]),
        ("history", &["plots", "telemetry"]),
        ("top", &["telemetry"]),
        ("plots", &["telemetry"]),
    ]);
    let arrows = arrows();
    for name in [
        "wire",
        "shard",
        "telemetry",
        "chat",
        "floodtest",
        "msggen",
        "sar",
        "limit",
        "doctor",
        "runner",
        "history",
        "plots",
        "top",
        "cli",
    ] {
        assert!(arrows.contains_key(name), "no crate '{name}' in the house");
    }
    for (name, known) in &arrows {
        assert!(!known.contains("cli"), "'{name}' depends on cli, which is on top");
        let Some(allowed) = allowed.get(name.as_str()) else { continue };
        for other in known {
            assert!(allowed.contains(&other.as_str()), "'{name}' may not know '{other}', only {allowed:?}");
        }
    }
}

#[test]
fn every_folder_is_a_crate_of_its_name() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in arrows().keys() {
        assert!(root.join(name).join("Cargo.toml").is_file(), "no folder '{name}'");
        assert!(!["common", "utils", "util", "helpers"].contains(&name.as_str()), "'{name}' says nothing");
    }
}
