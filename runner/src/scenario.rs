//! A scenario as it is written: every key optional, nothing resolved. The doc comments are the help that an editor shows.
//!
//! What must be there, and what fits together, is decided in [`crate::plan`].

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    network::{HostPort, PortRange, SourceRange},
    text::{Decimal, TextError, text_scalar},
    threshold::Threshold,
    units::{Count, Rate, Size, Span},
};

/// A load that floodmark puts on a server: connections are opened, messages are sent, and thresholds judge the result.
///
/// A run goes through four phases: ramp (connections are opened), hold (messages flow), settle (what is still on its way
/// arrives), drain (connections are closed).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "floodmark scenario", extend("required" = ["version", "target", "protocol", "connections"]))]
pub struct Scenario {
    /// The version of this format: 1.
    #[schemars(extend("enum" = [1], "examples" = [1]))]
    pub version: Option<Count>,
    /// A short name for charts and reports. Default: the file's name without '.yaml'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the scenario is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The server under load: one that is started for the run, or one that is already there.
    pub target: Option<Target>,
    /// What is spoken on each connection.
    pub protocol: Option<Protocol>,
    /// The connections to open and hold.
    pub connections: Option<Connections>,
    /// The messages to send while connections are held. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Messages>,
    /// Knobs to turn while connections are held, each at its time. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
    /// How long, from the first message, deliveries are left out of the delivery latency; the phase is marked in the
    /// recording. Default: 1s, or a fifth of the message time if that is less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Span>,
    /// How long, after the last message, to wait for those still on their way; what has not arrived by then is lost.
    /// Default: 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// Whether to measure the machine's own ceiling first, so that the summary shows each figure beside it
    /// ('limit.ratio.*', usable in thresholds); takes up to a minute. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<bool>,
    /// Conditions on the summary. The run fails if one does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<Vec<Threshold>>,
}

/// The server under load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["spawn"] }, { "required": ["address"] }]))]
pub struct Target {
    /// The bundled server to start for the run; it is ended with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spawn: Option<Server>,
    /// How many threads the started server serves with. Default: as many as cores and descriptors call for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<Count>,
    /// The address of a server that is already there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<HostPort>,
    /// The process id of that server, on this machine: its memory and CPU are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<Count>,
    /// The router port of that server, through which messages are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<HostPort>,
}

/// A bundled server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// The chat server.
    Chat,
}

/// What is spoken on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Comet: 'GET /test/{id}', answered by a chunked response that never ends.
    Comet,
    /// MatchStream's line protocol: a greeting, a login line, then events.
    Line,
}

/// The connections to open and hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["count"]))]
pub struct Connections {
    /// How many connections to open.
    pub count: Option<Count>,
    /// How many to start per second, or 'unlimited'. Default: unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Pace>,
    /// How many may be connecting at once. Default: 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Count>,
    /// How long to hold the connections once all are open, at least. Messages flow in this time. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
    /// How long one connection may take to connect and log in before it counts as failed. Default: 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Whether to open a connection again when the server closes it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<bool>,
    /// For 'protocol: line': how many matches there are to watch; viewers are spread evenly over them (viewer k, from 0,
    /// watches match k mod matches + 1). Default: a match for each connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Count>,
    /// The addresses to connect from: single ones, ranges, CIDR blocks. Default: as many as needed on loopback (127/8),
    /// elsewhere those of the interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Vec<SourceRange>>,
    /// The ports to connect from, on each source address. Default: the kernel chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ports: Option<PortRange>,
    /// How many threads the flood opens and holds them with. Default: as many as cores and descriptors call for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<Count>,
    /// Memory that must stay free on this machine while connections are opened. When less is left, no more are opened:
    /// those that are there are held, and the run fails with 'stopped at N by memory'. Default: 1GiB, or an eighth of
    /// the machine's memory if that is less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reserve: Option<Size>,
}

/// Knobs to turn at one time of the hold: at least one of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["at"], "minProperties" = 2))]
pub struct Step {
    /// When, counted from the beginning of the hold.
    pub at: Option<Span>,
    /// How many connections there are to be from then on: more than before. The further ones are opened at
    /// 'connections.rate', the others stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Count>,
    /// How many messages to send per second from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_rate: Option<Rate>,
}

/// The messages to send while connections are held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["rate"] }, { "required": ["max"] }]))]
pub struct Messages {
    /// How many messages to send per second, by all generators together, on a schedule that does not wait for the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Instead of a rate: send as fast as the server acknowledges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<bool>,
    /// How many messages to send in all; the connections are then held until they are sent. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// How long to send, if not for all of connections.hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// To whom: uniform, round_robin (1, 2, 3, ... in turn) or zipf(s), where id k gets a share in proportion to 1/k^s.
    /// Default: uniform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
    /// Messages go to the ids 1 to max_id. Default: as many as there are connections, or matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_id: Option<Count>,
    /// The size of a message, of which 40B are the mark that the audit reads. Default: 64B.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Size>,
    /// How many generators share the sending, each with its own sequence. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generators: Option<Count>,
    /// Where the choice of ids begins; the same seed gives the same choice. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Count>,
}

/// How fast: on a schedule, or as fast as it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it goes.
    Unlimited,
    /// By a schedule; never zero once resolved.
    Rate(Rate),
}

impl FromStr for Pace {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text == "unlimited" { Ok(Self::Unlimited) } else { text.parse().map(Self::Rate) }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::Rate(rate) => rate.fmt(f),
        }
    }
}

text_scalar!(Pace, "Pace", expecting "a rate such as 1000/s, or unlimited",
    pattern r"^(unlimited|[0-9][0-9_]*(\.[0-9]+)?/[smh])$", examples ["2000/s", "60/m", "unlimited"],
    "A rate: a number per second (/s), minute (/m) or hour (/h), e.g. 2000/s; or unlimited.");

/// To which ids messages go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ids {
    /// Each id as often as any other.
    Uniform,
    /// Id k with a share in proportion to 1/k^s, 0 < s <= 10: few get much, most get little.
    Zipf(f64),
    /// 1, 2, 3, ... in turn.
    RoundRobin,
}

impl FromStr for Ids {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        match text {
            "uniform" => return Ok(Self::Uniform),
            "round_robin" => return Ok(Self::RoundRobin),
            _ => {}
        }
        let instead = "write uniform, round_robin or zipf(1.1)";
        if !text.starts_with("zipf") {
            return Err(TextError::new(format!("'{text}' is not a distribution of ids"), instead));
        }
        let exponent = text["zipf".len()..].strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        exponent
            .and_then(|exponent| Decimal::split(exponent.trim()))
            .filter(|(_, rest)| rest.is_empty())
            .map(|(exponent, _)| exponent.to_f64())
            .filter(|exponent| *exponent > 0.0 && *exponent <= 10.0)
            .map(Self::Zipf)
            .ok_or_else(|| {
                TextError::new(format!("'{text}' has no exponent above 0, up to 10"), "write e.g. zipf(1.1)")
            })
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf(exponent) => write!(f, "zipf({exponent})"),
            Self::RoundRobin => f.write_str("round_robin"),
        }
    }
}

text_scalar!(Ids, "Ids", expecting "uniform, round_robin or zipf(1.1)",
    pattern r"^(uniform|round_robin|zipf\( *[0-9]+(\.[0-9]+)? *\))$", examples ["uniform", "round_robin", "zipf(1.1)"],
    "A distribution over ids: uniform, round_robin or zipf(exponent), e.g. zipf(1.1).");
