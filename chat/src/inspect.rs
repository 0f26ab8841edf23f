//! `/inspect`: the figures as one JSON document, for whoever looks in by hand.

use serde::Serialize;
use serde::ser::Serializer;

use crate::figures::{Figures, OF_SHARD, OfShard};

#[derive(Serialize)]
struct Inspection<'a> {
    server: Server,
    totals: Totals<'a>,
    shards: Vec<Shard<'a>>,
}

#[derive(Serialize)]
struct Server {
    name: &'static str,
    version: &'static str,
    pid: u32,
    uptime_s: f64,
}

/// What is counted for the server as a whole.
struct Totals<'a>(&'a Figures);

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.own().map(|total| (total.name, Number(total.value))))
    }
}

/// One shard's figures, by name.
struct Shard<'a> {
    number: usize,
    figures: OfShard<'a>,
}

impl Serialize for Shard<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { number, figures } = self;
        let own = OF_SHARD.iter().map(|figure| (figure.name, Number((figure.value)(figures))));
        serializer.collect_map(std::iter::once(("shard", Number(*number as f64))).chain(own))
    }
}

/// A figure that is written as a whole number if it is one.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.0 as u64;
        if whole as f64 == self.0 {
            serializer.serialize_u64(whole)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// What is going on in the server, shard by shard, as JSON.
pub(crate) fn json(figures: &Figures) -> String {
    let inspection = Inspection {
        server: Server {
            name: "floodmark chat",
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            uptime_s: figures.started().elapsed().as_secs_f64(),
        },
        totals: Totals(figures),
        shards: figures.shards().enumerate().map(|(number, figures)| Shard { number, figures }).collect(),
    };
    // Numbers and names only, which JSON always has a form for.
    serde_json::to_string(&inspection).expect("figures are always valid JSON") + "\n"
}
