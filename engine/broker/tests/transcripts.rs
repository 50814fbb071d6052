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
    first_steps
}
