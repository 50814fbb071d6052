// kafkajs against a broker: the producer, plain, compressed and idempotent, and the admin client.
// Usage: roundtrip.cjs HOST:PORT. Prints `all checks held` at the end, or fails.
const assert = require("node:assert");
const { Kafka, CompressionTypes, logLevel } = require("kafkajs");

const kafka = new Kafka({ clientId: "kafkajs-test", brokers: [process.argv[2]], logLevel: logLevel.ERROR });

async function produce(topic, options, send) {
  const producer = kafka.producer(options);
  await producer.connect();
  const messages = Array.from({ length: 200 }, (_, i) => ({ key: `key-${i % 5}`, value: `value ${i}`, partition: 0 }));
  const [answer] = await producer.send({ topic, messages, ...send });
  assert.strictEqual(answer.errorCode, 0);
  assert.strictEqual(answer.baseOffset, "0");
  await producer.disconnect();
}

async function main() {
  const admin = kafka.admin();
  await admin.connect();
  assert.strictEqual(await admin.createTopics({ topics: [{ topic: "js-made", numPartitions: 3 }] }), true);
  assert.strictEqual(await admin.createTopics({ topics: [{ topic: "js-made" }] }), false, "it exists already");
  await assert.rejects(admin.createTopics({ topics: [{ topic: "js bad name" }] }));
  for (const topic of ["js-plain", "js-gzip", "js-idempotent"]) await admin.createTopics({ topics: [{ topic }] });

  await produce("js-plain", {}, { acks: 1 });
  await produce("js-gzip", {}, { acks: -1, compression: CompressionTypes.GZIP });
  await produce("js-idempotent", { idempotent: true, maxInFlightRequests: 1 }, { acks: -1 });

  for (const topic of ["js-plain", "js-gzip", "js-idempotent"]) {
    const [offsets] = await admin.fetchTopicOffsets(topic);
    assert.deepStrictEqual([offsets.low, offsets.high], ["0", "200"], topic);
  }
  await admin.createPartitions({ topicPartitions: [{ topic: "js-made", count: 4 }] });
  const { topics } = await admin.fetchTopicMetadata({ topics: ["js-made"] });
  assert.strictEqual(topics[0].partitions.length, 4);
  const cluster = await admin.describeCluster();
  assert.strictEqual(cluster.brokers.length, 1);
  await admin.deleteTopics({ topics: ["js-made"] });
  assert.ok(!(await admin.listTopics()).includes("js-made"));
  await admin.disconnect();
  console.log("all checks held");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
