//! Which compiler makes WASM: rustup's target where it is there or can be added, else Debian's own compiler.
//!
//! rustup's server is not reachable everywhere. Debian packages a Rust with the standard library's sources
//! (`rust-web-src`), from which cargo builds the standard library together with the engine.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// What Debian calls its compiler for the web, its sources and its linker.
pub const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// A compiler that can make WASM.
pub enum WasmCompiler {
    /// The toolchain that builds everything else, with its target added.
    Rustup,
    /// Debian's, beside it, building the standard library from source.
    Debian {
        /// Its linker.
        linker: PathBuf,
    },
}

impl WasmCompiler {
    /// The compiler that is ready, or an error that says what to do.
    pub fn find() -> Result<Self> {
        if !is_debian_forced() && has_rustup_target() {
            return Ok(WasmCompiler::Rustup);
        }
        if let Some(linker) = debian_linker().filter(|_| debian_std_is_there()) {
            return Ok(WasmCompiler::Debian { linker });
        }
        bail!("no compiler for {TARGET} is installed: run `cargo xtask setup`")
    }

    /// Its name, for people.
    pub fn name(&self) -> &'static str {
        match self {
            WasmCompiler::Rustup => "rustup's target",
            WasmCompiler::Debian { .. } => "Debian's compiler (standard library from source)",
        }
    }

    /// `cargo build` for the browser, still without its package.
    pub fn cargo_build(&self) -> Command {
        match self {
            WasmCompiler::Rustup => {
                let mut cargo = shell::cargo();
                cargo.args(["build", "--target", TARGET]);
                cargo
            }
            WasmCompiler::Debian { linker } => {
                let mut cargo = shell::command(DEBIAN_CARGO);
                cargo
                    .args(["build", "-Zbuild-std=std,panic_abort", "--target", TARGET])
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTDOC");
                cargo
            }
        }
    }
}

/// Makes a compiler ready, by the first way that works. Says what it does.
pub fn set_up(install: impl Fn(&[&str]) -> Result<()>) -> Result<()> {
    if let Ok(compiler) = WasmCompiler::find() {
        println!("setup: WASM compiler: {}", compiler.name());
        return Ok(());
    }
    if !is_debian_forced() && shell::is_there("rustup") {
        println!("setup: rustup target add {TARGET}");
        match shell::output(shell::command("rustup").args(["target", "add", TARGET])) {
            Ok(_) if has_rustup_target() => return Ok(()),
            Ok(_) => println!("setup: rustup added the target to another toolchain than the one in use"),
            Err(error) => println!("setup: rustup could not: {}", error.to_string().lines().last().unwrap_or_default()),
        }
    }
    println!("setup: falling back to Debian's compiler for the web");
    install(&DEBIAN_PACKAGES).with_context(|| {
        format!(
            "no compiler for {TARGET}: neither `rustup target add {TARGET}` nor Debian's {DEBIAN_PACKAGES:?} worked"
        )
    })?;
    WasmCompiler::find().map(|compiler| println!("setup: WASM compiler: {}", compiler.name()))
}

/// For trying the fallback on a machine that does not need it.
fn is_debian_forced() -> bool {
    std::env::var_os("NARU_FORCE_DEBIAN_WASM").is_some_and(|value| value == "1")
}

fn has_rustup_target() -> bool {
    let Ok(libdir) = shell::output(shell::command("rustc").args(["--print", "target-libdir", "--target", TARGET]))
    else {
        return false;
    };
    Path::new(libdir.trim()).is_dir()
}

fn debian_std_is_there() -> bool {
    let std = ["/usr/lib/rustlib/src/rust/library/std/Cargo.toml", "/usr/lib/rustlib/src/library/std/Cargo.toml"];
    Path::new(DEBIAN_RUSTC).exists()
        && Path::new(DEBIAN_CARGO).exists()
        && std.iter().any(|file| Path::new(file).exists())
}

fn debian_linker() -> Option<PathBuf> {
    let own = shell::find("wasm-ld-22").or_else(|| shell::find("wasm-ld"));
    own.or_else(|| shell::find("rust-lld"))
}
