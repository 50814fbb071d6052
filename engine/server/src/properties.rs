//! Java's `.properties` format, as far as brokers' configuration files use it.

use std::collections::BTreeMap;

/// Keys and values. A later line wins over an earlier one, as in Java.
///
/// Comments begin with `#` or `!`; the first `=`, `:` or blank ends the key; a `\` at the end of a line goes on with the next.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for line in logical_lines(text) {
        let end = line.find(['=', ':', ' ', '\t']).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        let rest = rest.trim_start();
        let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
        properties.insert(unescape(key), unescape(value));
    }
    properties
}

fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        let line = line.trim_start();
        if current.is_empty() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            current.push_str(&line[..line.len() - 1]);
            continue;
        }
        current.push_str(line);
        lines.push(std::mem::take(&mut current));
    }
    if !current.is_empty() {
        lines.push(current);
    }
    lines
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_file_as_people_write_it() {
        let properties = parse(
            "# the broker\n! another comment\nnode.id=1\nlog.dirs = /tmp/kafka\\ logs\nlisteners: PLAINTEXT://:9092\n\
             a.list=one,\\\n    two\nnode.id = 7\nempty=\nflag\n",
        );
        let expected = [
            ("a.list", "one,two"),
            ("empty", ""),
            ("flag", ""),
            ("listeners", "PLAINTEXT://:9092"),
            ("log.dirs", "/tmp/kafka logs"),
            ("node.id", "7"),
        ];
        let found: Vec<(&str, &str)> = properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }
}
