//! A broker with several data directories, as an operator meets it.

mod common;

use common::Naru;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::tempdir;

fn serve(dirs: &[&Path]) -> Command {
    let mut command = common::serve_command(dirs[0]);
    for dir in &dirs[1..] {
        command.arg("--data-dir").arg(dir);
    }
    command
}

fn topic(naru: &Naru, arguments: &[&str]) -> Output {
    let mut command = common::naru();
    command.arg("topic").args(arguments).args(["--bootstrap", &naru.kafka.to_string()]);
    common::output(command)
}

fn said(naru: &Naru, arguments: &[&str]) -> String {
    let output = topic(naru, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn partitions_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.starts_with("orders-")).collect();
    names.sort();
    names
}

#[test]
fn partitions_are_spread_and_found_again_after_a_crash() {
    let dir = tempdir().unwrap();
    let dirs: Vec<PathBuf> = ["a", "b", "c"].map(|name| dir.path().join(name)).into();
    let list = dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(",");
    let naru = Naru::spawn(&mut common::serve_command(Path::new(&list)));
    said(&naru, &["create", "orders", "--partitions", "6"]);
    let places: Vec<Vec<String>> = dirs.iter().map(|dir| partitions_in(dir)).collect();
    assert_eq!(places, [["orders-0", "orders-3"], ["orders-1", "orders-4"], ["orders-2", "orders-5"]]);
    for dir in &dirs {
        assert!(dir.join("meta.properties").exists() && dir.join(".lock").exists(), "{}", dir.display());
    }
    naru.kill();
    // In the properties the list has the same meaning, and the order of all but the first does not matter.
    let mut command = common::naru();
    command.args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--set"]);
    command.arg(format!("log.dirs={},{},{}", dirs[0].display(), dirs[2].display(), dirs[1].display()));
    let naru = Naru::spawn(&mut command);
    assert_eq!(dirs.iter().map(|dir| partitions_in(dir)).collect::<Vec<_>>(), places);
    let told = said(&naru, &["log-dirs"]);
    let paths: Vec<&str> = told.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(paths.len() == 3 && paths.iter().all(|line| line.contains(" usable ")), "{told}");
    assert!(naru.stop().success());
    assert!(dirs.iter().all(|dir| dir.join(".kafka_cleanshutdown").exists()));
}

#[test]
fn a_directory_that_cannot_be_used_is_told_of_and_the_others_serve() {
    let dir = tempdir().unwrap();
    let (good, broken) = (dir.path().join("good"), dir.path().join("file/broken"));
    fs::write(dir.path().join("file"), "not a directory").unwrap();
    let mut command = serve(&[&good, &broken]);
    let log = dir.path().join("stderr");
    let naru = Naru::spawn(command.stderr(fs::File::create(&log).unwrap()));
    let warned = fs::read_to_string(&log).unwrap();
    assert!(warned.contains("cannot create the data directory") && warned.contains("file/broken"), "{warned}");
    said(&naru, &["create", "orders", "--partitions", "2"]);
    assert_eq!(partitions_in(&good), ["orders-0", "orders-1"]);
    let told = said(&naru, &["log-dirs"]);
    let expected = format!("{} cannot be used: KAFKA_STORAGE_ERROR", broken.display());
    assert!(told.lines().any(|line| line == expected), "{told}");
}

#[test]
fn mistakes_are_refused_in_one_line() {
    let dir = tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let refused = |command: Command| {
        let output = common::output(command);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    fs::create_dir_all(&b).unwrap();
    let twice = refused(serve(&[&a, &dir.path().join("b/../a")]));
    assert!(twice.contains("is named twice as a data directory"), "{twice}");
    fs::write(b.join("holiday.jpg"), "").unwrap();
    let foreign = refused(serve(&[&a, &b]));
    assert!(foreign.contains("holiday.jpg"), "{foreign}");
    let only = refused(serve(&[&dir.path().join("b/holiday.jpg/x")]));
    assert!(only.contains("cannot create the data directory"), "{only}");
    let first = refused(serve(&[&dir.path().join("b/holiday.jpg/x"), &a]));
    assert!(first.contains("the first log directory"), "{first}");
}
