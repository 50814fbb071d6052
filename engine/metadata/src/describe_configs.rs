//! DescribeConfigs: what is set for a topic or a broker, and where it comes from.

use crate::{
    ApiError, Image, Settings,
    image::{RESOURCE_BROKER, RESOURCE_TOPIC},
    topic_config::{self, ConfigSource, ConfigType, TOPIC_CONFIGS, TopicConfig},
    topic_name,
};
use alloc::{
    collections::BTreeMap,
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
        if let Some(value) = settings.static_configs.get(name.name) {
            synonyms.push(synonym(name.name, value, ConfigSource::StaticBroker));
        }
    }
    // Where a topic's key has several names at the broker, Kafka knows no default for the strongest of them.
    if let [name] = config.synonyms {
        synonyms.push(synonym(name.name, config.default, ConfigSource::Default));
    }
    entry(config.name, value, source, config.kind)
        .with_synonyms(synonyms)
        .with_documentation(Some(StrBytes::from_static_str(config.documentation)))
}

/// What this broker was started with, and the defaults of its topics. All of it is read-only: nothing can be changed while
/// the broker runs.
fn describe_broker(settings: &Settings, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, ApiError> {
    if name.is_empty() {
        // The settings that all brokers share; none can be set yet.
        return Ok(Vec::new());
    }
    if name.parse() != Ok(settings.node_id) {
        let message = format!("Unexpected broker id, expected {}, but received {name}", settings.node_id);
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    let mut entries: BTreeMap<&str, DescribeConfigsResourceResult> = BTreeMap::new();
    for config in TOPIC_CONFIGS {
        if let [synonym] = config.synonyms {
            let result = entry(synonym.name, config.default.to_string(), ConfigSource::Default, config.kind)
                .with_documentation(Some(StrBytes::from_static_str(config.documentation)));
            entries.insert(synonym.name, result);
        }
    }
    for (key, value) in &settings.static_configs {
        let kind = config_type_of(key);
        entries.insert(key, entry(key, value.clone(), ConfigSource::StaticBroker, kind));
    }
    Ok(entries.into_values().map(read_only).collect())
}

/// An entry of a broker, which is its own and only synonym.
fn read_only(entry: DescribeConfigsResourceResult) -> DescribeConfigsResourceResult {
    let synonym = DescribeConfigsSynonym::default()
        .with_name(entry.name.clone())
        .with_value(entry.value.clone())
        .with_source(entry.config_source);
    entry.with_read_only(true).with_synonyms(vec![synonym])
}

fn config_type_of(broker_key: &str) -> ConfigType {
    let topic_config = TOPIC_CONFIGS.iter().find(|config| config.synonyms.iter().any(|name| name.name == broker_key));
    topic_config.map_or(ConfigType::String, |config| config.kind)
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
