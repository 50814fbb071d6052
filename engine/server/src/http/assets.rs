//! The live page and its files, from inside the binary.

use axum::{
    http::{StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};

/// Path and contents, sorted by path: made by `build.rs`.
static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The page when no assets were built in.
const PLAIN: &str = include_str!("plain.html");

/// A file by its path; `/` is the live page.
pub async fn page(uri: Uri) -> Response {
    match uri.path().trim_start_matches('/') {
        "" | "index.html" => live_page(),
        path => match find(path) {
            Some(contents) => file(path, contents),
            None => (StatusCode::NOT_FOUND, "There is no such page. The live page is at /.\n").into_response(),
        },
    }
}

fn live_page() -> Response {
    match find("live.html").or_else(|| find("index.html")) {
        Some(contents) => file("live.html", contents),
        None => ([(header::CACHE_CONTROL, "no-cache")], Html(PLAIN)).into_response(),
    }
}

fn find(path: &str) -> Option<&'static [u8]> {
    let found = EMBEDDED.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
    Some(EMBEDDED[found].1)
}

fn file(path: &str, contents: &'static [u8]) -> Response {
    // A name with a hash means the same bytes for ever; any other is asked for again each time.
    let cache = if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, cache)], contents).into_response()
}

/// Whether a name ends in `-` and a hash of at least 8 hexadecimal digits, before its extension.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches("_bg");
    stem.rsplit_once('-').is_some_and(|(_, hash)| hash.len() >= 8 && hash.chars().all(|c| c.is_ascii_hexdigit()))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_are_kept() {
        for hashed in ["naru-0123456789abcdef.js", "naru-0123456789abcdef_bg.wasm", "naru_bg-0123456789abcdef.wasm"] {
            assert!(is_hashed(hashed), "{hashed}");
        }
        for plain in ["live.html", "manifest.json", "naru-lab.js", "snippets/leptos-1234567/inline0.js"] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }

    #[test]
    fn wasm_has_its_type() {
        assert_eq!(content_type("naru-00ff.wasm"), "application/wasm");
    }

    #[test]
    fn embedded_files_can_be_searched() {
        assert!(EMBEDDED.is_sorted_by_key(|(name, _)| *name));
    }
}
