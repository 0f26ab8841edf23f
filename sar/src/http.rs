//! HTTP, as a client: one address, one connection that is kept, answers of bounded size and time.
//!
//! Plain HTTP only. A proxy from the environment is not used: what is watched is near, and the proxy is not what is meant.

use std::io::Read;
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::{Agent, Error};

/// The longest answer that is read; what is longer is no answer.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;

/// So much of the memory for answers is kept from one to the next.
const BODY_KEPT_BYTES: usize = 1 << 20;

/// How long each step of a request may take (connecting, sending, the answer's head, its body) before it is given up.
const STEP_MAX: Duration = Duration::from_secs(5);

/// Asks one server, again and again.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new() -> Client {
        let config = Agent::config_builder()
            .proxy(None)
            // One for the whole, or for looking up the name, would start a thread for each request.
            .timeout_connect(Some(STEP_MAX))
            .timeout_send_request(Some(STEP_MAX))
            .timeout_recv_response(Some(STEP_MAX))
            .timeout_recv_body(Some(STEP_MAX))
            .http_status_as_error(false)
            .max_idle_connections(1)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("floodmark/", env!("CARGO_PKG_VERSION")));
        Client { agent: config.build().new_agent(), body: Vec::new() }
    }

    /// The status and the body, or what is wrong, in words that go behind "could not ask '…': ".
    pub(crate) fn get(&mut self, url: &str, accept: &str) -> Result<(StatusCode, &[u8]), String> {
        // A kept connection may have been closed by the other side in the meantime: that is no outage.
        let status = match self.try_get(url, accept) {
            Err(error) if is_worth_another(&error) => self.try_get(url, accept),
            result => result,
        };
        let status = status.map_err(|error| reason(&error))?;
        if self.body.len() > ANSWER_BYTES_MAX {
            self.body = Vec::new();
            return Err(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
        }
        Ok((status, &self.body))
    }

    fn try_get(&mut self, url: &str, accept: &str) -> Result<StatusCode, Error> {
        self.body.clear();
        self.body.shrink_to(BODY_KEPT_BYTES);
        let response = self.agent.get(url).header("accept", accept).call()?;
        let status = response.status();
        let mut reader = response.into_body().into_reader().take(ANSWER_BYTES_MAX as u64 + 1);
        reader.read_to_end(&mut self.body).map_err(Error::from)?;
        Ok(status)
    }
}

fn is_worth_another(error: &Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

fn reason(error: &Error) -> String {
    match error {
        Error::Timeout(_) => format!("no answer within {} s", STEP_MAX.as_secs()),
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nobody listens there".to_owned()
        }
        Error::Io(error) => error.to_string(),
        Error::ConnectionFailed => "no connection".to_owned(),
        Error::Protocol(_) | Error::Http(_) => format!("what answers there does not speak HTTP ({error})"),
        other => other.to_string(),
    }
}
