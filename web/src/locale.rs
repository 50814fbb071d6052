//! The two languages, as the visualizer handles them. Which one to begin with is found out by `naru-lab.js`.

pub use naru_labs::Locale;

/// The language of a tag such as `ko-KR`; English for everything else.
pub fn of_tag(tag: &str) -> Locale {
    if tag.starts_with("ko") { Locale::Ko } else { Locale::En }
}

/// The other of the two.
pub fn other(locale: Locale) -> Locale {
    match locale {
        Locale::En => Locale::Ko,
        Locale::Ko => Locale::En,
    }
}

/// The tag for `lang` attributes and for saving.
pub fn tag(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "en",
        Locale::Ko => "ko",
    }
}
