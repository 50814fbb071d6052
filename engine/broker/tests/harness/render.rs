//! Answers as lines of a transcript. Ids and other random things are left out.

use super::Harness;
use naru_records::{DecompressLimit, batches};
use naru_trace::{TraceEvent, TraceKind};
use naru_wire::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use naru_wire::messages::fetch_response::PartitionData;
use naru_wire::{ErrorCode, Response};

/// An error's name, or nothing for none.
fn error(code: i16) -> String {
    match ErrorCode::from_code(code) {
        ErrorCode::None => String::new(),
        error => format!(" {}", error.name()),
    }
}

fn message(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or(String::new(), |text| format!(" \"{text}\""))
}

impl Harness {
    /// An answer, one line for everything it is about.
    pub fn render(&mut self, response: &Response) -> Vec<String> {
        match response {
            Response::Produce(body) => self.produce_lines(body),
            Response::Fetch(body) => {
                if body.session_id != 0 {
                    self.last_session = Some(body.session_id);
                }
                self.fetch_lines(body)
            }
            Response::ListOffsets(body) => list_offsets_lines(body),
            Response::Metadata(body) => metadata_lines(body),
            Response::CreateTopics(body) => create_topics_lines(body),
            Response::DeleteTopics(body) => body
                .responses
                .iter()
                .map(|topic| {
                    let name = topic.name.as_ref().map_or("null", |name| name.as_str());
                    format!("{name}{}{}", error(topic.error_code), message(topic.error_message.as_deref()))
                })
                .collect(),
            Response::CreatePartitions(body) => body
                .results
                .iter()
                .map(|topic| {
                    let message = message(topic.error_message.as_deref());
                    format!("{}{}{message}", topic.name.as_str(), error(topic.error_code))
                })
                .collect(),
            Response::DescribeCluster(body) => {
                let brokers = body.brokers.iter().map(|b| format!("broker {} {}:{}", b.broker_id.0, &*b.host, b.port));
                brokers.chain([format!("controller {}{}", body.controller_id.0, error(body.error_code))]).collect()
            }
            Response::DescribeConfigs(body) => describe_configs_lines(body),
            Response::AlterConfigs(body) => body
                .responses
                .iter()
                .map(|it| altered(&it.resource_name, it.error_code, it.error_message.as_deref()))
                .collect(),
            Response::IncrementalAlterConfigs(body) => body
                .responses
                .iter()
                .map(|it| altered(&it.resource_name, it.error_code, it.error_message.as_deref()))
                .collect(),
            Response::DeleteRecords(body) => delete_records_lines(body),
            Response::DescribeLogDirs(body) => describe_log_dirs_lines(body),
            Response::InitProducerId(body) => {
                vec![format!("id={} epoch={}{}", body.producer_id.0, body.producer_epoch, error(body.error_code))]
            }
            Response::ApiVersions(body) => {
                let apis = body.api_keys.iter();
                let apis = apis.map(|api| format!("{}:{}-{}", api.api_key, api.min_version, api.max_version));
                vec![format!("{}{}", apis.collect::<Vec<_>>().join(" "), error(body.error_code))]
            }
            other => vec![format!("{other:?}")],
        }
    }

    fn topic_name(&self, name: &str, id: uuid::Uuid) -> String {
        if !name.is_empty() {
            return name.into();
        }
        if let Some(ids) = &self.foreign_ids {
            let found = ids.iter().find(|(_, candidate)| **candidate == id);
            return found.map_or("?".into(), |(name, _)| name.clone());
        }
        let topics = self.broker.as_ref().expect("a broker").view().topics;
        let found = topics.iter().find(|(_, topic)| topic.topic_id == id.hyphenated().to_string());
        found.map_or("?".into(), |(name, _)| name.clone())
    }

    fn produce_lines(&self, body: &naru_wire::messages::ProduceResponse) -> Vec<String> {
        let mut lines = Vec::new();
        for topic in &body.responses {
            let name = self.topic_name(&topic.name, topic.topic_id);
            for answer in &topic.partition_responses {
                let time = match answer.log_append_time_ms {
                    -1 => String::new(),
                    time => format!(" time=+{}", time - super::START_WALL_MS),
                };
                let text = message(answer.error_message.as_deref());
                let (index, offset, code) = (answer.index, answer.base_offset, error(answer.error_code));
                lines.push(format!("{name}-{index} offset={offset}{time}{code}{text}"));
                for record in &answer.record_errors {
                    let text = message(record.batch_index_error_message.as_deref());
                    lines.push(format!("  record {}{text}", record.batch_index));
                }
            }
        }
        lines
    }

    fn fetch_lines(&self, body: &naru_wire::messages::FetchResponse) -> Vec<String> {
        let session = if body.session_id == 0 { "" } else { " session" };
        let mut lines = Vec::new();
        if body.error_code != 0 || body.responses.is_empty() || body.session_id != 0 {
            let nothing = if body.responses.is_empty() { " nothing" } else { "" };
            lines.push(format!("fetched{session}{nothing}{}", error(body.error_code)));
        }
        for topic in &body.responses {
            let name = self.topic_name(&topic.topic, topic.topic_id);
            for partition in &topic.partitions {
                lines.push(partition_line(&name, partition));
            }
        }
        lines
    }

    /// The kinds of the events since the last time, indented by their causes.
    pub fn event_lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for index in self.events_shown..self.events.len() {
            let event = &self.events[index];
            let depth = self.depth(event.cause);
            lines.push(format!("{}{}", "  ".repeat(depth), event_text(&event.kind)));
        }
        self.events_shown = self.events.len();
        lines
    }

    /// What became of cleanings since the last look at events.
    pub fn cleanings(&mut self) -> Vec<String> {
        let new = &self.events[self.events_shown..];
        self.events_shown = self.events.len();
        let line = |event: &TraceEvent| match &event.kind {
            TraceKind::CleaningFinished { topic, records_kept, records_removed, .. } => {
                Some(format!("{topic}: {records_kept} records kept, {records_removed} removed"))
            }
            TraceKind::CleaningAborted { topic, reason, uncleanable, .. } => {
                Some(format!("{topic}: {reason}{}", if *uncleanable { " Never again." } else { "" }))
            }
            _ => None,
        };
        new.iter().filter_map(line).collect()
    }

    fn depth(&self, mut cause: Option<u64>) -> usize {
        let mut depth = 0;
        while let Some(seq) = cause.filter(|seq| *seq as usize >= self.events_shown) {
            depth += 1;
            cause = self.events[seq as usize].cause;
        }
        depth
    }
}

/// An event in a few words: enough to see that it is the right one.
fn event_text(kind: &TraceKind) -> String {
    match kind {
        TraceKind::RequestReceived { api, version, .. } => format!("RequestReceived {api} v{version}"),
        TraceKind::BatchAppended { topic, partition, log_end_offset, .. } => {
            format!("BatchAppended {topic}-{partition} end={log_end_offset}")
        }
        TraceKind::OffsetsAssigned { base_offset, last_offset, .. } => {
            format!("OffsetsAssigned {base_offset}..{last_offset}")
        }
        TraceKind::HighWatermarkAdvanced { high_watermark, .. } => format!("HighWatermarkAdvanced {high_watermark}"),
        TraceKind::RecordsRead { from_offset, to_offset, .. } => format!("RecordsRead {from_offset}..{to_offset}"),
        TraceKind::ReplyParked { until, .. } => format!("ReplyParked until {until:?}"),
        TraceKind::ReplyReleased { timed_out, .. } => format!("ReplyReleased timed_out={timed_out}"),
        TraceKind::ResponseSent { api, error, .. } => {
            format!("ResponseSent {api}{}", error.as_ref().map_or(String::new(), |error| format!(" {error}")))
        }
        TraceKind::MetadataAppended { records, .. } => format!("MetadataAppended {}", records.join(", ")),
        TraceKind::TopicCreated { topic, partitions, .. } => format!("TopicCreated {topic} partitions={partitions}"),
        TraceKind::PartitionOpened { topic, partition, .. } => format!("PartitionOpened {topic}-{partition}"),
        TraceKind::PartitionOffline { topic, partition, .. } => format!("PartitionOffline {topic}-{partition}"),
        TraceKind::TopicConfigChanged { topic, key, value } => {
            format!("TopicConfigChanged {topic} {key}={}", value.as_deref().unwrap_or("default"))
        }
        TraceKind::BatchRejected { error, .. } => format!("BatchRejected {error}"),
        TraceKind::ConnectionClosed { reason, .. } => format!("ConnectionClosed {reason}"),
        other => {
            let text = format!("{other:?}");
            text.split([' ', '{']).next().unwrap_or_default().into()
        }
    }
}

fn partition_line(name: &str, partition: &PartitionData) -> String {
    let mut records = Vec::new();
    for batch in batches(partition.records.clone().unwrap_or_default()) {
        let batch = batch.expect("a whole batch");
        if batch.verify_crc().is_err() {
            records.push(format!(" {} BAD-CRC", batch.header().base_offset));
            continue;
        }
        for record in batch.records(DecompressLimit::default()).expect("records") {
            let text = |bytes: Option<&bytes::Bytes>| match bytes {
                None => "-".into(),
                Some(bytes) if bytes.len() > 20 => format!("({} bytes)", bytes.len()),
                Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            };
            records.push(format!(" {}={}:{}", record.offset, text(record.key.as_ref()), text(record.value.as_ref())));
        }
    }
    let index = partition.partition_index;
    let high_watermark = partition.high_watermark;
    format!("{name}-{index} hw={high_watermark}{}{}", error(partition.error_code), records.concat())
}

fn list_offsets_lines(body: &naru_wire::messages::ListOffsetsResponse) -> Vec<String> {
    let mut lines = Vec::new();
    for topic in &body.topics {
        for answer in &topic.partitions {
            let time = match answer.timestamp {
                -1 => String::new(),
                time => format!(" time=+{}", time - super::START_WALL_MS),
            };
            let (index, offset, code) = (answer.partition_index, answer.offset, error(answer.error_code));
            lines.push(format!("{}-{index} offset={offset}{time}{code}", topic.name.as_str()));
        }
    }
    lines
}

fn metadata_lines(body: &naru_wire::messages::MetadataResponse) -> Vec<String> {
    let brokers = body.brokers.iter().map(|b| format!("broker {} {}:{}", b.node_id.0, &*b.host, b.port));
    let topics = body.topics.iter().map(|topic| {
        let name = topic.name.as_ref().map_or("null", |name| name.as_str());
        let leaders = topic.partitions.iter().map(|partition| {
            format!(" {}:leader={}{}", partition.partition_index, partition.leader_id.0, error(partition.error_code))
        });
        format!("{name}{}{}", error(topic.error_code), leaders.collect::<String>())
    });
    brokers.chain(topics).collect()
}

fn create_topics_lines(body: &naru_wire::messages::CreateTopicsResponse) -> Vec<String> {
    body.topics
        .iter()
        .map(|topic| {
            let configs = topic.configs.iter().flatten().filter(|config| config.config_source == 1);
            let configs = configs.map(|config| format!(" {}={}", &*config.name, config.value.as_deref().unwrap_or("")));
            let sizes = format!(" partitions={} replicas={}", topic.num_partitions, topic.replication_factor);
            let sizes = if topic.error_code == 0 { sizes } else { String::new() };
            let configs = configs.collect::<String>();
            let text = message(topic.error_message.as_deref());
            format!("{}{sizes}{configs}{}{text}", topic.name.as_str(), error(topic.error_code))
        })
        .collect()
}

fn altered(name: &str, code: i16, text: Option<&str>) -> String {
    let name = if name.is_empty() { "default" } else { name };
    format!("{name}{}{}", error(code), message(text))
}

fn delete_records_lines(body: &naru_wire::messages::DeleteRecordsResponse) -> Vec<String> {
    let partitions = body.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |it| (topic, it)));
    let line = |(topic, it): (&DeleteRecordsTopicResult, &DeleteRecordsPartitionResult)| {
        let low = it.low_watermark;
        format!("{}-{} low={low}{}", topic.name.as_str(), it.partition_index, error(it.error_code))
    };
    partitions.map(line).collect()
}

fn describe_log_dirs_lines(body: &naru_wire::messages::DescribeLogDirsResponse) -> Vec<String> {
    let mut lines = Vec::new();
    for dir in &body.results {
        let space = if dir.total_bytes >= dir.usable_bytes && dir.total_bytes > 0 { " space known" } else { "" };
        lines.push(format!("{}{space}{}", &*dir.log_dir, error(dir.error_code)));
        for topic in &dir.topics {
            for it in &topic.partitions {
                let (name, index, size, lag) =
                    (topic.name.as_str(), it.partition_index, it.partition_size, it.offset_lag);
                lines.push(format!("  {name}-{index} bytes={size} lag={lag}"));
            }
        }
    }
    lines
}

fn describe_configs_lines(body: &naru_wire::messages::DescribeConfigsResponse) -> Vec<String> {
    let mut lines = Vec::new();
    for result in &body.results {
        let text = message(result.error_message.as_deref());
        let count = result.configs.len();
        lines.push(format!("{} {count} keys{}{text}", &*result.resource_name, error(result.error_code)));
        for config in result.configs.iter().take(6) {
            let value = config.value.as_deref().unwrap_or("null");
            lines.push(format!("  {}={value} source={}", &*config.name, config.config_source));
            for synonym in &config.synonyms {
                let value = synonym.value.as_deref().unwrap_or("null");
                lines.push(format!("    {}={value} source={}", &*synonym.name, synonym.source));
            }
            if let Some(documentation) = config.documentation.as_deref().filter(|text| !text.is_empty()) {
                lines.push(format!("    \"{}...\"", documentation.split(' ').take(5).collect::<Vec<_>>().join(" ")));
            }
        }
    }
    lines
}
