//! Every developer command of Naru: `cargo xtask setup | start | test | bench | site | web`.
//!
//! This crate only drives other programs (cargo, mdbook, a browser, real Kafka clients); nothing of the product lives
//! here. Read [`start`] for what a newcomer runs first, [`tests`] for what CI runs, [`web`] for how the engine gets into
//! the browser.

mod setup;
mod shell;
mod wasm_target;
mod web;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and tests Naru", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing: a WASM compiler, mdBook, wasm-opt; says what it does, asks nothing
    Setup(setup::SetupArgs),
    /// Compile the engine and its screen to WASM and put them where the book finds them
    Web(web::WebArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Setup(args) => setup::run(&args),
        Command::Web(args) => web::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
