//! The engine in the browser: compiles `naru-web` to WASM, writes its JavaScript, names every file by its content, and
//! puts all of it into `book/src/naru/`, where mdBook and `naru serve` find it.
//!
//! Nothing is done when no input changed. What the files hold is the business of `web/`; this file only builds and names.
//! The compiler comes from [`crate::wasm_target`].

use crate::{lab_folders, shell, wasm_target::WasmCompiler};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// The profile of `Cargo.toml` that makes the download small.
const PROFILE: &str = "wasm";
/// What a chapter may make a reader download, compressed.
pub const BUDGET_BYTES: usize = 1_100_000;

#[derive(clap::Args, Default)]
pub struct WebArgs {
    /// Build even when no input changed
    #[arg(long)]
    pub force: bool,
    /// Do not shrink the WASM with wasm-opt: quicker, larger
    #[arg(long)]
    pub no_opt: bool,
    /// Fail when the whole is larger than 1.1 MB, compressed
    #[arg(long)]
    pub check_size: bool,
}

/// Where the files go: part of the book's sources as far as mdBook can tell, ignored by git.
pub fn dist() -> PathBuf {
    shell::root().join("book/src/naru")
}

pub fn run(args: &WebArgs) -> Result<()> {
    let inputs = inputs_fingerprint(args)?;
    if !args.force && is_fresh(&inputs) {
        println!("web: nothing changed, {} is up to date", shell::relative(&dist()));
    } else {
        build(args, &inputs)?;
    }
    report_sizes(args.check_size)
}

fn build(args: &WebArgs, inputs: &str) -> Result<()> {
    let started = Instant::now();
    let wasm = compile()?;
    let bindings = bind_and_shrink(&wasm, args)?;
    let mut names = Map::new();
    let staging = Staging::new(shell::target().join("wasm-build/dist"))?;
    name_files(&staging, &bindings, &mut names)?;
    names.insert("inputs".into(), json!(inputs));
    fs::write(staging.dir.join("manifest.json"), serde_json::to_string_pretty(&Value::Object(names))?)?;
    staging.publish(&dist())?;
    println!("web: built {} in {:.1} s", shell::relative(&dist()), started.elapsed().as_secs_f32());
    Ok(())
}

// ---- Is there anything to do? ----

fn is_fresh(inputs: &str) -> bool {
    let Ok(manifest) = manifest(&dist()) else { return false };
    let all_there =
        manifest.values().filter_map(Value::as_str).all(|name| name == inputs || dist().join(name).exists());
    all_there && manifest.get("inputs").and_then(Value::as_str) == Some(inputs)
}

/// The names that the files got, by what they are.
pub fn manifest(dist: &Path) -> Result<Map<String, Value>> {
    let path = dist.join("manifest.json");
    let text = fs::read_to_string(&path).with_context(|| format!("{} is missing", shell::relative(&path)))?;
    Ok(serde_json::from_str(&text)?)
}

/// The native server and the tests with other people's clients are not part of the WASM.
fn is_in_the_browser(file: &str) -> bool {
    !file.starts_with("engine/server/") && !file.starts_with("engine/interop/")
}

fn inputs_fingerprint(args: &WebArgs) -> Result<String> {
    let root = shell::root();
    let mut files = Vec::new();
    for folder in ["engine", "labs", "web"] {
        files.extend(shell::files_below(&root.join(folder))?);
    }
    files.retain(|file| is_in_the_browser(&shell::relative(file)));
    files.extend(["Cargo.toml", "Cargo.lock", "xtask/src/web.rs"].map(|name| root.join(name)));
    let mut hash = shell::fingerprint(&[u8::from(args.no_opt)], 0);
    for file in files {
        hash = shell::fingerprint(shell::relative(&file).as_bytes(), hash);
        hash = shell::fingerprint(&fs::read(&file)?, hash);
    }
    Ok(format!("{hash:016x}"))
}

// ---- Compile, bind, shrink ----

fn compile() -> Result<PathBuf> {
    let compiler = WasmCompiler::find()?;
    let target_dir = shell::target().join("wasm-build");
    let mut cargo = compiler.cargo_build();
    cargo.args(["--package", "naru-web", "--lib", "--profile", PROFILE]).arg("--target-dir").arg(&target_dir);
    println!("web: compiling naru-web for wasm32-unknown-unknown with {}", compiler.name());
    shell::run(&mut cargo)?;
    let wasm = target_dir.join("wasm32-unknown-unknown").join(PROFILE).join("naru_web.wasm");
    if !wasm.exists() {
        bail!("{} was not built: web/Cargo.toml needs crate-type = [\"cdylib\", \"rlib\"]", wasm.display());
    }
    Ok(wasm)
}

/// Binds and shrinks, unless that was done before with the very same file: a lab's words change more often than code.
fn bind_and_shrink(wasm: &Path, args: &WebArgs) -> Result<Bindings> {
    let work = shell::target().join("wasm-build/bindgen");
    let made_of = work.join("made-of");
    let tag = format!("{:016x}", shell::fingerprint(&fs::read(wasm)?, u64::from(args.no_opt)));
    if fs::read_to_string(&made_of).is_ok_and(|before| before == tag) {
        return Ok(Bindings::in_folder(&work));
    }
    let bindings = bind(wasm, &work)?;
    if args.no_opt {
        println!("web: wasm-opt left out, as asked");
    } else {
        optimise(&bindings.wasm)?;
    }
    fs::write(made_of, tag)?;
    Ok(bindings)
}

struct Bindings {
    js: PathBuf,
    wasm: PathBuf,
    snippets: PathBuf,
}

impl Bindings {
    fn in_folder(work: &Path) -> Self {
        Bindings { js: work.join("naru.js"), wasm: work.join("naru_bg.wasm"), snippets: work.join("snippets") }
    }
}

/// What the `wasm-bindgen` command does, at the version in `Cargo.lock`.
fn bind(wasm: &Path, work: &Path) -> Result<Bindings> {
    let _ = fs::remove_dir_all(work);
    fs::create_dir_all(work)?;
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(wasm).web(true)?.typescript(false).out_name("naru");
    // What a debugger would want; it is a fifth of the download.
    bindgen.remove_name_section(true).remove_producers_section(true).generate(work)?;
    Ok(Bindings::in_folder(work))
}

/// The features that every browser of the last years has. `--all-features` would make Chromium refuse the result.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
];

fn optimise(wasm: &Path) -> Result<()> {
    let Some(mut wasm_opt) = wasm_opt() else {
        println!("web: no wasm-opt here (cargo xtask setup installs it when npm is there): the file stays larger");
        return Ok(());
    };
    let smaller = wasm.with_extension("opt.wasm");
    wasm_opt.arg(wasm).arg("-o").arg(&smaller);
    // Generic code is instantiated many times over; instances that differ in a constant become one function.
    wasm_opt.args(["--merge-similar-functions", "-Oz"]).args(WASM_FEATURES);
    shell::run(&mut wasm_opt)?;
    fs::rename(&smaller, wasm)?;
    Ok(())
}

/// npm's `binaryen` as [`crate::setup`] installs it, or a `wasm-opt` on the `PATH`.
pub fn wasm_opt() -> Option<std::process::Command> {
    let installed = shell::target().join("tools/node_modules/binaryen/bin/wasm-opt");
    if installed.exists() && shell::is_there("node") {
        let mut node = shell::command("node");
        node.arg(installed);
        return Some(node);
    }
    shell::find("wasm-opt").map(shell::command)
}

// ---- Names ----

/// A folder that becomes the result only when all of it is there.
struct Staging {
    dir: PathBuf,
}

impl Staging {
    fn new(dir: PathBuf) -> Result<Self> {
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir)?;
        Ok(Staging { dir })
    }

    /// Writes `bytes` under a name that changes when they do, and returns that name.
    fn write_hashed(&self, stem: &str, extension: &str, bytes: &[u8]) -> Result<String> {
        let name = format!("{stem}-{:016x}.{extension}", shell::fingerprint(bytes, 0));
        let path = self.dir.join(&name);
        fs::create_dir_all(path.parent().expect("a file has a folder"))?;
        fs::write(path, bytes)?;
        Ok(name)
    }

    fn publish(&self, dist: &Path) -> Result<()> {
        let _ = fs::remove_dir_all(dist);
        fs::create_dir_all(dist.parent().expect("the result has a parent"))?;
        copy_folder(&self.dir, dist)
    }
}

/// Names the files in the order in which they mention each other, so that each name is known when it is needed.
fn name_files(staging: &Staging, bindings: &Bindings, names: &mut Map<String, Value>) -> Result<()> {
    let assets = shell::root().join("web/assets");
    if bindings.snippets.exists() {
        copy_folder(&bindings.snippets, &staging.dir.join("snippets"))?;
    }
    let mut put = |key: &str, name: String| names.insert(key.into(), json!(name));
    put("wasm", staging.write_hashed("naru_bg", "wasm", &fs::read(&bindings.wasm)?)?);
    put("js", staging.write_hashed("naru", "js", &fs::read(&bindings.js)?)?);
    put("sources", staging.write_hashed("sources", "json", &engine_sources()?)?);
    names.insert("labs".into(), Value::Object(labs(staging)?));
    for (key, file, stem) in
        [("css", "naru.css", "naru"), ("worker", "worker.js", "worker"), ("element", "naru-lab.js", "naru-lab")]
    {
        let path = assets.join(file);
        let Ok(text) = fs::read_to_string(&path) else {
            println!("web: {} is not there yet, left out", shell::relative(&path));
            continue;
        };
        let extension = file.rsplit('.').next().unwrap_or("js");
        let name = staging.write_hashed(stem, extension, replace_tokens(&text, names, file)?.as_bytes())?;
        names.insert(key.into(), json!(name));
    }
    for (key, file) in [("lab", "lab.html"), ("live", "live.html")] {
        let Ok(text) = fs::read_to_string(assets.join(file)) else { continue };
        fs::write(staging.dir.join(file), replace_tokens(&text, names, file)?)?;
        names.insert(key.into(), json!(file));
    }
    Ok(())
}

/// `__NARU_JS__` becomes the JavaScript's name, and so on. A token that names nothing yet is an error.
fn replace_tokens(text: &str, names: &Map<String, Value>, file: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (key, name) in names {
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        text = text.replace(&format!("__NARU_{}__", key.to_uppercase()), &name);
    }
    if let Some(at) = text.find("__NARU_") {
        let token: String = text[at..].chars().take(24).collect();
        bail!("web/assets/{file} asks for {token}..., which is not known when it is written");
    }
    Ok(text)
}

/// A file for each lab, fetched when the lab is opened; without what would give it away.
fn labs(staging: &Staging) -> Result<Map<String, Value>> {
    let mut names = Map::new();
    for folder in lab_folders::folders(&shell::root().join("labs")) {
        let mut lab = lab_folders::lab(&folder);
        let fields = lab.as_object_mut().expect("a lab is an object");
        fields.remove("solution");
        fields.remove("wrong");
        let number = fields["number"].as_str().expect("a lab has a number").to_owned();
        let stem = format!("labs/{}", lab_folders::name_of(&folder));
        names.insert(number, json!(staging.write_hashed(&stem, "json", &serde_json::to_vec(&lab)?)?));
    }
    Ok(names)
}

/// Every source file of the engine, so that the screen can show the lines that emitted an event.
fn engine_sources() -> Result<Vec<u8>> {
    let mut sources = Map::new();
    let root = shell::root();
    for folder in ["engine", "labs"] {
        for file in shell::files_below(&root.join(folder))? {
            let name = shell::relative(&file);
            if name.ends_with(".rs") && name.contains("/src/") && is_in_the_browser(&name) {
                sources.insert(name, json!(fs::read_to_string(&file)?));
            }
        }
    }
    Ok(serde_json::to_vec(&sources)?)
}

pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in shell::files_below(from)? {
        let target = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(target.parent().expect("a file has a folder"))?;
        fs::copy(&file, &target).with_context(|| format!("could not copy {}", file.display()))?;
    }
    Ok(())
}

// ---- Sizes ----

/// Prints what a reader downloads for a lab: of the labs' own files the largest counts. The engine's sources are fetched only
/// by those who look at them.
fn report_sizes(check: bool) -> Result<()> {
    let mut total = 0;
    println!("{:<34} {:>10} {:>10}", "web: file", "bytes", "brotli");
    for (key, name) in manifest(&dist())? {
        let Some(bytes) = name.as_str().and_then(|name| fs::read(dist().join(name)).ok()) else { continue };
        let small = brotli_length(&bytes)?;
        println!("{:<34} {:>10} {:>10}", name.as_str().unwrap_or_default(), bytes.len(), small);
        if !matches!(key.as_str(), "sources" | "lab" | "live") {
            total += small;
        }
    }
    let lab = lab_files()?.into_iter().max_by_key(|lab| lab.2);
    if let Some((name, bytes, small)) = lab {
        println!("{name:<34} {bytes:>10} {small:>10}");
        total += small;
    }
    println!("{:<34} {:>10} {:>10}  (budget {BUDGET_BYTES}, without sources)", "web: a chapter's labs", "", total);
    if check && total > BUDGET_BYTES {
        bail!("a chapter's labs are {total} bytes compressed, more than the budget of {BUDGET_BYTES}");
    }
    Ok(())
}

/// The labs' files, with their lengths as they are and compressed.
fn lab_files() -> Result<Vec<(String, usize, usize)>> {
    let manifest = manifest(&dist())?;
    let names = manifest.get("labs").and_then(Value::as_object).into_iter().flat_map(|labs| labs.values());
    let measure = |name: &str| {
        let bytes = fs::read(dist().join(name))?;
        Ok((name.to_owned(), bytes.len(), brotli_length(&bytes)?))
    };
    names.filter_map(Value::as_str).map(measure).collect()
}

fn brotli_length(bytes: &[u8]) -> Result<usize> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 24, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &params)?;
    Ok(compressed.len())
}
