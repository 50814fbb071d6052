//! The sentences in Korean. Terms are the notes' own; API names, configuration keys and error codes stay as Kafka
//! spells them.

use super::{Josa, Names, clipped, is_request, josa, label_place, place, quoted, shortened, shortened_message, span};
use crate::text::Locale;
use naru_trace::{CellView, ClientRole, MessageLabel, ParkCondition, Partitioning, Preview, TraceEvent, TraceKind};

pub(super) fn sentence(event: &TraceEvent, names: &Names) -> String {
    let who = josa(&names.of(event.actor, Locale::Ko), Josa::Subject);
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
        super::groups::korean,
        disk,
    ];
    let words = group.iter().find_map(|sentence| sentence(event, &who, names));
    // A test sees to it that every kind has its words; a reader must not pay for a gap with a crash.
    words.unwrap_or_else(|| format!("{who}: {}.", super::kind_name(&event.kind)))
}

fn world(event: &TraceEvent, _who: &str, names: &Names) -> Option<String> {
    let name = |actor| names.of(actor, Locale::Ko);
    Some(match &event.kind {
        TraceKind::MessageSent { from, to, label, arrives_at, .. } => {
            let from = josa(&name(*from), Josa::Subject);
            let time = span(arrives_at.since(event.at), Locale::Ko);
            format!("{from} {}에게 {} 보냅니다. {time} 걸립니다.", name(*to), josa(&message(label), Josa::Object))
        }
        TraceKind::MessageArrived { message: number } => match names.messages.get(number) {
            Some((from, to, label)) => {
                let what = josa(&message(label), Josa::Subject);
                format!("{}에서 {}에게 보낸 {what} 도착합니다.", name(*from), name(*to))
            }
            None => format!("메시지({number}번)가 도착합니다."),
        },
        TraceKind::MessageLost { message: number, reason } => match names.messages.get(number) {
            Some((from, _, label)) => {
                let what = josa(&message(label), Josa::Subject);
                format!("{}에서 보낸 {what} 사라집니다: {reason}.", name(*from))
            }
            None => format!("메시지({number}번)가 사라집니다: {reason}."),
        },
        TraceKind::BrokerCrashed { broker } => {
            let broker = josa(&format!("브로커 {broker}"), Josa::Subject);
            format!("{broker} 갑자기 멈춥니다. 프로세스는 끝났지만 파일은 남습니다.")
        }
        TraceKind::ScriptPrinted { text } => format!("스크립트 출력: {}", clipped(text, 200, 160)),
        TraceKind::ActionInjected { action, .. } => format!("사용자가 개입합니다: {action}."),
        _ => return None,
    })
}

fn faults(event: &TraceEvent, _who: &str, names: &Names) -> Option<String> {
    let name = |actor| names.of(actor, Locale::Ko);
    let to_name = |actor| josa(&names.of(actor, Locale::Ko), Josa::To);
    let subject = |broker: &i32| josa(&format!("브로커 {broker}"), Josa::Subject);
    Some(match &event.kind {
        TraceKind::LinkCut { from, to } => {
            format!("{}에서 {} 가는 연결을 끊습니다. 아무것도 지나가지 못합니다.", name(*from), to_name(*to))
        }
        TraceKind::LinkHealed { from, to } => {
            format!("{}에서 {} 가는 연결이 다시 통합니다.", name(*from), to_name(*to))
        }
        TraceKind::LinkDelayed { from, to, extra_us: 0 } => {
            format!("{}에서 {} 가는 연결이 다시 평소처럼 빠릅니다.", name(*from), to_name(*to))
        }
        TraceKind::LinkDelayed { from, to, extra_us } => {
            let extra = span(*extra_us, Locale::Ko);
            format!("이제 {}에서 {} 가는 메시지는 모두 {extra} 더 걸립니다.", name(*from), to_name(*to))
        }
        TraceKind::BrokerPaused { broker } => {
            format!("{} 멈춰 있습니다. 아무 일도 하지 않고, 시간이 흐르는 것도 모릅니다.", subject(broker))
        }
        TraceKind::BrokerResumed { broker } => format!("{} 멈췄던 곳에서 다시 움직입니다.", subject(broker)),
        TraceKind::ClockSkewed { broker, wall_ms: 0, drift_ppm: 0 } => {
            format!("브로커 {broker}의 시계가 맞습니다.")
        }
        TraceKind::ClockSkewed { broker, wall_ms, drift_ppm } => {
            format!(
                "브로커 {broker}의 시계가 틀립니다. 벽시계는 {wall_ms}밀리초 앞서고, 백만분의 {drift_ppm}만큼 빨리 갑니다."
            )
        }
        TraceKind::DiskLost { broker, formatted } => {
            let new = if *formatted { "이 브로커용으로 포맷한 빈 디스크" } else { "빈 디스크" };
            format!("{} 디스크를 내용과 함께 잃습니다. 그 자리에 {}를 넣습니다.", subject(broker), new)
        }
        _ => return None,
    })
}

fn client(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::ClientStarted { name, role, settings, .. } => {
            let settings: Vec<_> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let with = if settings.is_empty() { String::new() } else { format!(" 설정: {}.", settings.join(", ")) };
            format!("{} {} 시작합니다.{with}", role_name(*role), josa(name, Josa::Subject))
        }
        TraceKind::ClientClosed { .. } => format!("{who} 닫힙니다."),
        TraceKind::RecordQueued { topic, partition, partitioning, key, value } => {
            let record = josa(&record(key.as_ref(), value.as_ref()), Josa::Object);
            let place = place(topic, *partition);
            format!("{who} {record} {place}에 보낼 배치에 넣습니다: {}.", why_there(partitioning, *partition))
        }
        TraceKind::RecordRefused { topic, error, message } => {
            format!("{who} {topic} 토픽에 보낼 레코드를 포기합니다: {error}. {message}")
        }
        TraceKind::BatchSent { topic, partition, records, bytes, retries } => {
            let again = if *retries > 0 { format!(" 다시({}번째)", retries + 1) } else { String::new() };
            let place = josa(&place(topic, *partition), Josa::To);
            format!("{who} 레코드 {records}개짜리 배치({bytes}바이트)를 {place}{again} 보냅니다.")
        }
        TraceKind::BatchAcknowledged { topic, partition, base_offset, records } => {
            let place = place(topic, *partition);
            match base_offset {
                -1 => format!("{who} {place}에 레코드 {records}개를 보냈고, acks=0이라 그 뒤는 알 수 없습니다."),
                _ => format!(
                    "{who} {place}의 {}에 레코드가 저장됐다는 응답을 받습니다.",
                    offsets(*base_offset, *records)
                ),
            }
        }
        TraceKind::BatchFailed { topic, partition, records, error } => {
            format!("{who} {}에 보낼 레코드 {records}개를 포기합니다: {error}.", place(topic, *partition))
        }
        TraceKind::RetryScheduled { api, error, at } => {
            let time = span(at.since(event.at), Locale::Ko);
            format!(
                "{who} {} 받았고, {time} 뒤에 {} 다시 시도합니다.",
                josa(error, Josa::Object),
                josa(api, Josa::Object)
            )
        }
        TraceKind::PartitionAssigned { topic, partition } => {
            format!("{who} {} 읽기로 합니다.", josa(&place(topic, *partition), Josa::Object))
        }
        TraceKind::PartitionUnassigned { topic, partition } => {
            format!("{who} 이제 {} 읽지 않습니다.", josa(&place(topic, *partition), Josa::Object))
        }
        TraceKind::PositionSet { topic, partition, offset } => {
            format!("{who} {} 오프셋 {offset}부터 읽습니다.", josa(&place(topic, *partition), Josa::Object))
        }
        TraceKind::RecordsDelivered { topic, partition, records, .. } => {
            format!("{who} {}에서 {} 받습니다.", place(topic, *partition), josa(&cells(records), Josa::Object))
        }
        TraceKind::AdminAnswered { api, subject, error: None, .. } => {
            format!("{who} {api} {subject} 요청이 처리됐다는 응답을 받습니다.")
        }
        TraceKind::AdminAnswered { api, subject, error: Some(error), message } => {
            let message = message.as_deref().map_or(String::new(), |message| format!(" {message}"));
            format!("{who} {api} {} 요청을 거절당합니다: {error}.{message}", shortened(subject))
        }
        _ => return None,
    })
}

fn connection(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::BrokerStarted { port, .. } => format!("{who} 시작해서 포트 {port}에서 기다립니다."),
        TraceKind::BrokerStopped { .. } => format!("{who} 정상적으로 멈춥니다."),
        TraceKind::ConnectionOpened { connection, peer } => {
            format!("{who} {peer}에서 온 연결 {} 받아들입니다.", josa(&connection.to_string(), Josa::Object))
        }
        TraceKind::ConnectionClosed { connection, reason } => {
            format!("{who} 연결 {} 닫습니다: {reason}.", josa(&connection.to_string(), Josa::Object))
        }
        TraceKind::RequestReceived { api, version, client_id, bytes, .. } => {
            format!("{who} {client_id}의 {api} 요청(버전 {version}, {bytes}바이트)을 받습니다.")
        }
        TraceKind::ReplyParked { until, deadline, .. } => {
            let last =
                deadline.map(|at| format!("최대 {} 동안 ", span(at.since(event.at), Locale::Ko))).unwrap_or_default();
            match until {
                ParkCondition::Bytes { topic, partition, .. } => {
                    format!("{who} {}에 새 레코드가 없어 {last}응답을 미룹니다.", place(topic, *partition))
                }
                ParkCondition::Loaded { topic, partition } => {
                    let place = place(topic, *partition);
                    format!("{who} {place}의 레코드 위치를 디스크에서 읽어 올 때까지 응답을 미룹니다.")
                }
                ParkCondition::Durable { .. } => {
                    format!("{who} 변경이 디스크에 안전하게 기록될 때까지 {last}응답을 미룹니다.")
                }
                ParkCondition::Replicated { topic, partition, offset } => {
                    let place = place(topic, *partition);
                    format!(
                        "{who} 동기화된 복제본 모두가 {place}의 오프셋 {}까지 가질 때까지 {last}응답을 미룹니다.",
                        offset - 1
                    )
                }
                ParkCondition::Controller => {
                    format!("{who} 요청을 활성 컨트롤러에 넘기고 {last}응답을 미룹니다.")
                }
                ParkCondition::Quorum => {
                    format!("{who} 메타데이터 로그에 새 내용이 생길 때까지 {last}응답을 미룹니다.")
                }
                ParkCondition::Group { group } => {
                    format!("{who} 그룹 {} 기다리며 {last}응답을 미룹니다.", josa(group, Josa::Object))
                }
            }
        }
        TraceKind::ReplyReleased { timed_out: true, .. } => {
            format!("{who} 기다리기를 끝냅니다. 시간이 다 되어 응답을 보냅니다.")
        }
        TraceKind::ReplyReleased { timed_out: false, .. } => format!("{who} 미뤄 둔 응답을 이제 보낼 수 있습니다."),
        TraceKind::ResponseSent { api, bytes, error: None, .. } => format!("{who} {api}에 응답합니다({bytes}바이트)."),
        TraceKind::ResponseSent { api, error: Some(error), .. } => {
            format!("{who} {api}에 {} 응답합니다.", josa(error, Josa::To))
        }
        TraceKind::MetadataPublished { offset } => {
            format!("{who} 메타데이터 로그에서 오프셋 {offset} 앞까지 커밋된 내용을 반영했습니다.")
        }
        TraceKind::LifecycleChanged { state, epoch } => match &**state {
            "starting" => format!("{who} (더 이상) 컨트롤러에 등록되어 있지 않습니다."),
            "recovery" => format!("{who} 에포크 {epoch}(으)로 등록되었고, 따라잡을 때까지 격리됩니다."),
            "running" => format!("{who} 클러스터의 정식 멤버입니다."),
            "leaving" => format!("{who} 멈추려고 하며, 자신의 파티션을 다른 브로커가 이끌 때까지 기다립니다."),
            _ => format!("{who} 클러스터를 떠납니다."),
        },
        TraceKind::StorageSynced { files } => format!("{who} 파일 {files}개를 디스크에 안전하게 기록했습니다."),
        _ => return None,
    })
}

fn producing(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::BatchValidated { topic, partition, records, crc, .. } => {
            let place = place(topic, *partition);
            format!(
                "{who} {place}에 쓸 배치(레코드 {records}개)를 확인합니다. 체크섬 {} 맞습니다.",
                josa(&format!("{crc:08x}"), Josa::Subject)
            )
        }
        TraceKind::BatchRejected { topic, partition, error, message } => {
            format!("{who} {}에 쓸 배치를 거절합니다: {error}. {message}", place(topic, *partition))
        }
        TraceKind::DuplicateRecognised { topic, partition, producer_id, base_offset, .. } => {
            let place = place(topic, *partition);
            format!(
                "{who} 프로듀서 {producer_id}의 이 배치를 알아봅니다. 이미 {place}의 오프셋 {base_offset}에 있습니다."
            )
        }
        TraceKind::OffsetsAssigned { topic, partition, base_offset, last_offset, .. } => {
            let place = place(topic, *partition);
            let offsets = offsets(*base_offset, (last_offset - base_offset + 1) as u32);
            format!("{who} 배치에 {place}의 {} 줍니다.", josa(&offsets, Josa::Object))
        }
        TraceKind::BatchAppended { topic, partition, bytes, records, log_end_offset, .. } => {
            let place = place(topic, *partition);
            let what = josa(&cells(records), Josa::Object);
            format!("{who} {place} 끝에 {what} 덧붙입니다({bytes}바이트). 다음 오프셋은 {log_end_offset}입니다.")
        }
        TraceKind::SegmentRolled { topic, partition, base_offset, because } => {
            let place = place(topic, *partition);
            format!("{who} {because} 때문에 {place}의 새 세그먼트를 오프셋 {base_offset}에서 시작합니다.")
        }
        TraceKind::IndexEntryAdded { topic, partition, offset, position } => {
            let place = place(topic, *partition);
            format!("{who} {place}의 인덱스에 적습니다: 오프셋 {offset}의 위치는 {position}바이트입니다.")
        }
        TraceKind::TimeIndexEntryAdded { topic, partition, timestamp_ms, offset } => {
            let place = place(topic, *partition);
            format!(
                "{who} {place}의 시간 인덱스에 적습니다: 오프셋 {offset}까지 {timestamp_ms}보다 늦은 레코드가 없습니다."
            )
        }
        TraceKind::LogFlushed { topic, partition, recovery_point, because } => {
            let place = place(topic, *partition);
            let last = josa(&(recovery_point - 1).to_string(), Josa::Object);
            format!("{who} {because} 때문에 {place}의 마지막 오프셋 {last} 디스크에 안전하게 기록했습니다.")
        }
        TraceKind::LogStartOffsetAdvanced { topic, partition, log_start_offset, because } => {
            let place = place(topic, *partition);
            let start = josa(&log_start_offset.to_string(), Josa::To);
            format!("{who} {because} 때문에 {place}의 시작을 오프셋 {start} 옮깁니다.")
        }
        TraceKind::SegmentDeleted { topic, partition, base_offset, bytes, because } => {
            let place = place(topic, *partition);
            let segment = josa(&base_offset.to_string(), Josa::Object);
            format!("{who} {because} 때문에 {place}의 세그먼트 {segment} 삭제합니다({bytes}바이트).")
        }
        TraceKind::HighWatermarkAdvanced { topic, partition, high_watermark } => {
            let place = place(topic, *partition);
            format!("{who} 이제 컨슈머에게 {place}의 오프셋 {}까지 보여 줍니다.", high_watermark - 1)
        }
        TraceKind::ProducerIdAssigned { producer_id, producer_epoch } => {
            let epoch = josa(&producer_epoch.to_string(), Josa::Object);
            format!("{who} 프로듀서에게 ID {producer_id}, 에포크 {epoch} 줍니다. 그래서 재시도를 알아볼 수 있습니다.")
        }
        _ => return None,
    })
}

fn cleaning(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::CleaningStarted { topic, partition, first_dirty_offset, end_offset, .. } => {
            let place = josa(&place(topic, *partition), Josa::Object);
            let last = end_offset - 1;
            format!(
                "{who} {place} 컴팩션합니다: 오프셋 {first_dirty_offset}부터 {last}까지, 키마다 가장 새로운 레코드를 찾습니다."
            )
        }
        TraceKind::SegmentsReplaced { topic, partition, segments, .. } => {
            let place = place(topic, *partition);
            let count = segments.len();
            format!("{who} {place}의 예전 세그먼트를 컴팩션한 세그먼트로 바꿉니다. 이제 세그먼트는 {count}개입니다.")
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
                "{who} {place}의 컴팩션을 마칩니다: 레코드 {records_removed}개가 없어지고 {records_kept}개는 제자리에 남았습니다. \
                 {bytes_before}바이트가 {bytes_after}바이트로 줄었습니다."
            )
        }
        TraceKind::CleaningAborted { topic, partition, reason, uncleanable } => {
            let place = place(topic, *partition);
            let next =
                if *uncleanable { "다시 시도하지 않습니다." } else { "나중에 다시 시도합니다." };
            format!("{who} {place}의 컴팩션을 멈춥니다: {reason} {next}")
        }
        _ => return None,
    })
}

fn reading(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::RecordsRead { topic, partition, from_offset, to_offset, bytes } => {
            let place = place(topic, *partition);
            match to_offset - from_offset {
                ..=0 => format!("{who} {place}의 오프셋 {from_offset}에 레코드가 있는지 보지만 아직 없습니다."),
                found => {
                    let offsets = josa(&offsets(*from_offset, found as u32), Josa::Object);
                    format!("{who} {place}의 {offsets} 읽습니다({bytes}바이트). 레코드는 그 자리에 남습니다.")
                }
            }
        }
        TraceKind::FetchRejected { topic, partition, error, offset } => {
            let place = josa(&place(topic, *partition), Josa::Object);
            format!("{who} {place} 오프셋 {offset}부터 읽어 달라는 요청을 거절합니다: {error}.")
        }
        TraceKind::FetchSessionChanged { session, epoch, partitions } => match epoch {
            -1 => format!("{who} fetch 세션 {} 잊습니다.", josa(&session.to_string(), Josa::Object)),
            _ => format!("{who} fetch 세션 {session}에 파티션 {partitions}개를 기억합니다."),
        },
        TraceKind::OffsetLookedUp { topic, partition, timestamp, offset } => {
            let place = place(topic, *partition);
            match timestamp {
                -2 => format!("{who} {place}의 시작 위치를 알려 줍니다: 오프셋 {offset}."),
                -1 => format!("{who} {place}의 끝을 알려 줍니다: 다음 레코드는 오프셋 {offset}에 놓입니다."),
                -3 if *offset >= 0 => format!("{who} {place}에서 시각이 가장 늦은 레코드를 찾습니다: 오프셋 {offset}."),
                -3 => format!("{who} {place}에 레코드가 없어 시각이 가장 늦은 것도 없다고 답합니다."),
                -4 => format!("{who} 자기 디스크에서 {place}이 시작하는 위치를 알려 줍니다: 오프셋 {offset}."),
                -5 => format!("{who} 계층형 저장소에 {place}의 레코드가 없다고 답합니다."),
                _ if *offset < 0 => format!("{who} {place}에서 시각 {timestamp} 이후의 레코드를 찾지 못합니다."),
                _ => format!("{who} {place}에서 시각 {timestamp} 이후 첫 레코드를 찾습니다: 오프셋 {offset}."),
            }
        }
        _ => return None,
    })
}

fn topics(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::TopicCreated { topic, partitions, .. } => {
            format!("{who} 파티션 {partitions}개인 토픽 {} 만듭니다.", josa(topic, Josa::Object))
        }
        TraceKind::TopicRejected { topic, error, message } => {
            let name = josa(&format!("\"{}\"", shortened(topic)), Josa::Object);
            format!("{who} 토픽 {name} 거절합니다: {error}. {}", shortened_message(message, topic))
        }
        TraceKind::TopicDeleted { topic } => format!("{who} 토픽 {} 레코드를 지웁니다.", josa(topic, Josa::And)),
        TraceKind::TopicConfigChanged { topic, key, value: Some(value) } => {
            format!("{who} 토픽 {topic}의 {} {} 정합니다.", josa(key, Josa::Object), josa(value, Josa::To))
        }
        TraceKind::TopicConfigChanged { topic, key, value: None } => {
            format!("{who} 토픽 {topic}의 {} 기본값으로 되돌립니다.", josa(key, Josa::Object))
        }
        TraceKind::PartitionOpened { topic, partition, view, .. } => {
            let place = josa(&place(topic, *partition), Josa::Object);
            match view.log_end_offset {
                _ if view.role == "elsewhere" => format!(
                    "{who} {place} 알게 됩니다. 복제본은 {}에 있고 리더는 브로커 {}입니다.",
                    brokers(&view.replicas),
                    view.leader
                ),
                0 => format!("{who} {place} 엽니다. 로그를 담을 빈 디렉터리입니다."),
                end => format!("{who} {place} 열고 오프셋 {}까지의 레코드를 찾습니다.", end - 1),
            }
        }
        TraceKind::PartitionOffline { topic, partition, reason } => {
            format!("{who} {} 오프라인으로 돌립니다: {reason}", josa(&place(topic, *partition), Josa::Object))
        }
        TraceKind::LogTruncated { topic, partition, to_offset, bytes, reason, .. } => {
            let place = place(topic, *partition);
            format!("{who} {place}에서 {bytes}바이트를 잘라 냅니다. 이제 끝은 오프셋 {to_offset}입니다. {reason}")
        }
        TraceKind::MetadataAppended { records, .. } => {
            let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
            format!("{who} 메타데이터 로그에 씁니다: {}.", records.join(", "))
        }
        _ => return None,
    })
}

fn replication(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::PartitionRoleChanged { topic, partition, role, leader, leader_epoch, isr, .. } => {
            let (place, isr) = (place(topic, *partition), brokers(isr));
            let object = josa(&place, Josa::Object);
            match &**role {
                "leader" => format!("{who} 에포크 {leader_epoch}에서 {object} 이끕니다. 동기화된 복제본: {isr}."),
                "follower" if *leader < 0 => {
                    format!("{who} {object} 가지고 있지만 리더가 없습니다. 동기화된 복제본: {isr}.")
                }
                "follower" => format!(
                    "{who} 에포크 {leader_epoch}에서 {place}의 리더인 브로커 {} 따라갑니다. 동기화된 복제본: {isr}.",
                    josa(&leader.to_string(), Josa::Object)
                ),
                _ => {
                    format!("{who} {place}의 복제본이 없습니다. 리더는 브로커 {leader}, 에포크는 {leader_epoch}입니다.")
                }
            }
        }
        TraceKind::FollowerFetched { topic, partition, follower, offset: 0, .. } => {
            format!("{who} 브로커 {follower}에 {}의 레코드가 아직 없음을 알게 됩니다.", place(topic, *partition))
        }
        TraceKind::FollowerFetched { topic, partition, follower, offset, caught_up } => {
            let place = place(topic, *partition);
            let all = if *caught_up { ". 그것이 전부입니다" } else { "" };
            format!("{who} 브로커 {follower}에 {place}의 오프셋 {}까지 있음을 알게 됩니다{all}.", offset - 1)
        }
        TraceKind::IsrChangeAsked { topic, partition, isr, because, replicas } => {
            let (place, isr, replicas) = (place(topic, *partition), brokers(isr), brokers(replicas));
            format!(
                "{who} {place}의 동기화된 복제본을 {isr}(으)로 바꿔 달라고 컨트롤러에 요청합니다: {replicas}, {because} 때문에."
            )
        }
        TraceKind::LeaderEpochStarted { topic, partition, epoch, start_offset } => {
            let place = place(topic, *partition);
            format!("{who} {place}의 에포크 {epoch}의 시작이 오프셋 {start_offset}임을 적어 둡니다.")
        }
        TraceKind::DivergenceFound { topic, partition, epoch, end_offset } => {
            let place = place(topic, *partition);
            format!(
                "{who} 자신의 {place}에 리더와 다른 레코드가 있음을 알게 됩니다. 리더에서 에포크 {epoch}의 끝은 {end_offset}입니다."
            )
        }
        TraceKind::LogRestarted { topic, partition, at_offset } => {
            let place = josa(&place(topic, *partition), Josa::Object);
            format!("{who} {place} 버리고 오프셋 {at_offset}에서 다시 시작합니다. 리더에 더 오래된 레코드가 없습니다.")
        }
        _ => return None,
    })
}

fn controller(event: &TraceEvent, _who: &str, names: &Names) -> Option<String> {
    let who = josa(&format!("컨트롤러({})", names.of(event.actor, Locale::Ko)), Josa::Subject);
    let broker = |id: &i32, particle| josa(&format!("브로커 {id}"), particle);
    Some(match &event.kind {
        TraceKind::BrokerRegistered { broker: id, epoch, rack } => {
            let rack = rack.as_ref().map(|rack| format!("(랙 {rack})")).unwrap_or_default();
            let id = josa(&format!("브로커 {id}{rack}"), Josa::Object);
            format!("{who} {id} 에포크 {epoch}번으로 등록합니다. 처음에는 격리된 상태입니다.")
        }
        TraceKind::BrokerFenced { broker: id, because } => {
            format!("{who} {} 격리합니다: {because}.", broker(id, Josa::Object))
        }
        TraceKind::BrokerUnfenced { broker: id } => {
            format!("{who} {} 파티션을 이끌 수 있게 합니다.", broker(id, Josa::Subject))
        }
        TraceKind::LeaderElected { topic, partition, leader: -1, because, .. } => {
            format!("{who} {}의 리더가 될 수 있는 브로커를 찾지 못합니다: {because}.", place(topic, *partition))
        }
        TraceKind::LeaderElected { topic, partition, leader, leader_epoch, because, .. } => {
            let (place, leader) = (place(topic, *partition), broker(leader, Josa::Object));
            format!("{who} {leader} {place}의 리더로 정합니다(에포크 {leader_epoch}): {because}.")
        }
        TraceKind::IsrDecided { topic, partition, isr, because, .. } => {
            let (place, isr) = (place(topic, *partition), brokers(isr));
            format!("{who} {place}의 ISR을 정합니다: {isr}. 이유: {because}.")
        }
        TraceKind::ReassignmentStarted { topic, partition, adding, removing } => {
            let place = place(topic, *partition);
            let (adding, removing) = (brokers(adding), brokers(removing));
            format!("{who} {place}의 복제본을 옮깁니다. 추가: {adding}. 제거: {removing}.")
        }
        TraceKind::ReassignmentFinished { topic, partition, replicas } => {
            format!("{}의 복제본이 제자리를 찾았습니다: {}.", place(topic, *partition), brokers(replicas))
        }
        _ => return None,
    })
}

fn quorum(event: &TraceEvent, who: &str, _names: &Names) -> Option<String> {
    let object = |id: &i32| josa(&format!("브로커 {id}"), Josa::Object);
    Some(match &event.kind {
        TraceKind::QuorumOpened { view } => {
            let (end, voters) = (view.log_end_offset, brokers(&view.voters));
            format!("{who} 메타데이터 로그를 오프셋 {end}까지 엽니다. 쿼럼의 투표자: {voters}.")
        }
        TraceKind::QuorumStateChanged { state, epoch, leader } => quorum_state(who, state, *epoch, *leader),
        TraceKind::VoteAsked { voter, epoch, pre_vote: true, .. } => {
            format!("{who} 브로커 {voter}에 자신을 뽑겠는지 물어봅니다. 에포크는 {epoch} 그대로입니다.")
        }
        TraceKind::VoteAsked { voter, epoch, .. } => {
            format!("{who} 에포크 {epoch}에서 브로커 {voter}에 표를 달라고 합니다.")
        }
        TraceKind::VoteGiven { candidate, epoch, pre_vote, granted, because } => {
            let candidate = object(candidate);
            let does = match (pre_vote, granted) {
                (true, true) => format!("{candidate} 뽑겠다고 답합니다"),
                (true, false) => format!("{candidate} 뽑지 않겠다고 답합니다"),
                (false, true) => format!("{candidate} 뽑습니다. 답하기 전에 먼저 디스크에 적어 둡니다"),
                (false, false) => format!("{candidate} 뽑지 않습니다"),
            };
            format!("{who} 에포크 {epoch}에서 {does}: {because}.")
        }
        TraceKind::QuorumHighWatermarkAdvanced { high_watermark } => {
            format!("{who} 오프셋 {high_watermark} 앞의 메타데이터가 모두 확정되었음을 압니다.")
        }
        TraceKind::MetadataReplicated { base_offset, end_offset, .. } => {
            format!("{who} 가져온 메타데이터 로그를 덧붙입니다: 오프셋 {base_offset}부터 {}까지.", end_offset - 1)
        }
        TraceKind::MetadataTruncated { end_offset } => {
            format!("{who} 메타데이터 로그를 오프셋 {end_offset}까지로 자릅니다. 나머지는 확정된 적이 없습니다.")
        }
        TraceKind::SnapshotWritten { end_offset, .. } => {
            format!("{who} 오프셋 {end_offset} 앞의 메타데이터를 모두 스냅샷에 씁니다. 이제 로그는 거기서 시작합니다.")
        }
        TraceKind::SnapshotLoaded { end_offset, .. } => {
            format!("{who} 오프셋 {end_offset} 앞의 메타데이터를 담은 스냅샷을 가져왔고, 거기서부터 이어 갑니다.")
        }
        TraceKind::VotersChanged { voters } => format!("{who} 이제부터 이들의 표를 셉니다: {}.", brokers(voters)),
        _ => return None,
    })
}

fn quorum_state(who: &str, state: &str, epoch: i32, leader: i32) -> String {
    let object = josa(&format!("브로커 {leader}"), Josa::Object);
    match state {
        "leader" => format!("{who} 뽑혔습니다. 에포크 {epoch}에서 메타데이터 쿼럼을 이끕니다."),
        "follower" => format!("{who} 메타데이터 쿼럼에서 {object} 따라갑니다. 에포크 {epoch}."),
        "observer" => format!("{who} 브로커 {leader}에서 메타데이터 로그를 읽습니다. 에포크 {epoch}, 표는 없습니다."),
        "candidate" => format!("{who} 에포크 {epoch}의 선거에 나서고 자신에게 투표합니다."),
        "prospective" => format!("{who} 리더의 소식이 없어, 자신이 뽑힐지 물어봅니다."),
        "resigned" => format!("{who} 에포크 {epoch}에서 메타데이터 쿼럼을 이끌기를 그만둡니다."),
        _ => format!("{who} 에포크 {epoch}에 있음을 알지만, 그 리더는 모릅니다."),
    }
}

fn brokers(ids: &[i32]) -> String {
    match ids {
        [] => "없음".to_owned(),
        ids => format!("브로커 {}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn disk(event: &TraceEvent, _who: &str, _names: &Names) -> Option<String> {
    Some(match &event.kind {
        TraceKind::FileCreated { path, .. } => format!("새 파일이 생깁니다: {path}."),
        TraceKind::FileWritten { path, position, bytes, .. } => {
            format!("{path}의 {position}바이트 위치에 {bytes}바이트를 씁니다. 아직 디스크가 아니라 메모리에 있습니다.")
        }
        TraceKind::FileTruncated { path, length, .. } => format!("{path} 파일을 {length}바이트로 자릅니다."),
        TraceKind::FileReplaced { path, length, .. } => {
            format!("{path} 파일을 {length}바이트짜리 새 파일로 바꾸고 디스크에 안전하게 기록합니다.")
        }
        TraceKind::FileRenamed { from, to, .. } => {
            format!("{from} 파일의 이름이 {to} 바뀝니다.", to = josa(to, Josa::To))
        }
        TraceKind::FileRemoved { path, .. } => format!("{path} 파일을 지웁니다."),
        TraceKind::FileSynced { path, pages, .. } => {
            format!("{path} 파일을 디스크에 안전하게 기록합니다. 새로 쓴 페이지는 {pages}개입니다.")
        }
        TraceKind::SyncFailed { path, pages, .. } => {
            format!("{path}의 fsync가 실패합니다. 페이지 {pages}개는 쓴 것으로 치지만 디스크에는 없습니다.")
        }
        TraceKind::PagesRead { path, pages, misses: 0, .. } => {
            format!("{path}의 페이지 {pages}개를 모두 메모리에서 읽습니다.")
        }
        TraceKind::PagesRead { path, pages, misses, read_ahead, .. } => {
            let ahead = match read_ahead {
                0 => String::new(),
                ahead => format!(" 뒤따르는 페이지 {ahead}개도 미리 읽습니다."),
            };
            format!("{path}에서 읽는 페이지 {pages}개 가운데 {misses}개를 디스크에서 가져옵니다.{ahead}")
        }
        TraceKind::PagesWrittenBack { path, pages, because, .. } => {
            format!("운영체제가 {path}의 페이지 {pages}개를 디스크에 씁니다: {because}.")
        }
        TraceKind::PagesEvicted { path, pages, .. } => {
            format!("운영체제가 자리를 내려고 {path}의 페이지 {pages}개를 메모리에서 내보냅니다.")
        }
        TraceKind::PowerLost { broker, .. } => {
            format!("브로커 {broker}의 전원이 꺼집니다. 메모리에만 있던 것은 사라집니다.")
        }
        TraceKind::ByteEdited { path, position, before, after, .. } => {
            let after = josa(&format!("{after:#04x}"), Josa::To);
            format!("{path}의 {position}번째 바이트가 {before:#04x}에서 {after} 바뀝니다.")
        }
        TraceKind::DiskFaultSet { broker, full, slow_us, sync_fails } => {
            let slow = format!("접근할 때마다 {} 더 걸립니다", span(*slow_us, Locale::Ko));
            let faults = [(*full, "빈자리가 없습니다"), (*slow_us > 0, &*slow), (*sync_fails, "fsync가 실패합니다")];
            let faults: Vec<&str> = faults.into_iter().filter_map(|(on, words)| on.then_some(words)).collect();
            let how = if faults.is_empty() { "정상입니다".into() } else { faults.join(", ") };
            format!("브로커 {broker}의 디스크: {how}.")
        }
        _ => return None,
    })
}

fn message(label: &MessageLabel) -> String {
    let mut words = String::new();
    if let Some(place) = label_place(label) {
        words += &format!("{}에 대한 ", shortened(&place));
    }
    if label.records > 0 {
        words += &format!("레코드 {}개가 든 ", label.records);
    }
    words += &format!("{} {}", label.api, if is_request(label) { "요청" } else { "응답" });
    match &label.error {
        Some(error) => format!("{error} 오류가 든 {words}"),
        None => words,
    }
}

fn why_there(partitioning: &Partitioning, partition: i32) -> String {
    match partitioning {
        Partitioning::Explicit => "스크립트가 파티션을 정했습니다".into(),
        Partitioning::KeyHash { hash, partitions } => {
            let partitions = josa(&partitions.to_string(), Josa::To);
            format!("키의 murmur2 해시 {hash}, 이를 {partitions} 나눈 나머지는 {partition}입니다")
        }
        Partitioning::Sticky => "키가 없어서 앞의 레코드와 같은 곳으로 갑니다".into(),
    }
}

fn record(key: Option<&Preview>, value: Option<&Preview>) -> String {
    let value = value.map_or("툼스톤".into(), quoted);
    match key {
        Some(key) => format!("{value}(키 {})", quoted(key)),
        None => value,
    }
}

fn cells(records: &[CellView]) -> String {
    match records {
        [] => "레코드 0개".into(),
        [one] => format!("오프셋 {}의 레코드 {}", one.offset, record(one.key.as_ref(), one.value.as_ref())),
        [first, .., last] => format!("오프셋 {}~{}의 레코드 {}개", first.offset, last.offset, records.len()),
    }
}

fn offsets(base_offset: i64, records: u32) -> String {
    match records {
        1 => format!("오프셋 {base_offset}"),
        _ => format!("오프셋 {base_offset}~{}", base_offset + i64::from(records) - 1),
    }
}

fn role_name(role: ClientRole) -> &'static str {
    match role {
        ClientRole::Producer => "프로듀서",
        ClientRole::Consumer => "컨슈머",
        ClientRole::Admin => "관리 클라이언트",
    }
}
