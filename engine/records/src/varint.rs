//! Zigzag varints, as protobuf and Kafka's record format write them.
