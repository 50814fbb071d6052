//! The shape of every message, and the walk that checks a message's lengths against it before it is decoded.
