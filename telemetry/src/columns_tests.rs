//! Columns there and back.

use super::*;

fn samples(values: &[f64]) -> Vec<Sample> {
    let sample = |(index, value): (usize, &f64)| Sample {
        at: Stamp { mono_us: index as u64 * 1_000_003, wall_us: u64::MAX - index as u64 },
        source: "host".into(),
        values: [("a".to_owned(), *value)].into(),
    };
    values.iter().enumerate().map(sample).collect()
}

fn columns(samples: &[Sample]) -> Columns {
    let mut columns = Columns::new(&samples[0]);
    for sample in &samples[1..] {
        assert!(columns.takes(sample));
        columns.push(sample);
    }
    columns.shrunk()
}

/// What stands in the file for these values.
fn laid_out(values: &[f64]) -> (Option<u32>, Vec<f64>) {
    let columns = columns(&samples(values));
    (columns.scales[0], columns.columns[0].clone())
}

#[test]
fn a_column_takes_the_least_scale_that_is_exact() {
    let cases: [(&[f64], Option<u32>, &[f64]); 7] = [
        (&[70_412.0, 70_415.0, 70_400.0], Some(0), &[70_412.0, 3.0, -15.0]),
        (&[1.37, 1.36, 1.5], Some(2), &[137.0, -1.0, 14.0]),
        (&[0.1, 0.000_000_001], Some(9), &[100_000_000.0, -99_999_999.0]),
        (&[1.0 / 3.0, 1.0], None, &[1.0 / 3.0, 1.0]),
        (&[1.0, 1e300], None, &[1.0, 1e300]),
        (&[9e15, 1.0], None, &[9e15, 1.0]),
        (&[0.0, -0.0], None, &[0.0, -0.0]),
    ];
    for (values, scale, expected) in cases {
        assert_eq!(laid_out(values), (scale, expected.to_vec()), "{values:?}");
    }
}

#[test]
fn the_line_is_as_documented() {
    let samples = samples(&[2.0, 3.5]);
    let columns = columns(&samples);
    assert_eq!(
        serde_json::to_string(&columns).expect("JSON"),
        r#"{"frame":"samples","source":"host","names":["a"],"mono_us":[0,1000003],"wall_less_mono_us":[-1,-1000004],"scales":[1],"columns":[[20,15]]}"#
    );
    let columns = columns.restored().expect("it fits");
    assert_eq!((0..columns.len()).map(|row| columns.sample(row)).collect::<Vec<_>>(), samples);
}

#[test]
fn a_forged_value_that_is_not_finite_is_absent() {
    let line = r#"{"frame":"samples","source":"host","names":["a","b"],"mono_us":[1,1],"wall_less_mono_us":[0,0],
        "scales":[0,0],"columns":[[1e308,1e308],[1,2]]}"#;
    let columns = serde_json::from_str::<Columns>(line).expect("JSON").restored().expect("it fits");
    assert_eq!(columns.sample(1).values, [("b".to_owned(), 3.0)].into());
}

#[test]
fn only_the_same_names_of_the_same_source_belong_together() {
    let sample = |source: &str, names: &[&str]| Sample {
        source: source.into(),
        values: names.iter().map(|name| ((*name).to_owned(), 1.0)).collect(),
        ..Sample::default()
    };
    let columns = Columns::new(&sample("host", &["a", "b"]));
    assert!(columns.takes(&sample("host", &["b", "a"])));
    for other in [sample("host", &["a"]), sample("host", &["a", "c"]), sample("server", &["a", "b"])] {
        assert!(!columns.takes(&other), "{other:?}");
    }
}
