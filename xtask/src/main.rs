//! Every developer command of Naru: `cargo xtask setup | start | test | bench | site | web`.
//!
//! This crate only drives other programs (cargo, mdbook, a browser, real Kafka clients); nothing of the product lives
//! here. Read [`start`] for what a newcomer runs first, [`tests`] for what CI runs, [`web`] for how the engine gets into
//! the browser.

mod bench;
mod browser;
mod clients;
mod hashes;
#[path = "../../labs/folders.rs"]
mod lab_folders;
mod links;
mod setup;
mod shell;
mod site;
mod start;
mod tests;
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
    /// Set up if needed, build, then serve the book with its labs and a live broker; Ctrl-C ends both
    Start(start::StartArgs),
    /// Every test: Rust, simulation, browser, real clients, book
    Test(tests::TestArgs),
    /// Speed, side by side with Apache Kafka when --kafka is given
    Bench(bench::BenchArgs),
    /// A static site in target/site: book and labs, hostable anywhere
    Site,
    /// Compile the engine and its screen to WASM and put them where the book finds them
    Web(web::WebArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Setup(args) => setup::run(&args),
        Command::Start(args) => start::run(&args),
        Command::Test(args) => tests::run(&args),
        Command::Bench(args) => bench::bench(&args),
        Command::Site => site::run(),
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
