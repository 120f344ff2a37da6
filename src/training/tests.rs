//! Rows of walks over synthetic markets.
