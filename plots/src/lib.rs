//! Charts of runs, as SVG, PNG and a page, drawn from their bundles alone.
//!
//! ```text
//!   RUN ── run.rs: one pass over the frames, bounded ──► Run ── charts/*.rs ──► Chart ──► draw: SVG ──► PNG
//!                                                                                  └────► report.html
//! ```
//!
//! A [`Run`] is what a bundle has to show: series thinned so that extremes survive, histograms, phases, marks. A
//! [`Chart`] answers one question and knows nothing of pixels. [`svg`] gives it a size and a [`Theme`].

// The gallery, an example, is what the tests of the drawing draw, too; it names this crate as everybody does.
#[cfg(test)]
extern crate self as plots;

pub mod chart;
pub mod charts;
pub mod draw;
pub mod hgrm;
#[cfg(test)]
mod made;
mod markup;
mod report;
pub mod run;
pub mod unit;

pub use chart::Chart;
pub use charts::{Kind, chart};
pub use draw::{PngError, Theme, page_css, png, svg, thinned};
pub use hgrm::hgrm;
pub use markup::escaped;
pub use report::report;
pub use run::Run;
pub use unit::Unit;
