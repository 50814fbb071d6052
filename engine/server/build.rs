//! Embeds the web assets, if they have been built, into the binary: `naru serve` needs no files beside it.
//!
//! The folder is `$NARU_WEB_DIST`, or `book/src/naru` of this workspace when it holds a `manifest.json`. Without either the
//! live page is a plain one that says how to build them.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-env-changed=NARU_WEB_DIST");
    let folder = env::var_os("NARU_WEB_DIST").map_or_else(default_folder, PathBuf::from);
    let manifest = folder.join("manifest.json");
    // Watching the manifest is enough: all other names carry a hash, so any change of content changes it.
    println!("cargo::rerun-if-changed={}", manifest.display());
    let files = if manifest.is_file() { files_in(&folder) } else { Vec::new() };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("embedded.rs"), table(&files, &out)).expect("OUT_DIR can be written");
}

fn default_folder() -> PathBuf {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    here.join("../../book/src/naru")
}

/// All files below `folder`, as (path with `/`, absolute path), sorted.
fn files_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(name), Ok(full)) = (path.strip_prefix(folder), path.canonicalize()) {
                found.push((name.to_string_lossy().replace('\\', "/"), full));
            }
        }
    }
    found.sort();
    found
}

/// Rust source: path, contents, and which inline scripts the page may run.
///
/// The contents are copies: the folder may be built anew while the compiler runs.
fn table(files: &[(String, PathBuf)], out: &Path) -> String {
    let mut text = String::from("&[\n");
    for (number, (name, path)) in files.iter().enumerate() {
        println!("cargo::rerun-if-changed={}", path.display());
        let Ok(contents) = fs::read(path) else { continue };
        let copy = out.join(format!("embedded-{number}"));
        fs::write(&copy, &contents).expect("OUT_DIR can be written");
        let scripts = if name.ends_with(".html") { inline_scripts(&contents) } else { String::new() };
        writeln!(text, "    ({name:?}, include_bytes!({copy:?}).as_slice(), {scripts:?}),")
            .expect("writing to a string");
    }
    text.push_str("]\n");
    text
}

/// A page's inline scripts as a content security policy names them: by their hashes, so that no other script can run.
fn inline_scripts(page: &[u8]) -> String {
    let html = String::from_utf8_lossy(page);
    let scripts = html.split("<script>").skip(1).filter_map(|rest| rest.split_once("</script>"));
    scripts.map(|(script, _)| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)))).collect()
}
