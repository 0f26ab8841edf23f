//! Packed and unpacked: nothing changes, whatever the frames and whatever becomes of the file.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Log, Mark, Placed, Recording, Sample, Stamp, Table, pack};

/// A plain recording of these lines, packed.
fn packed(lines: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let plain = dir.path().join("plain");
    fs::write(&plain, lines).expect("written");
    let to = dir.path().join("packed");
    pack(&plain, &to).expect("packs");
    (dir, to)
}

fn read(path: &Path) -> (Vec<Placed>, Recording) {
    let mut recording = Recording::open(path).expect("opens");
    let frames = std::iter::from_fn(|| recording.next()).map(|frame| frame.expect("readable")).collect();
    (frames, recording)
}

fn lines(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    frames.iter().for_each(|frame| frame.to_line(&mut out));
    out
}

/// Equality by every bit of every figure: `==` takes minus zero for zero.
fn same(read: &[Placed], frames: &[Frame]) -> bool {
    let read: Vec<_> = read.iter().map(|placed| placed.frame.clone()).collect();
    read == frames && lines(&read) == lines(frames)
}

/// Two samplers and a few other frames, with counters, decimals, and names that come and go.
fn frames(seconds: u64) -> Vec<Frame> {
    let mut frames = vec![Frame::Log(Log { message: "begun".into(), ..Log::default() })];
    for second in 0..seconds {
        let noise = second.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
        let at = Stamp { mono_us: second * 1_000_000 + noise % 97, wall_us: (1 << 50) + second * 1_000_000 };
        let mut values = std::collections::BTreeMap::from([
            ("forks".to_owned(), (70_000 + second * 3 + noise) as f64),
            ("load_1m".to_owned(), noise as f64 / 100.0),
            ("third".to_owned(), noise as f64 / 3.0),
        ]);
        if second.is_multiple_of(10) {
            values.insert("pss_bytes".into(), 1e9);
        }
        frames.push(Frame::Sample(Sample { at, source: "host".into(), values: values.clone() }));
        frames.push(Frame::Table(Table { at, name: "shards".into(), ..Table::default() }));
        frames.push(Frame::Sample(Sample { at, source: "server".into(), values }));
        if second % 100 == 7 {
            let attributes = [("second".into(), json!(second))].into();
            frames.push(Frame::Mark(Mark { at, name: "tick".into(), attributes, ..Mark::default() }));
        }
    }
    frames
}

/// Samples that hardly pack.
fn noise(count: u64) -> Vec<Frame> {
    let noise = |number: u64| f64::from_bits(0x3ff << 52 | number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12);
    let sample = |number| Sample {
        at: Stamp { mono_us: number, wall_us: 1 << 50 },
        values: ["a"]
            .map(|name| (name.to_owned(), noise(number ^ u64::from(name.as_bytes()[0]) << 32)))
            .into(),
        ..Sample::default()
    };
    (0..count).map(|number| Frame::Sample(sample(number))).collect()
}

#[test]
fn a_recording_of_several_blocks_comes_back_whole_and_small() {
    let frames = frames(1_000);
    let plain = lines(&frames);
    let (_dir, path) = packed(&plain);
    let (read, recording) = read(&path);
    assert!(same(&read, &frames));
    assert!(recording.is_packed() && !recording.torn() && recording.skipped() == 0);
    assert!(read.is_sorted_by_key(|placed| placed.offset));
    let bytes = fs::metadata(&path).expect("there").len();
    assert!(bytes * 10 < plain.len() as u64, "{bytes} of {}", plain.len());
}

#[test]
fn every_offset_leads_back_to_its_frame() {
    let (_dir, path) = packed(&lines(&frames(500)));
    let (read, mut recording) = read(&path);
    for index in (0..read.len()).step_by(37).chain((0..read.len()).rev().step_by(41)) {
        recording.seek(read[index].offset).expect("a place");
        for expected in read[index..].iter().take(3) {
            assert_eq!(recording.next().expect("a frame").expect("readable"), *expected);
        }
    }
}

#[test]
fn a_cut_anywhere_in_the_last_kilobyte_loses_at_most_the_last_block() {
    let frames = noise(640);
    let (dir, path) = packed(&lines(&frames));
    let whole = fs::read(&path).expect("bytes");
    let last_block = read(&path).0.last().expect("frames").offset >> FRAME_BITS;
    let cut_path = dir.path().join("cut");
    for cut in whole.len() - 1_024..whole.len() {
        fs::write(&cut_path, &whole[..cut]).expect("written");
        let (read, recording) = read(&cut_path);
        let kept = if cut as u64 >= last_block { 600 } else { 0 };
        assert!(same(&read, &frames[..kept]), "cut at {cut}");
        assert_eq!(recording.torn(), cut as u64 != last_block, "cut at {cut}");
    }
    // The first block, too, may be all there is.
    for cut in 1..200 {
        fs::write(&cut_path, &whole[..cut]).expect("written");
        let (read, recording) = read(&cut_path);
        assert_eq!((read, recording.torn()), (vec![], true), "cut at {cut}");
    }
}

/// Five minutes were one block, and a cut of a few bytes lost all of them.
#[test]
fn a_cut_of_a_few_bytes_loses_about_a_minute() {
    let samples = |step_us: u64| -> Vec<_> {
        let samples = frames(300).into_iter().filter_map(|frame| match frame {
            Frame::Sample(sample) if sample.source == "host" => Some(sample),
            _ => None,
        });
        let at = |number| Stamp { mono_us: number * step_us, wall_us: 1 << 50 };
        samples.zip(0..).map(|(sample, number)| Frame::Sample(Sample { at: at(number), ..sample })).collect()
    };
    for step_us in [1_000_000, 60_000_000] {
        let frames = samples(step_us);
        let (dir, path) = packed(&lines(&frames));
        let whole = fs::read(&path).expect("bytes");
        let cut_path = dir.path().join("cut");
        for cut in 5..=40 {
            fs::write(&cut_path, &whole[..whole.len() - cut]).expect("written");
            let (read, recording) = read(&cut_path);
            assert!(read.len() >= 240, "cut by {cut}: {}", read.len());
            assert!(same(&read, &frames[..read.len()]));
            assert!(recording.cut(), "cut by {cut}");
        }
        assert!(!read(&path).1.cut());
    }
}

#[test]
fn damage_costs_no_more_than_its_block() {
    let frames = frames(700);
    let (dir, path) = packed(&lines(&frames));
    let whole = fs::read(&path).expect("bytes");
    let spoilt_path = dir.path().join("spoilt");
    for bit in (0..whole.len() * 8).step_by(997) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&spoilt_path, &bytes).expect("written");
        let Ok(mut recording) = Recording::open(&spoilt_path) else {
            assert!(bit < 32, "only what does not begin like a recording is none: {bit}");
            continue;
        };
        let mut rest = frames.iter();
        let mut read = 0;
        while let Some(Ok(placed)) = recording.next() {
            assert!(
                rest.any(|frame| *frame == placed.frame),
                "bit {bit} made a frame, or changed their order"
            );
            read += 1;
        }
        assert!(read + 2 * 600 >= frames.len(), "bit {bit} left {read}");
        assert!(read == frames.len() || recording.skipped() > 0 || recording.torn(), "bit {bit}");
    }
}

#[test]
fn what_this_version_does_not_know_is_kept() {
    let text = b"{\"frame\":\"hologram\",\"depth\":[1,2]}\nrubbish\n{\"frame\":\"samples\",\"of\":\"tea\"}\n";
    let mut plain = lines(&frames(3));
    plain.extend_from_slice(text);
    let (_dir, path) = packed(&plain);
    let unpacked = zstd::decode_all(File::open(&path).expect("there")).expect("zstd reads it");
    let unpacked = String::from_utf8(unpacked).expect("text");
    assert!(
        unpacked
            .ends_with("{\"frame\":\"hologram\",\"depth\":[1,2]}\n{\"frame\":\"samples\",\"of\":\"tea\"}\n")
    );
    let (read, recording) = read(&path);
    assert!(same(&read, &frames(3)));
    assert_eq!(recording.skipped(), 2);
}

#[test]
fn a_sample_with_a_later_version_s_field_keeps_it() {
    let later = "{\"frame\":\"sample\",\"mono_us\":1,\"wall_us\":1,\"source\":\"s\",\"values\":{\"a\":1},\"mood\":3}\n";
    let plain = [&lines(&frames(2))[..], later.as_bytes()].concat();
    let (_dir, path) = packed(&plain);
    let unpacked = zstd::decode_all(File::open(&path).expect("there")).expect("zstd reads it");
    assert!(unpacked.ends_with(later.as_bytes()));
    assert!(
        matches!(&read(&path).0.last().expect("a frame").frame, Frame::Sample(sample) if sample.source == "s")
    );
}

#[test]
fn the_longest_lines_fit_into_a_block() {
    let log = |bytes| Frame::Log(Log { message: "x".repeat(bytes), ..Log::default() });
    // What grows most in a column: short names, and figures written shortly.
    let values = (0..300_000).map(|name| format!("\"{name:x}\":1e15,")).collect::<String>();
    let sample = format!(
        "{{\"frame\":\"sample\",\"mono_us\":1,\"wall_us\":1,\"source\":\"s\",\"values\":{{{values}\"\":1}}}}\n"
    );
    assert!(sample.len() < LINE_BYTES_MAX && sample.len() > LINE_BYTES_MAX * 3 / 4);
    let longest = log(LINE_BYTES_MAX - lines(&[log(0)]).len());
    let plain =
        [&lines(&[log(2_000_000)])[..], sample.as_bytes(), &lines(&[log(2_000_000), longest])].concat();
    let (_dir, path) = packed(&plain);
    let (read, recording) = read(&path);
    assert_eq!((read.len(), recording.skipped(), recording.torn()), (4, 0, false));
    let Frame::Sample(sample) = &read[1].frame else { panic!("a sample") };
    assert_eq!((sample.values.len(), sample.values["ff"]), (300_001, 1e15));
}

#[test]
fn a_block_that_unpacks_without_end_is_skipped() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("bomb");
    let mut bytes = zstd::encode_all(io::repeat(b' ').take(BLOCK_BYTES_MAX as u64 * 4), 3).expect("packs");
    let (_dir, good) = packed(&lines(&frames(3)));
    bytes.extend(fs::read(good).expect("bytes"));
    fs::write(&path, bytes).expect("written");
    let (read, recording) = read(&path);
    assert!(same(&read, &frames(3)));
    assert_eq!(recording.skipped(), 1);
}

#[test]
fn a_block_of_a_later_schema_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("later");
    let text = b"{\"frame\":\"block\",\"schema\":2,\"groups\":0,\"order\":[]}\n";
    fs::write(&path, zstd::encode_all(&text[..], 3).expect("packs")).expect("written");
    let error = Recording::open(&path).expect_err("a later schema").to_string();
    assert!(
        error.ends_with("recorded by a later version (schema 2; this floodmark reads up to 1)"),
        "{error}"
    );
}

#[test]
fn blocks_whose_parts_do_not_fit_are_skipped() {
    let group = |mono: &str, scales: &str, columns: &str| {
        format!(
            "{{\"frame\":\"samples\",\"source\":\"s\",\"names\":[\"a\"],\"mono_us\":{mono},\"wall_less_mono_us\":{mono},\
             \"scales\":{scales},\"columns\":{columns}}}\n"
        )
    };
    let head = |groups: usize, order: &str| {
        format!("{{\"frame\":\"block\",\"schema\":1,\"groups\":{groups},\"order\":{order}}}\n")
    };
    let fits = group("[1,2]", "[0]", "[[3,4]]");
    let cases = [
        (head(1, "[1,1]") + &fits, 2),
        (head(1, "[1]") + &fits, 0),
        (head(1, "[1,1,1]") + &fits, 0),
        (head(1, "[1,2]") + &fits, 0),
        (head(1, "[1,0]") + &fits, 0),
        (head(2, "[1,1]") + &fits, 0),
        (head(0, "[0,0]") + &fits, 0),
        (head(1, "[1,1]") + &group("[1,2]", "[0]", "[[3]]"), 0),
        (head(1, "[1,1]") + &group("[1,2]", "[]", "[[3,4]]"), 0),
        (head(1, "[1,1]") + &group("[1,2]", "[10]", "[[3,4]]"), 0),
        (head(1, "[1,1]") + &group("[1,2]", "[0]", "[]"), 0),
        (head(1, "[1,1]") + "{}\n", 0),
        ("null\n".to_owned(), 0),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("forged");
    for (text, expected) in cases {
        fs::write(&path, zstd::encode_all(text.as_bytes(), 3).expect("packs")).expect("written");
        let frames =
            Recording::open(&path).map_or(0, |mut recording| std::iter::from_fn(|| recording.next()).count());
        assert_eq!(frames, expected, "{text}");
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let figure = prop_oneof![
        any::<f64>(),
        any::<i32>().prop_map(f64::from),
        (any::<i32>(), 0i32..12).prop_map(|(whole, scale)| f64::from(whole) / 10f64.powi(scale)),
        Just(-0.0),
    ];
    let values = prop::collection::btree_map("[a-d]", figure.prop_filter("finite", |v| v.is_finite()), 0..4);
    let at = (any::<u64>(), any::<u64>()).prop_map(|(mono_us, wall_us)| Stamp { mono_us, wall_us });
    prop_oneof![
        8 => (at.clone(), "[xy]", values).prop_map(|(at, source, values)| Frame::Sample(Sample { at, source, values })),
        1 => (at, ".{0,9}").prop_map(|(at, message)| Frame::Log(Log { at, message, ..Log::default() })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_frames_come_back_in_their_order(frames in prop::collection::vec(any_frame(), 1..80)) {
        let (_dir, path) = packed(&lines(&frames));
        prop_assert!(same(&read(&path).0, &frames));
    }

    #[test]
    fn no_text_in_a_block_panics(order in prop::collection::vec(0usize..3, 0..4), text in ".{0,40}") {
        let head = json!({"frame": "block", "schema": 1, "groups": order.len() / 2, "order": order});
        let _ = Block::parse(0, format!("{head}\n{text}\n").into_bytes());
        let _ = Block::parse(0, text.into_bytes());
    }
}
