//! The same recording natively and in WASM: every script of every lab is run by `naru lab run` and by the WASM that
//! readers download, and the hashes of their events are compared.

use crate::{shell, tests, web};
use anyhow::{Context, Result, bail};
use std::{collections::BTreeMap, fs, path::PathBuf};

/// A lab, as its folder tells.
pub struct LabFolder {
    pub number: String,
    pub scripts: Vec<PathBuf>,
}

/// All labs: `labs/NN-name/`.
pub fn lab_folders() -> Result<Vec<LabFolder>> {
    let labs = shell::root().join("labs");
    let mut folders = Vec::new();
    for entry in fs::read_dir(&labs)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((number, _)) = name.split_once('-').filter(|(number, _)| number.parse::<u32>().is_ok()) else {
            continue;
        };
        let mut scripts = shell::files_below(&path)?;
        scripts.retain(|file| file.extension().is_some_and(|extension| extension == "rhai"));
        folders.push(LabFolder { number: number.to_owned(), scripts });
    }
    folders.sort_by(|a, b| a.number.cmp(&b.number));
    if folders.is_empty() {
        bail!("there are no labs in {}", shell::relative(&labs));
    }
    Ok(folders)
}

pub fn compare(_: &tests::TestArgs) -> Result<()> {
    let naru = tests::naru()?;
    let in_wasm = wasm_hashes()?;
    let mut differing = Vec::new();
    let mut compared = 0;
    for lab in lab_folders()? {
        for script in &lab.scripts {
            let name = shell::relative(script);
            let native = native_hash(&naru, &lab.number, script)?;
            let wasm = in_wasm.get(&name).with_context(|| format!("the WASM did not run {name}"))?;
            compared += 1;
            println!("{name:<56} {native} {}", if native == *wasm { "same" } else { "DIFFERENT in WASM" });
            if native != *wasm {
                differing.push(name);
            }
        }
    }
    if !differing.is_empty() {
        bail!("{} of {compared} recordings differ between native and WASM: {}", differing.len(), differing.join(", "));
    }
    println!("{compared} recordings have the same events natively and in WASM");
    Ok(())
}

fn native_hash(naru: &PathBuf, lab: &str, script: &PathBuf) -> Result<String> {
    // A script that is meant to fail makes the command fail too: its hash is what counts here.
    let output = shell::command(naru).args(["lab", "run", lab, "--script"]).arg(script).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    let mut hashes = words.filter(|word| word.len() == 16 && word.chars().all(|digit| digit.is_ascii_hexdigit()));
    hashes
        .next_back()
        .map(str::to_owned)
        .with_context(|| format!("naru lab run {lab} --script {} printed no hash:\n{text}", shell::relative(script)))
}

/// Runs `book/tests/hashes.mjs` in Node.js: one line "file hash" for each script.
fn wasm_hashes() -> Result<BTreeMap<String, String>> {
    let mut node = shell::command("node");
    node.arg("book/tests/hashes.mjs").arg(web::dist());
    for lab in lab_folders()? {
        for script in &lab.scripts {
            node.arg(format!("{}={}", lab.number, shell::relative(script)));
        }
    }
    let output = shell::output(&mut node)?;
    let lines = output.lines().filter_map(|line| line.rsplit_once(' '));
    Ok(lines.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect())
}
