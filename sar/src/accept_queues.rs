//! stub
use crate::{SarError, Source, Values};
/// The accept queues of this network namespace.
#[derive(Debug)]
pub struct AcceptQueues;
impl AcceptQueues {
    /// Opens a socket to the kernel.
    ///
    /// # Errors
    /// [`SarError::Kernel`].
    pub fn open() -> Result<AcceptQueues, SarError> {
        Ok(AcceptQueues)
    }
}
impl Source for AcceptQueues {
    fn sample(&mut self, _: &mut Values) -> Result<(), SarError> {
        Ok(())
    }
}
