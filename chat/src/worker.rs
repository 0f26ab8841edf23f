//! The server as a worker: it takes commands, says frames, and ends cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use shard::{Busiest, Pool, PoolError, PoolOptions};
use telemetry::{Command, Frame, Reporter};
use thiserror::Error;

use crate::admin::{self, Admin, Tickets};
use crate::counters::Counters;
use crate::delivery::Letter;
use crate::directory::Directory;
use crate::options::Options;
use crate::service::{Chat, Common};
use crate::session::Front;

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

/// Serves until told to stop. Says a `worker.ready` mark with the addresses once clients may connect, a sample at
/// every interval, and a last one at the end.
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
    let pool = Pool::start(&pool_options, move |index| Chat::new(index, Arc::clone(&shared)))?;

    let mut reporter = Reporter::new("server", "chat", emit);
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
        let admin = Admin {
            common: Arc::clone(&common),
            mailboxes: Arc::clone(pool.mailboxes()),
            stats: Arc::clone(pool.stats()),
            started: Instant::now(),
        };
        let bound = admin::start(address, admin)
            .map_err(|error| ChatError::Admin(PoolError::Listen { address, error }))?;
        ready.push(("admin", bound.to_string()));
    }
    let mut attributes: Vec<_> = ready.into_iter().map(|(name, text)| (name, text.into())).collect();
    attributes.push(("shards", shards.into()));
    reporter.mark("worker.ready", attributes);

    let mut busiest = Busiest::new(pool.stats());
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
                reporter.sample(values(&common, &pool, &mut busiest));
            }
        }
    }
    reporter.sample(values(&common, &pool, &mut busiest));
    Ok(pool.stop(STOP_PATIENCE)?)
}

fn values(common: &Common, pool: &Pool<Letter>, busiest: &mut Busiest) -> Vec<(String, f64)> {
    let mut values: Vec<(String, f64)> = Counters::totals(&common.counters)
        .into_iter()
        .map(|(name, _, value)| (format!("server.{name}"), value as f64))
        .collect();
    let sum = pool.totals();
    let waiting = || {
        let boxes = (0..pool.mailboxes().shards()).map(|shard| pool.mailboxes().waiting(shard) as u64);
        boxes.zip(pool.stats().iter()).map(|(waiting, stats)| waiting + stats.backlog.get())
    };
    let more: [(&str, u64); 15] = [
        ("connections", sum.connections),
        ("accepted", sum.accepted),
        ("refused", sum.refused),
        ("closed", sum.closed),
        ("too_slow", sum.too_slow),
        ("received_bytes", sum.bytes_in),
        ("sent_bytes", sum.bytes_out),
        ("reads", sum.reads),
        ("writes", sum.writes),
        ("turns", sum.turns),
        ("busy_ns", sum.busy_ns),
        ("outbox_bytes", sum.outbox_bytes),
        ("mail_waiting", waiting().sum::<u64>()),
        ("mail_waiting_max", waiting().max().unwrap_or(0)),
        ("mail_full", sum.mail_full),
    ];
    values.extend(more.map(|(name, value)| (format!("server.{name}"), value as f64)));
    values.push(("server.busiest_shard_ratio".into(), busiest.ratio(pool.stats())));
    values
}
