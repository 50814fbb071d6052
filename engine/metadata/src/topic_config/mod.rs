//! The configuration keys of topics: what they may be set to, and what holds if they are not set.
//!
//! A topic's value for a key is, in this order: what was set for the topic; what the broker was started with, often under
//! another name (`log.retention.hours` for `retention.ms`); Kafka's default. The keys themselves stand in [`table`].

#[cfg(feature = "documentation")]
mod documentation;
pub mod table;

use crate::{ApiError, Settings};
use alloc::{format, string::String, string::ToString};
use core::fmt;
use naru_trace::SortedMap;
use naru_wire::ErrorCode;
pub use table::TOPIC_CONFIGS;

/// A configuration key of topics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopicConfig {
    /// The key: `retention.ms`.
    pub name: &'static str,
    /// The type of its value.
    pub kind: ConfigType,
    /// What holds if nothing is set, as text.
    pub default: &'static str,
    /// Which values of the type are allowed.
    pub valid: Valid,
    /// The broker's keys that give the default, the strongest first.
    pub synonyms: &'static [Synonym],
}

/// The type of a value. The numbers are those of DescribeConfigs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean = 1,
    /// Text.
    String = 2,
    /// A number of 32 bits.
    Int = 3,
    /// A number of 64 bits.
    Long = 5,
    /// A number with a fraction.
    Double = 6,
    /// Texts with commas between them.
    List = 7,
}

/// Which values are allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Valid {
    /// All of the type.
    Any,
    /// This number or a larger one.
    AtLeast(i64),
    /// A number from the first to the second.
    Between(i64, i64),
    /// A number from the first to the second, or the third.
    BetweenOr(i64, i64, i64),
    /// One of these texts (of a list: every element is one of them).
    OneOf(&'static [&'static str]),
    /// `*`, or elements of the form `partition:broker`.
    Replicas,
}

/// A key of the broker that gives a topic's key its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synonym {
    /// The broker's key.
    pub name: &'static str,
    /// The topic's value is the broker's times this (hours to milliseconds); 1 for no change.
    pub factor: i64,
}

/// Where a value comes from. The numbers are those of DescribeConfigs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    /// It was set for the topic.
    DynamicTopic = 1,
    /// It was set for this broker while it ran.
    DynamicBroker = 2,
    /// It was set for all brokers while they ran.
    DynamicDefaultBroker = 3,
    /// The broker was started with it.
    StaticBroker = 4,
    /// Nobody set it.
    Default = 5,
}

/// The definition of a key, if there is such a key.
pub fn definition(name: &str) -> Option<&'static TopicConfig> {
    TOPIC_CONFIGS.iter().find(|config| config.name == name)
}

/// What a key does, in a sentence or two; empty for a program that does not carry the documentation.
pub fn documentation(name: &str) -> &'static str {
    #[cfg(feature = "documentation")]
    return documentation::of(name).unwrap_or_default();
    #[cfg(not(feature = "documentation"))]
    {
        let _ = name;
        ""
    }
}

/// The topic's key whose default a broker's key gives: `retention.ms` for `log.retention.hours`.
pub fn broker_key(name: &str) -> Option<&'static TopicConfig> {
    TOPIC_CONFIGS.iter().find(|config| config.synonyms.iter().any(|synonym| synonym.name == name))
}

/// The same for the broker's keys that can change while it runs: of several names for one key, the strongest
/// (`DynamicLogConfig.RECONFIGURABLE_CONFIGS`).
pub fn dynamic_broker_key(name: &str) -> Option<&'static TopicConfig> {
    TOPIC_CONFIGS.iter().find(|config| config.synonyms.first().is_some_and(|synonym| synonym.name == name))
}

/// The value of a topic's key and where it comes from. `configs` is what was set for the topic.
///
/// The value is normalised: without blanks around it, as Kafka shows it.
pub fn effective(
    config: &TopicConfig,
    configs: &SortedMap<String, String>,
    settings: &Settings,
) -> (String, ConfigSource) {
    if let Some(value) = configs.get(config.name) {
        return (normalised(value, config.kind), ConfigSource::DynamicTopic);
    }
    match config.synonyms.iter().find_map(|synonym| synonym.value(settings)) {
        Some((value, source)) => (normalised(&value, config.kind), source),
        None => (config.default.into(), ConfigSource::Default),
    }
}

/// The value of a numeric key (`segment.bytes`), as a topic with these `configs` has it. Panics if there is no such key.
pub fn number(name: &str, configs: &SortedMap<String, String>, settings: &Settings) -> i64 {
    let config = definition(name).expect("the engine asks for keys that exist");
    let (value, _) = effective(config, configs, settings);
    // A topic's values were checked when they were set; the broker's own may be nonsense, and then the default holds.
    value.parse().or_else(|_| config.default.parse()).expect("the default of a numeric key is a number")
}

/// The value of a key as text (`cleanup.policy`), as a topic with these `configs` has it. Panics if there is no such key.
pub fn text(name: &str, configs: &SortedMap<String, String>, settings: &Settings) -> String {
    let config = definition(name).expect("the engine asks for keys that exist");
    effective(config, configs, settings).0
}

/// Checks what is to be set for a topic, all keys together. The sentences are Kafka's.
pub fn validate(configs: &SortedMap<String, String>) -> Result<(), ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidConfig, message);
    for name in configs.keys() {
        if definition(name).is_none() {
            return Err(invalid(format!("Unknown topic config name: {name}")));
        }
    }
    for config in TOPIC_CONFIGS {
        if let Some(value) = configs.get(config.name) {
            config.validate(value).map_err(invalid)?;
        }
    }
    validate_together(configs).map_err(invalid)
}

/// Rules between keys (`LogConfig.validateTopicLogConfigValues`).
fn validate_together(configs: &SortedMap<String, String>) -> Result<(), String> {
    let number = |name: &str| {
        let config = definition(name).expect("a key of the table");
        let value = configs.get(name).map_or(config.default, |value| value.trim());
        value.parse::<i64>().expect("it was validated before")
    };
    let (min_lag, max_lag) = (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"));
    if min_lag > max_lag {
        return Err(format!(
            "conflict topic config setting min.compaction.lag.ms ({min_lag}) > max.compaction.lag.ms ({max_lag})"
        ));
    }
    if configs.get("remote.storage.enable").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return Err("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote \
                    log storage."
            .to_string());
    }
    Ok(())
}

impl TopicConfig {
    /// Whether the key is shown to people: those that are for tests only are shown where somebody has set them.
    pub fn is_shown(&self, configs: &SortedMap<String, String>) -> bool {
        !self.name.starts_with("internal.") || configs.contains_key(self.name)
    }

    /// The broker's key that has a default, the weakest, and that default in its unit.
    pub fn broker_default(&self) -> Option<(&'static str, String)> {
        let weakest = self.synonyms.last()?;
        let default = match weakest.factor {
            1 => self.default.to_string(),
            factor => (self.default.parse::<i64>().ok()? / factor).to_string(),
        };
        Some((weakest.name, default))
    }

    /// Checks a value under another name of the key: the broker's.
    pub fn validate_as(&self, name: &'static str, value: &str) -> Result<(), String> {
        TopicConfig { name, ..*self }.validate(value)
    }

    /// Checks one value. The error is Kafka's sentence.
    pub fn validate(&self, value: &str) -> Result<(), String> {
        let trimmed = value.trim();
        match self.kind {
            ConfigType::Boolean if is_boolean(trimmed) => Ok(()),
            ConfigType::Boolean => Err(self.error(value, "Expected value to be either true or false")),
            ConfigType::Int => match trimmed.parse::<i32>() {
                Ok(number) => self.validate_number(number.into()),
                Err(_) => Err(self.error(value, "Not a number of type INT")),
            },
            ConfigType::Long => match trimmed.parse::<i64>() {
                Ok(number) => self.validate_number(number),
                Err(_) => Err(self.error(value, "Not a number of type LONG")),
            },
            ConfigType::Double => self.validate_ratio(value, trimmed),
            ConfigType::String => self.validate_text(trimmed),
            ConfigType::List => self.validate_list(trimmed),
        }
    }

    fn validate_number(&self, number: i64) -> Result<(), String> {
        let (min, max, or) = match self.valid {
            Valid::AtLeast(min) => (min, i64::MAX, None),
            Valid::Between(min, max) => (min, max, None),
            Valid::BetweenOr(min, max, or) => (min, max, Some(or)),
            Valid::Any | Valid::OneOf(_) | Valid::Replicas => return Ok(()),
        };
        if (min..=max).contains(&number) || or == Some(number) {
            return Ok(());
        }
        Err(match or {
            Some(or) => self.error(number, format!("Value must be between {min} and {max} or equal to {or}")),
            None if number < min => self.error(number, format!("Value must be at least {min}")),
            None => self.error(number, format!("Value must be no more than {max}")),
        })
    }

    /// The only key of this type, `min.cleanable.dirty.ratio`, is a ratio.
    fn validate_ratio(&self, value: &str, trimmed: &str) -> Result<(), String> {
        match trimmed.parse::<f64>() {
            Err(_) => Err(self.error(value, "Not a number of type DOUBLE")),
            Ok(ratio) if ratio < 0.0 => Err(self.error(format!("{ratio:?}"), "Value must be at least 0")),
            Ok(ratio) if ratio > 1.0 => Err(self.error(format!("{ratio:?}"), "Value must be no more than 1")),
            // What Kafka would take as well (1e-1, NaN) is refused rather than misunderstood later.
            Ok(_) if !trimmed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                Err(self.error(value, "Write it with digits and a point, for example 0.5"))
            }
            Ok(_) => Ok(()),
        }
    }

    fn validate_text(&self, text: &str) -> Result<(), String> {
        match self.valid {
            Valid::OneOf(allowed) if !allowed.contains(&text) => {
                Err(self.error(text, format!("String must be one of: {}", allowed.join(", "))))
            }
            _ => Ok(()),
        }
    }

    fn validate_list(&self, list: &str) -> Result<(), String> {
        if list.is_empty() {
            return Ok(());
        }
        if self.valid == Valid::Replicas {
            return self.validate_replicas(list);
        }
        list.split(',').try_for_each(|element| self.validate_text(element.trim()))
    }

    fn validate_replicas(&self, list: &str) -> Result<(), String> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_replica = |element: &str| {
            element.trim().split_once(':').is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
        };
        if list == "*" || list.split(',').all(is_replica) {
            return Ok(());
        }
        let elements: alloc::vec::Vec<&str> = list.split(',').map(str::trim).collect();
        let rule = format!(
            "{} must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],...",
            self.name
        );
        Err(self.error(format!("[{}]", elements.join(", ")), rule))
    }

    fn error(&self, value: impl fmt::Display, rule: impl fmt::Display) -> String {
        format!("Invalid value {value} for configuration {}: {rule}", self.name)
    }
}

impl Synonym {
    /// The topic's value, if the broker has this key, and who set it there.
    pub fn value(&self, settings: &Settings) -> Option<(String, ConfigSource)> {
        let (value, source) = settings.broker_values(self.name).next()?;
        if self.factor == 1 {
            return Some((value.into(), source));
        }
        let number: i64 = value.trim().parse().ok()?;
        number.checked_mul(self.factor).map(|number| (number.to_string(), source))
    }
}

fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// A value as Kafka shows it after it has read it.
fn normalised(value: &str, kind: ConfigType) -> String {
    let value = value.trim();
    match kind {
        ConfigType::Boolean => value.to_ascii_lowercase(),
        ConfigType::List => {
            let elements: alloc::vec::Vec<&str> = value.split(',').map(str::trim).collect();
            elements.join(",")
        }
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests;
