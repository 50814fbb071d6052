//! `cargo xtask bench`: librdkafka against a release build of Naru and, with `--kafka`, Apache Kafka in the same run.

use crate::{clients, setup, shell};
use anyhow::Result;

#[derive(clap::Args)]
pub struct BenchArgs {
    /// Measure Apache Kafka beside Naru (fetched from Maven Central; needs Java and Maven)
    #[arg(long)]
    kafka: bool,
    /// Records of 1 KiB that a throughput workload sends
    #[arg(long, default_value_t = 300_000)]
    records: u64,
    /// How often each workload is run; the median is reported
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

pub fn bench(args: &BenchArgs) -> Result<()> {
    if args.kafka {
        setup::for_tests()?;
        clients::set_up()?;
    }
    shell::run(shell::cargo().args(["build", "--locked", "--release", "--package", "naru-server"]))?;
    let naru = shell::target().join("release/naru");
    let mut cargo = shell::cargo();
    clients::with_naru(&mut cargo, &naru).args(["run", "--locked", "--release", "--package", "naru-interop", "--"]);
    cargo.args(["--records", &args.records.to_string(), "--rounds", &args.rounds.to_string()]);
    if args.kafka {
        cargo.arg("--kafka");
    }
    shell::run(&mut cargo)
}
