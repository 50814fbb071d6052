//! AlterConfigs and IncrementalAlterConfigs: decide which configuration keys of topics and brokers change, and to what.
//!
//! In Kafka this is `ConfigAdminManager.preprocess` on the broker and `ConfigurationControlManager` on the controller. The
//! older API replaces everything that was set: what a request does not name is reset. The incremental one (KIP-339) changes
//! the keys that it names. Each resource stands alone: one that is refused disturbs no other.

use crate::{
    ApiError, Decision, Image, MetadataRecord, Settings,
    image::{RESOURCE_BROKER, RESOURCE_TOPIC},
    record::ConfigRecord,
    topic_config::{self, ConfigType},
    topic_name,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use naru_trace::{SortedMap, SortedSet};
use naru_wire::{
    ErrorCode, StrBytes,
    messages::{
        AlterConfigsRequest, IncrementalAlterConfigsRequest, alter_configs_request::AlterConfigsResource as Replaced,
        incremental_alter_configs_request::AlterConfigsResource as Changed,
    },
};

/// What became of one resource of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredResource {
    /// 2 for a topic, 4 for a broker; whatever else the client asked for.
    pub resource_type: i8,
    /// The resource's name.
    pub resource_name: StrBytes,
    /// Why it stays as it is, if so.
    pub refused: Option<ApiError>,
}

/// Decides on a request that says what is set from now on; every other key of a resource goes back to its default.
pub fn alter_configs(
    image: &Image,
    settings: &Settings,
    request: &AlterConfigsRequest,
) -> Decision<Vec<AlteredResource>> {
    let resources = request.resources.iter().map(Alteration::replacing);
    decide_all(image, settings, resources.collect(), request.validate_only)
}

/// Decides on a request that changes single keys.
pub fn incremental_alter_configs(
    image: &Image,
    settings: &Settings,
    request: &IncrementalAlterConfigsRequest,
) -> Decision<Vec<AlteredResource>> {
    let resources = request.resources.iter().map(Alteration::changing);
    decide_all(image, settings, resources.collect(), request.validate_only)
}

/// What a request wants of one resource.
struct Alteration {
    resource_type: i8,
    resource_name: StrBytes,
    changes: Vec<Change>,
    /// Whether keys that are not named are reset.
    replaces: bool,
}

struct Change {
    key: String,
    operation: i8,
    value: Option<String>,
}

/// `AlterConfigOp.OpType`
mod operation {
    pub const SET: i8 = 0;
    pub const DELETE: i8 = 1;
    pub const APPEND: i8 = 2;
    pub const SUBTRACT: i8 = 3;
}

impl Alteration {
    fn replacing(resource: &Replaced) -> Self {
        let changes = resource.configs.iter().map(|config| Change {
            key: config.name.to_string(),
            operation: operation::SET,
            value: config.value.as_ref().map(|value| value.to_string()),
        });
        Alteration {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            changes: changes.collect(),
            replaces: true,
        }
    }

    fn changing(resource: &Changed) -> Self {
        let changes = resource.configs.iter().map(|config| Change {
            key: config.name.to_string(),
            operation: config.config_operation,
            value: config.value.as_ref().map(|value| value.to_string()),
        });
        Alteration {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            changes: changes.collect(),
            replaces: false,
        }
    }

    fn target(&self) -> (i8, StrBytes) {
        (self.resource_type, self.resource_name.clone())
    }

    /// Mistakes that need no look at what is set now (`ConfigAdminManager.preprocess`).
    fn check_form(&self) -> Result<(), ApiError> {
        let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
        let mut seen = SortedSet::new();
        if !self.changes.iter().all(|change| seen.insert(&change.key)) {
            return invalid("Error due to duplicate config keys".to_string());
        }
        let without_value = |change: &&Change| change.operation != operation::DELETE && change.value.is_none();
        let nulls: Vec<&str> = self.changes.iter().filter(without_value).map(|change| change.key.as_str()).collect();
        if !nulls.is_empty() {
            return invalid(format!("Null value not supported for : {}", nulls.join(",")));
        }
        Ok(())
    }
}

fn decide_all(
    image: &Image,
    settings: &Settings,
    resources: Vec<Alteration>,
    validate_only: bool,
) -> Decision<Vec<AlteredResource>> {
    let mut times: SortedMap<(i8, StrBytes), u32> = SortedMap::new();
    for resource in &resources {
        *times.entry(resource.target()).or_default() += 1;
    }
    let mut records = Vec::new();
    let mut response = Vec::new();
    for resource in &resources {
        // A resource that is there twice gets one answer, at its first place.
        let Some(times) = times.remove(&resource.target()) else { continue };
        let decided = match times {
            1 => resource.check_form().and_then(|()| decide(image, settings, resource)),
            _ => Err(ApiError::new(ErrorCode::InvalidRequest, "Each resource must appear at most once.")),
        };
        let refused = decided.map(|mut decided| records.append(&mut decided)).err();
        let (resource_type, resource_name) = resource.target();
        response.push(AlteredResource { resource_type, resource_name, refused });
    }
    if validate_only {
        records.clear();
    }
    Decision { records, response }
}

/// The records for one resource.
fn decide(image: &Image, settings: &Settings, resource: &Alteration) -> Result<Vec<MetadataRecord>, ApiError> {
    let name = resource.resource_name.as_str();
    let none = SortedMap::new();
    let before = match resource.resource_type {
        RESOURCE_TOPIC => {
            if name.is_empty() {
                return Err(ApiError::new(ErrorCode::InvalidRequest, "Default topic resources are not allowed."));
            }
            topic_name::validate(name).map_err(|text| ApiError::new(ErrorCode::InvalidTopicException, text))?;
            &image.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition)?.configs
        }
        RESOURCE_BROKER => {
            check_broker(image, settings, name)?;
            image.broker_configs(name).unwrap_or(&none)
        }
        other => return Err(ApiError::new(ErrorCode::InvalidRequest, format!("Unsupported resource type: {other}"))),
    };
    let after = after(before, settings, resource)?;
    match resource.resource_type {
        RESOURCE_TOPIC => topic_config::validate(&after)?,
        _ => check_dynamic(&resource.changes, &after)?,
    }
    Ok(difference(resource, before, &after))
}

/// What is set when the changes are made.
fn after(
    before: &SortedMap<String, String>,
    settings: &Settings,
    resource: &Alteration,
) -> Result<SortedMap<String, String>, ApiError> {
    let mut after = if resource.replaces { SortedMap::new() } else { before.clone() };
    for Change { key, operation, value } in &resource.changes {
        let value = value.as_deref().unwrap_or_default();
        match *operation {
            operation::SET => {
                after.insert(key.clone(), value.to_string());
            }
            operation::DELETE => {
                after.remove(key);
            }
            operation::APPEND | operation::SUBTRACT => {
                let list = edited_list(before, settings, key, value, *operation)?;
                after.insert(key.clone(), list);
            }
            other => {
                let message = format!("Unknown operation {other} for configuration {key}");
                return Err(ApiError::new(ErrorCode::InvalidRequest, message));
            }
        }
    }
    Ok(after)
}

/// A list with elements added or taken out. A list that is not set begins as its default.
fn edited_list(
    before: &SortedMap<String, String>,
    settings: &Settings,
    key: &str,
    value: &str,
    operation: i8,
) -> Result<String, ApiError> {
    let definition = topic_config::definition(key).or_else(|| topic_config::broker_key(key));
    let Some(config) = definition.filter(|config| config.kind == ConfigType::List) else {
        let verb = if operation == operation::APPEND { "APPEND" } else { "SUBTRACT" };
        let message = format!("Can't {verb} to key {key} because its type is not LIST.");
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    };
    let old = before.get(key).cloned().unwrap_or_else(|| topic_config::effective(config, before, settings).0);
    let parts = |list: &str| -> Vec<String> {
        list.split(',').map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect()
    };
    let (mut list, edit) = (parts(&old), parts(value));
    match operation {
        operation::APPEND => {
            for part in edit {
                if !list.contains(&part) {
                    list.push(part);
                }
            }
        }
        _ => list.retain(|part| !edit.contains(part)),
    }
    Ok(list.join(","))
}

/// The configuration of all brokers can change (with an empty name), or that of one: this broker, or another that is
/// registered and has passed the request on to the controller.
fn check_broker(image: &Image, settings: &Settings, name: &str) -> Result<(), ApiError> {
    let is_known = |id| id == settings.node_id || image.broker(id).is_some();
    if name.is_empty() || name.parse().is_ok_and(is_known) {
        return Ok(());
    }
    let message = match name.parse::<i32>() {
        Ok(id) => format!("Unexpected broker id, expected {}, but received {id}", settings.node_id),
        Err(_) => "Unable to parse broker name as a base 10 number.".to_string(),
    };
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

/// Reassignments are not throttled here. Whoever lifts a throttle, as Kafka's tool does at the end of each, gets what he wants.
const THROTTLE_RATES: [&str; 3] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

/// What a running broker can take: the keys that give topics their defaults. All others are read once, at start.
fn check_dynamic(changes: &[Change], after: &SortedMap<String, String>) -> Result<(), ApiError> {
    let lifts_throttle =
        |change: &Change| change.operation == operation::DELETE && THROTTLE_RATES.contains(&change.key.as_str());
    let is_fixed =
        |change: &&Change| topic_config::dynamic_broker_key(&change.key).is_none() && !lifts_throttle(change);
    let fixed: Vec<&str> = changes.iter().filter(is_fixed).map(|change| change.key.as_str()).collect();
    if !fixed.is_empty() {
        let message = format!("Cannot update these configs dynamically: {}", fixed.join(", "));
        return Err(ApiError::new(ErrorCode::InvalidRequest, message));
    }
    for (key, value) in after {
        if let Some(config) = topic_config::dynamic_broker_key(key) {
            let checked = config.validate_as(config.synonyms[0].name, value);
            // INVALID_CONFIG is for topics.
            checked.map_err(|message| ApiError::new(ErrorCode::InvalidRequest, message))?;
        }
    }
    Ok(())
}

/// One record for each key that has another value than before.
fn difference(
    resource: &Alteration,
    before: &SortedMap<String, String>,
    after: &SortedMap<String, String>,
) -> Vec<MetadataRecord> {
    let record = |key: &String, value: Option<&String>| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.to_string(),
            name: key.clone(),
            value: value.cloned(),
        })
    };
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| record(key, None));
    let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    gone.chain(new.map(|(key, value)| record(key, Some(value)))).collect()
}

#[cfg(test)]
mod tests;
