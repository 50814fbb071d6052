//! Reads the labs' folders into one JSON file, and hashes the engine's source.
//!
//! The labs are data: a new folder is a new lab. They are read here so that no program needs a TOML parser or one
//! `include_str!` per file. The hash names the engine in every recording, so that an old permalink can say so.

mod folders;

use folders::{entries, name_of, read};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn main() {
    let labs = PathBuf::from(env("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env("OUT_DIR"));
    for source in ["build.rs", "folders.rs", "src"] {
        println!("cargo::rerun-if-changed={source}");
    }
    if std::env::var_os("CARGO_FEATURE_CATALOG").is_some() {
        println!("cargo::rerun-if-changed=.");
        let catalog: Vec<Value> = folders::folders(&labs).iter().map(|folder| folders::lab(folder)).collect();
        let json = serde_json::to_string(&catalog).expect("JSON of JSON");
        fs::write(out.join("catalog.json"), json).expect("OUT_DIR can be written");
    }

    let engine = labs.join("../engine");
    println!("cargo::rerun-if-changed={}", engine.display());
    println!("cargo::rustc-env=NARU_ENGINE_HASH={:016x}", engine_hash(&engine, &labs));
}

/// FNV-1a over the paths and bytes of all source files that decide what a run does.
fn engine_hash(engine: &Path, labs: &Path) -> u64 {
    let mut files = Vec::new();
    for part in ["trace", "records", "log", "wire", "raft", "metadata", "broker", "client", "sim"] {
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

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
