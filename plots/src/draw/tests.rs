//! Whole charts: what every width and every input must hold to.
