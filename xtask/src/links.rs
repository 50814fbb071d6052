//! Links of the built book that stay within it must lead to a file that is there.

use crate::shell;
use anyhow::{Result, bail};
use std::{fs, path::Path};

pub fn check(book: &Path) -> Result<()> {
    let mut broken = Vec::new();
    let mut checked = 0;
    for page in shell::files_below(book)? {
        // The error page is served from any depth, so its addresses are relative to the site.
        if page.extension().is_none_or(|it| it != "html") || page.ends_with("404.html") {
            continue;
        }
        let html = fs::read_to_string(&page)?;
        for target in addresses(&html) {
            let path = target.split(['#', '?']).next().unwrap_or_default();
            checked += 1;
            if !path.is_empty() && !page.with_file_name("").join(path).exists() {
                broken.push(format!("{} -> {target}", page.strip_prefix(book)?.display()));
            }
        }
    }
    if !broken.is_empty() {
        bail!("{} links lead nowhere:\n  {}", broken.len(), broken.join("\n  "));
    }
    println!("{checked} links within the book lead somewhere");
    Ok(())
}

/// What `href` and `src` say, without what leads out of the book.
fn addresses(html: &str) -> impl Iterator<Item = &str> {
    let found = [" href=\"", " src=\""].into_iter().flat_map(move |attribute| html.split(attribute).skip(1));
    found
        .filter_map(|rest| rest.split('"').next())
        .filter(|address| !address.contains("://") && !address.starts_with("data:") && !address.starts_with("mailto:"))
}
