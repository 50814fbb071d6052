//! The command line. What a command does is in [`crate::commands`].

use crate::{cluster::plan::QUICK, failure::Failure, settings::HostPort};
use clap::{Args, Parser, Subcommand, error::ErrorKind};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Naru: a Kafka-compatible broker that you can take apart.
#[derive(Debug, Parser)]
#[command(name = "naru", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a broker that Kafka clients can use, with a live page that shows what it does
    Serve(ServeArgs),
    /// Run several brokers as one cluster on this machine, and break what a learner can think of
    Cluster(ClusterArgs),
    /// List, run or check the course's labs
    #[command(subcommand)]
    Lab(LabCommand),
    /// Run the simulated world: one run by its seed, or many seeds in search of a failure
    #[command(subcommand)]
    Sim(SimCommand),
    /// Look into the files of a log
    #[command(subcommand)]
    Log(LogCommand),
    /// Create, list, describe, change and delete topics
    Topic(TopicArgs),
    /// Send lines as records
    Produce(ProduceArgs),
    /// Print records as lines
    Consume(ConsumeArgs),
}

/// `naru serve`.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Where the data is kept; created if it is missing; several spread the partitions over disks [default: naru-data]
    #[arg(long, value_name = "DIR", value_delimiter = ',')]
    pub data_dir: Vec<PathBuf>,
    /// Where Kafka clients connect; port 0 takes any free one [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<HostPort>,
    /// Where the live page is; port 0 takes any free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    pub http: Option<HostPort>,
    /// A configuration file with Kafka's keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One key of the configuration; wins over --config; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Which cluster a new data directory is for, as `kafka-storage.sh random-uuid` prints it; a lone broker makes one up
    #[arg(long, value_name = "ID")]
    pub cluster_id: Option<String>,
    /// Who knows the token in this file may make the disk slow
    #[arg(long, value_name = "FILE", hide = true)]
    pub control_token: Option<PathBuf>,
    /// Stop when standard input ends: whoever started this broker is gone then
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
    /// When the run's clock was zero, in microseconds of the system's monotonic clock
    #[arg(long, value_name = "MICROS", hide = true)]
    pub clock_origin: Option<u64>,
}

/// `naru cluster`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = cluster_help())]
pub struct ClusterArgs {
    /// What to do with a cluster that runs; left out: run one
    #[command(subcommand)]
    pub command: Option<ClusterCommand>,
    #[command(flatten)]
    pub run: ClusterRunArgs,
}

/// `naru cluster --brokers N`.
#[derive(Debug, Args)]
pub struct ClusterRunArgs {
    /// How many brokers; the first three vote for the controller
    #[arg(long, short = 'n', default_value_t = 3)]
    pub brokers: u16,
    /// Where the data is kept, a directory for each broker
    #[arg(long, value_name = "DIR", default_value = DEFAULT_CLUSTER_DIR)]
    pub data_dir: PathBuf,
    /// Where Kafka clients connect to the first broker; the others have the ports after that; port 0 takes free ones
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub listen: HostPort,
    /// Where the live page of the whole cluster is; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub http: HostPort,
    /// A configuration file with Kafka's keys, for all brokers
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One key of the configuration of all brokers; wins over --config and over the cluster's own; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The brokers' racks, in turn
    #[arg(long, value_name = "RACK,...", value_delimiter = ',')]
    pub racks: Vec<String>,
    /// Let brokers dial each other directly: a little faster, but their links cannot be cut
    #[arg(long)]
    pub direct: bool,
}

/// Where a cluster's data is, unless it is said.
const DEFAULT_CLUSTER_DIR: &str = "naru-cluster";

/// What to do with a cluster that runs.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// How the brokers' processes and links are
    Status {
        #[command(flatten)]
        at: ClusterAt,
    },
    /// End brokers without warning, as kill -9 does; they stay down until they are restarted
    Kill {
        #[command(flatten)]
        which: WhichBrokers,
    },
    /// End brokers in good order: what they lead is handed over first
    Stop {
        #[command(flatten)]
        which: WhichBrokers,
    },
    /// Start brokers that are down; those that run are stopped in good order first
    Restart {
        #[command(flatten)]
        which: WhichBrokers,
    },
    /// Suspend brokers, as a long pause of their machine would
    Pause {
        #[command(flatten)]
        which: WhichBrokers,
    },
    /// Let paused brokers go on
    Resume {
        #[command(flatten)]
        which: WhichBrokers,
    },
    /// Make each write and each sync of brokers take longer
    SlowDisk {
        /// By how many milliseconds; 0 ends it
        #[arg(long)]
        ms: u64,
        #[command(flatten)]
        which: WhichBrokers,
    },
    /// Cut links between brokers: nothing gets through, and nothing is refused
    Partition {
        #[command(flatten)]
        links: WhichLinks,
    },
    /// Make what brokers say to each other take longer
    Delay {
        /// By how many milliseconds; 0 ends it
        #[arg(long)]
        ms: u64,
        #[command(flatten)]
        links: WhichLinks,
    },
    /// Mend links that were cut or delayed; all of them if none is named
    Heal {
        #[command(flatten)]
        links: WhichLinks,
    },
}

/// Which cluster.
#[derive(Debug, Args)]
pub struct ClusterAt {
    /// The cluster's data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_CLUSTER_DIR)]
    pub data_dir: PathBuf,
}

/// Some brokers of a cluster.
#[derive(Debug, Args)]
pub struct WhichBrokers {
    /// The brokers' numbers
    #[arg(value_name = "BROKER", required = true)]
    pub brokers: Vec<i32>,
    #[command(flatten)]
    pub at: ClusterAt,
}

/// Some links of a cluster.
#[derive(Debug, Args)]
pub struct WhichLinks {
    /// Between these brokers, for example 1 or 1,2 ...
    #[arg(value_name = "BROKERS")]
    pub brokers: Option<Numbers>,
    /// ... and those; left out: all others
    #[arg(value_name = "OTHERS")]
    pub others: Option<Numbers>,
    /// Only what the first say to the others, not what those say to the first
    #[arg(long)]
    pub one_way: bool,
    #[command(flatten)]
    pub at: ClusterAt,
}

/// Numbers of brokers: `1` or `1,2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(pub Vec<i32>);

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split(',').map(|number| number.trim().parse());
        let numbers: Result<Vec<i32>, _> = numbers.collect();
        numbers.map(Numbers).map_err(|_| "write brokers' numbers with commas between, for example 1,2".to_owned())
    }
}

impl ClusterArgs {
    /// The data directory of the cluster that a command is for.
    pub fn data_dir(&self) -> &Path {
        match &self.command {
            None => &self.run.data_dir,
            Some(ClusterCommand::Status { at }) => &at.data_dir,
            Some(
                ClusterCommand::Kill { which }
                | ClusterCommand::Stop { which }
                | ClusterCommand::Restart { which }
                | ClusterCommand::Pause { which }
                | ClusterCommand::Resume { which }
                | ClusterCommand::SlowDisk { which, .. },
            ) => &which.at.data_dir,
            Some(
                ClusterCommand::Partition { links }
                | ClusterCommand::Delay { links, .. }
                | ClusterCommand::Heal { links },
            ) => &links.at.data_dir,
        }
    }
}

/// What `naru cluster` sets by itself.
fn cluster_help() -> String {
    let mut help = String::from(
        "Settings that differ from Kafka's, so that a cluster on one machine notices within about a second what is gone:\n",
    );
    for (key, value) in QUICK {
        let _ = writeln!(help, "  {key}={value}");
    }
    help.push_str(
        "Topics have three copies where there are three brokers, and min.insync.replicas=2 then. --set wins over all of these.",
    );
    help
}

/// `naru lab`.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// All labs
    List,
    /// Run a lab's script, print what happened and which goals are met
    Run(LabRunArgs),
    /// Check a lab as the course's tests do: the solution passes, the start and the wrong attempts do not
    Check {
        /// The lab's number, for example 01
        lab: String,
    },
}

/// `naru lab run`.
#[derive(Debug, Args)]
pub struct LabRunArgs {
    /// The lab's number, for example 01
    pub lab: String,
    /// A script to run instead of the lab's own start; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Another seed than the lab's own
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print the events too, as sentences
    #[arg(long)]
    pub events: bool,
}

/// `naru sim`.
#[derive(Debug, Subcommand)]
pub enum SimCommand {
    /// One run, the same every time: a lab by its number or a scenario by its name
    Run(SimRunArgs),
    /// Random runs, one per seed, until one fails
    Soak(SimSoakArgs),
    /// Whether what clients did and saw can have been: lost, doubled, reordered records
    CheckHistory(SimCheckHistoryArgs),
}

/// `naru sim run`.
#[derive(Debug, Args)]
pub struct SimRunArgs {
    /// A lab's number or a scenario's name
    pub what: String,
    /// The number all randomness comes from
    #[arg(long)]
    pub seed: u64,
    /// Print every event
    #[arg(long)]
    pub events: bool,
}

/// `naru sim soak`.
#[derive(Debug, Args)]
pub struct SimSoakArgs {
    /// The seeds, both ends included
    #[arg(long, value_name = "A..B")]
    pub seeds: String,
    /// Only this scenario, with its own idea of what goes wrong
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Stop after so many minutes, wherever the seeds have got
    #[arg(long, value_name = "M")]
    pub minutes: Option<u64>,
}

/// `naru sim check-history`.
#[derive(Debug, Args)]
pub struct SimCheckHistoryArgs {
    /// JSON lines, one for each thing that a client did or was told
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `naru log`.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print what is in segments, indexes, checkpoints and snapshots, and what is damaged
    Dump(LogDumpArgs),
}

/// `naru log dump`.
#[derive(Debug, Args)]
pub struct LogDumpArgs {
    /// A file, a partition's directory or a data directory; Naru's or Apache Kafka's
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// One JSON object for each line
    #[arg(long)]
    pub json: bool,
    /// Also every record, decompressed
    #[arg(long, alias = "print-data-log")]
    pub records: bool,
}

/// What every client command needs.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// A broker to begin with
    #[arg(long, short, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub bootstrap: HostPort,
}

/// `naru topic`.
#[derive(Debug, Args)]
pub struct TopicArgs {
    /// What to do with topics.
    #[command(subcommand)]
    pub command: TopicCommand,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicCommand {
    /// Create a topic
    Create {
        /// Its name
        topic: String,
        /// How many partitions; the broker's num.partitions when left out
        #[arg(long, short)]
        partitions: Option<i32>,
        /// One configuration key, for example retention.ms=60000; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
        set: Vec<(String, String)>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// All topics
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// One topic's id, partitions and configuration
    Describe {
        /// Its name
        topic: String,
        /// Print every configuration key, those with their defaults too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Change a topic's configuration
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Alter {
        /// Its name
        topic: String,
        /// A key and its new value, for example retention.ms=60000; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value, group = "change")]
        set: Vec<(String, String)>,
        /// A key that goes back to the broker's default; may be repeated
        #[arg(long, value_name = "KEY", group = "change")]
        delete: Vec<String>,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a partition's records before an offset
    DeleteRecords {
        /// The topic
        topic: String,
        /// The partition
        #[arg(long, short)]
        partition: i32,
        /// The first offset that stays; -1 deletes all there are
        #[arg(long, value_name = "OFFSET", allow_negative_numbers = true)]
        before: i64,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// The broker's data directories: what lies in them, and how much room is left
    LogDirs {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a topic and its records
    Delete {
        /// Its name
        topic: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Give a topic more partitions
    AddPartitions {
        /// Its name
        topic: String,
        /// How many it is to have in all
        total: i32,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// `naru produce`.
#[derive(Debug, Args)]
pub struct ProduceArgs {
    /// The topic
    #[arg(long, short)]
    pub topic: String,
    /// The partition; left out: by key, or as the producer likes
    #[arg(long, short)]
    pub partition: Option<i32>,
    /// What ends the key in a line; left out: lines have no key
    #[arg(long, short = 'K', value_name = "TEXT")]
    pub key_separator: Option<String>,
    /// Whose word counts: 0, 1 or all
    #[arg(long, default_value = "all")]
    pub acks: String,
    /// Lines to send; left out: standard input
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `naru consume`.
#[derive(Debug, Args)]
pub struct ConsumeArgs {
    /// The topic
    #[arg(long, short)]
    pub topic: String,
    /// One partition; left out: all
    #[arg(long, short)]
    pub partition: Option<i32>,
    /// Begin with the oldest record instead of the next new one
    #[arg(long, conflicts_with = "offset")]
    pub from_beginning: bool,
    /// Begin at this offset of --partition
    #[arg(long, short, requires = "partition")]
    pub offset: Option<i64>,
    /// Stop after so many records
    #[arg(long, short, value_name = "N")]
    pub max_messages: Option<u64>,
    /// Stop at the end of what is there now
    #[arg(long = "exit", short)]
    pub exit_at_end: bool,
    /// Print the key and this text before each value
    #[arg(long, short = 'K', value_name = "TEXT")]
    pub key_separator: Option<String>,
    #[command(flatten)]
    pub client: ClientArgs,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl Cli {
    /// Reads the command line. `Err(Ok(text))` is help or a version that was asked for.
    pub fn read() -> Result<Cli, Result<String, Failure>> {
        Cli::try_parse().map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(error.render().to_string()),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Ok(error.render().to_string()),
            _ => Err(Failure::usage(one_sentence(&error))),
        })
    }
}

/// clap's message in one line: what is wrong, its tip if it has one, and where help is.
fn one_sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut sentence = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    for line in lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")) {
        sentence.push_str(if sentence.ends_with(':') { " " } else { "; " });
        sentence.push_str(line.trim_start_matches("tip: "));
    }
    format!("{sentence}; --help lists what there is")
}
