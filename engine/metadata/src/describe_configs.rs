//! DescribeConfigs: what is set for a topic or a broker, and where it comes from.

use crate::{
    ApiError, Image, Settings,
    image::{RESOURCE_BROKER, RESOURCE_TOPIC},
    topic_config::{self, ConfigSource, ConfigType, TOPIC_CONFIGS, TopicConfig},
    topic_name,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use naru_trace::{SortedMap, SortedSet};
use naru_wire::{
    ErrorCode, StrBytes,
    messages::{
        DescribeConfigsRequest,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
    },
};

/// Answers every resource of a request.
pub fn describe_configs(
    image: &Image,
    settings: &Settings,
    request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResult> {
    let answer = |resource: &DescribeConfigsResource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match describe(image, settings, resource) {
            Ok(configs) => result.with_error_message(None).with_configs(only_asked_for(configs, resource, request)),
            Err(error) => result.with_error_code(error.code.code()).with_error_message(Some(error.message.into())),
        }
    };
    request.resources.iter().map(answer).collect()
}

fn describe(
    image: &Image,
    settings: &Settings,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
    match resource.resource_type {
        RESOURCE_TOPIC => describe_topic(image, settings, &resource.resource_name),
        RESOURCE_BROKER => describe_broker(settings, &resource.resource_name),
        other => Err(ApiError::new(ErrorCode::InvalidRequest, format!("Unsupported resource type: {other}"))),
    }
}

fn describe_topic(
    image: &Image,
    settings: &Settings,
    name: &str,
) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
    topic_name::validate(name).map_err(|message| ApiError::new(ErrorCode::InvalidTopicException, message))?;
    // Kafka sends no sentence with this one.
    let unknown = ApiError::new(ErrorCode::UnknownTopicOrPartition, "");
    let configs = &image.topic(name).ok_or(unknown)?.configs;
    let shown = TOPIC_CONFIGS.iter().filter(|config| config.is_shown(configs));
    Ok(shown.map(|config| topic_entry(config, configs, settings)).collect())
}

fn topic_entry(
    config: &'static TopicConfig,
    configs: &SortedMap<String, String>,
    settings: &Settings,
) -> DescribeConfigsResourceResult {
    let (value, _) = topic_config::effective(config, configs, settings);
    let mut synonyms = Vec::new();
    if configs.contains_key(config.name) {
        synonyms.push(synonym(config.name, &value, ConfigSource::DynamicTopic));
    }
    if let Some(strongest) = config.synonyms.first() {
        synonyms.extend(broker_synonyms(strongest.name, settings));
    }
    entry(config.name, Some(value), config.kind, synonyms)
        .with_documentation(Some(StrBytes::from_static_str(topic_config::documentation(config.name))))
}

/// What this broker was started with, what was set since, and the defaults of its topics. What is not a default of topics is
/// read once, at start.
fn describe_broker(settings: &Settings, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
    if name.is_empty() {
        // The settings that all brokers share.
        let shared = settings.dynamic_default_configs.keys().map(|key| broker_entry(key, settings));
        let only_shared = |mut entry: DescribeConfigsResourceResult| {
            entry.synonyms.retain(|synonym| synonym.source == ConfigSource::DynamicDefaultBroker as i8);
            entry.value = entry.synonyms.first().and_then(|synonym| synonym.value.clone());
            entry.with_config_source(ConfigSource::DynamicDefaultBroker as i8)
        };
        return Ok(shared.map(only_shared).collect());
    }
    if name.parse() != Ok(settings.node_id) {
        let message = format!("Unexpected broker id, expected {}, but received {name}", settings.node_id);
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let defaults = TOPIC_CONFIGS.iter().filter_map(|config| config.synonyms.last()).map(|synonym| synonym.name);
    let set = [&settings.static_configs, &settings.dynamic_configs, &settings.dynamic_default_configs];
    let set = set.into_iter().flat_map(|configs| configs.keys().map(String::as_str));
    let keys: SortedSet<&str> = defaults.chain(set).collect();
    Ok(keys.into_iter().map(|key| broker_entry(key, settings)).collect())
}

fn broker_entry(key: &str, settings: &Settings) -> DescribeConfigsResourceResult {
    let topic_config = topic_config::broker_key(key);
    let kind = topic_config.map_or(ConfigType::String, |config| config.kind);
    let documentation = topic_config.map_or("", |config| topic_config::documentation(config.name));
    let synonyms = broker_synonyms(key, settings);
    let value = synonyms.first().and_then(|synonym| synonym.value.as_ref()).map(|value| value.to_string());
    entry(key, value, kind, synonyms)
        .with_read_only(topic_config::dynamic_broker_key(key).is_none())
        .with_documentation(Some(StrBytes::from_static_str(documentation)))
}

/// Every value that a broker's key was given, under this name or another: by who gave it first, by the name's strength
/// second. What comes before the first value under this very name is left out, all if there is none
/// (`ConfigHelper.configSynonyms`).
fn broker_synonyms(key: &str, settings: &Settings) -> Vec<DescribeConfigsSynonym> {
    let config = topic_config::broker_key(key);
    let names: Vec<&str> = match config {
        Some(config) => config.synonyms.iter().map(|synonym| synonym.name).collect(),
        None => vec![key],
    };
    let sources = [ConfigSource::DynamicBroker, ConfigSource::DynamicDefaultBroker, ConfigSource::StaticBroker];
    let mut synonyms = Vec::new();
    for source in sources {
        for name in &names {
            let given = settings.broker_values(name).filter(|(_, other)| *other == source);
            synonyms.extend(given.map(|(value, source)| synonym(name, value, source)));
        }
    }
    // Of several names, only the weakest has a default.
    if let Some((name, default)) = config.and_then(TopicConfig::broker_default) {
        synonyms.push(synonym(name, &default, ConfigSource::Default));
    }
    let skipped = synonyms.iter().position(|synonym| synonym.name.as_str() == key).unwrap_or(synonyms.len());
    synonyms.split_off(skipped)
}

/// Keeps the keys that were asked for (all if none were named), without what was not asked for.
fn only_asked_for(
    configs: Vec<DescribeConfigsResourceResult>,
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResourceResult> {
    let is_asked_for = |config: &DescribeConfigsResourceResult| match &resource.configuration_keys {
        Some(keys) if !keys.is_empty() => keys.contains(&config.name),
        _ => true,
    };
    let trimmed = |mut config: DescribeConfigsResourceResult| {
        if !request.include_synonyms {
            config.synonyms.clear();
        }
        if !request.include_documentation {
            config.documentation = None;
        }
        config
    };
    configs.into_iter().filter(is_asked_for).map(trimmed).collect()
}

/// An entry whose value comes from where its first synonym comes from.
fn entry(
    name: &str,
    value: Option<String>,
    kind: ConfigType,
    synonyms: Vec<DescribeConfigsSynonym>,
) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(name.to_string().into())
        .with_value(value.map(Into::into))
        .with_config_source(synonyms.first().map_or(ConfigSource::Default as i8, |synonym| synonym.source))
        .with_config_type(kind as i8)
        .with_synonyms(synonyms)
}

fn synonym(name: &str, value: &str, source: ConfigSource) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(name.to_string().into())
        .with_value(Some(value.to_string().into()))
        .with_source(source as i8)
}

#[cfg(test)]
mod tests;
