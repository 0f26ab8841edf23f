//! stub
use crate::{SarError, Source, Values};
/// A command.
#[derive(Debug)]
pub struct Exec;
impl Exec {
    /// Runs `command` by `sh -c` at each sample; names begin with `name` and a dot.
    ///
    /// # Errors
    /// [`SarError::Argument`], [`SarError::Kernel`].
    pub fn open(name: &str, command: &str) -> Result<Exec, SarError> {
        let _ = (name, command);
        Ok(Exec)
    }
}
impl Source for Exec {
    fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
        Ok(())
    }
}
