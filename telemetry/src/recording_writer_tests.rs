//! What is written, what it costs, and what is left when it fails.

use std::collections::BTreeMap;

use super::*;
use crate::{Recording, Sample};

const AT: Stamp = Stamp { mono_us: 81, wall_us: 1_764_000_000_000_000 };

fn values() -> [(&'static str, f64); 4] {
    [("host.a \"quoted\"", 1.0), ("host.b", 0.1 + 0.2), ("host.c", -0.0), ("host.d", 1e300)]
}

#[test]
fn values_are_written_as_the_sample_of_them_would_be() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut writer = RecordingWriter::create(&path).expect("a file");
    let odd = [("host.x", f64::NAN), ("host.y", f64::INFINITY)];
    writer.append_values(AT, "ho\"st", values().into_iter().chain(odd)).expect("recorded");
    let written = fs::read(&path).expect("bytes");
    assert_eq!(writer.bytes(), written.len() as u64);
    let values: BTreeMap<_, _> = values().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut expected = Vec::new();
    Frame::Sample(Sample { at: AT, source: "ho\"st".into(), values }).to_line(&mut expected);
    assert_eq!(String::from_utf8(written), String::from_utf8(expected));
}

#[test]
fn a_steady_writer_allocates_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = RecordingWriter::create(&dir.path().join("a")).expect("a file");
    let mut append = |second: u64| {
        let at = Stamp { mono_us: AT.mono_us + second, ..AT };
        writer.append_values(at, "host", values().into_iter()).expect("recorded");
    };
    append(0);
    let allocated = allocation_counter::measure(|| (1..100).for_each(&mut append));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn finishing_packs_in_place_and_leaves_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.jsonl");
    let mut writer = RecordingWriter::create(&path).expect("a file");
    for second in 0..1_000 {
        let at = Stamp { mono_us: second * 1_000_000, ..AT };
        writer.append_values(at, "host", values().into_iter()).expect("recorded");
    }
    let bytes = writer.bytes();
    let finished = writer.finish().expect("packs");
    let bytes_after = fs::metadata(&path).expect("there").len();
    assert_eq!(finished, Finished { bytes_before: bytes, bytes_after, samples: 1_000 });
    assert!(bytes_after * 20 < bytes);
    let mut recording = Recording::open(&path).expect("opens");
    assert!(recording.is_packed());
    assert_eq!(std::iter::from_fn(|| recording.next()).filter(Result::is_ok).count(), 1_000);
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
}

#[test]
fn a_recording_is_not_made_in_the_place_of_something() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    fs::write(&path, "precious").expect("written");
    let error = RecordingWriter::create(&path).expect_err("taken").to_string();
    assert_eq!(
        error,
        format!(
            "could not record to '{}': it is there already and not empty (choose another name)",
            path.display()
        )
    );
    assert_eq!(fs::read(&path).expect("there"), b"precious");
    // An empty one is as good as none, and a directory that is not there is an error.
    fs::write(&path, "").expect("emptied");
    RecordingWriter::create(&path).expect("empty").finish().expect("nothing to pack");
    assert!(Recording::open(&path).expect("opens").next().is_none());
    assert!(matches!(RecordingWriter::create(&dir.path().join("b/a")), Err(BundleError::Io { .. })));
}

#[test]
fn a_full_disk_leaves_what_was_recorded() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut writer = RecordingWriter::create(&path).expect("a file");
    writer.append_values(AT, "host", values().into_iter()).expect("recorded");
    let good = writer.frames.replace(File::options().append(true).open("/dev/full").expect("Linux"));
    let error = writer.append_values(AT, "host", values().into_iter()).expect_err("full").to_string();
    assert!(error.starts_with(&format!("could not write '{}': No space left", path.display())), "{error}");
    writer.frames.replace(good);
    let mut recording = Recording::open(&path).expect("opens");
    assert!(recording.next().is_some_and(|frame| frame.is_ok()) && recording.next().is_none());
    // And the writer goes on when there is room again.
    writer.append_values(AT, "host", values().into_iter()).expect("recorded");
    assert!(recording.next().is_some_and(|frame| frame.is_ok()));
}

#[test]
fn what_cannot_be_packed_stays_plain() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut writer = RecordingWriter::create(&path).expect("a file");
    writer.append_values(AT, "host", values().into_iter()).expect("recorded");
    let plain = fs::read(&path).expect("bytes");
    // Where the packed file would be written, there is a directory.
    fs::create_dir(dir.path().join(".a.part")).expect("in the way");
    let error = writer.finish().expect_err("no room").to_string();
    assert!(error.starts_with("could not create '") && error.contains(".a.part"), "{error}");
    assert_eq!(fs::read(&path).expect("bytes"), plain);
    assert!(!Recording::open(&path).expect("opens").is_packed());
}

#[test]
fn only_a_plain_recording_is_packed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a");
    let mut writer = RecordingWriter::create(&path).expect("a file");
    writer.append_values(AT, "host", values().into_iter()).expect("recorded");
    writer.finish().expect("packs");
    let error = pack(&path, &path).expect_err("packed").to_string();
    assert!(error.ends_with("it is packed already"), "{error}");
    assert!(Recording::open(&path).expect("still there").is_packed());
    fs::write(&path, "precious\n").expect("written");
    assert!(matches!(pack(&path, &path), Err(BundleError::NotARecording { .. })));
    assert_eq!(fs::read(&path).expect("there"), b"precious\n");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
}

/// The promise is 200 bytes for a host's values at 1 Hz: about a hundred, of which half change from second to second.
#[test]
fn a_sample_of_a_hundred_values_takes_at_most_200_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = RecordingWriter::create(&dir.path().join("a")).expect("a file");
    let names: Vec<_> = (0..100).map(|name| format!("host.value_{name}")).collect();
    let mut values = vec![1_000_000.0; 100];
    let mut seed = 4_u64;
    for second in 0..1_200 {
        for (index, value) in values.iter_mut().enumerate().take(50) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (seed >> 33) as f64 / f64::from(1 << 31);
            match index % 5 {
                // Bytes and packets of a busy interface, forks and faults, and shares with four decimals.
                0 | 1 => *value += (noise * 1e6).floor(),
                2 | 3 => *value += (noise * 100.0).floor(),
                _ => *value = (noise * 1e4).round() / 1e4,
            }
        }
        let at =
            Stamp { mono_us: second * 1_000_000 + (seed >> 60), wall_us: AT.wall_us + second * 1_000_000 };
        let values = names.iter().map(String::as_str).zip(values.iter().copied());
        writer.append_values(at, "host", values).expect("recorded");
    }
    let finished = writer.finish().expect("packs");
    let bytes = finished.bytes_after / finished.samples;
    assert!(bytes <= 200, "{bytes}");
}
