//! Bytes as they come in earnest: what each decoder is meant to read, with now and then a fault among them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wire::router::{HELLO, Totals};
use wire::{MESSAGE_BYTES_MAX, comet, line, router};

/// Pieces in a row, after an opening.
fn stream(
    opening: impl Strategy<Value = Vec<u8>>,
    pieces: impl Strategy<Value = Vec<u8>>,
) -> impl Strategy<Value = Vec<u8>> {
    (opening, vec(pieces, 0..6)).prop_map(|(opening, pieces)| [opening, pieces.concat()].concat())
}

fn text(text: &str) -> Just<Vec<u8>> {
    Just(text.into())
}

/// Mostly short, sometimes as long as anyone may send.
pub(crate) fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..100),
        2 => vec(select(b"goal:card: \r\n'<~".to_vec()), 0..40),
        1 => (any::<u8>(), MESSAGE_BYTES_MAX - 3..=MESSAGE_BYTES_MAX).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

/// What an encoder appends.
pub(crate) fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// Heads of requests, good and bad, some with too many fields or bytes.
pub(crate) fn requests() -> impl Strategy<Value = Vec<u8>> {
    let request = "(GET|GET|GET|POST) /(test/)?([0-9]{1,11}|[a-z]{0,5})(\\?[a-z=]{0,4})? HTTP/1\\.(1|1|1|0)";
    let field = "[A-Za-z-]{1,8}: ?[ -~]{0,30}\r?\n";
    let fields = prop_oneof![
        8 => vec(field, 0..5).prop_map(|fields| fields.concat()),
        1 => vec(field, 60..68).prop_map(|fields| fields.concat()),
        1 => (8100usize..8200).prop_map(|length| format!("Cookie: {}\r\n", "x".repeat(length))),
    ];
    let head = (request, fields).prop_map(|(line, fields)| format!("{line}\r\n{fields}\r\n").into_bytes());
    stream(text(""), head)
}

/// Comet answers: mostly the stream, sometimes a refusal; sometimes with a broken chunk.
pub(crate) fn answers() -> impl Strategy<Value = Vec<u8>> {
    use comet::server::{LAST_CHUNK, STREAM_HEAD, Status, encode_message};
    let head = || {
        prop_oneof![
            8 => Just(STREAM_HEAD.to_vec()),
            1 => text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nserver: x\r\ntransfer-encoding: a, Chunked\r\n\r\n"),
            1 => select(vec![Status::NotFound, Status::Unavailable]).prop_map(|status| status.response().to_vec()),
        ]
    };
    let chunk = prop_oneof![
        4 => (any::<u32>(), payload()).prop_map(|(n, text)| encoded(|out| encode_message(out, n, &text))),
        2 => ("0{0,3}", "( ?;[ -~]{0,250})?", vec(any::<u8>(), 1..40)).prop_map(|(zeros, extension, data)| {
            [format!("{zeros}{:X}{extension}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat()
        }),
        1 => select(vec!["0\r\nTrailer: x\r\n\r\n", "\r\n", "f"]).prop_map(Into::into),
        1 => (4000usize..4200).prop_map(|length| format!("0\r\nTrailer: {}", "x".repeat(length)).into_bytes()),
        1 => Just(LAST_CHUNK.to_vec()),
    ];
    stream(head(), chunk)
}

/// Login lines, some with a name or number that is too long, some over the bound.
pub(crate) fn logins() -> impl Strategy<Value = Vec<u8>> {
    let long = "VERSION:1:CONNECT:\\PC{1,20}:MATCH:[0-9]{1,11}\r?\n";
    let line = prop_oneof!["V:[0-9]{1,3}:[^:\\p{Cc}]{1,20}\r?\n", long, "V:2:[a-z]{480,520}\n"];
    stream(text(""), line.prop_map(String::into_bytes))
}

/// What a MatchStream server says.
pub(crate) fn dialogues() -> impl Strategy<Value = Vec<u8>> {
    use line::server::{BUSY, GREETING, encode_event, encode_watching};
    let watching = encoded(|out| encode_watching(out, "now", "u1", 7));
    let opening = prop_oneof![
        6 => Just([GREETING, &watching].concat()),
        1 => Just([GREETING, BUSY].concat()),
        1 => Just(BUSY.to_vec()),
        1 => Just(GREETING.to_vec()),
    ];
    stream(opening, payload().prop_map(|text| encoded(|out| encode_event(out, "now", &text))))
}

/// What a publisher sends.
pub(crate) fn publications() -> impl Strategy<Value = Vec<u8>> {
    use router::client::{encode_send, encode_sync};
    let frame = prop_oneof![
        4 => (any::<u32>(), payload()).prop_map(|(id, payload)| encoded(|out| encode_send(out, id, &payload))),
        1 => any::<u32>().prop_map(|token| encoded(|out| encode_sync(out, token))),
    ];
    stream(Just(HELLO.to_vec()), frame)
}

/// Any totals, settled or not.
pub(crate) fn totals() -> impl Strategy<Value = Totals> {
    any::<[u64; 6]>().prop_map(|[accepted, nobody_there, copies, delivered, gone, dropped]| Totals {
        accepted,
        nobody_there,
        copies,
        delivered,
        gone,
        dropped,
    })
}

/// What a router answers.
pub(crate) fn reports() -> impl Strategy<Value = Vec<u8>> {
    use router::server::{encode_ack, encode_error};
    let frame = prop_oneof![
        4 => (any::<u32>(), totals()).prop_map(|(token, totals)| encoded(|out| encode_ack(out, token, &totals))),
        1 => "\\PC{0,300}".prop_map(|text| encoded(|out| encode_error(out, router::ErrorCode::Closing, &text))),
    ];
    stream(Just(HELLO.to_vec()), frame)
}
