//! Reading settings from a script's maps: `#{ partitions: 3 }`. A setting that is not known is an error that names
//! the nearest one.

use super::errors::nearest;
use crate::{backend::Failure, text::Text};
use naru_client::{Acks, Compression, ConsumerConfig, NewTopic, OffsetReset, ProducerConfig};
use rhai::{Dynamic, Map};

const TOPIC_SETTINGS: &[&str] = &["partitions", "replicas", "config"];
const PRODUCER_SETTINGS: &[&str] =
    &["name", "acks", "linger_ms", "batch_size", "enable_idempotence", "retries", "delivery_timeout_ms", "compression"];
const CONSUMER_SETTINGS: &[&str] =
    &["name", "auto_offset_reset", "fetch_min_bytes", "fetch_max_bytes", "fetch_max_wait_ms"];

pub(super) fn topic(name: &str, map: &Map) -> Result<NewTopic, Failure> {
    let mut topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(1),
        replication_factor: None,
        configs: Vec::new(),
        validate_only: false,
    };
    for (setting, value) in settings(map) {
        match setting.as_str() {
            "partitions" => topic.partitions = Some(number(&setting, &value)?),
            "replicas" | "replication_factor" => {
                let count: i32 = number(&setting, &value)?;
                topic.replication_factor = Some(i16::try_from(count).map_err(|_| too_large(&setting))?);
            }
            "config" => {
                let configs =
                    value.try_cast::<Map>().ok_or_else(|| wants("config", "#{ \"retention.ms\": \"1000\" }"))?;
                topic.configs = configs.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            }
            _ => return Err(unknown(&setting, TOPIC_SETTINGS)),
        }
    }
    Ok(topic)
}

pub(super) fn producer(map: &Map) -> Result<ProducerConfig, Failure> {
    let mut config = ProducerConfig { client_id: String::new(), ..ProducerConfig::default() };
    let mut idempotence = None;
    for (setting, value) in settings(map) {
        match setting.as_str() {
            "name" => config.client_id = value.to_string(),
            "acks" => {
                let text = value.to_string();
                config.acks = text.parse::<Acks>().map_err(|()| wants("acks", "\"all\", 1 or 0"))?;
            }
            "linger_ms" => config.linger_ms = number(&setting, &value)?,
            "batch_size" => config.batch_size = number(&setting, &value)?,
            "retries" => config.retries = number(&setting, &value)?,
            "delivery_timeout_ms" => config.delivery_timeout_ms = number(&setting, &value)?,
            "enable_idempotence" => idempotence = Some(flag(&setting, &value)?),
            "compression" => config.compression = compression(&value)?,
            _ => return Err(unknown(&setting, PRODUCER_SETTINGS)),
        }
    }
    // As the Java client: idempotence is on by default, and silently off where `acks` does not allow it.
    config.enable_idempotence = match (idempotence, config.acks) {
        (Some(true), acks) if acks != Acks::All => return Err(wants("enable_idempotence", "acks: \"all\" beside it")),
        (Some(choice), _) => choice,
        (None, acks) => acks == Acks::All,
    };
    Ok(config)
}

pub(super) fn consumer(map: &Map) -> Result<ConsumerConfig, Failure> {
    let mut config = ConsumerConfig { client_id: String::new(), ..ConsumerConfig::default() };
    for (setting, value) in settings(map) {
        match setting.as_str() {
            "name" => config.client_id = value.to_string(),
            "auto_offset_reset" => {
                config.auto_offset_reset = match value.to_string().as_str() {
                    "earliest" => OffsetReset::Earliest,
                    "latest" => OffsetReset::Latest,
                    _ => return Err(wants("auto_offset_reset", "\"earliest\" or \"latest\"")),
                }
            }
            "fetch_min_bytes" => config.fetch_min_bytes = number(&setting, &value)?,
            "fetch_max_bytes" => config.fetch_max_bytes = number(&setting, &value)?,
            "fetch_max_wait_ms" => config.fetch_max_wait_ms = number(&setting, &value)?,
            "group_id" => {
                return Err(Failure::Usage(Text::new(
                    "Consumer groups come in part III of the course. Here every consumer reads on its own: use assign(..).",
                    "컨슈머 그룹은 3부에서 다룹니다. 여기서는 컨슈머가 각자 읽습니다. assign(..)을 쓰세요.",
                )));
            }
            _ => return Err(unknown(&setting, CONSUMER_SETTINGS)),
        }
    }
    Ok(config)
}

/// The settings with Kafka's own spelling (`linger.ms`) read as the script's (`linger_ms`).
fn settings(map: &Map) -> impl Iterator<Item = (String, Dynamic)> {
    map.iter().map(|(key, value)| (key.replace(['.', '-'], "_"), value.clone()))
}

fn compression(value: &Dynamic) -> Result<Compression, Failure> {
    Ok(match value.to_string().as_str() {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => return Err(wants("compression", "\"none\", \"gzip\", \"snappy\", \"lz4\" or \"zstd\"")),
    })
}

fn number<N: TryFrom<i64>>(setting: &str, value: &Dynamic) -> Result<N, Failure> {
    let number = value.as_int().map_err(|_| wants(setting, "a whole number"))?;
    N::try_from(number).map_err(|_| too_large(setting))
}

fn flag(setting: &str, value: &Dynamic) -> Result<bool, Failure> {
    value.as_bool().map_err(|_| wants(setting, "true or false"))
}

fn wants(setting: &str, what: &str) -> Failure {
    Failure::Usage(Text::new(
        format!("The setting `{setting}` wants {what}."),
        format!("설정 `{setting}`에 쓸 수 있는 값: {what}."),
    ))
}

fn too_large(setting: &str) -> Failure {
    Failure::Usage(Text::new(
        format!("The number for `{setting}` is out of range."),
        format!("`{setting}`의 숫자가 범위를 벗어났습니다."),
    ))
}

fn unknown(setting: &str, known: &[&str]) -> Failure {
    let list = known.join(", ");
    Failure::Usage(match nearest(setting, known.iter().copied()) {
        Some(near) => Text::new(
            format!("There is no setting `{setting}`; did you mean `{near}`?"),
            format!("`{setting}`라는 설정은 없습니다. `{near}`을(를) 쓰려던 건가요?"),
        ),
        None => Text::new(
            format!("There is no setting `{setting}`. There are: {list}."),
            format!("`{setting}`라는 설정은 없습니다. 쓸 수 있는 설정: {list}."),
        ),
    })
}
