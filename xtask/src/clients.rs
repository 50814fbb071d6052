//! Other people's Kafka clients: fetched into `target/tools`, then run against the native broker by `naru-interop`.
//!
//! Their versions stand in files that dependency tools know how to renew: `engine/interop/java/pom.xml`,
//! `engine/interop/python/requirements.txt`, `engine/interop/node/package.json`.

use crate::shell;
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Fetches whatever is missing or was asked for in another version since.
pub fn set_up() -> Result<()> {
    let interop = shell::root().join("engine/interop");
    fetch("kafka", &interop.join("java/pom.xml"), |dir, pom| {
        let mut maven = shell::command("mvn");
        maven.args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
        shell::output(maven.arg("-f").arg(pom).arg(format!("-DoutputDirectory={}", dir.display()))).map(drop)
    })?;
    fetch("python", &interop.join("python/requirements.txt"), |dir, requirements| {
        shell::output(shell::command("python3").args(["-m", "venv"]).arg(dir))?;
        let mut pip = shell::command(dir.join("bin/python"));
        shell::output(pip.args(["-m", "pip", "install", "-q", "-r"]).arg(requirements)).map(drop)
    })?;
    fetch("node", &interop.join("node/package.json"), |dir, package| {
        fs::copy(package, dir.join("package.json"))?;
        let mut npm = shell::command("npm");
        npm.args(["install", "--silent", "--no-fund", "--no-audit", "--no-update-notifier", "--prefix"]);
        shell::output(npm.arg(dir)).map(drop)
    })
}

/// Every real client against a release build of `naru`, and Kafka's own tools on Naru's files. The binary must have been
/// built before.
pub fn test_real_clients(naru: &Path) -> Result<()> {
    set_up()?;
    shell::run(with_naru(&mut shell::cargo(), naru).args(["test", "--locked", "--package", "naru-interop"]))?;
    let mut files = shell::cargo();
    files.args(["test", "--locked", "--package", "naru-log", "--test", "real_kafka", "--", "--ignored"]);
    shell::run(files.env("NARU_KAFKA_LIBS", tools().join("kafka")))
}

/// A cargo command whose tests or bench use this very `naru`.
pub fn with_naru<'a>(cargo: &'a mut Command, naru: &Path) -> &'a mut Command {
    cargo.env("NARU_BIN", naru).env("NARU_TOOLS", tools())
}

/// Runs `install` into `target/tools/<name>` unless it succeeded before with the same `list` of versions.
fn fetch(name: &str, list: &Path, install: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<()> {
    let dir = tools().join(name);
    let (stamp, wanted) = (dir.join(".installed"), fs::read(list)?);
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("setup: fetching target/tools/{name} as {} asks", shell::relative(list));
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    install(&dir, list).with_context(|| format!("target/tools/{name} could not be fetched"))?;
    Ok(fs::write(stamp, wanted)?)
}

fn tools() -> PathBuf {
    shell::target().join("tools")
}
