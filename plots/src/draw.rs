//! From a [`Chart`](crate::Chart) to pixels.
