//! Small pieces of HTML that survive inside Markdown.

/// Text as HTML, with line ends written as entities: a blank line would end the block of HTML that the text stands in.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Like [`escape`], with `` `code` `` as code, which is all the Markdown that a lab's words use.
pub fn with_code(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.trim().split('`').enumerate() {
        let part = escape(part);
        html.push_str(&if index % 2 == 1 { format!("<code>{part}</code>") } else { part });
    }
    html
}

/// A fenced block of code, with a fence longer than any inside.
pub fn fenced(language: &str, text: &str) -> String {
    let text = text.trim_end();
    format!("````{language}\n{text}\n````")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_cannot_end_the_block() {
        assert_eq!(escape("a <b>\n\n\"c\" & d"), "a &lt;b&gt;&#10;&#10;&quot;c&quot; &amp; d");
    }

    #[test]
    fn backquotes_are_code() {
        assert_eq!(with_code("see `a < b` there"), "see <code>a &lt; b</code> there");
    }
}
