//! What the agent does, and when.
