//! Reads the labs' folders into one JSON file, and hashes the engine's source.
//!
//! The labs are data: a new folder is a new lab. They are read here so that the browser gets neither a TOML parser
//! nor one `include_str!` per file. The hash names the engine in every recording, so that an old permalink can say
//! so.

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let labs = PathBuf::from(env("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env("OUT_DIR"));
    println!("cargo::rerun-if-changed=.");
    let catalog: Vec<Value> = folders(&labs).iter().map(|folder| lab(folder)).collect();
    let json = serde_json::to_string(&catalog).expect("JSON of JSON");
    fs::write(out.join("catalog.json"), json).expect("OUT_DIR can be written");

    let engine = labs.join("../engine");
    println!("cargo::rerun-if-changed={}", engine.display());
    println!("cargo::rustc-env=NARU_ENGINE_HASH={:016x}", engine_hash(&engine, &labs));
}

/// `NN-name`, in order.
fn folders(labs: &Path) -> Vec<PathBuf> {
    let is_lab = |path: &PathBuf| {
        let name = name_of(path);
        path.is_dir() && name.len() > 3 && name.as_bytes()[..2].iter().all(u8::is_ascii_digit) && &name[2..3] == "-"
    };
    entries(labs).into_iter().filter(is_lab).collect()
}

fn lab(folder: &Path) -> Value {
    let source = read(&folder.join("lab.toml"));
    let table: toml::Table = source.parse().unwrap_or_else(|error| panic!("{}/lab.toml: {error}", folder.display()));
    let mut lab = plain_enums(serde_json::to_value(table).expect("TOML is JSON"));
    let name = name_of(folder);
    lab["number"] = json!(name[..2]);
    lab["slug"] = json!(name[3..]);
    lab["start"] = json!(read(&folder.join("start.rhai")));
    lab["solution"] = json!(read(&folder.join("solution.rhai")));

    let mut files: Vec<String> = entries(&folder.join("wrong")).iter().map(|path| name_of(path)).collect();
    for attempt in lab["wrong"].as_array_mut().unwrap_or(&mut Vec::new()) {
        let file = format!("{}.rhai", attempt["name"].as_str().expect("a wrong attempt has a name"));
        attempt["script"] = json!(read(&folder.join("wrong").join(&file)));
        files.retain(|other| *other != file);
    }
    assert!(files.is_empty(), "{name}/lab.toml does not mention wrong/{}", files.join(", wrong/"));
    lab
}

/// `{ check = "name", a = 1 }` reads well in TOML; `{ "name": { "a": 1 } }` is what a plain enum of serde reads. The same for
/// `of`, where it holds a name.
fn plain_enums(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(plain_enums).collect(),
        Value::Object(mut fields) => {
            let tag = ["check", "of"].into_iter().find(|tag| fields.get(*tag).is_some_and(Value::is_string));
            let name = tag.and_then(|tag| fields.remove(tag));
            let fields: serde_json::Map<_, _> = fields.into_iter().map(|(key, it)| (key, plain_enums(it))).collect();
            match name {
                None => Value::Object(fields),
                Some(name) if fields.is_empty() => name,
                Some(name) => json!({ name.as_str().expect("a string"): fields }),
            }
        }
        other => other,
    }
}

/// FNV-1a over the paths and bytes of all source files that decide what a run does.
fn engine_hash(engine: &Path, labs: &Path) -> u64 {
    let mut files = Vec::new();
    for part in ["trace", "records", "log", "wire", "metadata", "broker", "client", "sim"] {
        collect(&engine.join(part).join("src"), &mut files);
    }
    collect(&labs.join("src/script"), &mut files);
    files.push(labs.join("src/script.rs"));
    files.push(labs.join("src/sim_backend.rs"));
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in files {
        for byte in name_of(&file).bytes().chain(read(&file).bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// What is in a folder, sorted by name. A missing folder is an empty one.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("a path with a name").to_string_lossy().into_owned()
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
