//! The sentences in English.

use super::{Names, clipped, is_request, label_place, place, quoted, shortened, shortened_message, span};
use crate::text::Locale;
use naru_trace::{CellView, ClientRole, MessageLabel, ParkCondition, Partitioning, Preview, TraceEvent, TraceKind};

pub(super) fn sentence(event: &TraceEvent, names: &Names) -> String {
    let who = names.of(event.actor, Locale::En);
    let group = [
        world,
        faults,
        client,
        connection,
        producing,
        cleaning,
        reading,
        topics,
        replication,
        controller,
        quorum,
        super::groups::english,
        disk,
    ];
    let words = group.iter().find_map(|sentence| sentence(event, &who, names));
    // A test sees to it that every kind has its words; a reader must not pay for a gap with a crash.
    words.unwrap_or_else(|| format!("{who}: {}.", super::kind_name(&event.kind)))
}

fn world(event: &TraceEvent, _who: &str, names: &Names) -> Option<String> {
    let name = |actor| names.of(actor, Locale::En);
    Some(match &event.kind {
        TraceKind::MessageSent { from, to, label, arrives_at, .. } => {
            let (from, to) = (name(*from), name(*to));
            format!("{from} sends {to} {}; it takes {}.", message(label), span(arrives_at.since(event.at), Locale::En))
        }
        TraceKind::MessageArrived { message: number } => match names.messages.get(number) {
            Some((from, to, label)) => format!("{} from {} reaches {}.", message(label), name(*from), name(*to)),
            None => format!("a message (number {number}) arrives."),
        },
        TraceKind::MessageLost { message: number, reason } => match names.messages.get(number) {
            Some((from, _, label)) => format!("{} from {} is lost: {reason}.", message(label), name(*from)),
            None => format!("a message (number {number}) is lost: {reason}."),
        },
        TraceKind::BrokerCrashed { broker } => {
            format!("broker {broker} crashes: its process ends without warning. Its files stay.")
        }
        TraceKind::ScriptPrinted { text } => format!("the script prints: {}", clipped(text, 200, 160)),
        TraceKind::ActionInjected { action, .. } => format!("somebody intervenes: {action}."),
        _ => return None,
    })
}

fn faults(event: &TraceEvent, _who: &str, names: &Names) -> Option<String> {
    let name = |actor| names.of(actor, Locale::En);
    Some(match &event.kind {
        TraceKind::LinkCut { from, to } => {
            format!("the link from {} to {} is cut: nothing gets through.", name(*from), name(*to))
        }
        TraceKind::LinkHealed { from, to } => {
            format!("the link from {} to {} works again.", name(*from), name(*to))
        }
        TraceKind::LinkDelayed { from, to, extra_us: 0 } => {
            format!("the link from {} to {} is as fast as usual.", name(*from), name(*to))
        }
        TraceKind::LinkDelayed { from, to, extra_us } => {
            let extra = span(*extra_us, Locale::En);
            format!("everything from {} to {} takes {extra} longer from now on.", name(*from), name(*to))
        }
        TraceKind::BrokerPaused { broker } => {
            format!("broker {broker} is suspended: it does nothing, and does not know that time passes.")
        }
        TraceKind::BrokerResumed { broker } => format!("broker {broker} goes on where it was suspended."),
        TraceKind::ClockSkewed { broker, wall_ms: 0, drift_ppm: 0 } => {
            format!("the clocks of broker {broker} are right.")
        }
        TraceKind::ClockSkewed { broker, wall_ms, drift_ppm } => {
            let wall = format!("its wall clock is {wall_ms} ms ahead");
            format!("the clocks of broker {broker} are wrong: {wall}, and it runs {drift_ppm} millionths too fast.")
        }
        TraceKind::DiskLost { broker, formatted } => {
            let new = if *formatted { "an empty one, formatted for it," } else { "an empty one" };
            format!("broker {broker} loses its disk with all that was on it; {new} is in its place.")
        }
        _ => return None,
    })
}

fn client(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::ClientStarted { name, role, settings, .. } => {
            let role = match role {
                ClientRole::Producer => "producer",
                ClientRole::Consumer => "consumer",
                ClientRole::Admin => "admin client",
            };
            let settings: Vec<_> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let with = if settings.is_empty() { String::new() } else { format!(" with {}", settings.join(", ")) };
            format!("the {role} {name} starts{with}.")
        }
        TraceKind::ClientClosed { .. } => format!("{who} closes."),
        TraceKind::RecordQueued { topic, partition, partitioning, key, value } => {
            let place = place(topic, *partition);
            let why = why_there(partitioning, *partition);
            format!("{who} puts {} into its batch for {place}: {why}.", record(key.as_ref(), value.as_ref()))
        }
        TraceKind::RecordRefused { topic, error, message } => {
            format!("{who} gives up a record for {topic}: {error}. {message}")
        }
        TraceKind::BatchSent { topic, partition, records, bytes, retries } => {
            let again = if *retries > 0 { format!(" again (try {})", retries + 1) } else { String::new() };
            let place = place(topic, *partition);
            format!("{who} sends a batch of {} ({bytes} bytes) to {place}{again}.", count(*records))
        }
        TraceKind::BatchAcknowledged { topic, partition, base_offset, records } => {
            let place = place(topic, *partition);
            match base_offset {
                -1 => format!("{who} has sent {} to {place} and, with acks=0, will never know more.", count(*records)),
                _ => format!("{who} learns that {place} has {}.", at_offsets(*base_offset, *records)),
            }
        }
        TraceKind::BatchFailed { topic, partition, records, error } => {
            format!("{who} gives up {} for {}: {error}.", count(*records), place(topic, *partition))
        }
        TraceKind::RetryScheduled { api, error, at } => {
            format!("{who} got {error} and will try {api} again in {}.", span(at.since(event.at), Locale::En))
        }
        TraceKind::PartitionAssigned { topic, partition } => format!("{who} will read {}.", place(topic, *partition)),
        TraceKind::PartitionUnassigned { topic, partition } => {
            format!("{who} no longer reads {}.", place(topic, *partition))
        }
        TraceKind::PositionSet { topic, partition, offset } => {
            format!("{who} will read {} from offset {offset} on.", place(topic, *partition))
        }
        TraceKind::RecordsDelivered { topic, partition, records, .. } => {
            format!("{who} gets {} from {}.", cells(records), place(topic, *partition))
        }
        TraceKind::AdminAnswered { api, subject, error: None, .. } => {
            format!("{who} learns that {api} {subject} is done.")
        }
        TraceKind::AdminAnswered { api, subject, error: Some(error), message } => {
            let message = message.as_deref().map_or(String::new(), |message| format!(" {message}"));
            format!("{who} learns that {api} {} was refused: {error}.{message}", shortened(subject))
        }
        _ => return None,
    })
}

fn connection(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::BrokerStarted { port, .. } => format!("{who} starts and listens on port {port}."),
        TraceKind::BrokerStopped { .. } => format!("{who} stops in good order."),
        TraceKind::ConnectionOpened { connection, peer } => {
            format!("{who} accepts connection {connection} from {peer}.")
        }
        TraceKind::ConnectionClosed { connection, reason } => {
            format!("{who} closes connection {connection}: {reason}.")
        }
        TraceKind::RequestReceived { api, version, client_id, bytes, .. } => {
            format!("{who} receives {api} (version {version}, {bytes} bytes) from {client_id}.")
        }
        TraceKind::ReplyParked { until, deadline, .. } => {
            let last =
                deadline.map(|at| format!(", at most {}", span(at.since(event.at), Locale::En))).unwrap_or_default();
            match until {
                ParkCondition::Bytes { topic, partition, .. } => {
                    format!("{who} finds nothing new in {} and lets the reply wait{last}.", place(topic, *partition))
                }
                ParkCondition::Loaded { topic, partition } => {
                    let place = place(topic, *partition);
                    format!("{who} has to ask the disk where the records of {place} are, and lets the reply wait.")
                }
                ParkCondition::Durable { .. } => {
                    format!("{who} lets the reply wait until the change is safely on disk{last}.")
                }
                ParkCondition::Replicated { topic, partition, offset } => {
                    let place = place(topic, *partition);
                    format!(
                        "{who} lets the reply wait until all in sync have {place} up to offset {}{last}.",
                        offset - 1
                    )
                }
                ParkCondition::Controller => {
                    format!("{who} passes the request on to the active controller, and lets the reply wait{last}.")
                }
                ParkCondition::Quorum => {
                    format!("{who} lets the reply wait until the metadata log has something new{last}.")
                }
                ParkCondition::Group { group } => format!("{who} lets the reply wait for the group {group}{last}."),
            }
        }
        TraceKind::ReplyReleased { timed_out: true, .. } => {
            format!("{who} stops waiting: time is up, the reply goes out.")
        }
        TraceKind::ReplyReleased { timed_out: false, .. } => {
            format!("{who} has what a reply was waiting for: it goes out.")
        }
        TraceKind::ResponseSent { api, bytes, error: None, .. } => format!("{who} answers {api} ({bytes} bytes)."),
        TraceKind::ResponseSent { api, error: Some(error), .. } => format!("{who} answers {api} with {error}."),
        TraceKind::MetadataPublished { offset } => {
            format!("{who} carries out what is committed before offset {offset} of the metadata log.")
        }
        TraceKind::LifecycleChanged { state, epoch } => match &**state {
            "starting" => format!("{who} is not registered with the controller (any more)."),
            "recovery" => format!("{who} is registered with epoch {epoch}; it is fenced until it has caught up."),
            "running" => format!("{who} is a full member of its cluster."),
            "leaving" => format!("{who} wants to stop, and waits until others lead its partitions."),
            _ => format!("{who} leaves its cluster."),
        },
        TraceKind::StorageSynced { files } => format!("{who} has {} safely on disk.", plural(*files, "file")),
        _ => return None,
    })
}

fn producing(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::BatchValidated { topic, partition, records, crc, .. } => {
            let place = place(topic, *partition);
            format!("{who} checks the batch of {} for {place}: its checksum {crc:08x} is right.", count(*records))
        }
        TraceKind::BatchRejected { topic, partition, error, message } => {
            format!("{who} refuses a batch for {}: {error}. {message}", place(topic, *partition))
        }
        TraceKind::DuplicateRecognised { topic, partition, producer_id, base_offset, .. } => {
            let place = place(topic, *partition);
            format!(
                "{who} knows this batch of producer {producer_id}: it is in {place} at offset {base_offset} already."
            )
        }
        TraceKind::OffsetsAssigned { topic, partition, base_offset, last_offset, .. } => {
            let place = place(topic, *partition);
            if base_offset == last_offset {
                format!("{who} gives the batch offset {base_offset} of {place}.")
            } else {
                format!("{who} gives the batch offsets {base_offset} to {last_offset} of {place}.")
            }
        }
        TraceKind::BatchAppended { topic, partition, bytes, records, log_end_offset, .. } => {
            let place = place(topic, *partition);
            let what = cells(records);
            format!("{who} appends {what} to {place} ({bytes} bytes). Next offset: {log_end_offset}.")
        }
        TraceKind::SegmentRolled { topic, partition, base_offset, because } => {
            let place = place(topic, *partition);
            format!("{who} begins a new segment of {place} at offset {base_offset}, because of {because}.")
        }
        TraceKind::IndexEntryAdded { topic, partition, offset, position } => {
            let place = place(topic, *partition);
            format!("{who} notes in the index of {place}: offset {offset} is at byte {position}.")
        }
        TraceKind::TimeIndexEntryAdded { topic, partition, timestamp_ms, offset } => {
            let place = place(topic, *partition);
            format!(
                "{who} notes in the time index of {place}: up to offset {offset}, nothing is later than {timestamp_ms}."
            )
        }
        TraceKind::LogFlushed { topic, partition, recovery_point, because } => {
            let place = place(topic, *partition);
            format!("{who} has {place} safely on disk up to offset {}, because of {because}.", recovery_point - 1)
        }
        TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, because } => {
            let place = place(topic, *partition);
            format!("{who} moves the start of {place} to offset {log_start_offset}, because of {because}.")
        }
        TraceKind::SegmentDeleted { topic, partition, base_offset, bytes, because } => {
            let place = place(topic, *partition);
            format!("{who} deletes segment {base_offset} of {place} ({bytes} bytes), because of {because}.")
        }
        TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
            let place = place(topic, *partition);
            format!("{who} lets consumers read {place} up to offset {}.", high_watermark - 1)
        }
        TraceKind::ProducerIdAssigned { producer_id, producer_epoch } => {
            format!(
                "{who} gives a producer the id {producer_id}, epoch {producer_epoch}: its retries can be recognised."
            )
        }
        _ => return None,
    })
}

fn cleaning(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::CleaningStarted { topic, partition, first_dirty_offset, end_offset, .. } => {
            let place = place(topic, *partition);
            let last = end_offset - 1;
            format!(
                "{who} begins to compact {place}: it looks for the newest record of each key in offsets {first_dirty_offset} to {last}."
            )
        }
        TraceKind::SegmentsReplaced { topic, partition, segments, .. } => {
            let place = place(topic, *partition);
            let count = plural(segments.len() as u32, "segment");
            format!("{who} puts a compacted segment in the place of old ones; {place} has {count} now.")
        }
        TraceKind::CleaningFinished {
            topic,
            partition,
            records_kept,
            records_removed,
            bytes_before,
            bytes_after,
            ..
        } => {
            let place = place(topic, *partition);
            format!(
                "{who} has compacted {place}: {records_removed} records went, {records_kept} stayed where they were, and \
                 {bytes_before} bytes are {bytes_after} now."
            )
        }
        TraceKind::CleaningAborted { topic, partition, reason, uncleanable } => {
            let place = place(topic, *partition);
            let next = if *uncleanable { "It will not try again." } else { "It will try again." };
            format!("{who} stops compacting {place}: {reason} {next}")
        }
        _ => return None,
    })
}

fn reading(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::RecordsRead { topic, partition, from_offset, to_offset, bytes } => {
            let place = place(topic, *partition);
            let found = to_offset - from_offset;
            match found {
                ..=0 => format!("{who} looks in {place} at offset {from_offset}: nothing there yet."),
                1 => format!("{who} reads offset {from_offset} of {place} ({bytes} bytes). It stays where it is."),
                _ => {
                    let last = to_offset - 1;
                    format!(
                        "{who} reads offsets {from_offset} to {last} of {place} ({bytes} bytes). They stay where they are."
                    )
                }
            }
        }
        TraceKind::FetchRejected { topic, partition, error, offset } => {
            format!("{who} refuses to read {} from offset {offset}: {error}.", place(topic, *partition))
        }
        TraceKind::FetchSessionChanged { session, epoch, partitions } => match epoch {
            -1 => format!("{who} forgets fetch session {session}."),
            _ => format!("{who} remembers {} in fetch session {session}.", plural(*partitions, "partition")),
        },
        TraceKind::OffsetLookedUp { topic, partition, timestamp, offset } => {
            let place = place(topic, *partition);
            match timestamp {
                -2 => format!("{who} says where {place} begins: offset {offset}."),
                -1 => format!("{who} says where {place} ends: the next record gets offset {offset}."),
                -3 if *offset >= 0 => {
                    format!("{who} finds the record of {place} with the largest timestamp: offset {offset}.")
                }
                -3 => format!("{who} says that {place} has no record, so none with the largest timestamp."),
                -4 => format!("{who} says where {place} begins on its own disk: offset {offset}."),
                -5 => format!("{who} says that no record of {place} is in tiered storage."),
                _ if *offset < 0 => format!("{who} finds no record in {place} from time {timestamp} on."),
                _ => format!("{who} finds the first record of {place} from time {timestamp} on: offset {offset}."),
            }
        }
        _ => return None,
    })
}

fn topics(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::TopicCreated { topic, partitions, .. } => {
            format!("{who} creates the topic {topic} with {}.", plural(*partitions as u32, "partition"))
        }
        TraceKind::TopicRejected { topic, error, message } => {
            format!("{who} refuses the topic \"{}\": {error}. {}", shortened(topic), shortened_message(message, topic))
        }
        TraceKind::TopicDeleted { topic } => format!("{who} deletes the topic {topic} and its records."),
        TraceKind::TopicConfigChanged { topic, key, value: Some(value) } => {
            format!("{who} sets {key} of the topic {topic} to {value}.")
        }
        TraceKind::TopicConfigChanged { topic, key, value: None } => {
            format!("{who} resets {key} of the topic {topic} to the default.")
        }
        TraceKind::PartitionOpened { topic, partition, view, .. } => {
            let place = place(topic, *partition);
            match view.log_end_offset {
                _ if view.role == "elsewhere" => {
                    format!(
                        "{who} learns of {place}, which is on {}; broker {} leads.",
                        brokers(&view.replicas),
                        view.leader
                    )
                }
                0 => format!("{who} opens {place}: an empty directory for its log."),
                end => format!("{who} opens {place} and finds its records up to offset {}.", end - 1),
            }
        }
        TraceKind::PartitionOffline { topic, partition, reason } => {
            format!("{who} takes {} offline: {reason}", place(topic, *partition))
        }
        TraceKind::LogTruncated { topic, partition, to_offset, bytes, reason, .. } => {
            let place = place(topic, *partition);
            format!("{who} cuts {bytes} bytes off {place}; it now ends at offset {to_offset}. {reason}")
        }
        TraceKind::MetadataAppended { records, .. } => {
            let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
            format!("{who} writes to its metadata log: {}.", records.join(", "))
        }
        _ => return None,
    })
}

fn replication(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::PartitionRoleChanged { topic, partition, role, leader, leader_epoch, isr, .. } => {
            let (place, isr) = (place(topic, *partition), brokers(isr));
            match &**role {
                "leader" => format!("{who} leads {place} in epoch {leader_epoch}; in sync: {isr}."),
                "follower" if *leader < 0 => format!("{who} holds {place}, which has no leader; in sync: {isr}."),
                "follower" => {
                    format!("{who} follows broker {leader} in {place}, epoch {leader_epoch}; in sync: {isr}.")
                }
                _ => format!("{who} has no replica of {place}; its leader is broker {leader}, epoch {leader_epoch}."),
            }
        }
        TraceKind::FollowerFetched { topic, partition, follower, offset: 0, .. } => {
            format!("{who} learns that broker {follower} has nothing of {} yet.", place(topic, *partition))
        }
        TraceKind::FollowerFetched { topic, partition, follower, offset, caught_up } => {
            let place = place(topic, *partition);
            let all = if *caught_up { ", which is all there is" } else { "" };
            format!("{who} learns that broker {follower} has {place} up to offset {}{all}.", offset - 1)
        }
        TraceKind::IsrChangeAsked { topic, partition, isr, because, replicas } => {
            let (place, isr, replicas) = (place(topic, *partition), brokers(isr), brokers(replicas));
            format!("{who} asks the controller to have {isr} in sync in {place}: {replicas}, because of {because}.")
        }
        TraceKind::LeaderEpochStarted { topic, partition, epoch, start_offset } => {
            format!("{who} notes that epoch {epoch} of {} begins at offset {start_offset}.", place(topic, *partition))
        }
        TraceKind::DivergenceFound { topic, partition, epoch, end_offset } => {
            let place = place(topic, *partition);
            format!("{who} learns that its {place} parts from the leader's: there, epoch {epoch} ends at {end_offset}.")
        }
        TraceKind::LogRestarted { topic, partition, at_offset } => {
            let place = place(topic, *partition);
            format!("{who} throws {place} away and begins at offset {at_offset}: the leader has nothing older.")
        }
        _ => return None,
    })
}

fn controller(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::BrokerRegistered { broker, epoch, rack } => {
            let rack = rack.as_ref().map(|rack| format!(" in rack {rack}")).unwrap_or_default();
            format!("{who}, the controller, registers broker {broker}{rack} with epoch {epoch}. It starts fenced.")
        }
        TraceKind::BrokerFenced { broker, because } => {
            format!("{who}, the controller, fences broker {broker}: {because}.")
        }
        TraceKind::BrokerUnfenced { broker } => format!("{who}, the controller, lets broker {broker} lead partitions."),
        TraceKind::LeaderElected { topic, partition, leader: -1, because, .. } => {
            format!("{who}, the controller, finds nobody who can lead {}: {because}.", place(topic, *partition))
        }
        TraceKind::LeaderElected { topic, partition, leader, leader_epoch, because, .. } => {
            let place = place(topic, *partition);
            format!(
                "{who}, the controller, makes broker {leader} the leader of {place}, epoch {leader_epoch}: {because}."
            )
        }
        TraceKind::IsrDecided { topic, partition, isr, because, .. } => {
            let place = place(topic, *partition);
            format!("{who}, the controller, notes who is in sync for {place}: {}. The reason: {because}.", brokers(isr))
        }
        TraceKind::ReassignmentStarted { topic, partition, adding, removing } => {
            let place = place(topic, *partition);
            let (adding, removing) = (brokers(adding), brokers(removing));
            format!("{who}, the controller, moves replicas of {place}: {adding} to come, {removing} to go.")
        }
        TraceKind::ReassignmentFinished { topic, partition, replicas } => {
            format!("the replicas of {} are where they belong: {}.", place(topic, *partition), brokers(replicas))
        }
        _ => return None,
    })
}

fn quorum(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::QuorumOpened { view } => {
            let end = view.log_end_offset;
            format!("{who} opens the metadata log, up to offset {end}; {} vote in its quorum.", brokers(&view.voters))
        }
        TraceKind::QuorumStateChanged { state, epoch, leader } => quorum_state(who, state, *epoch, *leader),
        TraceKind::VoteAsked { voter, epoch, pre_vote: true, .. } => {
            format!("{who} asks broker {voter} whether it would vote for it; nobody's epoch changes, it stays {epoch}.")
        }
        TraceKind::VoteAsked { voter, epoch, .. } => {
            format!("{who} asks broker {voter} for its vote in epoch {epoch}.")
        }
        TraceKind::VoteGiven { candidate, epoch, pre_vote, granted, because } => {
            let does = match (pre_vote, granted) {
                (true, true) => format!("would vote for broker {candidate}"),
                (true, false) => format!("would not vote for broker {candidate}"),
                (false, true) => format!("votes for broker {candidate} and writes it down first"),
                (false, false) => format!("does not vote for broker {candidate}"),
            };
            format!("{who} {does} in epoch {epoch}: {because}.")
        }
        TraceKind::QuorumHighWatermarkAdvanced { high_watermark } => {
            format!("{who} knows that all metadata before offset {high_watermark} is decided for good.")
        }
        TraceKind::MetadataReplicated { base_offset, end_offset, .. } => {
            format!("{who} appends what it fetched of the metadata log: offsets {base_offset} to {}.", end_offset - 1)
        }
        TraceKind::MetadataTruncated { end_offset } => {
            format!("{who} cuts its metadata log back to offset {end_offset}: the rest was never decided.")
        }
        TraceKind::SnapshotWritten { end_offset, .. } => {
            format!("{who} writes all metadata before offset {end_offset} into a snapshot; the log now starts there.")
        }
        TraceKind::SnapshotLoaded { end_offset, .. } => {
            format!("{who} has fetched a snapshot of all metadata before offset {end_offset}, and goes on from there.")
        }
        TraceKind::VotersChanged { voters } => format!("{who} counts the votes of {} from now on.", brokers(voters)),
        _ => return None,
    })
}

fn quorum_state(who: &str, state: &str, epoch: i32, leader: i32) -> String {
    match state {
        "leader" => format!("{who} is elected: it leads the metadata quorum in epoch {epoch}."),
        "follower" => format!("{who} follows broker {leader} in the metadata quorum, epoch {epoch}."),
        "observer" => format!("{who} reads the metadata log from broker {leader}, epoch {epoch}; it has no vote."),
        "candidate" => format!("{who} stands for election in epoch {epoch} and votes for itself."),
        "prospective" => format!("{who} hears from no leader, and asks whether it would be elected."),
        "resigned" => format!("{who} gives up leading the metadata quorum in epoch {epoch}."),
        _ => format!("{who} knows of epoch {epoch}, and of no leader in it."),
    }
}

fn brokers(ids: &[i32]) -> String {
    match ids {
        [] => "nobody".to_owned(),
        [id] => format!("broker {id}"),
        ids => format!("brokers {}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn disk(event: &TraceEvent, _who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::FileCreated { path, .. } => format!("A new file: {path}."),
        TraceKind::FileWritten { path, position, bytes, .. } => {
            format!("{bytes} bytes go to {path} at position {position}: into memory, not yet to the disk.")
        }
        TraceKind::FileTruncated { path, length, .. } => format!("{path} is cut to {length} bytes."),
        TraceKind::FileReplaced { path, length, .. } => {
            format!("{path} is replaced by a new file of {length} bytes, safely on the disk.")
        }
        TraceKind::FileRenamed { from, to, .. } => format!("{from} is now called {to}."),
        TraceKind::FileRemoved { path, .. } => format!("{path} is removed."),
        TraceKind::FileSynced { path, pages, .. } => {
            format!("{path} is brought safely to the disk; {} had to be written.", pages_count(*pages))
        }
        TraceKind::SyncFailed { path, pages, .. } => {
            format!("fsync of {path} fails: {} count as written and are not.", pages_count(*pages))
        }
        TraceKind::PagesRead { path, pages, misses: 0, .. } => {
            format!("{} of {path}: read from memory.", pages_count(*pages))
        }
        TraceKind::PagesRead { path, pages, misses, read_ahead, .. } => {
            let ahead = match read_ahead {
                0 => String::new(),
                ahead => format!(", and {} more on the way", pages_count(*ahead)),
            };
            format!("Of {} of {path} that are read, {misses} come from the disk{ahead}.", pages_count(*pages))
        }
        TraceKind::PagesWrittenBack { path, pages, because, .. } => {
            format!("The operating system writes {} of {path} to the disk: {because}.", pages_count(*pages))
        }
        TraceKind::PagesEvicted { path, pages, .. } => {
            format!("The operating system forgets {} of {path} to make room.", pages_count(*pages))
        }
        TraceKind::PowerLost { broker, .. } => {
            format!("The power of broker {broker} fails: what was only in memory is gone.")
        }
        TraceKind::ByteEdited { path, position, before, after, .. } => {
            format!("Byte {position} of {path} turns from {before:#04x} into {after:#04x}.")
        }
        TraceKind::DiskFaultSet { broker, full, slow_us, sync_fails } => {
            let slow = format!("every access takes {} longer", span(*slow_us, Locale::En));
            let faults = [(*full, "it is full"), (*slow_us > 0, &*slow), (*sync_fails, "fsync fails")];
            let faults: Vec<&str> = faults.into_iter().filter_map(|(on, words)| on.then_some(words)).collect();
            let how = if faults.is_empty() { "it works as it should".into() } else { faults.join("; ") };
            format!("The disk of broker {broker}: {how}.")
        }
        _ => return None,
    })
}

fn pages_count(pages: u32) -> String {
    if pages == 1 { "1 page".into() } else { format!("{pages} pages") }
}

fn message(label: &MessageLabel) -> String {
    let api = &label.api;
    let mut words = if is_request(label) { format!("a {api} request") } else { format!("the answer to {api}") };
    if words.starts_with("a A") || words.starts_with("a I") || words.starts_with("a O") {
        words.insert(1, 'n');
    }
    if label.records > 0 {
        words += &format!(" with {}", count(label.records));
    }
    if let Some(place) = label_place(label) {
        words += &format!(" ({})", shortened(&place));
    }
    if let Some(error) = &label.error {
        words += &format!(": {error}");
    }
    words
}

fn why_there(partitioning: &Partitioning, partition: i32) -> String {
    match partitioning {
        Partitioning::Explicit => "the script says so".into(),
        Partitioning::KeyHash { hash, partitions } => {
            format!("murmur2 of the key is {hash}, and {hash} modulo {partitions} is {partition}")
        }
        Partitioning::Sticky => "without a key, it goes where the last one went".into(),
    }
}

fn record(key: Option<&Preview>, value: Option<&Preview>) -> String {
    let value = value.map_or("a tombstone".into(), quoted);
    match key {
        Some(key) => format!("{value} (key {})", quoted(key)),
        None => value,
    }
}

/// `"a" at offset 3`, `5 records (offsets 3 to 7)`.
fn cells(records: &[CellView]) -> String {
    match records {
        [] => "no records".into(),
        [one] => format!("{} at offset {}", record(one.key.as_ref(), one.value.as_ref()), one.offset),
        [first, .., last] => format!("{} (offsets {} to {})", count(records.len() as u32), first.offset, last.offset),
    }
}

fn at_offsets(base_offset: i64, records: u32) -> String {
    match records {
        1 => format!("the record at offset {base_offset}"),
        _ => format!("the records at offsets {base_offset} to {}", base_offset + i64::from(records) - 1),
    }
}

fn count(records: u32) -> String {
    plural(records, "record")
}

fn plural(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
