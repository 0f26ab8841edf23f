//! Recordings in any form, of any age, in any state.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use super::*;
use crate::{Bundle, Log, RecordingWriter, Sample, Stamp, pack};

fn numbered(number: u64) -> Frame {
    let values =
        BTreeMap::from([("number".to_owned(), number as f64), ("third".to_owned(), number as f64 / 3.0)]);
    let at = Stamp { mono_us: number * 1_000_000, wall_us: 1 << 50 };
    match number % 5 {
        0 => Frame::Log(Log { at, message: "x".repeat((number * 37 % 300) as usize), ..Log::default() }),
        _ => Frame::Sample(Sample { at, source: "host".into(), values }),
    }
}

/// The frames to come, in order.
fn rest(recording: &mut Recording) -> Vec<Placed> {
    std::iter::from_fn(|| recording.next()).map(|placed| placed.expect("readable")).collect()
}

fn frames(placed: Vec<Placed>) -> Vec<Frame> {
    placed.into_iter().map(|placed| placed.frame).collect()
}

fn lines(count: u64) -> Vec<u8> {
    let mut out = Vec::new();
    (0..count).for_each(|number| numbered(number).to_line(&mut out));
    out
}

#[test]
fn a_run_a_plain_file_and_a_packed_one_are_read_alike() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bundle = Bundle::create(&dir.path().join("run")).expect("a run");
    let expected: Vec<_> = (0..20).map(numbered).collect();
    expected.iter().for_each(|frame| bundle.append(frame).expect("recorded"));
    let plain = dir.path().join("no-name-that-tells");
    fs::write(&plain, lines(20)).expect("written");
    let packed = dir.path().join("packed.jsonl");
    let finished = pack(bundle.dir(), &packed).expect("packs");
    assert_eq!((finished.bytes_before, finished.samples), (lines(20).len() as u64, 16));
    assert_eq!(finished.bytes_after, fs::metadata(&packed).expect("there").len());
    for path in [bundle.dir(), &bundle.dir().join(FRAMES_FILE), &plain, &packed] {
        let mut recording = Recording::open(path).expect("opens");
        assert_eq!(frames(rest(&mut recording)), expected, "{}", path.display());
        assert_eq!((recording.torn(), recording.skipped()), (false, 0));
        assert_eq!(recording.is_packed(), path == packed);
        assert!(recording.next().is_none());
    }
}

/// Opening one waited for ever.
#[test]
fn a_pipe_is_no_recording_and_nobody_waits_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join(FRAMES_FILE);
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    for path in [&pipe, dir.path()] {
        let error = Recording::open(path).expect_err("not a file");
        assert!(matches!(error, BundleError::NotARecording { .. }), "{error}");
    }
}

#[test]
fn kinds_that_are_left_out_are_not_even_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let (plain, whole, packed) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
    let damaged = b"{\"frame\":\"log\",rubbish}\n";
    fs::write(&plain, [&lines(20), damaged.as_slice(), b"{\"frame\":\"logs\"}\n"].concat()).expect("written");
    fs::write(&whole, lines(20)).expect("written");
    pack(&whole, &packed).expect("packs");
    for (path, skipped) in [(&plain, 1), (&packed, 0)] {
        let mut recording = Recording::open(path).expect("opens").leaving_out(&["log", "table"]);
        let placed = rest(&mut recording);
        let expected: Vec<_> = (0..20).filter(|number| number % 5 != 0).map(numbered).collect();
        assert_eq!(frames(placed.clone()), expected, "{}", path.display());
        assert_eq!(recording.skipped(), skipped, "a kind that only begins alike is read");
        recording.seek(placed[7].offset).expect("goes back");
        assert_eq!(recording.next().expect("there").expect("readable"), placed[7]);
    }
}

#[test]
fn what_is_no_recording_is_told_in_one_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let at = path.display().to_string();
    let nowhere = format!(
        "could not open '{at}': neither a run nor a recording is there (record one with 'floodmark sar -o FILE')"
    );
    assert_eq!(Recording::open(&path).expect_err("nothing").to_string(), nowhere);
    let none = format!(
        "could not open '{at}': not a recording (it holds no frame; record one with 'floodmark sar -o FILE')"
    );
    let others: [&[u8]; 8] = [
        b"root:x:0:0\n",
        b"\x7fELF\0\0",
        b"{\"level\":\"info\"}\n{\"level\":\"info\"}\n",
        b"{}\n",
        b"{\"name\":",
        b"\x28\xb5\x2f\xfd rubbish that begins like a packed one",
        b"<html>\n",
        &b"x".repeat(LINE_BYTES_MAX * 5),
    ];
    for bytes in others {
        fs::write(&path, bytes).expect("written");
        assert_eq!(Recording::open(&path).expect_err("no recording").to_string(), none, "{bytes:.30?}");
    }
    fs::write(&path, b"{\"frame\":\"hello\",\"schema\":2}\n").expect("written");
    let later = format!(
        "could not open run '{at}': recorded by a later version (schema 2; this floodmark reads up to 1)"
    );
    assert_eq!(Recording::open(&path).expect_err("later").to_string(), later);
    assert!(matches!(Recording::open(dir.path()), Err(BundleError::Missing { .. })));
    assert!(matches!(Recording::open(Path::new("/dev/null")), Err(BundleError::NotARecording { .. })));
}

#[test]
fn a_recording_without_frames_opens() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    for bytes in [&b""[..], b"\n", b"{\"fra", b"{\"frame\":\"hello\",\"sour", b"{\"frame\":\"hologram\"}\n"] {
        fs::write(&path, bytes).expect("written");
        let mut recording = Recording::open(&path).expect("opens");
        assert!(recording.next().is_none());
        assert_eq!(recording.torn(), bytes.starts_with(b"{") && !bytes.ends_with(b"\n"));
    }
}

#[test]
fn a_plain_recording_cut_anywhere_in_its_last_kilobyte_gives_every_whole_frame() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let whole = lines(40);
    for cut in whole.len() - 1_024..=whole.len() {
        fs::write(&path, &whole[..cut]).expect("cut");
        let mut recording = Recording::open(&path).expect("opens");
        let torn = whole[cut - 1] != b'\n';
        assert_eq!(recording.torn(), torn, "known on opening");
        let count = whole[..cut].iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!(
            frames(rest(&mut recording)),
            (0..count).map(numbered).collect::<Vec<_>>(),
            "cut at {cut}"
        );
        assert_eq!((recording.torn(), recording.skipped()), (torn, 0));
    }
}

#[test]
fn a_growing_file_is_followed_byte_by_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut file = File::create(&path).expect("a file");
    let mut recording = Recording::open(&path).expect("opens empty");
    let mut read = Vec::new();
    for (index, byte) in lines(12).iter().enumerate() {
        assert!(recording.next().is_none(), "byte {index}");
        file.write_all(&[*byte]).expect("written");
        let whole = *byte == b'\n';
        if whole {
            read.push(recording.next().expect("a whole line").expect("a frame"));
        }
        assert!(recording.next().is_none());
        assert_eq!(recording.torn(), !whole);
    }
    assert_eq!(frames(read), (0..12).map(numbered).collect::<Vec<_>>());
}

#[test]
fn every_offset_leads_back_to_its_frame_while_the_file_grows() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut writer = RecordingWriter::create(&path).expect("a file");
    let mut recording = Recording::open(&path).expect("opens empty");
    let mut read = Vec::new();
    for number in 0..50 {
        writer.append(&numbered(number)).expect("recorded");
        read.extend(rest(&mut recording));
        let back = &read[(number * 7 % (number + 1)) as usize..];
        recording.seek(back[0].offset).expect("a place");
        assert_eq!(rest(&mut recording), back);
    }
    recording.seek(0).expect("the beginning");
    assert_eq!(rest(&mut recording), read);
}

#[test]
fn what_cannot_be_read_is_skipped_and_counted_in_bounded_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut text = lines(2);
    text.extend_from_slice(b"rubbish\n{\"frame\":\"hologram\"}\n\n");
    text.extend(std::iter::repeat_n(b'x', LINE_BYTES_MAX * 3));
    text.push(b'\n');
    let behind = text.len() as u64;
    numbered(2).to_line(&mut text);
    fs::write(&path, text).expect("written");
    let mut recording = Recording::open(&path).expect("opens");
    let read = rest(&mut recording);
    assert_eq!(read.last().map(|placed| placed.offset), Some(behind));
    assert_eq!(frames(read), [0, 1, 2].map(numbered));
    assert_eq!((recording.skipped(), recording.torn()), (3, false));
}

#[test]
fn a_later_schema_on_the_way_is_told_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut text = lines(2);
    text.extend_from_slice(b"{\"frame\":\"hello\",\"schema\":9}\n");
    text.extend(lines(2));
    fs::write(&path, text).expect("written");
    let mut recording = Recording::open(&path).expect("opens");
    assert!(recording.next().is_some_and(|placed| placed.is_ok()));
    assert!(recording.next().is_some_and(|placed| placed.is_ok()));
    assert!(matches!(recording.next(), Some(Err(FrameError::LaterSchema { schema: 9 }))));
    assert!(recording.next().is_none());
    recording.seek(0).expect("the beginning");
    assert!(recording.next().is_some_and(|placed| placed.is_ok()));
}
