//! The live page and its files, from inside the binary.

use super::guard::content_security_policy;
use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};

/// Path, contents, and what a page's policy adds for its inline scripts; sorted by path. Made by `build.rs`.
static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The page when no assets were built in.
const PLAIN: &str = include_str!("plain.html");

/// A file by its path; `/` is the live page.
pub async fn page(uri: Uri) -> Response {
    match uri.path().trim_start_matches('/') {
        "" | "index.html" => live_page(),
        path => match find(path) {
            Some(found) => file(found),
            None => (StatusCode::NOT_FOUND, "There is no such page. The live page is at /.\n").into_response(),
        },
    }
}

fn live_page() -> Response {
    match find("live.html").or_else(|| find("index.html")) {
        Some(found) => file(found),
        None => ([(header::CACHE_CONTROL, "no-cache")], Html(PLAIN)).into_response(),
    }
}

/// An embedded file.
type Embedded = (&'static str, &'static [u8], &'static str);

fn find(path: &str) -> Option<&'static Embedded> {
    let found = EMBEDDED.binary_search_by(|(name, ..)| (*name).cmp(path)).ok()?;
    Some(&EMBEDDED[found])
}

fn file(&(path, contents, inline_scripts): &Embedded) -> Response {
    // A name with a hash means the same bytes for ever; any other is asked for again each time.
    let cache = if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let head = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, cache)];
    let mut response = (head, contents).into_response();
    if let Ok(policy) = HeaderValue::try_from(content_security_policy(inline_scripts)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
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
        assert!(EMBEDDED.is_sorted_by_key(|(name, ..)| *name));
    }
}
