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
    /// How many of a hundred deeds are faults.
    pub faults_percent: u64,
    /// Which faults.
    pub faults: Faults,
    /// The most a message takes, in microseconds.
    pub latency_us_max: u64,
    /// State and picture are compared after every so many steps; 1 is after each.
    pub check_every: u64,
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
}

impl Faults {
    /// Every kind.
    pub const ALL: Faults = Faults { crash: true, stop: true, cut: true, delay: true, hold: true, disk: true };
    /// None.
    pub const NONE: Faults = Faults { crash: false, stop: false, cut: false, delay: false, hold: false, disk: false };
}

impl SoakOptions {
    /// What `naru sim soak` does.
    pub const DEFAULT: SoakOptions = SoakOptions {
        scenario: None,
        deeds: 120,
        brokers_max: 3,
        faults_percent: 15,
        faults: Faults::ALL,
        latency_us_max: 20_000,
        check_every: 8,
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

const ONE: SoakOptions = SoakOptions { brokers_max: 1, faults_percent: 20, ..SoakOptions::DEFAULT };

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
        name: "everything",
        about: "Up to three brokers, and every fault there is.",
        options: SoakOptions { scenario: Some("everything"), ..SoakOptions::DEFAULT },
    },
];

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}
