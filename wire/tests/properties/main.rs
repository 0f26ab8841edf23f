//! What holds for every decoder, whatever the bytes and however they were cut into reads.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use streams::*;
use wire::router::{ErrorCode, HELLO};
use wire::{Decode, Feed, Found, Mark, comet, line, mark, router};

mod streams;

/// The events, and the error that ended them if one did. Bytes to be ignored come in as many pieces as the reads
/// did, which is the one thing that the cut may change.
fn read<'b, D>(decoder: D, reads: impl IntoIterator<Item = &'b [u8]>) -> (Vec<String>, Option<String>)
where
    D: Decode,
    for<'a> D::Event<'a>: Debug,
{
    let mut feed = Feed::new(decoder);
    let mut events = Vec::new();
    for read in reads {
        let fed = feed.feed(read, |event| events.push(format!("{event:?}")));
        assert!(feed.pending_bytes() < D::PENDING_MAX);
        if let Err(error) = fed {
            events.retain(|event| event != "Ignored");
            return (events, Some(error.to_string()));
        }
    }
    events.retain(|event| event != "Ignored");
    (events, None)
}

fn cut<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// The properties of one decoder, over streams that are legal for it.
macro_rules! decoder {
    ($name:ident, $decoder:expr, $streams:expr) => {
        mod $name {
            use super::*;

            proptest! {
                #[test]
                fn any_cut_gives_the_same_events(
                    stream in $streams,
                    damage in proptest::option::of((any::<Index>(), any::<u8>())),
                    cuts in vec(any::<Index>(), 0..12),
                ) {
                    let mut stream = stream;
                    if let (Some((at, byte)), false) = (damage, stream.is_empty()) {
                        let at = at.index(stream.len());
                        stream[at] = byte;
                    }
                    let whole = read($decoder, [stream.as_slice()]);
                    prop_assert_eq!(&read($decoder, cut(&stream, &cuts)), &whole);
                    // Byte by byte is the worst cut, and too slow for the longest streams.
                    if stream.len() < 2048 {
                        prop_assert_eq!(&read($decoder, stream.chunks(1)), &whole);
                    }
                }

                // `Feed` panics when a decoder wants more than PENDING_MAX bytes, or never moves on. What follows a
                // legal beginning is repeated past that bound, so that something unfinished meets it in each place.
                #[test]
                fn nothing_panics_or_waits_beyond_the_bound(
                    stream in $streams,
                    keep in any::<Index>(),
                    tail in prop_oneof![vec(any::<u8>(), 1..2), vec(any::<u8>(), 1..40)],
                    readable in any::<bool>(),
                    cuts in vec(any::<Index>(), 0..4),
                ) {
                    let mut bytes = stream[..keep.index(stream.len() + 1)].to_vec();
                    let tail = tail.iter().map(|byte| if readable { b" 0123:;=Aadglmnortx\r\n"[*byte as usize % 21] } else { *byte });
                    let bound = bytes.len() + 20_000;
                    bytes.extend(tail.cycle().take(bound - bytes.len()));
                    let whole = read($decoder, [bytes.as_slice()]);
                    prop_assert_eq!(read($decoder, cut(&bytes, &cuts)), whole);
                }
            }
        }
    };
}

decoder!(comet_server, comet::server::Head, requests());
decoder!(comet_client, comet::client::Decoder::default(), answers());
decoder!(line_server, line::server::Login, logins());
decoder!(line_client, line::client::Decoder::default(), dialogues());
decoder!(router_server, router::server::Decoder::default(), publications());
decoder!(router_client, router::client::Decoder::default(), reports());

/// Asserts that `bytes` are read as these events and nothing else.
fn assert_read<D, E: Debug>(decoder: D, bytes: &[u8], events: &[E]) -> Result<(), TestCaseError>
where
    D: Decode,
    for<'a> D::Event<'a>: Debug,
{
    let events = events.iter().map(|event| format!("{event:?}")).collect();
    prop_assert_eq!(read(decoder, [bytes]), (events, None));
    Ok(())
}

proptest! {
    #[test]
    fn comet_requests_are_read_as_written(id: u32) {
        let bytes = encoded(|out| comet::client::encode_request(out, id, "localhost"));
        assert_read(comet::server::Head, &bytes, &[comet::server::Request::Login { id }])?;
    }

    #[test]
    fn comet_messages_are_read_as_written(number: u32, text in payload()) {
        use comet::client::{Decoder, Event};
        let chunk = encoded(|out| comet::server::encode_message(out, number, &text));
        let bytes = [comet::server::STREAM_HEAD, &chunk, comet::server::LAST_CHUNK].concat();
        let data = [format!("Recvd msg #{number}: '").as_bytes(), &text, b"'<br/>"].concat();
        assert_read(Decoder::default(), &bytes, &[Event::Accepted, Event::Message(&data), Event::End])?;
    }

    #[test]
    fn line_logins_are_read_as_written(user: u32, match_id: u32) {
        let bytes = encoded(|out| line::client::encode_login(out, user, match_id));
        let event = line::server::Watch { user: &format!("u{user}"), match_id: Some(match_id) };
        assert_read(line::server::Login, &bytes, &[event])?;
    }

    #[test]
    fn line_events_are_one_block_whatever_the_text(text in payload()) {
        use line::client::{Decoder, Event};
        let bytes = encoded(|out| {
            out.extend_from_slice(line::GREETING);
            line::server::encode_watching(out, "now", "u1", 7);
            line::server::encode_event(out, "now", &text);
        });
        let (events, error) = read(Decoder::default(), [bytes.as_slice()]);
        prop_assert_eq!((events.len(), error), (3, None));
        prop_assert_eq!(&events[..2], &[format!("{:?}", Event::Greeting), format!("{:?}", Event::Watching)]);
    }

    #[test]
    fn router_messages_are_read_as_written(id: u32, payload in payload(), token: u32) {
        use router::server::{Decoder, Event};
        let bytes = encoded(|out| {
            out.extend_from_slice(HELLO);
            router::client::encode_send(out, id, &payload);
            router::client::encode_sync(out, token);
        });
        let events = [Event::Hello, Event::Send { id, payload: &payload }, Event::Sync { token }];
        assert_read(Decoder::default(), &bytes, &events)?;
    }

    #[test]
    fn router_reports_are_read_as_written(token: u32, totals in totals(), text in "\\PC{0,100}") {
        use router::client::{Decoder, Event};
        let bytes = encoded(|out| {
            out.extend_from_slice(HELLO);
            router::server::encode_ack(out, token, &totals);
            router::server::encode_error(out, ErrorCode::Busy, &text);
        });
        let error = Event::Error { code: ErrorCode::Busy, text: &text };
        assert_read(Decoder::default(), &bytes, &[Event::Hello, Event::Ack { token, totals }, error])?;
    }

    #[test]
    fn marks_are_found_as_written_and_never_mistaken(
        (publisher, generator, id, sequence, intended_ns, lag_us) in any::<(u16, u16, u32, u32, u64, u32)>(),
        before in "[^~]{0,40}",
        length in 0usize..200,
        bit in 0..8 * wire::MARK_BYTES,
    ) {
        let mark = Mark { publisher, generator, id, sequence, intended_ns, lag_us };
        let mut bytes = before.into_bytes();
        let start = bytes.len();
        mark::payload(&mut bytes, &mark, length);
        prop_assert_eq!(mark::find(&bytes), Found::Mark(mark));
        bytes[start + bit / 8] ^= 1 << (bit % 8);
        prop_assert!(matches!(mark::find(&bytes), Found::Absent | Found::Corrupt));
    }

    #[test]
    fn looking_for_a_mark_never_panics(bytes in vec(prop_oneof![any::<u8>(), Just(b'~'), Just(b'f')], 0..200)) {
        let _ = mark::find(&[&bytes, b"~fm1".as_slice(), &bytes].concat());
    }
}
