//! The end-to-end tests: what a user sees of the real binary, over real sockets.
//!
//! [`tool`] runs the binary, [`terminal`] runs it in a pseudo-terminal, [`chat`] is a server of its own for each test,
//! [`viewer`] and [`publisher_port`] are its clients, [`strangers`] are the programs that may stand behind a port
//! instead, [`recording`] reads bundles, [`browser`] pages, [`schema`] checks JSON. The other modules hold the tests, each for one thing
//! that a user knows. Nothing waits for a fixed time: [`tool::eventually`] looks until it sees what it waits for, or
//! fails.

mod browser;
mod chat;
mod recording;
mod schema;
mod strangers;
mod terminal;
mod tool;
mod viewer;

mod admin;
mod audit;
mod bad_input;
mod doctor;
mod endings;
mod failures;
mod flood;
mod history;
mod house;
mod inspect;
mod ledger;
mod limit;
mod limits;
mod line;
mod plots;
mod publisher;
mod publisher_port;
mod repeat;
mod report;
mod run;
mod sar;
mod server;
mod target;
mod top;
mod wall;
