//! Frames, headers, API versions, requests and responses.
