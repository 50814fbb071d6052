//! Permalinks: lab, seed, script and what was done by hand in the fragment of an address. The fragment never leaves the reader's browser.

use naru_labs::{InjectedAction, json};

/// What a permalink says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// The seed, if it is not the lab's own.
    pub seed: Option<u64>,
    /// The script, if it is not the lab's own.
    pub script: Option<String>,
    /// What was done by hand.
    pub actions: Vec<InjectedAction>,
}

impl Link {
    /// Reads a fragment, with or without its `#`. What is not understood is left out.
    pub fn parse(fragment: &str) -> Link {
        let mut link = Link::default();
        for pair in fragment.trim_start_matches('#').split('&') {
            match pair.split_once('=') {
                Some(("seed", seed)) => link.seed = seed.parse().ok(),
                Some(("script", script)) => link.script = decode(script),
                Some(("actions", actions)) => {
                    link.actions = decode(actions).and_then(|text| json::read(&text).ok()).unwrap_or_default();
                }
                _ => {}
            }
        }
        link
    }

    /// Writes the fragment, without `#`.
    pub fn fragment(&self) -> String {
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        let script = self.script.as_ref().map(|script| format!("script={}", encode(script)));
        let actions = (!self.actions.is_empty())
            .then(|| format!("actions={}", encode(&serde_json::to_string(&self.actions).expect("plain data"))));
        seed.into_iter().chain(script).chain(actions).collect::<Vec<_>>().join("&")
    }
}

/// The alphabet of base64url (RFC 4648, section 5), without padding.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(text: &str) -> String {
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63] as char);
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for byte in chunk {
            bits = bits << 6 | ALPHABET.iter().position(|letter| letter == byte)? as u32;
        }
        bits <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use naru_labs::Action;
    use naru_trace::Micros;

    #[test]
    fn a_link_comes_back_as_it_was() {
        for script in ["", "a", "ab", "abc", "let p = producer();\nprint(\"한국어 ✓\");\n"] {
            let action = Action::EditByte { broker: 1, path: "orders-0/0.log".into(), position: 61, value: 255 };
            let actions = vec![InjectedAction { at: Micros(9), after: Some(3), action }];
            let link = Link { seed: Some(7), script: Some(script.to_string()), actions };
            assert_eq!(Link::parse(&format!("#{}", link.fragment())), link);
        }
    }

    #[test]
    fn nonsense_is_left_out() {
        assert_eq!(Link::parse("#seed=x&script=@@&actions=QQ&more"), Link::default());
    }
}
