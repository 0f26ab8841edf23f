//! `floodmark chat`: the target server.

use chat::{ChatError, Options};
use shard::PoolError;
use telemetry::Frame;

use crate::args::ChatFlags;
use crate::exit::{Code, Ended, Exit};
use crate::output::{FrameLines, say};
use crate::worker::{commands, resolve, shards};

/// Connections that a server makes room for unless told otherwise, the most that fit.
const CONNECTIONS: [u64; 4] = [100_000, 10_000, 1000, 100];

pub(crate) fn main(flags: &ChatFlags) -> Ended {
    let options = resolve_options(flags)?;
    let commands = commands(flags.speech.worker);
    let mut frames = FrameLines::new(flags.speech.json || flags.speech.worker);
    let mut emit = |frame: Frame| {
        if let (false, Frame::Mark(mark)) = (frames.print(&frame), &frame) {
            greet(mark);
        }
    };
    chat::run(&options, &commands, &mut emit).map_err(|error| match error {
        ChatError::Admin(_) | ChatError::Pool(PoolError::Listen { .. } | PoolError::Start { .. }) => {
            Exit::cannot(error)
        }
        ChatError::Pool(_) => Exit::broke(error),
    })?;
    Ok(Code::Fine)
}

fn resolve_options(flags: &ChatFlags) -> Result<Options, Exit> {
    let optional = |address: &Option<String>| address.as_deref().map(resolve).transpose();
    Ok(Options {
        listen: resolve(&flags.listen)?,
        line: optional(&flags.line)?,
        router: optional(&flags.router)?,
        admin: optional(&flags.admin)?,
        shards: match flags.connections {
            Some(connections) => shards(flags.shards, connections.0, flags.descriptors, true)?,
            None => default_shards(flags)?,
        },
        backlog: flags.backlog,
        head_timeout: flags.head_timeout.0,
        descriptors_max: flags.descriptors,
        ..Options::default()
    })
}

/// Room for as many connections as this machine's descriptors allow, of those worth having by default.
fn default_shards(flags: &ChatFlags) -> Result<usize, Exit> {
    let room_for = |connections| shards(flags.shards, connections, flags.descriptors, true);
    CONNECTIONS.iter().find_map(|&connections| room_for(connections).ok()).map_or_else(|| room_for(1), Ok)
}

/// Tells a person where the server is and what to try.
fn greet(mark: &telemetry::Mark) {
    if mark.name != "worker.ready" {
        return;
    }
    let address = |name: &str| mark.attributes.get(name).and_then(|value| value.as_str());
    let shards = mark.attributes.get("shards").map(ToString::to_string).unwrap_or_default();
    if let Some(listen) = address("listen") {
        say(&format!(
            "comet   http://{listen}/test/{{id}}   ({shards} shards; try: curl -N http://{listen}/test/123)"
        ));
    }
    if let Some(line) = address("line") {
        say(&format!("line    {line}   (send V:2:yourname)"));
    }
    if let Some(router) = address("router") {
        say(&format!(
            "router  {router}   (try: floodmark msggen --router {router} --rate 10/s --max-id 200)"
        ));
    }
    if let Some(admin) = address("admin") {
        say(&format!(
            "admin   http://{admin}/metrics   (try: curl -d 'Hello World' http://{admin}/send/123)"
        ));
    }
    say("Ctrl-C ends it.");
}
