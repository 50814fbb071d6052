//! DescribeConfigs: what is set for a topic or a broker, and where it comes from.

use crate::{
    ApiError, Image, Settings,
    image::{RESOURCE_BROKER, RESOURCE_TOPIC},
    topic_config::{self, ConfigSource, ConfigType, TOPIC_CONFIGS, TopicConfig},
    topic_name,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
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
    configs: &BTreeMap<String, String>,
    settings: &Settings,
) -> DescribeConfigsResourceResult {
    let (value, source) = topic_config::effective(config, configs, settings);
    let mut synonyms = Vec::new();
    if source == ConfigSource::DynamicTopic {
        synonyms.push(synonym(config.name, &value, source));
    }
    for name in config.synonyms {
        synonyms.extend(settings.broker_values(name.name).map(|(value, source)| synonym(name.name, value, source)));
    }
    // Where a topic's key has several names at the broker, Kafka knows no default for the strongest of them.
    if let [name] = config.synonyms {
        synonyms.push(synonym(name.name, config.default, ConfigSource::Default));
    }
    entry(config.name, value, source, config.kind)
        .with_synonyms(synonyms)
        .with_documentation(Some(StrBytes::from_static_str(topic_config::documentation(config.name))))
}

/// What this broker was started with, what was set since, and the defaults of its topics. What is not a default of topics is
/// read once, at start.
fn describe_broker(settings: &Settings, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
    if name.is_empty() {
        // The settings that all brokers share.
        let source = ConfigSource::DynamicDefaultBroker;
        let shared = settings.dynamic_default_configs.iter();
        return Ok(shared.map(|(key, value)| broker_entry(key, vec![(value.as_str(), source)])).collect());
    }
    if name.parse() != Ok(settings.node_id) {
        let message = format!("Unexpected broker id, expected {}, but received {name}", settings.node_id);
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let with_default = TOPIC_CONFIGS.iter().filter_map(|config| match config.synonyms {
        [synonym] => Some((synonym.name, config.default)),
        _ => None,
    });
    let defaults: BTreeMap<&str, &str> = with_default.collect();
    let set = [&settings.static_configs, &settings.dynamic_configs, &settings.dynamic_default_configs];
    let set = set.into_iter().flat_map(|configs| configs.keys().map(String::as_str));
    let keys: BTreeSet<&str> = defaults.keys().copied().chain(set).collect();
    let values = |key: &str| {
        let default = defaults.get(key).map(|default| (*default, ConfigSource::Default));
        settings.broker_values(key).chain(default).collect()
    };
    Ok(keys.into_iter().map(|key| broker_entry(key, values(key))).collect())
}

/// A broker's key with all the values it was given, the strongest first: the first holds, all are its synonyms.
fn broker_entry(key: &str, values: Vec<(&str, ConfigSource)>) -> DescribeConfigsResourceResult {
    let topic_config = topic_config::broker_key(key);
    let kind = topic_config.map_or(ConfigType::String, |config| config.kind);
    let documentation = topic_config.map_or("", |config| topic_config::documentation(config.name));
    let (value, source) = values[0];
    entry(key, value.into(), source, kind)
        .with_read_only(topic_config::dynamic_broker_key(key).is_none())
        .with_synonyms(values.into_iter().map(|(value, source)| synonym(key, value, source)).collect())
        .with_documentation(Some(StrBytes::from_static_str(documentation)))
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

fn entry(name: &str, value: String, source: ConfigSource, kind: ConfigType) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(name.to_string().into())
        .with_value(Some(value.into()))
        .with_config_source(source as i8)
        .with_config_type(kind as i8)
}

fn synonym(name: &str, value: &str, source: ConfigSource) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(name.to_string().into())
        .with_value(Some(value.to_string().into()))
        .with_source(source as i8)
}

#[cfg(test)]
mod tests;
