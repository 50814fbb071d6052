//! Syntax colours for the two languages on screen, Rhai and Rust: a tokenizer of a few rules, not a parser.

/// What a stretch of source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tint {
    /// Nothing special.
    Plain,
    /// A word of the language.
    Keyword,
    /// Text in quotes.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// The name of something that is called.
    Call,
}

impl Tint {
    /// The style sheet's name for it.
    pub fn class(self) -> &'static str {
        match self {
            Tint::Plain => "",
            Tint::Keyword => "kw",
            Tint::Text => "st",
            Tint::Number => "nu",
            Tint::Comment => "cm",
            Tint::Call => "fu",
        }
    }
}

const KEYWORDS: &[&str] = &[
    "as", "async", "break", "const", "continue", "catch", "crate", "do", "else", "enum", "false", "fn", "for", "if",
    "impl", "in", "let", "loop", "match", "mod", "move", "mut", "print", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "switch", "this", "throw", "trait", "true", "try", "type", "until", "use", "where",
    "while",
];

/// The lines of a source, each as stretches with their tints.
pub fn lines(source: &str) -> Vec<Vec<(Tint, String)>> {
    let mut lines = vec![Vec::new()];
    let mut rest = source;
    while !rest.is_empty() {
        let (tint, length) = token(rest);
        let (now, later) = rest.split_at(length);
        for (number, piece) in now.split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            push(lines.last_mut().expect("there is always a last line"), tint, piece);
        }
        rest = later;
    }
    lines
}

/// Neighbours of the same tint become one stretch: fewer elements on the page.
fn push(line: &mut Vec<(Tint, String)>, tint: Tint, piece: &str) {
    match line.last_mut() {
        _ if piece.is_empty() => {}
        Some((last, text)) if *last == tint => text.push_str(piece),
        _ => line.push((tint, piece.to_string())),
    }
}

/// The first token of `rest` and its length in bytes, at least one character.
fn token(rest: &str) -> (Tint, usize) {
    let first = rest.chars().next().expect("rest is not empty");
    if rest.starts_with("//") {
        return (Tint::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Tint::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    match first {
        '"' | '`' => (Tint::Text, quoted(rest, first)),
        '\'' => character(rest),
        c if c.is_ascii_digit() => (Tint::Number, span(rest, |c| c.is_ascii_alphanumeric() || c == '_')),
        c if c.is_alphabetic() || c == '_' => {
            let length = span(rest, |c| c.is_alphanumeric() || c == '_');
            let tint = match &rest[..length] {
                word if KEYWORDS.contains(&word) => Tint::Keyword,
                _ if rest[length..].starts_with('(') || rest[length..].starts_with("!(") => Tint::Call,
                _ => Tint::Plain,
            };
            (tint, length)
        }
        c => (Tint::Plain, c.len_utf8()),
    }
}

fn span(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

/// The length of a text in quotes, with its quotes; an unclosed one ends with its line, except between backquotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    if quote == '`' { rest.len() } else { rest.find('\n').unwrap_or(rest.len()) }
}

/// A character in quotes, or a Rust lifetime, which looks like one without its end.
fn character(rest: &str) -> (Tint, usize) {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_), _) => (Tint::Text, rest[2..].find('\'').map_or(1, |end| end + 3)),
        (Some(_), Some((at, '\'')), _) => (Tint::Text, at + 1),
        _ => (Tint::Plain, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        for source in ["", "\n", "let a = \"x\n", "`${i}`\n// 한국어\n'a 'b' '\\n'", include_str!("tint.rs")] {
            let back: Vec<String> =
                lines(source).iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect();
            assert_eq!(back.join("\n"), source);
        }
    }

    #[test]
    fn a_line_of_a_lab() {
        let line = &lines("p.send(\"a\", 7); // go")[0];
        let tints: Vec<_> =
            line.iter().filter(|(tint, _)| *tint != Tint::Plain).map(|(tint, text)| (*tint, &**text)).collect();
        let expected = [(Tint::Call, "send"), (Tint::Text, "\"a\""), (Tint::Number, "7"), (Tint::Comment, "// go")];
        assert_eq!(tints, expected);
    }
}
