//! The mark inside a payload: who sent it, to whom, which one, and when it should have been sent.
//!
//! It is what the audit (lost, twice, out of order, to the wrong user) and the latency figures are read from. It is
//! text that HTML, JSON and line protocols carry unchanged, so the tester finds it in whatever frame it arrives in,
//! from any server.
//!
//! ```text
//! payload   ~fm1AAEAAgAAACoAAAAHAAAAAkywFuoAAAAZokjD how high did the water come ...
//!           |   |                                   filler, as much as the length asked for needs
//!           |   36 characters of base64url, which are 27 bytes, big endian
//!           name and version
//!
//!           0          2          4          8          12               20         24      27
//!           |publisher |generator |id        |sequence  |intended_ns     |lag_us    |check  |
//!            u16        u16        u32        u32        u64              u32        24 bit
//! ```
//!
//! The check is the remainder, by the largest prime below 2^24, of a constant plus the 24 bytes before it, read as
//! one number. Damage to any one character always shows; other damage is missed once in 16.8 million times. It costs
//! a handful of multiplications, where a CRC would look up 24 bytes in tables.
//!
//! Leaves out secrecy and authenticity: anyone can write a mark.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use memchr::memchr_iter;

/// How long a mark is in a payload.
pub const MARK_BYTES: usize = PREFIX.len() + TEXT_BYTES;

const PREFIX: &[u8; 4] = b"~fm1";

/// How long the fields and the check are.
const BYTES: usize = 27;

/// How long their text is: 4 characters for 3 bytes, which leaves nothing to pad.
const TEXT_BYTES: usize = BYTES / 3 * 4;

/// One message, as its sender knew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Which of the run's publishing processes.
    pub publisher: u16,
    /// Which of its generators.
    pub generator: u16,
    /// To whom.
    pub id: u32,
    /// Which message; counts up, so that gaps and repeats show.
    pub sequence: u32,
    /// When the schedule wanted it sent, in nanoseconds of CLOCK_MONOTONIC.
    pub intended_ns: u64,
    /// How much later than intended it was really sent, in microseconds.
    pub lag_us: u32,
}

/// What a payload holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole mark: the first, if there are several.
    Mark(Mark),
    /// No prefix at all: not a message of ours.
    Absent,
    /// A prefix, but no mark behind it: cut short or damaged.
    Corrupt,
}

impl Mark {
    /// The mark as it stands in a payload.
    #[inline]
    pub fn encode(&self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; BYTES];
        bytes[0..2].copy_from_slice(&self.publisher.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.generator.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.id.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.intended_ns.to_be_bytes());
        bytes[20..24].copy_from_slice(&self.lag_us.to_be_bytes());
        let check = check(&bytes);
        bytes[24..27].copy_from_slice(&check.to_be_bytes()[1..]);
        let mut text = [0; MARK_BYTES];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        BASE64URL.encode_slice(bytes, &mut text[PREFIX.len()..]).expect("27 bytes make 36 characters");
        text
    }

    #[inline]
    fn decode(text: &[u8; TEXT_BYTES]) -> Option<Self> {
        let mut bytes = [0; BYTES];
        BASE64URL.decode_slice(text, &mut bytes).ok()?;
        let [p0, p1, g0, g1, i0, i1, i2, i3, s0, s1, s2, s3, rest @ ..] = bytes;
        let [n0, n1, n2, n3, n4, n5, n6, n7, l0, l1, l2, l3, c0, c1, c2] = rest;
        (check(&bytes) == u32::from_be_bytes([0, c0, c1, c2])).then_some(Self {
            publisher: u16::from_be_bytes([p0, p1]),
            generator: u16::from_be_bytes([g0, g1]),
            id: u32::from_be_bytes([i0, i1, i2, i3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            intended_ns: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            lag_us: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }
}

/// Looks for the first whole mark.
#[inline]
pub fn find(bytes: &[u8]) -> Found {
    let mut found = Found::Absent;
    for start in memchr_iter(PREFIX[0], bytes) {
        let Some(text) = bytes[start..].strip_prefix(PREFIX) else { continue };
        match text.first_chunk().and_then(Mark::decode) {
            Some(mark) => return Found::Mark(mark),
            None => found = Found::Corrupt,
        }
    }
    found
}

/// Appends a payload of `length` bytes: the mark, then filler that no framing needs to escape.
///
/// A `length` below [`MARK_BYTES`] gives the mark alone.
#[inline]
pub fn payload(out: &mut Vec<u8>, mark: &Mark, length: usize) {
    out.extend_from_slice(&mark.encode());
    let mut missing = length.saturating_sub(MARK_BYTES);
    while missing > 0 {
        let piece = &FILLER[..missing.min(FILLER.len())];
        out.extend_from_slice(piece);
        missing -= piece.len();
    }
}

/// Readable in a capture, and free of tildes, quotes, line ends and markup.
const FILLER: &[u8] = b" how high did the water come, and what did it reach on the way up? \
    a flood mark is the line that it leaves on the wall.";

/// 2^24 - 3. A prime: a multiple of it is never a small number times a power of two, which is what damage within
/// one character adds to the number.
const PRIME: u64 = 16_777_213;

/// The remainder of the first 24 bytes. Taking the three words apart lets their divisions run side by side.
#[inline]
fn check(bytes: &[u8; BYTES]) -> u32 {
    const WORD: u64 = (u64::MAX % PRIME + 1) % PRIME;
    const TWO_WORDS: u64 = WORD * WORD % PRIME;
    let word = |start: usize| {
        let word = bytes[start..].first_chunk().expect("a mark holds three words");
        u64::from_be_bytes(*word) % PRIME
    };
    // Each product is below 2^48.
    ((word(0) * TWO_WORDS + word(8) * WORD + word(16) + SEED) % PRIME) as u32
}

/// So that a mark of nothing but zeros, which is also what a cleared buffer holds, has a check that is not zero.
const SEED: u64 = 0x666d31;

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark =
        Mark { publisher: 1, generator: 2, id: 42, sequence: 7, intended_ns: 9_876_543_210, lag_us: 25 };
    const ZERO: Mark = Mark { publisher: 0, generator: 0, id: 0, sequence: 0, intended_ns: 0, lag_us: 0 };
    const FULL: Mark = Mark {
        publisher: u16::MAX,
        generator: u16::MAX,
        id: u32::MAX,
        sequence: u32::MAX,
        intended_ns: u64::MAX,
        lag_us: u32::MAX,
    };

    #[test]
    fn stands_in_a_payload_as_drawn() {
        assert_eq!(str::from_utf8(&MARK.encode()), Ok("~fm1AAEAAgAAACoAAAAHAAAAAkywFuoAAAAZokjD"));
    }

    #[test]
    fn is_found_in_any_framing() {
        let mut text = Vec::new();
        payload(&mut text, &MARK, 64);
        let text = str::from_utf8(&text).unwrap();
        for frame in [
            text.to_owned(),
            format!("Recvd msg #1: '{text}'<br/>"),
            format!("{{\"text\":\"{text}\"}}"),
            format!("now: status:\n\tcomment: {text}\n"),
            format!("~ ~~fm ~fm1 ~fm1short ~fm1{} {text}", "!".repeat(36)),
        ] {
            assert_eq!(find(frame.as_bytes()), Found::Mark(MARK), "{frame}");
        }
    }

    #[test]
    fn is_absent_or_corrupt_otherwise() {
        assert_eq!(find(b""), Found::Absent);
        assert_eq!(find(b"hello ~ ~fm ~fm2 ~FM1"), Found::Absent);
        assert_eq!(find(b"~fm1"), Found::Corrupt);
        let text = MARK.encode();
        for end in 0..MARK_BYTES {
            let found = if end < PREFIX.len() { Found::Absent } else { Found::Corrupt };
            assert_eq!(find(&text[..end]), found, "cut at {end}");
        }
        // A cleared buffer is not a mark of zeros.
        assert_eq!(find(format!("~fm1{}", "A".repeat(36)).as_bytes()), Found::Corrupt);
    }

    #[test]
    fn damage_to_one_character_always_shows() {
        for mark in [MARK, ZERO, FULL] {
            let whole = mark.encode();
            assert_eq!(find(&whole), Found::Mark(mark));
            for at in 0..MARK_BYTES {
                for character in (0..=u8::MAX).filter(|character| *character != whole[at]) {
                    let mut damaged = whole;
                    damaged[at] = character;
                    let found = if at < PREFIX.len() { Found::Absent } else { Found::Corrupt };
                    assert_eq!(find(&damaged), found, "'{character:#x}' at {at}");
                }
            }
        }
    }

    #[test]
    fn the_check_is_the_remainder_by_a_prime() {
        assert!(!(2..4096).any(|divisor| PRIME.is_multiple_of(divisor)), "no divisor up to the square root");
        let bytes: [u8; BYTES] = std::array::from_fn(|at| (at * 37 + 11) as u8);
        let remainder = bytes[..24].iter().fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % PRIME);
        assert_eq!(u64::from(check(&bytes)), (remainder + SEED) % PRIME);
    }

    #[test]
    fn payloads_have_the_length_asked_for_and_nothing_to_escape() {
        for length in [0, MARK_BYTES - 1, MARK_BYTES, MARK_BYTES + 1, 64, 1000, crate::MESSAGE_BYTES_MAX] {
            let mut out = b"before".to_vec();
            payload(&mut out, &MARK, length);
            let (mark, filler) = out[6..].split_at(MARK_BYTES);
            assert_eq!(mark, MARK.encode());
            assert_eq!(MARK_BYTES + filler.len(), length.max(MARK_BYTES));
            assert!(filler.iter().all(|byte| matches!(byte, b' ' | b'a'..=b'z' | b'?' | b',' | b'.')));
        }
    }
}
