//! A provider whose machines are network namespaces of this one: real packets, real agents.
