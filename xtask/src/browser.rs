//! The browser tests: `mdbook serve book`, a live broker, and `book/tests/browser.mjs` (Node.js, playwright-core) that
//! drives the system's own Chromium through every chapter and lab.

use crate::{setup, shell, start, tests};
use anyhow::{Context, Result};
use std::{fs, sync::mpsc, time::Duration};

/// Drives a browser that is already installed: the package downloads none of its own.
const PLAYWRIGHT: &str = "playwright-core@^1.55";

pub fn test(_: &tests::TestArgs) -> Result<()> {
    let naru = tests::naru()?;
    if !shell::target().join("tools/node_modules/playwright-core").exists() {
        println!("setup: npm install {PLAYWRIGHT} (into target/tools)");
        setup::npm_install(PLAYWRIGHT)?;
    }
    let chromium = setup::browser().context("no Chromium here: run `cargo xtask setup --tests`")?;
    let data_dir = shell::target().join("browser-test-data");
    let _ = fs::remove_dir_all(&data_dir);
    let (book, kafka, http) = (start::free_port()?, start::free_port()?, start::free_port()?);
    let (_keep, never) = mpsc::channel();
    let mut mdbook = start::Running::start("the book", start::mdbook_serve(book))?;
    mdbook.wait_for(book, Duration::from_secs(600), &never)?;
    let mut broker = start::Running::start("the broker", start::serve(&naru, kafka, http, &data_dir))?;
    broker.wait_for(http, Duration::from_secs(20), &never)?;
    let mut node = shell::command("node");
    node.arg("book/tests/browser.mjs")
        .env("NODE_PATH", shell::target().join("tools/node_modules"))
        .env("PLAYWRIGHT_CORE", shell::target().join("tools/node_modules/playwright-core"))
        .env("CHROMIUM", chromium)
        .env("NARU", naru)
        .env("BOOK", format!("http://{book}"))
        .env("LIVE", format!("http://{http}"))
        .env("KAFKA", kafka.to_string())
        .env("SHOTS", shell::target().join("browser-shots"));
    shell::run(&mut node)
}
