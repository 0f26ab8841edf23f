//! Prints the tables of docs/history.md: false alarms, detection, coverage. Takes some minutes.
//!
//!     cargo run --release -p history --example false_alarms

#![expect(clippy::print_stdout, reason = "its output is the tables")]

mod noise;
mod pairs;
mod series;

const SEED: u64 = 1;

fn main() {
    println!("Seed {SEED}.\n");
    series::false_alarms(SEED);
    series::at_defaults(SEED);
    series::steps(SEED);
    series::ramps(SEED);
    series::time(SEED);
    pairs::coverage(SEED);
    pairs::weather(SEED);
}
