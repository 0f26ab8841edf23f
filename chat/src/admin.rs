//! The admin address: sending by hand, figures for a scraper and for whoever looks in, a health check.
//!
//! It runs on a thread of its own that keeps the process's main descriptor table. Shards never wake it: tokio's
//! wake-ups are writes to a descriptor, which would mean something else in a shard's table. So whoever waits for
//! shards here looks again every millisecond.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use telemetry::Frame;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::connections::{self, LookError, Query};
use crate::delivery::Letter;
use crate::directory::Place;
use crate::figures::Figures;
use crate::metrics::{self, Format};
use crate::publisher::{Origin, Receipt};
use crate::{frames, inspect};

/// Admin connections served at a time; more wait in the backlog.
const CONNECTIONS_MAX: usize = 64;

/// How long a request's head or body may take, the wait for a further request included; then the connection is closed.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long an answer may go unread; then the connection is closed, so that stuck ones make room for others.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// How long `POST /send` waits for the shards to say what became of the message; then it answers 202.
const ACCOUNT_TIME: Duration = Duration::from_secs(1);

/// Characters that are shown of what is not an id.
const NOT_AN_ID_SHOWN: usize = 40;

const JSON: &str = "application/json";

/// A frame a line.
const JSON_LINES: &str = "application/jsonl";

/// Binds the admin address and serves it until the process ends.
pub(crate) fn start(address: SocketAddr, figures: Arc<Figures>) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _ = figures.control.set(runtime.metrics());
    std::thread::Builder::new().name("chat-admin".into()).spawn(move || {
        runtime.block_on(async {
            match TcpListener::from_std(listener) {
                Ok(listener) => serve(listener, figures).await,
                Err(error) => tracing::error!(%error, "the admin address is not served"),
            }
        });
    })?;
    Ok(bound)
}

async fn serve(listener: TcpListener, figures: Arc<Figures>) {
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
            attend(stream, figures).await;
            drop(permit);
        });
    }
}

/// Serves one connection until it ends or is stuck. It may last as long as it goes on asking.
async fn attend(stream: TcpStream, figures: Arc<Figures>) {
    let requests = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&requests);
    let service = service_fn(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        answer(Arc::clone(&figures), request)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIME);
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    loop {
        let before = requests.load(Ordering::Relaxed);
        match timeout(ANSWER_TIME, serving.as_mut()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => return tracing::debug!(%error, "an admin connection ended badly"),
            Err(_) if requests.load(Ordering::Relaxed) == before => return,
            Err(_) => {}
        }
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(figures: Arc<Figures>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path();
    let wanted = match path {
        "/frames" | "/healthz" | "/inspect" | "/metrics" => Method::GET,
        _ if path.starts_with("/connections/") => Method::GET,
        _ if path.starts_with("/send/") => Method::POST,
        _ => {
            return Ok(text(
                StatusCode::NOT_FOUND,
                "try GET /frames, /connections/{id}, /metrics, /inspect or /healthz, or POST /send/{id}\n",
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
        "/frames" => frames(&figures, request.uri().query()),
        _ => match path.strip_prefix("/connections/") {
            Some(digits) => look(&figures, digits).await,
            None => send(&figures, request).await,
        },
    })
}

/// What the worker says at an interval, now.
fn frames(figures: &Figures, query: Option<&str>) -> Answer {
    let query = match Query::parse(query.unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return text(StatusCode::BAD_REQUEST, &format!("{error}\n")),
    };
    let mut out = Vec::with_capacity(64 << 10);
    let tables = [frames::shards(figures), connections::table(figures, query)];
    let first = [frames::hello(), frames::catalog(figures), frames::sample(figures)];
    first.into_iter().chain(tables.map(Frame::Table)).for_each(|frame| frame.to_line(&mut out));
    answer_as(JSON_LINES, StatusCode::OK, out)
}

/// The connections under the id that a path ends in.
async fn look(figures: &Figures, digits: &str) -> Answer {
    let id = match id(digits) {
        Ok(id) => id,
        Err(error) => return error.answer(),
    };
    match connections::of_id(figures, id).await {
        Ok(table) => {
            let mut out = Vec::new();
            Frame::Table(table).to_line(&mut out);
            answer_as(JSON_LINES, StatusCode::OK, out)
        }
        Err(error) => {
            let status = match error {
                LookError::Nobody(_) => StatusCode::NOT_FOUND,
                LookError::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            };
            text(status, &format!("{error}\n"))
        }
    }
}

/// What stands where an id should.
#[derive(Debug, Error)]
#[error("'{0}' is not an id: ids are whole numbers below 2^32")]
struct NotAnId(String);

impl NotAnId {
    fn answer(&self) -> Answer {
        text(StatusCode::BAD_REQUEST, &format!("{self}\n"))
    }
}

/// The id that a path ends in.
fn id(digits: &str) -> Result<u32, NotAnId> {
    let number = digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| NotAnId(digits.chars().take(NOT_AN_ID_SHOWN).collect()))
}

async fn send(figures: &Figures, request: Request<Incoming>) -> Answer {
    let digits = request.uri().path().strip_prefix("/send/").unwrap_or_default().to_owned();
    let id = match id(&digits) {
        Ok(id) => id,
        Err(error) => return error.answer(),
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
    let ticket = figures.common.tickets.issue();
    for Place { shard, local } in &places {
        let letter = Letter::Deliver { id, local: *local, origin: Origin::Admin { ticket: ticket.number } };
        if figures.mailboxes.post(usize::from(*shard), letter, &body).is_err() {
            counters.dropped.add(1);
            let dropped = Receipt { letters: 1, dropped: 1, ..Receipt::default() };
            ticket.so_far(|sum| sum.add(dropped));
        }
    }
    let all = timeout(ACCOUNT_TIME, async {
        while (ticket.so_far(|sum| sum.letters) as usize) < places.len() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let status = if all.await.is_ok() { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, id, ticket.so_far(|sum| *sum), "")
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
