//! The integration tests, one module a behaviour.

mod support;

mod exposition;
