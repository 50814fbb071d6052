//! What stands before every page: who may ask, how, and what browsers are told to allow.
//!
//! The page runs on the reader's own machine, and so does every other site in the reader's browser. A site can point its own name
//! at 127.0.0.1 and read what answers there (DNS rebinding); but then the browser still says that site's name in `Host`. So only
//! names that are ours are answered.

use axum::{
    extract::{Request, State as From},
    http::{
        HeaderValue, Method, StatusCode, Uri,
        header::{self, HeaderName},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Below this path something can be changed, by whoever knows the token.
const CONTROL: &str = "/api/control/";

/// Only our own scripts, styles and data; no frames around us. WASM needs its own word.
///
/// `inline_scripts` are the hashes of scripts within the page, each after a blank.
pub fn content_security_policy(inline_scripts: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{inline_scripts}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Who may ask, and who may change something.
pub struct Guard {
    hosts: Hosts,
    token: Option<String>,
}

impl Guard {
    /// For a server at an address, under the name that it was asked for on the command line. Without a token nothing can be
    /// changed by anybody.
    pub fn new((bound, asked_for): (SocketAddr, &str), token: Option<String>) -> Arc<Self> {
        Arc::new(Guard { hosts: Hosts::new(bound, asked_for), token })
    }

    /// Whether this request may change something: it knows the token, and no page of another site sent it.
    fn may_control(&self, request: &Request) -> bool {
        let Some(token) = &self.token else { return false };
        let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let given = header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let origin = header(header::ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
        given.is_some_and(|given| is_same(given, token)) && origin.is_none_or(|origin| self.hosts.allow(origin))
    }
}

/// Compares secrets without telling by its duration how much of them is right.
fn is_same(given: &str, token: &str) -> bool {
    let differences = given.bytes().zip(token.bytes()).fold(0, |found, (one, other)| found | (one ^ other));
    given.len() == token.len() && differences == 0
}

/// Names that a browser may rightly use for us.
pub struct Hosts {
    bound: SocketAddr,
    asked_for: String,
}

impl Hosts {
    /// The address that was bound, and the name that was asked for on the command line.
    pub fn new(bound: SocketAddr, asked_for: &str) -> Self {
        Hosts { bound, asked_for: asked_for.to_ascii_lowercase() }
    }

    /// Whether `host` (a `Host` header, with or without a port) is one of our names.
    ///
    /// An address can never be somebody else's name, so with a server on all addresses every address is ours.
    pub fn allow(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address: Option<IpAddr> = name.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match address {
            Some(address) => address.is_loopback() || address == self.bound.ip() || self.bound.ip().is_unspecified(),
            None => name == "localhost" || name.ends_with(".localhost") || name == self.asked_for,
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

/// Refuses what may not be asked, and adds the headers that every answer carries.
pub async fn guard(From(guard): From<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&guard, &request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(content_security_policy("")) {
        // A page with scripts of its own has brought its own.
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What has no better word of its own is true only now.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(guard: &Guard, request: &Request) -> Option<(StatusCode, &'static str)> {
    let host = host_of(request.headers().get(header::HOST), request.uri());
    if !host.is_some_and(|host| guard.hosts.allow(host)) {
        let sentence = "This is a local Naru broker, and it only answers to its own address. \
                        Open it as http://localhost or by the address that it printed when it started.\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, sentence));
    }
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    if request.uri().path().starts_with(CONTROL) {
        let sentence = "Only who knows the token may do that: `naru cluster` does, in the data directory's name.\n";
        return (!guard.may_control(request)).then_some((StatusCode::FORBIDDEN, sentence));
    }
    if !reads {
        return Some((StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD: nothing can be changed here over HTTP.\n"));
    }
    None
}

/// The host a request is for. A full address in the request line wins over the header (RFC 9112, section 3.2.2).
fn host_of<'a>(header: Option<&'a HeaderValue>, uri: &'a Uri) -> Option<&'a str> {
    match uri.host() {
        Some(host) => Some(host),
        None => header.and_then(|value| value.to_str().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn our_names_and_no_others() {
        let hosts = Hosts::new("127.0.0.1:8080".parse().unwrap(), "naru.test");
        for ours in
            ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]", "naru.test:8080"]
        {
            assert!(hosts.allow(ours), "{ours} is ours");
        }
        for foreign in
            ["evil.example", "evil.example:8080", "10.0.0.1:8080", "localhost.evil.example", "", ":8080", "[::2]"]
        {
            assert!(!hosts.allow(foreign), "{foreign} is not ours");
        }
    }

    #[test]
    fn a_server_on_all_addresses_answers_to_every_address_and_no_name() {
        let hosts = Hosts::new("0.0.0.0:8080".parse().unwrap(), "0.0.0.0");
        assert!(hosts.allow("192.168.0.7:8080"));
        assert!(!hosts.allow("evil.example:8080"));
    }
}
