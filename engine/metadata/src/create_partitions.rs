//! CreatePartitions: decides whether topics may grow.

use crate::{Decision, Image, Settings};
use alloc::vec::Vec;
use naru_wire::messages::{CreatePartitionsRequest, create_partitions_response::CreatePartitionsTopicResult};

/// Decides on every topic of a request.
pub fn create_partitions(
    _image: &Image,
    _settings: &Settings,
    _request: &CreatePartitionsRequest,
) -> Decision<Vec<CreatePartitionsTopicResult>> {
    todo!()
}
