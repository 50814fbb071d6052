//! How hard a soak tries, and the scenarios that go by a name.

/// What a soak may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoakOptions {
    /// The scenario's name, where there is one.
    pub scenario: Option<&'static str>,
    /// How many deeds: bursts of records, polls, seeks, faults.
    pub deeds: u32,
    /// Brokers at most (1 to 3). They stand alone: each client talks to one of them.
    pub brokers_max: u64,
    /// Nodes of one cluster at most (3 to 7); 0: no cluster.
    pub nodes_max: u64,
    /// How many of a hundred deeds are faults.
    pub faults_percent: u64,
    /// Which faults.
    pub faults: Faults,
    /// The most a message takes, in microseconds.
    pub latency_us_max: u64,
    /// State and picture are compared after every so many steps; 1 is after each.
    pub check_every: u64,
    /// Whether topics have settings of their own: flushes, retention, compaction; and records are deleted.
    pub topic_settings: bool,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// Processes are killed, and started again.
    pub crash: bool,
    /// Brokers are stopped in good order, and started again.
    pub stop: bool,
    /// Connections break.
    pub cut: bool,
    /// Messages are delayed.
    pub delay: bool,
    /// Messages are held, and released.
    pub hold: bool,
    /// Disks are full for a while. What could not be written takes its partition offline until the broker starts again.
    pub disk: bool,
    /// Machines lose power, mostly in the middle of writes.
    pub power: bool,
    /// Files cannot be synced for a while; then the machine is restarted, for nobody can trust its memory any more.
    pub sync: bool,
    /// Disks are slow for a while.
    pub slow_disk: bool,
    /// Links between nodes are cut, one way or both.
    pub links: bool,
    /// Processes are suspended.
    pub pause: bool,
    /// Clocks are wrong.
    pub clock: bool,
    /// Disks are lost.
    pub disk_loss: bool,
}

impl Faults {
    /// Every kind that a broker of its own can have.
    pub const ALL: Faults = Faults { power: true, sync: true, slow_disk: true, ..Faults::OF_PROCESSES };
    /// All but failures that only whole machines have.
    pub const OF_PROCESSES: Faults =
        Faults { crash: true, stop: true, cut: true, delay: true, hold: true, disk: true, ..Faults::NONE };
    /// None.
    pub const NONE: Faults = Faults {
        crash: false,
        stop: false,
        cut: false,
        delay: false,
        hold: false,
        disk: false,
        power: false,
        sync: false,
        slow_disk: false,
        links: false,
        pause: false,
        clock: false,
        disk_loss: false,
    };
    /// What can go wrong in a cluster.
    pub const OF_CLUSTERS: Faults = Faults {
        crash: true,
        stop: true,
        cut: true,
        delay: true,
        power: true,
        slow_disk: true,
        links: true,
        pause: true,
        clock: true,
        disk_loss: true,
        ..Faults::NONE
    };

    /// Whether disks do more than hold files.
    pub(super) fn of_disks(&self) -> bool {
        self.power || self.sync || self.slow_disk
    }

    /// Whether a machine may lose what was only in memory.
    pub(super) fn of_machines(&self) -> bool {
        self.power || self.sync
    }
}

impl SoakOptions {
    /// What `naru sim soak` does.
    pub const DEFAULT: SoakOptions = SoakOptions {
        scenario: None,
        deeds: 120,
        brokers_max: 3,
        nodes_max: 0,
        faults_percent: 15,
        faults: Faults::ALL,
        latency_us_max: 20_000,
        check_every: 8,
        topic_settings: true,
    };
}

impl Default for SoakOptions {
    fn default() -> Self {
        SoakOptions::DEFAULT
    }
}

/// A soak with one idea.
#[derive(Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What it may do.
    pub options: SoakOptions,
}

const ONE: SoakOptions =
    SoakOptions { brokers_max: 1, faults_percent: 20, topic_settings: false, ..SoakOptions::DEFAULT };

/// All scenarios.
pub static SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "calm",
        about: "One broker, and nothing goes wrong.",
        options: SoakOptions { scenario: Some("calm"), faults_percent: 0, faults: Faults::NONE, ..ONE },
    },
    Scenario {
        name: "crash",
        about: "The broker's process is killed again and again.",
        options: SoakOptions { scenario: Some("crash"), faults: Faults { crash: true, ..Faults::NONE }, ..ONE },
    },
    Scenario {
        name: "stop",
        about: "The broker is stopped in good order again and again.",
        options: SoakOptions { scenario: Some("stop"), faults: Faults { stop: true, ..Faults::NONE }, ..ONE },
    },
    Scenario {
        name: "cut",
        about: "Connections break, and nobody knows which requests were carried out.",
        options: SoakOptions { scenario: Some("cut"), faults: Faults { cut: true, ..Faults::NONE }, ..ONE },
    },
    Scenario {
        name: "slow",
        about: "Messages take up to a second, and sometimes stop on the way.",
        options: SoakOptions {
            scenario: Some("slow"),
            faults: Faults { delay: true, hold: true, ..Faults::NONE },
            latency_us_max: 1_000_000,
            ..ONE
        },
    },
    Scenario {
        name: "disk",
        about: "The disk is full again and again, and the broker starts again when there is room.",
        options: SoakOptions { scenario: Some("disk"), faults: Faults { disk: true, ..Faults::NONE }, ..ONE },
    },
    Scenario {
        name: "power",
        about: "The machine loses power in the middle of writes, its disk is slow, and fsync fails.",
        options: SoakOptions {
            scenario: Some("power"),
            faults: Faults { power: true, sync: true, slow_disk: true, crash: true, ..Faults::NONE },
            topic_settings: true,
            ..ONE
        },
    },
    Scenario {
        name: "processes",
        about: "Up to three brokers; processes and connections fail, and disks are full.",
        options: SoakOptions {
            scenario: Some("processes"),
            faults: Faults::OF_PROCESSES,
            topic_settings: false,
            ..SoakOptions::DEFAULT
        },
    },
    Scenario {
        name: "everything",
        about: "Up to three brokers, and every fault there is.",
        options: SoakOptions { scenario: Some("everything"), ..SoakOptions::DEFAULT },
    },
    Scenario {
        name: "cluster",
        about: "One cluster of three or four nodes: replicated topics, and everything that can go wrong in and between nodes.",
        options: SoakOptions {
            scenario: Some("cluster"),
            nodes_max: 4,
            faults: Faults::OF_CLUSTERS,
            topic_settings: false,
            ..SoakOptions::DEFAULT
        },
    },
];

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
