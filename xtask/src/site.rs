//! `cargo xtask site`: the book and its labs as plain files in `target/site`. Any web server can serve them, without
//! special headers, from any path, and without a network once they are there.

use crate::{setup, shell, web};
use anyhow::Result;
use std::path::{Path, PathBuf};

pub fn run() -> Result<()> {
    setup::for_product()?;
    web::run(&web::WebArgs::default())?;
    let target = shell::target().join("site");
    build_book(&target)?;
    let files = shell::files_below(&target)?;
    let bytes: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
    println!("site: {} files, {:.1} MB, in {}", files.len(), bytes as f64 / 1e6, shell::relative(&target));
    println!("site: try it with: python3 -m http.server --directory {}", shell::relative(&target));
    Ok(())
}

/// Builds the book into a folder of its own.
pub fn build_book(target: &Path) -> Result<PathBuf> {
    let mut mdbook = setup::mdbook_command();
    mdbook.args(["build", "book", "--dest-dir"]).arg(target);
    shell::run(&mut mdbook)?;
    Ok(target.to_path_buf())
}
