//! The small text files of a data directory, in Kafka's own formats.
//!
//! ```text
//! meta.properties            version=1, cluster.id, node.id, directory.id: whose directory this is
//! .kafka_cleanshutdown       there: the last process stopped in good order
//! orders-0/                  one directory for each partition
//!   partition.metadata       version: 0, topic_id: which topic of this name it belongs to
//! orders-0.<id>-delete/      a deleted partition, removed a little later
//! orders-0.<id>-stray/       a partition that no topic claims any more; left alone
//! ```
//!
//! Anything else in the directory is left alone. Segment files are `naru-log`'s business.

use alloc::{format, string::String, string::ToString, vec::Vec};
use naru_log::{Storage, StorageError, StorageErrorKind};
use uuid::Uuid;

/// Whose data directory it is.
pub(crate) const META_PROPERTIES: &str = "meta.properties";
/// The marker of a clean stop.
pub(crate) const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
const PARTITION_METADATA: &str = "partition.metadata";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The longest name of a file on the usual file systems.
const FILE_NAME_MAX: usize = 255;

/// What `meta.properties` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetaProperties {
    pub(crate) cluster_id: String,
    pub(crate) node_id: i32,
    pub(crate) directory_id: Uuid,
}

impl MetaProperties {
    /// Reads the file's text. An error is a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let value = |key: &str| {
            text.lines()
                .filter(|line| !line.starts_with(['#', '!']))
                .filter_map(|line| line.split_once('='))
                .find(|(name, _)| name.trim() == key)
                .map(|(_, value)| value.trim().replace('\\', ""))
        };
        let require = |key: &str| value(key).ok_or_else(|| format!("it has no {key}"));
        let version = require("version")?;
        if version != "1" {
            return Err(format!("it has version={version}, and only version=1 (KRaft) can be read"));
        }
        let node_id = require("node.id")?;
        let node_id = node_id.parse().map_err(|_| format!("its node.id={node_id} is not a number"))?;
        let directory_id = match value("directory.id") {
            Some(text) => parse_id(&text).ok_or_else(|| format!("its directory.id={text} is not an id"))?,
            None => Uuid::nil(),
        };
        Ok(MetaProperties { cluster_id: require("cluster.id")?, node_id, directory_id })
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        format!(
            "#\nversion=1\ncluster.id={}\nnode.id={}\ndirectory.id={}\n",
            self.cluster_id,
            self.node_id,
            id_text(self.directory_id)
        )
    }
}

/// The broker's epoch in the marker of a clean stop; -1 if there is no marker, or it says nothing (KIP-966).
pub(crate) fn clean_shutdown_epoch(storage: &dyn Storage, marker: &str) -> Result<i64, StorageError> {
    let text = read_text(storage, marker)?.unwrap_or_default();
    let epoch = text.split_once("\"brokerEpoch\":").map(|(_, rest)| rest.trim_end_matches('}').trim());
    Ok(epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(-1))
}

/// An id as Kafka writes it: 22 characters of URL-safe base64 without padding.
pub(crate) fn id_text(id: Uuid) -> String {
    let bits = id.as_u128();
    let sextet = |index: u32| {
        // 128 bits are 21 sextets and 2 bits; the last character holds those, followed by zeros.
        let value = if index < 21 { bits >> (122 - 6 * index) } else { bits << 4 };
        char::from(BASE64_URL[(value & 0x3f) as usize])
    };
    (0..22).map(sextet).collect()
}

/// Reads what [`id_text`] wrote.
pub(crate) fn parse_id(text: &str) -> Option<Uuid> {
    if text.len() != 22 {
        return None;
    }
    let mut bits: u128 = 0;
    for (index, character) in text.bytes().enumerate() {
        let value = BASE64_URL.iter().position(|candidate| *candidate == character)? as u128;
        bits = if index < 21 { bits << 6 | value } else { bits << 2 | value >> 4 };
    }
    Some(Uuid::from_u128(bits))
}

/// A directory's name taken apart: `orders-0` is partition 0 of `orders`. `None` for anything else.
pub(crate) fn parse_partition_directory(name: &str) -> Option<(&str, i32)> {
    let (topic, partition) = name.rsplit_once('-')?;
    let canonical = partition == "0" || !partition.starts_with('0');
    let digits = !partition.is_empty() && partition.bytes().all(|byte| byte.is_ascii_digit());
    (!topic.is_empty() && canonical && digits).then_some(())?;
    Some((topic, partition.parse().ok()?))
}

/// The name of a partition's directory once it is deleted or stray (`UnifiedLog.logDeleteDirName`).
pub(crate) fn renamed_directory(topic: &str, partition: i32, id: Uuid, ending: &str) -> String {
    let suffix = format!("-{partition}.{}-{ending}", id.simple());
    let kept = topic.len().min(FILE_NAME_MAX - suffix.len());
    // Topic names are ASCII, but a stray directory may be called anything.
    let kept = (0..=kept).rev().find(|length| topic.is_char_boundary(*length)).unwrap_or(0);
    format!("{}{suffix}", &topic[..kept])
}

/// Writes which topic a partition's directory belongs to: whole or not at all, and safely, as Kafka does
/// (`PartitionMetadataFile.write`). A file that a power failure left with another letter in it would name another topic, and
/// its directory would be set aside as a stranger's.
pub(crate) fn write_partition_metadata(
    storage: &mut dyn Storage,
    directory: &str,
    topic_id: Uuid,
) -> Result<(), StorageError> {
    // Writing it costs more than opening a whole log does: what is there already is left there.
    if read_partition_metadata(storage, directory)? == Some(topic_id) {
        return Ok(());
    }
    let text = format!("version: 0\ntopic_id: {}", id_text(topic_id));
    storage.replace_file(&format!("{directory}/{PARTITION_METADATA}"), text.as_bytes())
}

/// Which topic a partition's directory belongs to; `None` if it does not say so (any more).
pub(crate) fn read_partition_metadata(storage: &dyn Storage, directory: &str) -> Result<Option<Uuid>, StorageError> {
    let Some(text) = read_text(storage, &format!("{directory}/{PARTITION_METADATA}"))? else { return Ok(None) };
    Ok(text.lines().find_map(|line| parse_id(line.strip_prefix("topic_id: ")?.trim())))
}

/// A whole text file; `None` if it is not there.
pub(crate) fn read_text(storage: &dyn Storage, path: &str) -> Result<Option<String>, StorageError> {
    match storage.read_file(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).to_string())),
        Err(error) if error.kind == StorageErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names of the directories in the log directory that is mounted at `mount`.
pub(crate) fn directories(storage: &dyn Storage, mount: &str) -> Result<Vec<String>, StorageError> {
    match storage.list(mount) {
        Ok(entries) => Ok(entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect()),
        Err(error) if error.kind == StorageErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_kafka_writes_them() {
        // Uuid.fromString("ICeEhVA4Qd2m9yQ1xTQ2Yw") in Kafka's own code.
        let id = parse_id("ICeEhVA4Qd2m9yQ1xTQ2Yw").unwrap();
        assert_eq!(id.to_string(), "20278485-5038-41dd-a6f7-2435c5343663");
        assert_eq!(id_text(id), "ICeEhVA4Qd2m9yQ1xTQ2Yw");
        assert_eq!(id_text(Uuid::nil()), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(parse_id("too short"), None);
    }

    #[test]
    fn meta_properties_goes_round() {
        let id = parse_id("ICeEhVA4Qd2m9yQ1xTQ2Yw").unwrap();
        let meta = MetaProperties { cluster_id: "abc".into(), node_id: 3, directory_id: id };
        assert_eq!(MetaProperties::parse(&meta.text()), Ok(meta));
        let old = MetaProperties::parse("version=0\nbroker.id=1\n").unwrap_err();
        assert_eq!(old, "it has version=0, and only version=1 (KRaft) can be read");
    }

    #[test]
    fn partition_metadata_is_written_only_where_it_says_something_else() {
        let mut storage = naru_log::MemoryStorage::new();
        storage.create_dir("orders-0").unwrap();
        let (id, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let path = "orders-0/partition.metadata";
        storage.put(path, format!("version: 0\ntopic_id: {}\n", id_text(id)).as_bytes());
        let before = storage.contents(path);
        write_partition_metadata(&mut storage, "orders-0", id).unwrap();
        assert_eq!(storage.contents(path), before, "not even its last line break is touched");
        write_partition_metadata(&mut storage, "orders-0", other).unwrap();
        assert_eq!(read_partition_metadata(&storage, "orders-0"), Ok(Some(other)));
        storage.put(path, b"");
        write_partition_metadata(&mut storage, "orders-0", id).unwrap();
        assert_eq!(read_partition_metadata(&storage, "orders-0"), Ok(Some(id)));
    }

    #[test]
    fn partition_directories_are_told_from_others() {
        assert_eq!(parse_partition_directory("orders-0"), Some(("orders", 0)));
        assert_eq!(parse_partition_directory("a-b-12"), Some(("a-b", 12)));
        for other in ["orders", "orders-", "-1", "orders-01", "orders-+1", "orders-0.abc-delete", "x-99999999999"] {
            assert_eq!(parse_partition_directory(other), None, "{other}");
        }
    }

    #[test]
    fn renamed_directories_fit_a_file_name() {
        let long = "t".repeat(249);
        assert_eq!(renamed_directory(&long, 12, Uuid::nil(), "delete").len(), FILE_NAME_MAX);
        let short = renamed_directory("orders", 0, Uuid::nil(), "delete");
        assert_eq!(short, "orders-0.00000000000000000000000000000000-delete");
    }
}
