//! Naming templates: `<env>.<team>.<app>.<type>`.
//!
//! Kafka itself knows nothing of templates; teams agree on one and check it where topics are made. A field matches
//! letters, digits, `-` and `_`, at least one: the dot is left to separate fields. `<env:dev|prd>` allows only the
//! words listed, and `<JIRA>` an issue's key like `jira-1234`. Deliberately smaller than regular expressions, so that
//! an error can be said in words.

use crate::text::Text;
use naru_trace::SortedSet;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field { name: String, words: Vec<String> },
}

impl Template {
    /// Reads a template. The error says what is wrong with it.
    pub fn parse(source: &str) -> Result<Template, Text> {
        let mut parts = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            let (part, after) = match rest.strip_prefix('<') {
                Some(inside) => parse_field(inside, parts.last())?,
                None => parse_literal(rest)?,
            };
            parts.push(part);
            rest = after;
        }
        let template = Template { source: source.to_owned(), parts };
        if template.fields() == 0 {
            return Err(Text::new(
                format!("the template \"{source}\" has no field: write fields like <team>"),
                format!("템플릿 \"{source}\"에 필드가 없습니다. <team>처럼 필드를 쓰세요"),
            ));
        }
        Ok(template)
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many fields it has.
    pub fn fields(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part, Part::Field { .. })).count()
    }

    /// Whether `name` is made after this template.
    pub fn matches(&self, name: &str) -> bool {
        matches_all(&self.parts, name)
    }

    /// Why `name` does not match, or `None` if it does.
    pub fn complaint(&self, name: &str) -> Option<Text> {
        if self.matches(name) {
            return None;
        }
        let separators = |text: &str| text.chars().filter(|letter| *letter == '.').count() + 1;
        let (wanted, found) = (separators(&self.source), separators(name));
        let template = &self.source;
        if wanted != found {
            return Some(Text::new(
                format!("{template} has {wanted} parts between its dots, \"{name}\" has {found}"),
                format!("{template}에는 점으로 나뉜 부분이 {wanted}개인데 \"{name}\"에는 {found}개입니다"),
            ));
        }
        Some(Text::new(
            format!("\"{name}\" does not fit {template}"),
            format!("\"{name}\"은(는) {template}에 맞지 않습니다"),
        ))
    }
}

fn parse_field<'a>(inside: &'a str, before: Option<&Part>) -> Result<(Part, &'a str), Text> {
    let Some((field, after)) = inside.split_once('>') else {
        return Err(Text::new("a field begins with < and never ends with >", "<로 시작한 필드가 >로 끝나지 않습니다"));
    };
    if matches!(before, Some(Part::Field { .. })) {
        return Err(Text::new(
            format!("the field <{field}> follows another one directly: put a dot or a dash between them"),
            format!("필드 <{field}> 바로 앞에 다른 필드가 있습니다. 사이에 점이나 대시를 넣으세요"),
        ));
    }
    let (name, words) = field.split_once(':').unwrap_or((field, ""));
    let words: Vec<String> = words.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if name.trim().is_empty() {
        return Err(Text::new("a field needs a name: <team>", "필드에는 이름이 필요합니다: <team>"));
    }
    if let Some(word) = words.iter().find(|word| !word.chars().all(is_name_letter)) {
        return Err(not_allowed(word));
    }
    Ok((Part::Field { name: name.to_owned(), words }, after))
}

fn parse_literal(rest: &str) -> Result<(Part, &str), Text> {
    let end = rest.find('<').unwrap_or(rest.len());
    let (literal, after) = rest.split_at(end);
    match literal.chars().all(is_name_letter) {
        true => Ok((Part::Literal(literal.to_owned()), after)),
        false => Err(not_allowed(literal)),
    }
}

fn not_allowed(words: &str) -> Text {
    Text::new(
        format!("\"{words}\" can never stand in a topic's name: only letters a-z, digits and . _ - can"),
        format!("\"{words}\"은(는) 토픽 이름에 쓸 수 없습니다. 영문자, 숫자, . _ - 만 쓸 수 있습니다"),
    )
}

/// What Kafka allows in a topic's name.
pub(crate) fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')
}

fn is_jira(field: &str) -> bool {
    field.to_ascii_lowercase().contains("jira")
}

/// Names that are longer are refused by every broker, and cost time here.
const NAME_BYTES_MAX: usize = 1_000;

/// Walks the parts once, with all places in the name that could have been reached so far: no template takes long to
/// match.
fn matches_all(parts: &[Part], name: &str) -> bool {
    if name.len() > NAME_BYTES_MAX || !name.is_ascii() {
        return false;
    }
    let mut reached = SortedSet::from([0]);
    for part in parts {
        reached = reached.into_iter().flat_map(|place| ends_of(part, name, place)).collect();
    }
    reached.contains(&name.len())
}

/// Where a part that begins at `start` can end.
fn ends_of(part: &Part, name: &str, start: usize) -> Vec<usize> {
    let rest = &name[start..];
    match part {
        Part::Literal(text) => rest.starts_with(text.as_str()).then_some(start + text.len()).into_iter().collect(),
        Part::Field { words, name } if words.is_empty() => {
            let longest = rest.find(|letter| !is_field_letter(letter)).unwrap_or(rest.len());
            let fits = |length: &usize| !is_jira(name) || is_issue_key(&rest[..*length]);
            (1..=longest).filter(fits).map(|length| start + length).collect()
        }
        Part::Field { words, .. } => {
            let fitting = words.iter().filter(|word| rest.starts_with(word.as_str()));
            fitting.map(|word| start + word.len()).collect()
        }
    }
}

fn is_field_letter(letter: char) -> bool {
    letter != '.' && is_name_letter(letter)
}

/// `jira-1234`, `PAY-7`: letters and digits, a dash, digits.
fn is_issue_key(text: &str) -> bool {
    let Some((project, number)) = text.split_once('-') else { return false };
    project.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && project.chars().all(|letter| letter.is_ascii_alphanumeric())
        && !number.is_empty()
        && number.chars().all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(source: &str) -> Template {
        Template::parse(source).unwrap()
    }

    #[test]
    fn the_examples_of_the_notes() {
        for (source, name) in [
            ("<env>.<team>.<app>.<type>", "prd.marketing-team.sms-platform.json"),
            ("<project>.<service>.<env>.<event>", "commerece.payment.prd.notification"),
            ("<env>.<service>.<JIRA>.<type>", "dev.email-sender.jira-1234.email-vo-custom"),
            ("<cluster>.<env>.<service>.<type>", "aws-kafka.live.marketing-platform.json"),
        ] {
            assert!(template(source).matches(name), "{source} {name}");
            assert!(!template(source).matches("orders"));
            assert!(template(source).complaint("orders").is_some());
        }
    }

    #[test]
    fn fields_keep_to_their_words() {
        let team = template("<env:dev|prd>-<app>");
        assert!(team.matches("dev-a") && team.matches("prd-a-b") && !team.matches("qa-a") && !team.matches("dev-"));
        assert!(!template("<env>.<service>.<JIRA>.<type>").matches("dev.email.1234.json"));
        assert!(!template("<a>.<b>").matches("a.b.c") && !template("<a>.<b>").matches("a."));
    }

    #[test]
    fn a_nasty_template_takes_no_time() {
        let nasty = template("<a>-<b>-<c>-<d>-<e>-<f>-<g>-<h>.x");
        assert!(!nasty.matches(&"-a".repeat(499)) && !nasty.matches(&"x".repeat(100_000)));
        assert!(nasty.matches("a-b-c-d-e-f-g-h-i.x") && !nasty.matches("\u{1100}-b"));
    }

    #[test]
    fn what_is_no_template() {
        for source in ["", "orders", "<a", "<a><b>", "<>", "<team>/<app>", "<a:x y>"] {
            assert!(Template::parse(source).is_err(), "{source}");
        }
    }
}
