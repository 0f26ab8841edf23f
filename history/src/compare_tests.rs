//! Two groups of runs, and what is said of them.

use super::*;
use crate::line::Figures;
use crate::{Machine, Moment};

const BYTES: &str = "memory.server_bytes_per_connection";
const RATE: &str = "delivery.rate_per_s";

fn run(name: &str, cpu: &str, metrics: &[(&str, f64)]) -> BundleRun {
    // Each name ran at its own time.
    let at = name.bytes().fold(1, |at, byte| at * 131 + u64::from(byte));
    BundleRun {
        path: name.into(),
        commit: None,
        written: None,
        date: Moment::from_us(at).expect("a time"),
        scenario: "smoke".into(),
        machine: Machine::from_host(&serde_json::json!({ "cpu_model": cpu })).expect("a machine"),
        limit: None,
        verdict: "pass".into(),
        metrics: Figures(metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()),
    }
}

fn runs(name: &str, metric: &str, values: &[f64]) -> Vec<BundleRun> {
    values.iter().enumerate().map(|(i, value)| run(&format!("{name}{i}"), "A", &[(metric, *value)])).collect()
}

fn judged(metric: &str, a: &[f64], b: &[f64], asked: bool) -> Outcome {
    let rules = [Rule::of(metric, asked)];
    let compared = compare(&runs("a", metric, a), &runs("b", metric, b), &rules, Pairing::Groups);
    compared.expect("comparable").pairs.remove(0).outcome
}

const LOW: [f64; 5] = [60.0, 61.0, 60.5, 60.2, 60.8];
const HIGH: [f64; 5] = [90.0, 91.0, 90.5, 90.2, 90.8];

#[test]
fn worse_is_beyond_the_interval_and_the_effect() {
    assert_eq!(judged(BYTES, &LOW, &HIGH, false), Outcome::Worse);
    assert_eq!(judged(BYTES, &HIGH, &LOW, false), Outcome::Better);
    assert_eq!(judged(RATE, &LOW, &HIGH, false), Outcome::Better);
    assert_eq!(judged(RATE, &HIGH, &LOW, false), Outcome::Worse);
    assert_eq!(judged("messages.asked_rate_per_s", &LOW, &HIGH, false), Outcome::Steady);
    assert_eq!(judged(BYTES, &LOW, &LOW.map(|v| v * 1.001), false), Outcome::Steady);
    // Certain, and of 2 %: less than is worth a word.
    let certain = [60.0, 60.01, 60.02, 60.03, 60.04];
    assert_eq!(judged(BYTES, &certain, &certain.map(|v| v * 1.02), false), Outcome::Steady);
}

#[test]
fn too_few_and_too_noisy_are_no_pass() {
    assert!(matches!(judged(BYTES, &LOW[..2], &HIGH, false), Outcome::NotEnough(_)));
    let noisy = [10.0, 300.0, 40.0, 90.0, 700.0];
    assert!(matches!(judged(BYTES, &noisy, &noisy.map(|v| v * 1.1), true), Outcome::NotEnough(_)));
    assert!(matches!(judged(BYTES, &noisy, &noisy.map(|v| v * 1.1), false), Outcome::NotJudged(_)));
    assert!(matches!(judged(BYTES, &[f64::NAN; 5], &LOW, true), Outcome::NotEnough(_)));
}

#[test]
fn of_zero_there_is_no_ratio() {
    let lost = "audit.lost";
    assert_eq!(judged(lost, &[0.0; 4], &[0.0; 4], true), Outcome::Steady);
    assert_eq!(judged(lost, &[0.0; 4], &[1.0, 4.0, 2.0, 1.0], true), Outcome::Worse);
    assert_eq!(judged(lost, &[1.0, 4.0, 2.0, 1.0], &[0.0; 4], true), Outcome::Better);
    assert!(matches!(judged(lost, &[0.0; 4], &[0.0, 4.0, 2.0, 1.0], true), Outcome::NotEnough(_)));
    // Thousands of lost messages in four runs of five passed for a default that could not be judged.
    let judged = |a: &[f64], b: &[f64]| judged(lost, a, b, false);
    assert_eq!(judged(&[0.0; 5], &[0.0, 5000.0, 7000.0, 9000.0, 8000.0]), Outcome::Worse);
    assert_eq!(judged(&[0.0, 5000.0, 7000.0, 9000.0, 8000.0], &[0.0; 5]), Outcome::Better);
    assert_eq!(judged(&[0.0, 0.0, 3.0, 0.0, 0.0], &[4.0, 5000.0, 7000.0, 9000.0, 8000.0]), Outcome::Worse);
    assert_eq!(judged(&[0.0; 3], &[5.0, 6.0, 7.0]), Outcome::Worse);
    // Ten and ten, one of A bad: not all are beyond all, and the ranks are certain nevertheless.
    let mut a = [0.0; 10];
    a[3] = 9000.0;
    assert_eq!(
        judged(&a, &[7000.0, 7100.0, 6900.0, 8000.0, 7050.0, 7.0, 8.0, 9.0, 50.0, 60.0]),
        Outcome::Worse
    );
    for b in [[0.0, 0.0, 0.0, 0.0, 5000.0], [0.0, 0.0, 5.0, 5.0, 5.0], [0.0, 0.0, 0.0, 0.0, 1.0]] {
        assert!(matches!(judged(&[0.0; 5], &b), Outcome::NotEnough(_)), "{b:?}");
        assert!(matches!(judged(&b, &[0.0; 5]), Outcome::NotJudged(_)), "{b:?}");
    }
    assert_eq!(judged(&[0.0; 5], &[0.0; 5]), Outcome::Steady);
}

#[test]
fn unlike_machines_are_compared_by_their_ceilings_only() {
    let kernel = "memory.kernel_bytes_per_connection";
    let side = |name: &str, cpu: &str, bytes: f64, pair: f64| -> Vec<BundleRun> {
        let one = |i: usize| {
            let noise = 1.0 + i as f64 * 1e-4;
            let mut run = run(&format!("{name}{i}"), cpu, &[(kernel, bytes * noise), (BYTES, bytes)]);
            run.limit = Some(Figures([("pair_bytes".to_owned(), pair)].into()));
            run
        };
        (0..5).map(one).collect()
    };
    let rules = [Rule::of(kernel, false), Rule::of(BYTES, false)];
    let of = |b: Vec<BundleRun>| {
        let a = side("a", "A", 8000.0, 8000.0);
        compare(&a, &b, &rules, Pairing::Interleaved).expect("comparable")
    };
    let alike = of(side("b", "B", 4000.0, 4000.0));
    assert_eq!((alike.machine.as_ref(), &alike.pairs[0].outcome), (None, &Outcome::Steady));
    assert!(alike.pairs[1].outcome.reason().is_some_and(|reason| reason.contains("unlike machines")));
    assert_eq!(of(side("b", "B", 5000.0, 4000.0)).verdict(), Verdict::Worse);
    // On one machine, the bytes themselves are compared.
    assert_eq!(of(side("b", "A", 4000.0, 4000.0)).pairs[0].outcome, Outcome::Better);
}

#[test]
fn runs_that_have_nothing_in_common_are_refused() {
    let rules = [Rule::of(BYTES, false)];
    let refused = |a: &[BundleRun], b: &[BundleRun]| {
        compare(a, b, &rules, Pairing::Groups).expect_err("refused").to_string()
    };
    let (a, mut b) = (runs("a", BYTES, &LOW), runs("b", BYTES, &LOW));
    assert!(refused(&a, &[]).contains("-- B") && refused(&[], &b).contains("-- B"));
    assert!(refused(&a, &a).contains("run 'a0' is given twice (name"));
    // Three times the same run, which made certainty of nothing.
    assert!(refused(&[a[0].clone(), a[1].clone(), a[0].clone()], &b).contains("run 'a0' is given twice"));
    let copy = BundleRun { path: "copy".into(), ..a[0].clone() };
    assert!(refused(&[a[0].clone(), copy], &b).contains("run 'a0' is given twice, as 'copy' as well"));
    b[1].scenario = "other".into();
    assert!(refused(&a, &b).contains("several scenarios (other, smoke)"));
}
