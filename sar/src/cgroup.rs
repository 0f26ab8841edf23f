//! stub
use crate::{SarError, Source, Values};
/// A control group.
#[derive(Debug)]
pub struct Cgroup;
impl Cgroup {
    /// Of this process, or another.
    pub fn open(_pid: Option<u32>) -> Option<Cgroup> {
        None
    }
}
impl Source for Cgroup {
    fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
        Ok(())
    }
}
