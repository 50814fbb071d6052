//! What went wrong in a script, as a sentence with its line: Rhai's errors, Kafka's refusals and used-up budgets.
//!
//! A learner's first error message decides whether there is a second attempt. So: what happened, where, and what to
//! write.

use super::{BudgetUsedUp, KafkaError, UsageError, api::WORDS};
use crate::{recording::ScriptError, text::Text};
use rhai::{EvalAltResult, ParseError, ParseErrorType, Position};

/// What people look for that Kafka, or this lab, does not have.
const NOT_HERE: &[(&str, &str, &str)] = &[
    (
        "rename_topic",
        "Kafka cannot rename a topic: its name is its identity, and its directories' name. Create a new topic and copy the records.",
        "카프카는 토픽 이름을 바꿀 수 없습니다. 이름이 곧 정체이고 디렉터리 이름이기 때문입니다. 새 토픽을 만들고 레코드를 복사하세요.",
    ),
    (
        "subscribe",
        "Consumer groups come in part III of the course. Here every consumer reads on its own: c.assign(\"topic\")",
        "컨슈머 그룹은 3부에서 다룹니다. 여기서는 컨슈머가 각자 읽습니다: c.assign(\"topic\")",
    ),
    (
        "commit",
        "Committed offsets belong to consumer groups, which come in part III of the course. Here a consumer only has its position.",
        "오프셋 커밋은 컨슈머 그룹의 일이고 3부에서 다룹니다. 여기서 컨슈머에게는 현재 위치만 있습니다.",
    ),
    (
        "delete_record",
        "A client cannot delete a single record, only all before an offset: b.delete_records(\"topic\", 0, 5). All else goes with whole old segments.",
        "클라이언트는 레코드 하나만 지울 수 없고, 어떤 오프셋 앞을 모두 지울 수 있을 뿐입니다: b.delete_records(\"topic\", 0, 5). 나머지는 오래된 세그먼트와 함께 사라집니다.",
    ),
    (
        "remove_partitions",
        "Kafka cannot take partitions away from a topic: their records would have nowhere to go.",
        "카프카는 토픽의 파티션을 줄일 수 없습니다. 그 안의 레코드가 갈 곳이 없기 때문입니다.",
    ),
    (
        "move_records",
        "Kafka never moves a record to another partition. Who wants that reads it and sends it again, to another topic.",
        "카프카는 레코드를 다른 파티션으로 옮기지 않습니다. 필요하면 읽어서 다른 토픽으로 다시 보내야 합니다.",
    ),
];

pub(super) fn of_parsing(error: &ParseError) -> ScriptError {
    let words = match error.0.as_ref() {
        ParseErrorType::MissingToken(token, _) => {
            Text::new(format!("Something is missing here: `{token}`."), format!("여기에 `{token}`이(가) 빠졌습니다."))
        }
        ParseErrorType::UnexpectedEOF => Text::new(
            "The script ends in the middle of something: look for a bracket or a quotation mark that is never closed.",
            "스크립트가 중간에 끝났습니다. 닫지 않은 괄호나 따옴표가 있는지 보세요.",
        ),
        ParseErrorType::LiteralTooLarge(what, most) => {
            Text::new(format!("{what} is larger than {most}."), format!("{what}이(가) {most}보다 큽니다."))
        }
        other => Text::new(format!("{other}."), format!("스크립트를 읽을 수 없습니다: {other}.")),
    };
    at(error.1, words)
}

pub(super) fn of_running(error: &EvalAltResult, script: &str) -> ScriptError {
    let position = innermost(error).position();
    match innermost(error) {
        EvalAltResult::ErrorRuntime(value, _) => of_throw(value, position),
        EvalAltResult::ErrorTerminated(value, _) => match value.clone().try_cast::<BudgetUsedUp>() {
            Some(used) => used_up(position, used.name, used.message),
            None => at(position, Text::new("The script was stopped.", "스크립트가 중단됐습니다.")),
        },
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(position, signature),
        EvalAltResult::ErrorVariableNotFound(name, _) => unknown_variable(position, name, script),
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            let known = ["topic", "partition", "offset", "timestamp", "key", "value", "name", "message"];
            let error = at(
                position,
                Text::new(
                    format!("There is no property `{name}` here."),
                    format!("여기에는 `{name}` 속성이 없습니다."),
                ),
            );
            with_nearest(error, nearest(property_name(name), known.into_iter()))
        }
        other => match budget_of(other) {
            Some((name, message)) => used_up(position, name, message),
            None => {
                let words = plain(other);
                at(position, Text::new(format!("{words}."), format!("스크립트 오류: {words}.")))
            }
        },
    }
}

/// Rhai wraps an error once for every function of the script that it passed through.
fn innermost(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => innermost(inner),
        other => other,
    }
}

/// The error's words without Rhai's `(line 3, position 5)`.
fn plain(error: &EvalAltResult) -> String {
    let words = error.to_string();
    words.split(" (line ").next().unwrap_or_default().to_owned()
}

fn of_throw(value: &rhai::Dynamic, position: Position) -> ScriptError {
    if let Some(error) = value.clone().try_cast::<KafkaError>() {
        let words = Text::same(format!("{}: {}", error.name, error.message));
        let help = Text::new(
            "The broker refused. To go on after a refusal, catch it: try { .. } catch (error) { print(error.name); }",
            "브로커가 거절했습니다. 거절된 뒤에도 계속하려면: try { .. } catch (error) { print(error.name); }",
        );
        return ScriptError { help: Some(help), kafka: Some(error.name), ..at(position, words) };
    }
    if let Some(UsageError(words)) = value.clone().try_cast::<UsageError>() {
        return at(position, words);
    }
    let text = value.to_string();
    at(position, Text::new(format!("The script threw: {text}"), format!("스크립트가 던진 오류: {text}")))
}

/// The budgets that Rhai itself keeps, by their names in [`crate::Budget`].
fn budget_of(error: &EvalAltResult) -> Option<(&'static str, Text)> {
    Some(match error {
        EvalAltResult::ErrorTooManyOperations(_) => (
            "operations_max",
            Text::new(
                "The script took too many steps. Is there a loop that never ends?",
                "스크립트가 너무 많은 단계를 실행했습니다. 끝나지 않는 반복문이 있나요?",
            ),
        ),
        EvalAltResult::ErrorStackOverflow(_) => (
            "call_depth_max",
            Text::new(
                "Functions call each other too deeply. Does one call itself without an end?",
                "함수 호출이 너무 깊습니다. 자기 자신을 끝없이 부르는 함수가 있나요?",
            ),
        ),
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            ("data_size_max", Text::new(format!("This grew too large: {what}."), format!("너무 커졌습니다: {what}.")))
        }
        EvalAltResult::ErrorTooManyVariables(_) => {
            ("variables_max", Text::new("There are too many variables.", "변수가 너무 많습니다."))
        }
        _ => return None,
    })
}

fn used_up(position: Position, name: &str, message: Text) -> ScriptError {
    let help = Text::new(
        format!("The run was stopped by its budget `{name}`. Everything up to here was recorded."),
        format!("예산 `{name}`을(를) 다 써서 실행을 멈췄습니다. 여기까지는 모두 기록됐습니다."),
    );
    ScriptError { help: Some(help), budget: Some(name.to_owned()), ..at(position, message) }
}

/// `signature` is Rhai's: `send_too (a producer, &str | ImmutableString | String)`.
fn unknown_function(position: Position, signature: &str) -> ScriptError {
    let name = signature.split([' ', '(']).next().unwrap_or_default();
    if let Some((_, en, ko)) = NOT_HERE.iter().find(|(other, ..)| *other == name) {
        let words = Text::new(format!("There is no function `{name}`."), format!("`{name}` 함수는 없습니다."));
        return ScriptError { help: Some(Text::new(*en, *ko)), ..at(position, words) };
    }
    if let Some((_, usage)) = WORDS.iter().find(|(word, _)| *word == name) {
        let words = Text::new(
            format!("`{name}` cannot be called like this."),
            format!("`{name}` 함수는 이렇게 부를 수 없습니다."),
        );
        let help = Text::new(format!("It is used like this: {usage}"), format!("이렇게 씁니다: {usage}"));
        return ScriptError { help: Some(help), ..at(position, words) };
    }
    let words = Text::new(format!("There is no function `{name}`."), format!("`{name}` 함수는 없습니다."));
    with_nearest(at(position, words), nearest(name, WORDS.iter().map(|(word, _)| *word)))
}

fn unknown_variable(position: Position, name: &str, script: &str) -> ScriptError {
    let words = Text::new(
        format!("There is no variable `{name}`. Was it made with let?"),
        format!("`{name}` 변수가 없습니다. let으로 만들었나요?"),
    );
    let made: Vec<&str> = script
        .split("let ")
        .skip(1)
        .filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next())
        .collect();
    with_nearest(at(position, words), nearest(name, made.into_iter()))
}

fn property_name(words: &str) -> &str {
    words.rsplit(['\'', '`', ' ']).find(|word| !word.is_empty()).unwrap_or(words)
}

fn with_nearest(error: ScriptError, near: Option<&str>) -> ScriptError {
    let help = near.map(|near| Text::new(format!("Did you mean `{near}`?"), format!("`{near}`을(를) 쓰려던 건가요?")));
    ScriptError { help, ..error }
}

fn at(position: Position, message: Text) -> ScriptError {
    ScriptError {
        line: position.line().map(|line| line as u32),
        column: position.position().map(|column| column as u32),
        message,
        help: None,
        kafka: None,
        budget: None,
    }
}

/// The known word that takes the fewest changes to reach, if they are few.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let reach = 1 + word.chars().count() / 3;
    known.map(|other| (changes(&lower, other), other)).filter(|(far, _)| *far <= reach).min().map(|(_, other)| other)
}

/// How many letters were put in, left out, exchanged, or swapped with their neighbour (optimal string alignment).
fn changes(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let exchanged = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
                    let least = exchanged.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
                    if swapped { least.min(rows[i - 2][j - 2] + 1) } else { least }
                }
            };
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word() {
        let words = || WORDS.iter().map(|(word, _)| *word);
        assert_eq!(nearest("sned", words()), Some("send"));
        assert_eq!(nearest("create_topics", words()), Some("create_topic"));
        assert_eq!(nearest("xylophone", words()), None);
    }
}
