//! What was judged, for whoever wants to know: a terminal, a pull request, a CI server, a browser.
//!
//! ```text
//!   Checked ─┐                   ┌─► table      a terminal's columns
//!            ├─► Report, words ──┼─► markdown   a job summary, a comment
//!   Compared ┘                   └─► junit      a CI server's list of tests
//!   Judgement ──► trend: Chart ─────► svg, page
//! ```

mod escape;
mod junit;
mod markdown;
pub mod page;
mod report;
mod table;
mod trend;
pub mod words;

pub use escape::plain;
pub use junit::junit;
pub use markdown::markdown;
pub use report::{Group, Mark, Report, Row};
pub use table::{Look, table};
pub use trend::trend;
