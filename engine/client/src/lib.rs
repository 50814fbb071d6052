//! Sans-IO clients.
