//! Results across commits, and the gate.
//!
//! ```text
//!   RUN: summary.json, host.json ── add ──► bench-history.jsonl ──► series of a metric, comparable runs only
//!                                                                        ├── check: change points
//!   RUNs A -- RUNs B ────────────────────────────────────────────────────┴── compare: a ratio and its interval
//! ```

pub mod detect;
pub mod pair;
