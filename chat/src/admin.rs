//! The admin address: sending by hand, figures for a scraper and for whoever looks in, a health check.
//!
//! It runs on a thread of its own that keeps the process's main descriptor table. Shards never wake it: tokio's
//! wake-ups are writes to a descriptor, which would mean something else in a shard's table. So whoever waits for
//! shards here looks again every millisecond.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use telemetry::Frame;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::delivery::Letter;
use crate::directory::Place;
use crate::figures::Figures;
use crate::metrics::{self, Format};
use crate::publisher::{Origin, Receipt};
use crate::{frames, inspect};

/// Admin connections served at a time; more wait in the backlog.
const CONNECTIONS_MAX: usize = 64;

/// How long a request's head or body may take; then the connection is closed.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long one admin connection may last, so that idle and stuck ones make room for others.
const CONNECTION_TIME: Duration = Duration::from_secs(30);

/// How long `POST /send` waits for the shards to say what became of the message; then it answers 202.
const ACCOUNT_TIME: Duration = Duration::from_secs(1);

/// Messages sent from here whose fate is not known yet.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u32,
    tickets: HashMap<u32, Receipt>,
}

impl Tickets {
    fn issue(&self) -> u32 {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next = open.next.wrapping_add(1);
        let ticket = open.next;
        open.tickets.insert(ticket, Receipt::default());
        ticket
    }

    /// Adds a shard's receipt; one that nobody waits for any more is forgotten.
    pub(crate) fn account(&self, ticket: u32, receipt: Receipt) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sum) = open.tickets.get_mut(&ticket) {
            sum.letters += receipt.letters;
            sum.delivered += receipt.delivered;
            sum.gone += receipt.gone;
            sum.dropped += receipt.dropped;
        }
    }

    fn so_far(&self, ticket: u32) -> Receipt {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.tickets.get(&ticket).copied().unwrap_or_default()
    }

    fn close(&self, ticket: u32) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).tickets.remove(&ticket);
    }
}

/// Closes its ticket when dropped.
struct OpenTicket<'a> {
    tickets: &'a Tickets,
    ticket: u32,
}

impl Drop for OpenTicket<'_> {
    fn drop(&mut self) {
        self.tickets.close(self.ticket);
    }
}

const JSON: &str = "application/json";

/// A frame a line.
const JSON_LINES: &str = "application/jsonl";

/// Binds the admin address and serves it until the process ends.
pub(crate) fn start(address: SocketAddr, figures: Arc<Figures>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _ = figures.control.set(runtime.metrics());
    std::thread::Builder::new().name("chat-admin".into()).spawn(move || {
        runtime.block_on(async {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => serve(listener, figures).await,
                Err(error) => tracing::error!(%error, "the admin address is not served"),
            }
        });
    })?;
    Ok(bound)
}

async fn serve(listener: tokio::net::TcpListener, figures: Arc<Figures>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin address cannot accept; trying again soon");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let figures = Arc::clone(&figures);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&figures), request));
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIME);
            let served = timeout(CONNECTION_TIME, http.serve_connection(TokioIo::new(stream), service)).await;
            if let Ok(Err(error)) = served {
                tracing::debug!(%error, "an admin connection ended badly");
            }
            drop(permit);
        });
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(figures: Arc<Figures>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    let wanted = match path {
        "/frames" | "/healthz" | "/inspect" | "/metrics" => Method::GET,
        _ if path.starts_with("/send/") => Method::POST,
        _ => {
            return Ok(text(
                StatusCode::NOT_FOUND,
                "try GET /frames, GET /metrics, GET /inspect, GET /healthz or POST /send/{id}\n",
            ));
        }
    };
    if request.method() != wanted && !(wanted == Method::GET && request.method() == Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, &format!("{path} takes {wanted}\n"));
        refusal.headers_mut().insert(ALLOW, wanted.as_str().parse().expect("a method is a header value"));
        return Ok(refusal);
    }
    Ok(match path {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/metrics" => {
            let accept = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            let format = Format::asked_for(&accept.collect::<Vec<_>>().join(","));
            answer_as(format.content_type(), StatusCode::OK, metrics::text(&figures, format))
        }
        "/inspect" => answer_as(JSON, StatusCode::OK, inspect::json(&figures)),
        "/frames" => answer_as(JSON_LINES, StatusCode::OK, frames(&figures)),
        _ => send(&figures, request).await,
    })
}

/// What the worker says at an interval, now.
fn frames(figures: &Figures) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 << 10);
    let shards = Frame::Table(frames::shards(figures));
    for frame in [frames::hello(), frames::catalog(figures), frames::sample(figures), shards] {
        frame.to_line(&mut out);
    }
    out
}

async fn send(figures: &Figures, request: Request<Incoming>) -> Answer {
    let digits = request.uri().path().strip_prefix("/send/").unwrap_or_default().to_owned();
    let number = digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(id) = number else {
        return text(
            StatusCode::BAD_REQUEST,
            &format!("'{digits}' is not an id: ids are whole numbers below 2^32\n"),
        );
    };
    let body = Limited::new(request.into_body(), wire::MESSAGE_BYTES_MAX).collect();
    let body = match timeout(REQUEST_TIME, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            let most = wire::MESSAGE_BYTES_MAX;
            return text(StatusCode::PAYLOAD_TOO_LARGE, &format!("a message has at most {most} bytes\n"));
        }
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the message did not come in time\n"),
    };
    let mut places: Vec<Place> = Vec::new();
    figures.common.directory.places(id, |place| places.push(place));
    let counters = figures.common.counters.last().expect("the admin address counts behind the shards");
    counters.messages.add(1);
    if places.is_empty() {
        counters.nobody_there.add(1);
        return json(StatusCode::OK, id, Receipt::default(), ",\"nobody_there\":1");
    }
    let tickets = &figures.common.tickets;
    let ticket = tickets.issue();
    // Closed even when the client leaves and this future is dropped.
    let _open = OpenTicket { tickets, ticket };
    for Place { shard, local } in &places {
        let letter = Letter::Deliver { id, local: *local, origin: Origin::Admin { ticket } };
        if figures.mailboxes.post(usize::from(*shard), letter, &body).is_err() {
            counters.dropped.add(1);
            figures.common.tickets.account(ticket, Receipt { letters: 1, dropped: 1, ..Receipt::default() });
        }
    }
    let all = timeout(ACCOUNT_TIME, async {
        while (figures.common.tickets.so_far(ticket).letters as usize) < places.len() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let status = if all.await.is_ok() { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, id, tickets.so_far(ticket), "")
}

fn json(status: StatusCode, id: u32, receipt: Receipt, more: &str) -> Answer {
    let Receipt { delivered, gone, dropped, .. } = receipt;
    let body =
        format!("{{\"id\":{id},\"delivered\":{delivered},\"gone\":{gone},\"dropped\":{dropped}{more}}}\n");
    answer_as(JSON, status, body)
}

fn text(status: StatusCode, body: &str) -> Answer {
    answer_as("text/plain; charset=utf-8", status, body.to_owned())
}

fn answer_as(kind: &'static str, status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
