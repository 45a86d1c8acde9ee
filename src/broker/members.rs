//! stand-in
use super::{Broker, Error};
impl Broker {
    pub(super) async fn finish_erasures(&self) -> Result<u64, Error> {
        Ok(0)
    }
}
