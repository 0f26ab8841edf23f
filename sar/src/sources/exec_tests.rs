//! Commands that print well, badly, too much, too long, or nothing.

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn command(line: &str) -> Exec {
    Exec::open_with("own", line, LONG, LONG).expect("a thread")
}

/// The values of one run and what was wrong with it.
fn sampled(exec: &mut Exec) -> (Vec<(String, f64)>, Option<String>) {
    let mut values = Values::new();
    let problem = exec.sample(&mut values).err().map(|error| error.to_string());
    (values.iter().map(|(name, value)| (name.to_owned(), value)).collect(), problem)
}

fn pair(name: &str, value: f64) -> (String, f64) {
    (name.to_owned(), value)
}

#[test]
fn lines_are_names_and_values() {
    let mut exec = command("printf 'a 1\\n\\n  b_total\\t2.5e3  \\nc.d-e:f -0\\nlast 7'");
    let expected =
        [pair("own.a", 1.0), pair("own.b_total", 2_500.0), pair("own.c.d-e:f", 0.0), pair("own.last", 7.0)];
    for _ in 0..3 {
        exec.begin();
        assert_eq!(sampled(&mut exec), (expected.to_vec(), None));
    }
    let mut meanings = BTreeMap::new();
    exec.meanings(&mut meanings);
    assert_eq!((meanings["own.a"].kind, meanings["own.b_total"].kind), (Kind::Gauge, Kind::Counter));
}

#[test]
fn junk_is_told_once_and_the_rest_is_used() {
    let mut exec = command("printf 'good 1\\nbad\\nworse x\\nthree 1 2\\n\\377 1\\nn nan\\n'");
    let (values, problem) = sampled(&mut exec);
    assert_eq!(values, [pair("own.good", 1.0)]);
    assert!(problem.is_some_and(|problem| problem.ends_with("the line 'bad' is not a name and a number")));
    assert_eq!(sampled(&mut exec), (vec![pair("own.good", 1.0)], None), "told already");
    for line in [&b"a"[..], b"a 1 2", b"a inf", b"\xff 1", b"a/b 1", b"1", &[b'a'; 200]] {
        assert_eq!(parse(line), None);
    }
}

#[test]
fn a_command_that_fails_is_told() {
    for (line, reason) in [
        ("echo a 1; exit 3", "it ended with the exit code 3"),
        ("/no/such/command", "there is no such command"),
        ("kill -9 $$", "it was ended by the signal 9"),
        ("yes a 1", "it printed more than 65536 bytes and was killed"),
    ] {
        let (values, problem) = sampled(&mut command(line));
        assert_eq!(values, []);
        assert_eq!(problem, Some(format!("could not use what '{line}' prints: {reason}")));
    }
    assert!(Exec::open("own", "  ").is_err() && Exec::open("o.n", "true").is_err());
    assert_eq!(sampled(&mut command("true")), (vec![], None), "nothing to say");
}

#[test]
fn one_that_runs_too_long_is_killed_with_all_that_it_started() {
    let dir = tempfile::tempdir().expect("a directory");
    let pid_file = dir.path().join("pid");
    let short = Duration::from_millis(300);
    // The sleeper in the background holds the output open and is in the same group.
    for line in [
        "sleep 600 & echo $! > FILE; wait",
        "sleep 600 & echo $! > FILE",
        "exec >&-; echo $$ > FILE; sleep 600",
    ] {
        let line = line.replace("FILE", pid_file.to_str().expect("a path"));
        let mut exec = Exec::open_with("own", &line, LONG, short).expect("a thread");
        let (_, problem) = sampled(&mut exec);
        assert!(problem.is_some_and(|problem| problem.ends_with("it ran longer than 0.3 s and was killed")));
        ended(&pid_file);
    }
}

#[test]
fn one_that_runs_when_it_is_no_longer_wanted_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let pid_file = dir.path().join("pid");
    let line = format!("echo $$ > {}; sleep 600", pid_file.display());
    let mut exec = Exec::open_with("own", &line, Duration::ZERO, LONG).expect("a thread");
    assert_eq!(sampled(&mut exec), (vec![], None), "it takes its time, which is no trouble");
    let began = Instant::now();
    while std::fs::read_to_string(&pid_file).unwrap_or_default().trim().is_empty() {
        assert!(began.elapsed() < LONG);
        thread::yield_now();
    }
    drop(exec);
    ended(&pid_file);
}

/// Waits until the process whose number stands in a file is gone, or waited for by nobody any more.
fn ended(pid_file: &std::path::Path) {
    let pid = std::fs::read_to_string(pid_file).expect("written").trim().to_owned();
    let began = Instant::now();
    let runs = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
    };
    while runs() {
        assert!(began.elapsed() < LONG, "{pid} still runs");
        thread::yield_now();
    }
}
