//! `floodmark chat`: the target server.

use std::io::{self, Write};

use chat::{ChatError, Options};
use shard::PoolError;
use telemetry::Frame;

use crate::args::ChatFlags;
use crate::exit::{Code, Ended, Exit};
use crate::output::say;
use crate::worker::{commands, resolve};

pub(crate) fn main(flags: &ChatFlags) -> Ended {
    let options = resolve_options(flags)?;
    let commands = commands(flags.speech.worker);
    let json = flags.speech.json || flags.speech.worker;
    let mut line = Vec::new();
    let mut emit = |frame: Frame| {
        if json {
            line.clear();
            frame.to_line(&mut line);
            // A listener that is gone ends the worker by its stdin.
            let _ = io::stdout().write_all(&line);
        } else if let Frame::Mark(mark) = frame {
            greet(&mark);
        }
    };
    chat::run(&options, &commands, &mut emit).map_err(|error| match error {
        ChatError::Pool(PoolError::Listen { .. } | PoolError::Start { .. }) => Exit::cannot(error),
        ChatError::Pool(_) => Exit::broke(error),
    })?;
    Ok(Code::Fine)
}

fn resolve_options(flags: &ChatFlags) -> Result<Options, Exit> {
    let optional = |address: &Option<String>| address.as_deref().map(resolve).transpose();
    let limit = shard::descriptors::raise_limit().map_err(Exit::broke)?;
    let descriptors = flags.descriptors.map_or(limit, |wanted| wanted.min(limit));
    let automatic = || shard::shards_for(flags.connections.0 as usize, descriptors, true);
    Ok(Options {
        listen: resolve(&flags.listen)?,
        line: optional(&flags.line)?,
        router: optional(&flags.router)?,
        admin: optional(&flags.admin)?,
        shards: flags.shards.unwrap_or_else(automatic),
        backlog: flags.backlog,
        head_timeout: flags.head_timeout.0,
        descriptors_max: flags.descriptors,
        ..Options::default()
    })
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
