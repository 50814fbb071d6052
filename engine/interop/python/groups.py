"""Groups with kafka-python: two members share a topic, one leaves, and the other goes on where it was.

Called with the broker's address. Prints "all checks held" at the end.
"""

import sys
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

BOOTSTRAP = sys.argv[1]
TOPIC, GROUP, RECORDS = "shared", "py-group", 200


def member(seen, stop, ready):
    consumer = KafkaConsumer(
        TOPIC,
        bootstrap_servers=BOOTSTRAP,
        group_id=GROUP,
        auto_offset_reset="earliest",
        heartbeat_interval_ms=300,
        consumer_timeout_ms=300,
    )
    while not stop.is_set():
        for record in consumer:
            seen.append((record.partition, record.offset))
        ready.append(len(consumer.assignment()))
    consumer.close()


def until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def produce(count):
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP)
    for number in range(count):
        producer.send(TOPIC, value=b"%d" % number, partition=number % 4)
    producer.flush()
    producer.close()


admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
admin.create_topics([NewTopic(TOPIC, num_partitions=4, replication_factor=1)])
produce(RECORDS)

seen, stops, sizes, threads = [], [threading.Event(), threading.Event()], [[], []], []
for stop, ready in zip(stops, sizes):
    threads.append(threading.Thread(target=member, args=(seen, stop, ready)))
    threads[-1].start()
until(lambda: all(size and size[-1] == 2 for size in sizes), f"two partitions for each: {sizes}")
until(lambda: len(set(seen)) == RECORDS, "every record is seen")
described = admin.describe_groups([GROUP])[GROUP]
assert described["group_state"] == "Stable" and len(described["members"]) == 2, described

stops[0].set()
threads[0].join()
until(lambda: sizes[1][-1] == 4, "the one that is left has all")
produce(RECORDS)
until(lambda: len(set(seen)) == 2 * RECORDS, "records written later are seen by the one that is left")
stops[1].set()
threads[1].join()

committed = admin.list_group_offsets(GROUP)[GROUP]
wanted = {TopicPartition(TOPIC, partition): 2 * RECORDS // 4 for partition in range(4)}
assert {place: offset.offset for place, offset in committed.items()} == wanted, committed
assert admin.describe_groups([GROUP])[GROUP]["group_state"] == "Empty"
admin.close()
print("all checks held")
