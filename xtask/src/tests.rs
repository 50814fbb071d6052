//! `cargo xtask test`: every test there is, in stages, each with its time. CI runs exactly this.
//!
//! A stage that fails does not keep the others from running; a tool that is missing is installed or is a failure, never a
//! reason to leave something out. `cargo xtask test STAGE...` runs some of them.

use crate::{browser, clients, hashes, setup, shell, site, start, web};
use anyhow::{Result, bail};
use std::{path::PathBuf, time::Instant};

#[derive(clap::Args)]
pub struct TestArgs {
    /// Run only these stages
    stages: Vec<String>,
    /// Name the stages and stop
    #[arg(long)]
    list: bool,
    /// How many seeds the simulation is searched with
    #[arg(long, default_value = "1..200")]
    seeds: String,
}

struct Stage {
    name: &'static str,
    about: &'static str,
    run: fn(&TestArgs) -> Result<()>,
}

const STAGES: &[Stage] = &[
    Stage { name: "setup", about: "everything the tests need is there", run: set_up },
    Stage { name: "format", about: "rustfmt has nothing to change", run: format },
    Stage { name: "clippy", about: "no warnings, in any target of any crate", run: clippy },
    Stage { name: "rust", about: "unit, property, golden-file, simulation and layering tests", run: rust },
    Stage { name: "web", about: "the WASM builds and fits its budget", run: build_web },
    Stage { name: "release", about: "the native broker builds, with its live page", run: release },
    Stage { name: "labs", about: "solutions pass; starts and wrong attempts fail with their own hints", run: labs },
    Stage { name: "hashes", about: "each lab's events are the same natively and in WASM", run: hashes::compare },
    Stage { name: "soak", about: "random simulations keep every promise", run: soak },
    Stage { name: "book", about: "the book builds, its links lead somewhere", run: book },
    Stage { name: "clients", about: "real Kafka clients against the native broker", run: real_clients },
    Stage {
        name: "browser",
        about: "chapters and labs in headless Chromium, served by mdbook serve",
        run: browser::test,
    },
];

pub fn run(args: &TestArgs) -> Result<()> {
    if args.list {
        STAGES.iter().for_each(|stage| println!("{:<8} {}", stage.name, stage.about));
        return Ok(());
    }
    if let Some(unknown) = args.stages.iter().find(|name| !STAGES.iter().any(|stage| stage.name == **name)) {
        bail!("there is no stage {unknown}: --list names them");
    }
    let chosen = STAGES.iter().filter(|stage| args.stages.is_empty() || args.stages.iter().any(|it| it == stage.name));
    let mut report = Vec::new();
    for stage in chosen {
        println!("\n==== {}: {}", stage.name, stage.about);
        let started = Instant::now();
        let outcome = (stage.run)(args);
        let seconds = started.elapsed().as_secs_f32();
        match &outcome {
            Ok(()) => println!("==== {}: passed in {seconds:.1} s", stage.name),
            Err(error) => println!("==== {}: FAILED after {seconds:.1} s: {error:#}", stage.name),
        }
        report.push((stage.name, outcome.is_ok(), seconds));
    }
    print_report(&report)
}

fn print_report(report: &[(&str, bool, f32)]) -> Result<()> {
    println!();
    for (name, passed, seconds) in report {
        println!("{:<8} {:<6} {seconds:>7.1} s", name, if *passed { "passed" } else { "FAILED" });
    }
    let failed = report.iter().filter(|(_, passed, _)| !passed).count();
    println!("{} passed, {failed} failed", report.len() - failed);
    if failed > 0 {
        // The counts above are the last words, so that whoever reads only those knows.
        std::process::exit(1);
    }
    Ok(())
}

fn set_up(_: &TestArgs) -> Result<()> {
    setup::for_product()?;
    setup::for_tests()
}

fn format(_: &TestArgs) -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(_: &TestArgs) -> Result<()> {
    shell::run(shell::cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn rust(_: &TestArgs) -> Result<()> {
    // The real clients have a stage of their own: they need a release build and tools that are fetched first.
    shell::run(shell::cargo().args(["test", "--locked", "--workspace", "--exclude", "naru-interop"]))
}

fn build_web(_: &TestArgs) -> Result<()> {
    web::run(&web::WebArgs { check_size: true, ..web::WebArgs::default() })
}

fn release(_: &TestArgs) -> Result<()> {
    start::build_naru().map(drop)
}

/// The binary that the stage `release` built.
pub fn naru() -> Result<PathBuf> {
    let naru = shell::target().join("release/naru");
    if !naru.exists() {
        bail!("{} is not there: run the stage `release` first", shell::relative(&naru));
    }
    Ok(naru)
}

fn labs(_: &TestArgs) -> Result<()> {
    for lab in hashes::lab_folders()? {
        shell::run(shell::command(naru()?).args(["lab", "check", &lab.number]))?;
    }
    Ok(())
}

/// Worlds of whole clusters take longer than those of one broker.
const CLUSTER_SEEDS: &str = "1..21";

fn soak(args: &TestArgs) -> Result<()> {
    let naru = naru()?;
    shell::run(shell::command(naru.clone()).args(["sim", "soak", "--seeds", &args.seeds]))?;
    shell::run(shell::command(naru).args(["sim", "soak", "--scenario", "cluster", "--seeds", CLUSTER_SEEDS]))
}

fn book(_: &TestArgs) -> Result<()> {
    let built = site::build_book(&shell::target().join("book"))?;
    crate::links::check(&built)
}

fn real_clients(_: &TestArgs) -> Result<()> {
    clients::test_real_clients(&naru()?)
}
