//! The binary `naru`: the engine with real sockets, real files and a real clock around it, and a small console client.
//!
//! This is the only crate that is asynchronous and the only one that touches the outside world. It decides nothing that Kafka
//! defines: that is the engine's work, and it is the same engine that runs in a browser.
//!
//! Read [`commands::serve`] first, then [`engine`] (the thread that owns the broker), [`net`] (Kafka's port) and [`http`] (the
//! live page).

mod cli;
mod clock;
mod cluster;
mod commands;
mod data_dir;
mod driver;
mod engine;
mod failure;
mod http;
mod http_client;
mod listeners;
mod log;
mod membership;
mod net;
mod page_cache;
mod properties;
mod settings;
mod storage;

use cli::{Cli, Command, LogCommand};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(Ok(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(Err(failure)) => return fail(&failure),
    };
    match run(cli.command) {
        Ok(code) => code,
        Err(failure) => fail(&failure),
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(args) => commands::serve::run(&args),
        Command::Cluster(args) => commands::cluster::run(&args),
        Command::Lab(command) => commands::lab::run(&command),
        Command::Sim(command) => commands::sim::run(&command),
        Command::Log(LogCommand::Dump(args)) => commands::log_dump::run(&args),
        Command::Topic(args) => commands::topic::run(&args.command),
        Command::Produce(args) => commands::produce::run(&args),
        Command::Consume(args) => commands::consume::run(&args),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("naru: {failure}");
    ExitCode::from(failure.exit_code())
}
