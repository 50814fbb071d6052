//! DescribeConfigs: what is set for a topic or a broker, and where it comes from.

use crate::{Image, Settings};
use alloc::vec::Vec;
use naru_wire::messages::{DescribeConfigsRequest, describe_configs_response::DescribeConfigsResult};

/// Answers every resource of a request.
pub fn describe_configs(
    _image: &Image,
    _settings: &Settings,
    _request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResult> {
    todo!()
}
