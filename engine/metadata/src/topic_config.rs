//! The configuration keys of topics: types, defaults, documentation (`LogConfig.java`, `TopicConfig.java`).
