//! stub
use regex_lite::Regex;

use crate::{SarError, Source, Values};
/// A scraped endpoint.
#[derive(Debug)]
pub struct Prometheus;
impl Prometheus {
    /// Scrapes `url`; names begin with `name` and a dot; metrics whose name `keep` finds, all if `None`.
    ///
    /// # Errors
    /// [`SarError::Argument`], [`SarError::Kernel`].
    pub fn open(name: &str, url: &str, keep: Option<Regex>) -> Result<Prometheus, SarError> {
        let _ = (name, url, keep);
        Ok(Prometheus)
    }
}
impl Source for Prometheus {
    fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
        Ok(())
    }
}
