//! Every event and every error of both halves, from concrete bytes.

use super::{ERROR_TEXT_BYTES_MAX, ErrorCode, HELLO, Totals, client, server};
use crate::decode::{Decoded, decode_all};
use crate::{Decode, MESSAGE_BYTES_MAX, Step};

const TOTALS: Totals = Totals { accepted: 1, nobody_there: 2, copies: 12, delivered: 3, gone: 4, dropped: 5 };

/// What follows the hello, as the server reads it.
fn publisher(frames: &[u8]) -> Decoded<'_, server::Decoder> {
    let mut decoder = server::Decoder::default();
    assert!(matches!(decoder.decode(HELLO), Ok(Step::Event { event: server::Event::Hello, used: 8 })));
    decode_all(&mut decoder, frames)
}

/// What follows the hello, as the publisher reads it.
fn answers(frames: &[u8]) -> Decoded<'_, client::Decoder> {
    let mut decoder = client::Decoder::default();
    assert!(matches!(decoder.decode(HELLO), Ok(Step::Event { event: client::Event::Hello, used: 8 })));
    decode_all(&mut decoder, frames)
}

#[test]
fn messages_and_syncs() {
    let mut bytes = Vec::new();
    client::encode_send(&mut bytes, 0x0403_0201, b"hi");
    client::encode_sync(&mut bytes, 0x0807_0605);
    client::encode_send(&mut bytes, 7, b"");
    assert_eq!(bytes, b"\x06\0\x01\x01\x02\x03\x04hi\x04\0\x02\x05\x06\x07\x08\x04\0\x01\x07\0\0\0");
    let (events, rest) = publisher(&bytes[..bytes.len() - 1]).unwrap();
    let send = server::Event::Send { id: 0x0403_0201, payload: b"hi" };
    assert_eq!(events, [send, server::Event::Sync { token: 0x0807_0605 }]);
    assert_eq!(rest, &bytes[16..22]);
    assert_eq!(publisher(&bytes).unwrap().0[2], server::Event::Send { id: 7, payload: b"" });
}

#[test]
fn the_longest_message_fits_and_a_longer_one_is_refused_before_it_arrives() {
    let mut bytes = Vec::new();
    client::encode_send(&mut bytes, 1, &[b'x'; MESSAGE_BYTES_MAX]);
    assert_eq!(bytes.len(), server::Decoder::PENDING_MAX);
    assert_eq!(publisher(&bytes).unwrap().0.len(), 1);
    let payload_bytes = MESSAGE_BYTES_MAX + 1;
    let length = (4 + payload_bytes as u16).to_le_bytes();
    assert_eq!(publisher(&[length[0], length[1], 1]), Err(server::Error::TooLong { payload_bytes }));
}

#[test]
#[should_panic(expected = "over the bound")]
fn a_payload_over_the_bound_is_a_bug_of_the_sender() {
    client::encode_send(&mut Vec::new(), 1, &[0; MESSAGE_BYTES_MAX + 1]);
}

#[test]
fn publisher_errors() {
    use server::Error::{BadHello, BadLength, UnknownKind};
    for wrong in ["GET / HTTP/1.1\r\n", "FMROUTE\x02", "f"] {
        assert_eq!(server::Decoder::default().decode(wrong.as_bytes()), Err(BadHello), "{wrong:?}");
        assert_eq!(client::Decoder::default().decode(wrong.as_bytes()), Err(client::Error::BadHello));
    }
    for unfinished in [0, 1, 7] {
        assert_eq!(server::Decoder::default().decode(&HELLO[..unfinished]), Ok(Step::More));
        assert_eq!(client::Decoder::default().decode(&HELLO[..unfinished]), Ok(Step::More));
    }
    assert_eq!(publisher(b"\x03\0\x01"), Err(BadLength { kind: 1, body_bytes: 3 }));
    assert_eq!(publisher(b"\x05\0\x02"), Err(BadLength { kind: 2, body_bytes: 5 }));
    assert_eq!(publisher(b"\x04\0\x81"), Err(UnknownKind { kind: 0x81 }));
    for unfinished in
        [b"".as_slice(), b"\x04", b"\x04\0", b"\x04\0\x02", b"\x04\0\x02\0\0\0", b"\x04\0\x01\0\0\0"]
    {
        assert_eq!(publisher(unfinished), Ok((vec![], unfinished)));
    }
    assert_eq!(BadHello.code(), ErrorCode::BadHello);
    assert_eq!(UnknownKind { kind: 9 }.code(), ErrorCode::BadFrame);
    assert_eq!(BadLength { kind: 1, body_bytes: 0 }.code(), ErrorCode::BadFrame);
    assert_eq!(server::Error::TooLong { payload_bytes: 0 }.code(), ErrorCode::TooLong);
}

#[test]
fn acks() {
    let mut bytes = Vec::new();
    server::encode_ack(&mut bytes, 9, &TOTALS);
    assert_eq!(bytes[..7], *b"\x34\0\x81\x09\0\0\0");
    for (total, expected) in bytes[7..].as_chunks::<8>().0.iter().zip([1, 2, 12, 3, 4, 5]) {
        assert_eq!(u64::from_le_bytes(*total), expected);
    }
    assert_eq!(answers(&bytes).unwrap().0, [client::Event::Ack { token: 9, totals: TOTALS }]);
    assert_eq!(answers(&bytes[..54]).unwrap().0, []);
}

#[test]
fn totals_settle_when_every_copy_has_met_its_fate() {
    assert!(Totals::default().settled());
    assert!(TOTALS.settled());
    assert!(!Totals { copies: 13, ..TOTALS }.settled());
    assert!(!Totals { delivered: u64::MAX, gone: u64::MAX, ..TOTALS }.settled());
}

#[test]
fn server_errors() {
    let mut bytes = Vec::new();
    server::encode_error(&mut bytes, ErrorCode::Busy, "größer");
    assert_eq!(
        bytes,
        "\x09\0\u{82}\x04größer".as_bytes().iter().copied().filter(|byte| *byte != 0xc2).collect::<Vec<_>>()
    );
    assert_eq!(answers(&bytes).unwrap().0, [client::Event::Error { code: ErrorCode::Busy, text: "größer" }]);

    // 512 falls inside a three-byte character.
    bytes.clear();
    server::encode_error(&mut bytes, ErrorCode::Closing, &"€".repeat(ERROR_TEXT_BYTES_MAX));
    let text = &"€".repeat(170);
    assert_eq!(answers(&bytes).unwrap().0, [client::Event::Error { code: ErrorCode::Closing, text }]);
}

#[test]
fn answer_errors() {
    use client::Error::{BadError, BadLength, UnknownKind};
    assert_eq!(answers(b"\x33\0\x81"), Err(BadLength { kind: 0x81, body_bytes: 51 }));
    assert_eq!(answers(b"\0\0\x82"), Err(BadLength { kind: 0x82, body_bytes: 0 }));
    assert_eq!(answers(b"\x02\x02\x82"), Err(BadLength { kind: 0x82, body_bytes: 514 }));
    assert_eq!(answers(b"\x04\0\x01"), Err(UnknownKind { kind: 1 }));
    assert_eq!(answers(b"\x01\0\x82\0"), Err(BadError { code: 0 }));
    assert_eq!(answers(b"\x02\0\x82\x01\xff"), Err(BadError { code: 1 }));
    for code in 1..=5 {
        assert_eq!(ErrorCode::from_byte(code).unwrap() as u8, code);
    }
    assert_eq!(ErrorCode::from_byte(6), None);
}
