//! Who may depend on whom: the arrows of ARCHITECTURE.md, read out of `cargo metadata`.
//!
//! Tests may use more than the code they test, so development dependencies do not count.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// Each crate, and the crates of this workspace that it may depend on. Every other arrow is an error.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("naru-trace", &[]),
    ("naru-wire", &[]),
    ("naru-records", &[]),
    ("naru-log", &["naru-trace", "naru-records"]),
    ("naru-raft", &["naru-trace", "naru-wire", "naru-records", "naru-log"]),
    ("naru-metadata", &["naru-trace", "naru-wire", "naru-records"]),
    ("naru-coordinator", &["naru-trace", "naru-wire", "naru-records"]),
    (
        "naru-broker",
        &["naru-trace", "naru-wire", "naru-records", "naru-log", "naru-raft", "naru-metadata", "naru-coordinator"],
    ),
    ("naru-client", &["naru-trace", "naru-wire", "naru-records"]),
    ("naru-sim", &["naru-trace", "naru-wire", "naru-records", "naru-log", "naru-broker", "naru-client"]),
    ("naru-labs", &["naru-trace", "naru-client", "naru-sim"]),
    ("naru-server", &["naru-trace", "naru-records", "naru-log", "naru-broker", "naru-client", "naru-sim", "naru-labs"]),
    ("naru-web", &["naru-trace", "naru-labs"]),
];

/// Crates around the product: they drive it, and nothing of the product depends on them.
const AROUND: &[&str] = &["xtask", "mdbook-naru", "naru-interop"];

#[test]
fn every_arrow_is_allowed() {
    let rules: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &metadata.packages {
        let ours = package.dependencies.iter().filter(|dependency| members.contains(dependency.name.as_str()));
        let arrows = ours.filter(|dependency| dependency.kind != DependencyKind::Development);
        for dependency in arrows {
            let allowed = match rules.get(package.name.as_str()) {
                Some(allowed) => allowed.contains(&dependency.name.as_str()),
                None => !AROUND.contains(&dependency.name.as_str()),
            };
            assert!(allowed, "{} must not depend on {}", package.name, dependency.name);
        }
    }
}

#[test]
fn every_crate_has_its_rule() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    for package in &metadata.packages {
        let name = package.name.as_str();
        let known = MAY_DEPEND_ON.iter().any(|(with_rule, _)| *with_rule == name) || AROUND.contains(&name);
        assert!(known, "{name} is new: give it its row in MAY_DEPEND_ON, and in ARCHITECTURE.md");
    }
}
