//! Many soaks in a row: `cargo run --release -p naru-sim --example soak 1 200`. The command line has `naru sim soak`.

fn main() {
    let mut bounds = std::env::args().skip(1).map(|bound| bound.parse::<u64>().expect("a number"));
    let (first, last) = (bounds.next().unwrap_or(1), bounds.next().unwrap_or(200));
    let options = naru_sim::soak::SoakOptions::default();
    let mut failures = 0;
    for seed in first..=last {
        eprintln!("seed {seed}");
        match naru_sim::soak::run(seed, &options) {
            Ok(report) => println!("{report:?}"),
            Err(failure) => {
                failures += 1;
                println!("{failure}");
            }
        }
    }
    assert_eq!(failures, 0, "some seeds failed");
}
