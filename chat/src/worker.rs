//! The server as a worker: it takes commands, says frames, and ends cleanly.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use shard::{Busiest, Pool, PoolError, PoolOptions};
use telemetry::{Command, Frame, Reporter};
use thiserror::Error;

use crate::admin;
use crate::busiest::Asked;
use crate::connections::{self, Query};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::figures::{Figures, Recent};
use crate::frames;
use crate::options::Options;
use crate::service::{Chat, Common};
use crate::session::Front;
use crate::tickets::Tickets;

/// How often the server says how it is, unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long shards may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Why a server did not start, or did not end well.
#[derive(Debug, Error)]
pub enum ChatError {
    /// The shards.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The admin address.
    #[error("the admin address: {0}")]
    Admin(PoolError),
}

/// Serves until told to stop. Says what its figures mean, a `worker.ready` mark with the addresses once clients may
/// connect, a sample, a table of the shards and one of the busiest connections at every interval, and all of them once
/// more at the end.
///
/// Start it before anything else opens descriptors: what is open now stays open in every shard until the end.
///
/// # Errors
/// See [`ChatError`].
pub fn run(
    options: &Options,
    commands: &Receiver<Command>,
    emit: &mut dyn FnMut(Frame),
) -> Result<(), ChatError> {
    let wanted = [Some(options.listen), options.line, options.router];
    let (fronts, listen): (Vec<Front>, Vec<SocketAddr>) =
        Front::ALL.into_iter().zip(wanted).filter_map(|(front, address)| Some((front, address?))).unzip();
    let shards = options.shards.clamp(1, shard::SHARDS_MAX);
    let common = Arc::new(Common {
        directory: Arc::new(Directory::default()),
        // One for each shard and one for the admin address.
        counters: (0..=shards).map(|_| Counters::default()).collect(),
        tickets: Tickets::default(),
        sightings: Tickets::default(),
        busiest: (0..shards).map(|_| Mutex::default()).collect(),
        asked: Asked::default(),
        started: Instant::now(),
        fronts: fronts.clone(),
        head_timeout: options.head_timeout,
        current_match: options.current_match,
    });
    let pool_options = PoolOptions {
        name: "chat",
        shards,
        listen,
        backlog: options.backlog,
        descriptors_max: options.descriptors_max,
    };
    let shared = Arc::clone(&common);
    let mut pool = Pool::start(&pool_options, move |index| Chat::new(index, Arc::clone(&shared)))?;

    let figures = Arc::new(Figures {
        common,
        mailboxes: Arc::clone(pool.mailboxes()),
        stats: Arc::clone(pool.stats()),
        control: OnceLock::new(),
        recent: Mutex::new(Recent::new(pool.stats())),
    });
    let mut reporter = Reporter::new(frames::SOURCE, "chat", emit);
    reporter.say(frames::catalog(&figures));
    let mut ready: Vec<(&str, String)> = Vec::new();
    for (front, address) in fronts.iter().zip(pool.addresses()) {
        let name = match front {
            Front::Comet => "listen",
            Front::Line => "line",
            Front::Router => "router",
        };
        ready.push((name, address.to_string()));
    }
    if let Some(address) = options.admin {
        let bound = admin::start(address, Arc::clone(&figures))
            .map_err(|error| ChatError::Admin(PoolError::Listen { address, error }))?;
        ready.push(("admin", bound.to_string()));
    }
    let mut attributes: Vec<_> = ready.into_iter().map(|(name, text)| (name, text.into())).collect();
    attributes.push(("shards", shards.into()));
    reporter.mark("worker.ready", attributes);

    let mut busiest = Busiest::new(pool.stats());
    // At once, so that what speaking takes of memory is there before the first connection, and not ascribed to it.
    report(&mut reporter, &figures, &mut busiest);
    let mut interval = INTERVAL;
    let mut next = Instant::now() + interval;
    while !pool.is_broken() {
        match commands.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Command::Interval { ms }) => {
                interval = Duration::from_millis(ms);
                next = Instant::now() + interval;
            }
            // The server has no schedule to start or settle.
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => {
                next += interval;
                pool.look_after();
                report(&mut reporter, &figures, &mut busiest);
            }
        }
    }
    report(&mut reporter, &figures, &mut busiest);
    Ok(pool.stop(STOP_PATIENCE)?)
}

fn report(reporter: &mut Reporter<'_>, figures: &Figures, busiest: &mut Busiest) {
    reporter.sample(frames::values(figures, busiest.ratio(&figures.stats)));
    reporter.say(Frame::Table(frames::shards(figures)));
    reporter.say(Frame::Table(connections::table(figures, Query::default())));
}
