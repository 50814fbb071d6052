"""kafka-python against a broker: produce with every setting that changes the wire, read back, administer topics.

Usage: roundtrip.py HOST:PORT. Prints `all checks held` at the end, or fails with a traceback.
"""

import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafka.errors import InvalidTopicError, TopicAlreadyExistsError

BOOTSTRAP = sys.argv[1]


def produce_and_consume(topic, **settings):
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, **settings)
    sent = [(f"key-{i % 7}".encode(), f"value {i}".encode()) for i in range(500)]
    futures = [producer.send(topic, key=key, value=value, partition=0) for key, value in sent]
    offsets = [future.get(timeout=60).offset for future in futures]
    producer.close()
    assert offsets == list(range(500)), f"{topic}: offsets {offsets[:5]}..."

    consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, enable_auto_commit=False, check_crcs=True)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    got = []
    while len(got) < len(sent):
        for records in consumer.poll(timeout_ms=60_000).values():
            got.extend((record.key, record.value) for record in records)
    assert got == sent, f"{topic}: the records differ"
    assert consumer.end_offsets([partition])[partition] == 500
    assert consumer.beginning_offsets([partition])[partition] == 0
    consumer.seek(partition, 400)
    again = consumer.poll(timeout_ms=60_000)[partition]
    assert again[0].offset == 400, "reading takes nothing away"
    consumer.close()


def administer():
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    admin.create_topics([NewTopic("made-by-python", num_partitions=3, replication_factor=1)])
    assert "made-by-python" in admin.list_topics()
    for name, expected in [("made-by-python", TopicAlreadyExistsError), ("not a name", InvalidTopicError)]:
        try:
            admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
        except expected:
            continue
        raise AssertionError(f"{name} was not refused with {expected.__name__}")
    admin.delete_topics(["made-by-python"])
    assert "made-by-python" not in admin.list_topics()
    admin.close()


def configure():
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    admin.create_topics([NewTopic("py-configs", num_partitions=1, replication_factor=1, topic_configs={"retention.ms": "60000"})])

    def configs():
        resource = ConfigResource(ConfigResourceType.TOPIC, "py-configs")
        [by_name] = admin.describe_configs([resource], config_filter="all").values()
        return {key: entry["value"] for key, entry in by_name["py-configs"].items()}

    def alter(incremental, **changes):
        changes = {key.replace("_", "."): change for key, change in changes.items()}
        resource = ConfigResource(ConfigResourceType.TOPIC, "py-configs", configs=changes)
        return admin.alter_configs([resource], incremental=incremental)

    assert configs()["retention.ms"] == "60000" and configs()["segment.bytes"] == "1073741824"
    alter(True, retention_ms=("SET", "7000"), cleanup_policy=("APPEND", "compact"))
    assert (configs()["retention.ms"], configs()["cleanup.policy"]) == ("7000", "delete,compact")
    alter(True, retention_ms=("DELETE", None), cleanup_policy=("SUBTRACT", "compact"))
    assert (configs()["retention.ms"], configs()["cleanup.policy"]) == ("604800000", "delete")
    alter(False, max_message_bytes="2000")
    assert configs()["max.message.bytes"] == "2000"
    admin.close()


def delete_records():
    admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    partition = TopicPartition("py-plain", 0)
    deleted = admin.delete_records({partition: 123})
    assert deleted[partition]["low_watermark"] == 123, deleted
    consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, enable_auto_commit=False)
    assert consumer.beginning_offsets([partition])[partition] == 123
    assert consumer.end_offsets([partition])[partition] == 500
    consumer.close()
    admin.close()


produce_and_consume("py-plain", acks=1, enable_idempotence=False)
produce_and_consume("py-idempotent", acks="all")
produce_and_consume("py-gzip", compression_type="gzip")
administer()
configure()
delete_records()
print("all checks held")
