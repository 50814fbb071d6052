//! `cargo xtask setup`: says what is missing, installs it, asks nothing. Run twice, it does nothing the second time.
//!
//! What the product needs (a WASM compiler, mdBook) is always looked after; what only its tests need (a browser, other
//! people's Kafka clients) when asked for with `--tests`, and by `cargo xtask test` itself. What cannot be installed is an
//! error that names it: a test that is left out in silence looks like a test that passed.

use crate::{shell, wasm_target};
use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command, time::Instant};

/// The mdBook that the book is written for. The preprocessor's protocol changes between minor versions.
pub const MDBOOK_VERSION: &str = "0.5.4";
/// Last release known to work: newer ones may rename passes.
const BINARYEN: &str = "binaryen@^132";

#[derive(clap::Args, Default)]
pub struct SetupArgs {
    /// Also what the tests need: a browser, kcat, Java, Node.js, Python
    #[arg(long)]
    pub tests: bool,
}

pub fn run(args: &SetupArgs) -> Result<()> {
    let started = Instant::now();
    for_product()?;
    if args.tests {
        for_tests()?;
    }
    println!("setup: everything is there ({:.1} s)", started.elapsed().as_secs_f32());
    Ok(())
}

/// What reading the book and running its labs asks for.
pub fn for_product() -> Result<()> {
    wasm_target::set_up(apt_install)?;
    mdbook()?;
    preprocessor()?;
    binaryen()
}

/// What the tests ask for besides.
pub fn for_tests() -> Result<()> {
    let missing: Vec<&Tool> = TEST_TOOLS.iter().filter(|tool| !(tool.is_there)()).collect();
    if missing.is_empty() {
        println!("setup: tools for the tests are there");
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages.iter().copied()).collect();
    let names: Vec<&str> = missing.iter().map(|tool| tool.name).collect();
    println!("setup: missing for the tests: {}", names.join(", "));
    apt_install(&packages)?;
    let still: Vec<&str> = missing.iter().filter(|tool| !(tool.is_there)()).map(|tool| tool.name).collect();
    if !still.is_empty() {
        bail!("still missing after installing {}: {}", packages.join(" "), still.join(", "));
    }
    Ok(())
}

/// Something a test starts, and what Debian calls the package that holds it.
struct Tool {
    name: &'static str,
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

const TEST_TOOLS: &[Tool] = &[
    Tool { name: "Chromium", packages: &["chromium"], is_there: || browser().is_some() },
    Tool { name: "chromedriver", packages: &["chromium-driver"], is_there: || shell::is_there("chromedriver") },
    Tool { name: "a Korean font", packages: &["fonts-noto-cjk"], is_there: has_korean_font },
    Tool { name: "kcat", packages: &["kcat"], is_there: || shell::is_there("kcat") || shell::is_there("kafkacat") },
    Tool { name: "Java", packages: &["default-jre-headless"], is_there: || shell::is_there("java") },
    Tool { name: "Maven", packages: &["maven"], is_there: || shell::is_there("mvn") },
    Tool { name: "Node.js", packages: &["nodejs"], is_there: || shell::is_there("node") },
    Tool { name: "npm", packages: &["npm"], is_there: || shell::is_there("npm") },
    Tool { name: "Python 3 with venv", packages: &["python3", "python3-pip", "python3-venv"], is_there: has_venv },
];

/// Chromium or Chrome, under the names it goes by.
pub fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].iter().find_map(|name| shell::find(name))
}

fn has_korean_font() -> bool {
    shell::output(shell::command("fc-list").args([":lang=ko", "family"])).is_ok_and(|fonts| !fonts.trim().is_empty())
}

fn has_venv() -> bool {
    shell::output(shell::command("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

// ---- mdBook ----

fn mdbook() -> Result<()> {
    let wanted = format!("mdbook v{MDBOOK_VERSION}");
    match shell::output(shell::command("mdbook").arg("--version")) {
        Ok(version) if version.trim() == wanted => {
            println!("setup: {wanted}");
            return Ok(());
        }
        Ok(version) => {
            println!("setup: {} is another version than {MDBOOK_VERSION}, which this book needs", version.trim())
        }
        Err(_) => println!("setup: mdbook is missing"),
    }
    println!("setup: cargo install mdbook --version {MDBOOK_VERSION} --locked (some minutes, once)");
    // A target directory of its own that stays, so that an interrupted installation goes on where it was.
    let target = shell::target().join("tools/mdbook-build");
    shell::run(
        shell::cargo()
            .args(["install", "mdbook", "--version", MDBOOK_VERSION, "--locked", "--quiet", "--force"])
            // Searching and serving are what the book uses; watching with `notify` comes with serving.
            .args(["--no-default-features", "--features", "serve,search,watch"])
            .arg("--target-dir")
            .arg(target),
    )
    .context("mdBook could not be installed")
}

/// The program to start. `cargo install` puts it where the `PATH` may not lead.
pub fn mdbook_command() -> Command {
    let installed = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .map(|cargo| cargo.join("bin/mdbook"));
    let program = shell::find("mdbook").or(installed.filter(|file| file.exists()));
    shell::command(program.unwrap_or_else(|| "mdbook".into()))
}

/// `mdbook serve book` would compile it, too, but in silence.
fn preprocessor() -> Result<()> {
    println!("setup: the book's preprocessor");
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "mdbook-naru"]))
}

// ---- npm ----

/// wasm-opt makes the download smaller; everything works without it, so a missing npm is only said.
fn binaryen() -> Result<()> {
    if crate::web::wasm_opt().is_some() {
        println!("setup: wasm-opt");
        return Ok(());
    }
    if !shell::is_there("npm") {
        println!("setup: no npm here, so no wasm-opt: the labs work, their download is larger");
        return Ok(());
    }
    println!("setup: npm install {BINARYEN} (for wasm-opt, into target/tools)");
    npm_install(BINARYEN)
}

/// Installs a package of the npm registry below `target/tools`, beside what is there already.
pub fn npm_install(package: &str) -> Result<()> {
    let tools = shell::target().join("tools");
    std::fs::create_dir_all(&tools)?;
    let mut npm = shell::command("npm");
    npm.args(["install", "--silent", "--no-fund", "--no-audit", "--no-update-notifier", "--prefix"]);
    shell::output(npm.arg(&tools).arg(package)).map(drop).with_context(|| format!("npm could not install {package}"))
}

// ---- Debian ----

/// Installs Debian packages, or says which ones to install by other means.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let by_hand = || format!("please install by hand: {}", packages.join(" "));
    if !shell::is_there("apt-get") {
        bail!("there is no apt-get here; {}", by_hand());
    }
    println!("setup: apt-get install {}", packages.join(" "));
    shell::output(apt()?.arg("update")).with_context(by_hand)?;
    shell::output(apt()?.args(["install", "-y", "--no-install-recommends"]).args(packages))
        .map(drop)
        .with_context(by_hand)
}

fn apt() -> Result<Command> {
    let is_root = shell::output(shell::command("id").arg("-u"))?.trim() == "0";
    let mut command = if is_root {
        shell::command("apt-get")
    } else if shell::is_there("sudo") {
        let mut sudo = shell::command("sudo");
        // Never stops to ask: a password prompt in the middle of a script is worse than a clear error.
        sudo.args(["-n", "apt-get"]);
        sudo
    } else {
        bail!("installing packages needs root or sudo");
    };
    command.arg("-qq").env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}
