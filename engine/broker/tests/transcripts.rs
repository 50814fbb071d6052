//! Runs every transcript in `transcripts/`.

mod harness;

use std::path::Path;

macro_rules! transcripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                harness::transcript::run(Path::new(concat!("tests/transcripts/", stringify!($name), ".txt")));
            }
        )*

        #[test]
        fn every_transcript_is_run() {
            let mut files: Vec<String> = std::fs::read_dir("tests/transcripts")
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            files.sort();
            let mut named = vec![$(stringify!($name).to_owned()),*];
            named.sort();
            assert_eq!(files, named);
        }
    };
}

transcripts! {
    compaction_failures
    compaction_given_up
    bit_rot
    checkpoints
    compression_type
    data_directory
    durability
    first_steps
    flushing
    init_producer_id
    semantics_01_acks
    semantics_02_min_insync_replicas
    semantics_05_timestamps
    semantics_06_too_large
    semantics_07_one_batch
    semantics_08_null_key
    semantics_09_duplicates
    semantics_11_unknown_producers
    semantics_17_batch_boundaries
    semantics_18_long_poll
    semantics_19_segments
    semantics_20_fetch_sessions
    semantics_21_leader_epochs
    semantics_22_list_offsets
    semantics_23_topic_ids
    semantics_39_compaction
    semantics_40_delete_records
    semantics_40_retention
    semantics_44_api_versions
    semantics_45_order_and_garbage
    semantics_46_metadata
    semantics_47_names
    semantics_48_admin
    semantics_48_alter_configs
    shutdown
    storage_failures
}
