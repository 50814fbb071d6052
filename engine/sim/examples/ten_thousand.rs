//! How long a lab of 10,000 records takes: `cargo run --release -p naru-sim --example ten_thousand`.

use naru_client::{AdminConfig, ConsumerConfig, NewTopic, ProducerConfig, ProducerRecord, StartAt};
use naru_sim::{World, WorldConfig};
use std::time::Instant;

fn main() {
    let begin = Instant::now();
    let mut world = World::new(WorldConfig::new(1, 1));
    let admin = world.add_admin("admin", AdminConfig::default());
    let topic = NewTopic { name: "notes".into(), partitions: Some(3), ..NewTopic::default() };
    world.with_admin(admin, |admin, now, out| admin.create_topic(now, topic, out));
    world.run_until(|world| world.with_admin(admin, |admin, _, _| admin.is_idle()), 60_000_000);
    let producer = world.add_producer("p", ProducerConfig::default());
    for i in 0..10_000 {
        let record = ProducerRecord {
            topic: "notes".into(),
            key: Some(format!("key-{}", i % 50).into_bytes().into()),
            value: Some(format!("value {i}").into_bytes().into()),
            ..ProducerRecord::default()
        };
        world.with_producer(producer, |producer, now, out| producer.send(now, record, out)).unwrap();
    }
    world.with_producer(producer, |producer, now, out| producer.flush(now, out));
    world.run_until(|world| world.producer(producer).is_idle(), 60_000_000);
    let sent = begin.elapsed();
    let consumer = world.add_consumer("c", ConsumerConfig::default());
    let assigned = (0..3).map(|partition| ("notes".to_string(), partition, StartAt::Earliest)).collect();
    world.with_consumer(consumer, |consumer, now, out| consumer.assign(now, assigned, out));
    let mut count = 0;
    while count < 10_000 {
        count += world.with_consumer(consumer, |consumer, now, out| consumer.poll(now, 500, out)).len();
        world.run_until(|world| world.consumer(consumer).buffered() > 0, 900_000);
    }
    let read = begin.elapsed();
    world.folded();
    println!("sent {sent:?}, read {read:?}, folded {:?}, {} events", begin.elapsed(), world.events().len());
}
