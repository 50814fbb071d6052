//! Whole items of the engine's source, found by name.
//!
//! `{{#engine naru_log::Log::append}}` is the method `append` of `Log`, wherever in the crate `naru-log` it stands today. It
//! is never found by line, and the engine holds no marks for it: so it can be moved at will, and when it is renamed the
//! book's build fails instead of showing something else.

use crate::html;
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use syn::{ImplItem, Item, TraitItem, spanned::Spanned};

/// The engine's items, read crate by crate when they are asked for.
pub struct Sources {
    root: PathBuf,
    crates: BTreeMap<String, Vec<Found>>,
}

/// One item.
struct Found {
    /// Its name with the names around it: `log::Log::append`.
    path: String,
    file: String,
    first: usize,
    last: usize,
    text: String,
}

impl Sources {
    /// The workspace's sources.
    pub fn new(root: &Path) -> Self {
        Sources { root: root.to_path_buf(), crates: BTreeMap::new() }
    }

    /// `{{#engine CRATE::ITEM}}`: the item with its documentation, and where it stands.
    pub fn item(&mut self, path: &str) -> Result<String> {
        let (krate, name) = path.split_once("::").context("name an item as CRATE::ITEM")?;
        let root = self.root.clone();
        if !self.crates.contains_key(krate) {
            self.crates.insert(krate.to_owned(), read_crate(&root, krate)?);
        }
        let items = &self.crates[krate];
        let suffix = format!("::{name}");
        let found: Vec<&Found> = items.iter().filter(|it| it.path == name || it.path.ends_with(&suffix)).collect();
        match found.as_slice() {
            [it] => Ok(shown(it)),
            [] => bail!("there is no item {name} in {krate}"),
            many => {
                let paths: Vec<&str> = many.iter().map(|it| it.path.as_str()).collect();
                bail!("{name} is not one item of {krate} but {}: {}", many.len(), paths.join(", "))
            }
        }
    }
}

fn shown(it: &Found) -> String {
    let lines = if it.first == it.last { it.first.to_string() } else { format!("{}-{}", it.first, it.last) };
    format!(
        "\n<div class=\"naru-source\">\n\n<p class=\"path\"><code>{}:{lines}</code> <b>{}</b></p>\n\n{}\n\n</div>\n",
        it.file,
        html::escape(it.path.rsplit("::").next().unwrap_or_default()),
        html::fenced("rust,ignore", &it.text)
    )
}

fn read_crate(root: &Path, krate: &str) -> Result<Vec<Found>> {
    let short = krate.strip_prefix("naru_").with_context(|| format!("there is no crate {krate}"))?;
    let folders = [root.join("engine").join(short), root.join(short)];
    let folder = folders.iter().find(|folder| folder.join("src").is_dir());
    let folder = folder.with_context(|| format!("there is no crate {krate}"))?.join("src");
    let mut found = Vec::new();
    let mut waiting = vec![folder.clone()];
    while let Some(next) = waiting.pop() {
        if next.is_dir() {
            for entry in fs::read_dir(&next)? {
                waiting.push(entry?.path());
            }
        } else if next.extension().is_some_and(|extension| extension == "rs") {
            read_file(root, &folder, &next, &mut found)?;
        }
    }
    Ok(found)
}

fn read_file(root: &Path, folder: &Path, file: &Path, found: &mut Vec<Found>) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let name = file.strip_prefix(root)?.to_string_lossy().into_owned();
    let syntax = syn::parse_file(&text).with_context(|| format!("{name} is not Rust yet"))?;
    let module = file.strip_prefix(folder)?.with_extension("");
    let module: Vec<String> = module
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .filter(|part| !matches!(part.as_str(), "lib" | "main" | "mod"))
        .collect();
    let mut reader = Reader { file: name, lines: text.lines().collect(), found };
    reader.items(&module.join("::"), &syntax.items);
    Ok(())
}

/// Walks one file.
struct Reader<'a> {
    file: String,
    lines: Vec<&'a str>,
    found: &'a mut Vec<Found>,
}

impl Reader<'_> {
    fn items(&mut self, module: &str, items: &[Item]) {
        for item in items {
            match item {
                Item::Impl(it) => {
                    let owner = format!("{module}::{}", type_name(&it.self_ty));
                    for inner in &it.items {
                        match inner {
                            ImplItem::Fn(it) => self.add(&owner, &it.sig.ident, it),
                            ImplItem::Const(it) => self.add(&owner, &it.ident, it),
                            _ => {}
                        }
                    }
                }
                Item::Trait(it) => {
                    self.add(module, &it.ident, it);
                    for inner in &it.items {
                        if let TraitItem::Fn(inner) = inner {
                            self.add(&format!("{module}::{}", it.ident), &inner.sig.ident, inner);
                        }
                    }
                }
                Item::Mod(it) if it.ident != "tests" => {
                    if let Some((_, items)) = &it.content {
                        self.items(&format!("{module}::{}", it.ident), items);
                    }
                }
                Item::Fn(it) => self.add(module, &it.sig.ident, it),
                Item::Struct(it) => self.add(module, &it.ident, it),
                Item::Enum(it) => self.add(module, &it.ident, it),
                Item::Const(it) => self.add(module, &it.ident, it),
                Item::Static(it) => self.add(module, &it.ident, it),
                Item::Type(it) => self.add(module, &it.ident, it),
                _ => {}
            }
        }
    }

    fn add(&mut self, owner: &str, ident: &syn::Ident, item: &impl Spanned) {
        let span = item.span();
        let (first, last) = (span.start().line, span.end().line);
        let indent = " ".repeat(span.start().column);
        let lines = self.lines[first - 1..last].iter().map(|line| line.strip_prefix(indent.as_str()).unwrap_or(line));
        let text = lines.collect::<Vec<_>>().join("\n");
        let path = format!("{owner}::{ident}");
        self.found.push(Found { path, file: self.file.clone(), first, last, text });
    }
}

fn type_name(ty: &syn::Type) -> String {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        Sources::new(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap())
    }

    #[test]
    fn a_method_comes_whole_with_its_documentation_and_place() {
        let text = sources().item("naru_trace::Preview::of").unwrap();
        assert!(text.contains("engine/trace/src/kind.rs:"), "{text}");
        assert!(text.contains("/// The preview of `bytes`.\npub fn of(bytes: &[u8]) -> Self {"), "{text}");
        assert!(text.contains("\n}\n````"), "{text}");
    }

    #[test]
    fn a_name_of_several_items_must_be_longer() {
        let error = sources().item("naru_trace::apply").unwrap_err().to_string();
        assert!(error.contains("ClusterView::apply"), "{error}");
    }
}
