//! The driver stands what its cells do: it is run on cells that hang, crash and lie.
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;

/// What is timed here shares two cores: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Outcome {
    output: Output,
    driver: u32,
    folder: PathBuf,
}

impl Outcome {
    fn of(name: &str, words: &[&str]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway-peers"));
        command.args(words).arg("--out").arg(&folder);
        let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
        let child = child.expect("the driver starts");
        let driver = child.id();
        Self { output: child.wait_with_output().expect("the driver ends"), driver, folder }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Names that cells of this driver have left.
    fn left(&self) -> Vec<String> {
        let ours = format!("rp-{}-", self.driver);
        let entries = ["/dev/shm", "/tmp"].into_iter().filter_map(|names| fs::read_dir(names).ok());
        let names = entries.flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.contains(&ours)).collect()
    }

    /// Processes of its cells that still run.
    fn running(&self) -> Vec<String> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let commands = processes.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
        let ours = |command: &String| command.contains("ringway-peers") && command.contains("--faults");
        commands.filter(ours).collect()
    }
}

#[test]
fn each_fault_is_told_by_name_and_the_run_goes_on() {
    let _alone = ALONE.lock();
    let outcome = Outcome::of("faults", &["--faults", "--quick", "--rounds", "1", "--limit", "3"]);
    let said = outcome.said();
    for (cell, why) in [
        ("fault/hangs/processes/faulty", "hung: ended after 3 s"),
        ("fault/hangs in real time on both cores/processes/faulty", "hung: ended after 3 s"),
        ("fault/panics/processes/faulty", "panicked: on purpose"),
        ("fault/panics in the other process/processes/faulty", "panicked: on purpose, over there"),
        ("fault/says an error/processes/faulty", "an error, on purpose"),
        ("fault/crashes/processes/faulty", "crashed: ended by signal 6"),
        (
            "fault/the other process is killed/processes/faulty",
            "a process of this cell was ended by signal 9",
        ),
        (
            "stream/8 B, ring of 1,024/threads/changes a message",
            "messages did not arrive as sent: their sum is",
        ),
    ] {
        let told =
            said.lines().any(|line| line.starts_with(&format!("failed: {cell}")) && line.contains(why));
        assert!(told, "{cell}: {why}\nis not in\n{said}");
    }
    assert!(!said.contains("honest:"), "{said}");
    assert_eq!(outcome.output.status.code(), Some(2), "{said}");
    let report = fs::read_to_string(outcome.folder.join("RESULTS.md")).expect("there is a report");
    assert!(report.contains("| honest |"), "{report}");
    assert!(report.contains("hung: ended after 3 s"), "{report}");
    assert_eq!(outcome.left(), Vec::<String>::new());
    assert_eq!(outcome.running(), Vec::<String>::new());
}

#[test]
fn nothing_is_left_of_cells_that_are_ended_in_the_middle() {
    let _alone = ALONE.lock();
    let only =
        ["--only", "stream/64 B, ring of 1,024/processes/ringway", "--only", "trip/8 B/processes/iceoryx2"];
    for limit in ["0.06", "0.1", "0.15"] {
        let outcome = Outcome::of("ended", &[&only[..], &["--rounds", "1", "--limit", limit]].concat());
        assert!(outcome.said().contains("hung"), "{}", outcome.said());
        assert_eq!(outcome.left(), Vec::<String>::new());
    }
}

#[test]
fn what_went_well_is_said_by_the_exit_status() {
    let _alone = ALONE.lock();
    let words = [
        "--only",
        "stream/8 B, ring of 1,024/threads/rtrb",
        "--only",
        "cost/allocations",
        "--quick",
        "--rounds",
        "1",
    ];
    let outcome = Outcome::of("well", &words);
    assert_eq!(outcome.output.status.code(), Some(0), "{}", outcome.said());
}
