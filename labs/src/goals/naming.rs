//! Predicates about topics' names: which were refused and why ([`crate::refusal`]), which fit a template
//! ([`crate::template`]).

use super::Verdict;
use crate::{facts::Facts, refusal::Reason, template::Template};

pub(super) fn refused(facts: &Facts, reason: Reason) -> Verdict {
    match facts.refused.iter().find(|refusal| refusal.reason == Some(reason)) {
        Some(refusal) => {
            let name = shortened(&refusal.topic);
            let error = &refusal.error;
            Verdict::new(
                true,
                format!("\"{name}\" was refused: {error}."),
                format!("\"{name}\": {error} 오류로 거절됐습니다."),
            )
        }
        None => {
            let others = facts.refused.len();
            Verdict::new(
                false,
                format!("No name was refused for this reason yet ({others} for another)."),
                format!("이 이유로 거절된 이름이 아직 없습니다(다른 이유: {others}개)."),
            )
        }
    }
}

pub(super) fn covered(facts: &Facts, templates: &[String]) -> Verdict {
    let parsed: Vec<Template> = templates.iter().filter_map(|source| Template::parse(source).ok()).collect();
    let names: Vec<&str> = facts.living(None).map(|(name, _)| name.as_str()).collect();
    let mut taken = vec![false; names.len()];
    let met = parsed.len() == templates.len() && cover(&parsed, &names, &mut taken);
    let bare: Vec<&str> =
        parsed.iter().filter(|one| !names.iter().any(|name| one.matches(name))).map(Template::source).collect();
    let (en, ko) = match (met, bare.is_empty()) {
        (true, _) => ("Every template has its topic.".into(), "모든 템플릿에 맞는 토픽이 있습니다.".into()),
        (false, true) => (
            "One topic cannot stand for two templates: there are too few topics.".into(),
            "토픽 하나가 템플릿 두 개를 대신할 수 없습니다. 토픽이 모자랍니다.".into(),
        ),
        (false, false) => (
            format!("No topic fits {} yet.", bare.join(" or ")),
            format!("아직 맞는 토픽이 없는 템플릿: {}.", bare.join(", ")),
        ),
    };
    Verdict::new(met, en, ko)
}

/// Finds a different name for every template, by trying. There are four templates and a few names.
fn cover(templates: &[Template], names: &[&str], taken: &mut [bool]) -> bool {
    let Some((first, others)) = templates.split_first() else { return true };
    for index in 0..names.len() {
        if !taken[index] && first.matches(names[index]) {
            taken[index] = true;
            if cover(others, names, taken) {
                return true;
            }
            taken[index] = false;
        }
    }
    false
}

/// The template must have so many fields, and so many topics must fit it.
pub(super) fn own_template(
    facts: &Facts,
    besides: &[String],
    (fields, topics): (usize, usize),
    examples: &[String],
) -> Verdict {
    let candidates = own_templates(facts, besides).map(|one| {
        let fitting = facts.living(None).filter(|(name, _)| one.matches(name) && !examples.contains(name)).count();
        let (source, has) = (one.source(), one.fields());
        let verdict = Verdict::new(
            has >= fields && fitting >= topics,
            format!("Your template {source} has {has} fields, and {fitting} topics fit it ({topics} are wanted)."),
            format!("내 템플릿 {source}: 필드 {has}개, 맞는 토픽 {fitting}개({topics}개 필요)."),
        );
        (fitting, verdict)
    });
    let none = made_template(facts, besides);
    super::best(candidates, none)
}

pub(super) fn made_template(facts: &Facts, besides: &[String]) -> Verdict {
    match own_templates(facts, besides).next() {
        Some(own) => {
            let source = own.source();
            Verdict::new(true, format!("Your template is {source}."), format!("내 템플릿: {source}."))
        }
        None => Verdict::new(
            false,
            "The script has no template of its own yet.",
            "스크립트에 내가 만든 템플릿이 아직 없습니다.",
        ),
    }
}

/// The script's templates that are not copied. Other words for the fields make it one's own; other capitals do not.
fn own_templates(facts: &Facts, besides: &[String]) -> impl Iterator<Item = Template> {
    let copied = |source: &String| besides.iter().any(|other| other.to_lowercase() == source.to_lowercase());
    facts.templates.iter().filter(move |source| !copied(source)).filter_map(|source| Template::parse(source).ok())
}

fn shortened(name: &str) -> String {
    match name.chars().count() {
        0..=40 => name.to_owned(),
        letters => format!("{}… ({letters})", name.chars().take(12).collect::<String>()),
    }
}
