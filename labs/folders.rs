//! The labs' folders as JSON: each `NN-name/` becomes what [`Lab`](src/lab.rs) reads.
//!
//! Shared by `build.rs`, which embeds all labs into native programs, and by `cargo xtask web`, which writes a file for each
//! lab that the browser fetches when the lab is opened.

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// `NN-name`, in order.
pub fn folders(labs: &Path) -> Vec<PathBuf> {
    let is_lab = |path: &PathBuf| {
        let name = name_of(path);
        path.is_dir() && name.len() > 3 && name.as_bytes()[..2].iter().all(u8::is_ascii_digit) && &name[2..3] == "-"
    };
    entries(labs).into_iter().filter(is_lab).collect()
}

pub fn lab(folder: &Path) -> Value {
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

/// What is in a folder, sorted by name. A missing folder is an empty one.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn name_of(path: &Path) -> String {
    path.file_name().expect("a path with a name").to_string_lossy().into_owned()
}
