//! What `changes` says of odd series.

use super::*;

/// Noise without a generator: the multiples of the golden ratio, folded.
fn noise(index: usize) -> f64 {
    ((index as f64 * 0.618_033_988_75).fract() - 0.5) * 2.0
}

/// `count` values about `level`, with 1 % noise.
fn about(level: f64, count: usize) -> Vec<f64> {
    (0..count).map(|index| level * (1.0 + 0.01 * noise(index))).collect()
}

fn stepped(levels: &[(f64, usize)]) -> Vec<f64> {
    levels.iter().flat_map(|(level, count)| about(*level, *count)).collect()
}

const THREE: Effect = Effect { ratio_min: 0.03, absolute_min: 0.0 };

fn places(series: &[f64]) -> Vec<usize> {
    changes(series, &THREE).iter().map(|change| change.index).collect()
}

#[test]
fn a_step_has_its_place_its_size_and_its_chance() {
    let found = changes(&stepped(&[(61.0, 30), (66.0, 20)]), &THREE);
    let [change] = found[..] else { panic!("{found:?}") };
    assert_eq!((change.index, change.range), (30, (30, 30)));
    assert!((change.before - 61.0).abs() < 0.2 && (change.after - 66.0).abs() < 0.2, "{change:?}");
    assert!(change.p <= LEVEL, "{change:?}");
    assert_eq!(changes(&stepped(&[(61.0, 30), (66.0, 20)]), &THREE), found, "the same again");
    assert_eq!(places(&stepped(&[(66.0, 30), (61.0, 20)])), [30], "for the better too");
}

#[test]
fn nothing_is_said_of_nothing() {
    assert!(places(&[]).is_empty());
    assert!(places(&[61.0]).is_empty());
    assert!(places(&[61.0; 500]).is_empty());
    assert!(places(&[0.0; 50]).is_empty());
    assert!(places(&[f64::NAN; 50]).is_empty());
    assert!(!enough(&[61.0; POINTS_MIN - 1]) && enough(&[61.0; POINTS_MIN]));
    assert!(!enough(&[f64::NAN; 100]));
    let few = stepped(&[(61.0, POINTS_MIN - 5), (90.0, 4)]);
    assert!(places(&few).is_empty(), "too few to judge");
}

#[test]
fn the_largest_change_shows_as_soon_as_it_is_said_to() {
    assert_eq!(needed_after(3), None);
    for (before, after) in [(8, 6), (10, 5), (14, 4), (30, 3), (100, 3)] {
        assert_eq!(needed_after(before), Some(after), "{before} before");
        assert_eq!(places(&stepped(&[(61.0, before), (610.0, after)])), [before]);
        assert!(
            places(&stepped(&[(61.0, before), (610.0, after - 1)])).is_empty(),
            "{before} before, one too few"
        );
    }
}

#[test]
fn outliers_are_no_change() {
    let mut series = about(61.0, 60);
    series[25] = 610.0;
    assert!(places(&series).is_empty(), "a lone one");
    series[48] = 6_100.0;
    assert!(places(&series).is_empty(), "two");
    for index in [0, 58, 59] {
        let mut series = about(61.0, 60);
        series[index] = 610.0;
        assert!(places(&series).is_empty(), "one at {index}");
    }
    let mut series = about(61.0, 200);
    (series[198], series[199]) = (610.0, 600.0);
    assert!(places(&series).is_empty(), "the last two of a long series");
}

#[test]
fn outliers_hide_no_change() {
    let mut series = stepped(&[(61.0, 30), (66.0, 20)]);
    (series[10], series[44]) = (610.0, 1.0);
    assert_eq!(places(&series), [30]);
}

#[test]
fn what_was_not_measured_keeps_its_index() {
    let mut series = stepped(&[(61.0, 30), (66.0, 20)]);
    for index in [0, 7, 29, 31, 49] {
        series[index] = if index % 2 == 0 { f64::INFINITY } else { f64::NAN };
    }
    assert_eq!(places(&series), [30]);
    series[30] = f64::NAN;
    assert_eq!(places(&series), [32], "the first value after it that there is");
}

#[test]
fn equal_values_and_tenths_step_too() {
    let equal: Vec<f64> = [61.0; 20].into_iter().chain([63.0; 10]).collect();
    let found = changes(&equal, &THREE);
    assert_eq!(found.iter().map(|change| (change.index, change.range)).collect::<Vec<_>>(), [(20, (20, 20))]);
    let tenths =
        |level: f64, count: usize| (0..count).map(move |index| level + (noise(index) * 1.4).round() / 10.0);
    let series: Vec<f64> = tenths(61.0, 25).chain(tenths(61.5, 12)).collect();
    let small = Effect { ratio_min: 0.0, absolute_min: 0.3 };
    assert_eq!(changes(&series, &small).len(), 1);
}

#[test]
fn less_than_the_least_effect_is_no_change() {
    let series = stepped(&[(100.0, 40), (102.0, 40)]);
    assert!(changes(&series, &THREE).is_empty());
    assert_eq!(changes(&series, &Effect { ratio_min: 0.01, absolute_min: 0.0 }).len(), 1);
    assert!(changes(&series, &Effect { ratio_min: 0.01, absolute_min: 4.0 }).is_empty());
    // From zero there is no ratio: the absolute effect decides.
    let risen: Vec<f64> = [0.0; 20].into_iter().chain([5.0; 20]).collect();
    assert_eq!(changes(&risen, &Effect { ratio_min: 0.5, absolute_min: 4.0 }).len(), 1);
    assert!(changes(&risen, &Effect { ratio_min: 0.5, absolute_min: 6.0 }).is_empty());
    // Below zero the ratio is of the distance from it.
    assert_eq!(places(&stepped(&[(-100.0, 25), (-90.0, 25)])), [25]);
}

#[test]
fn several_changes_are_told_apart() {
    assert_eq!(places(&stepped(&[(100.0, 25), (105.0, 25), (110.0, 25), (115.0, 25)])), [25, 50, 75]);
    assert_eq!(places(&stepped(&[(100.0, 40), (110.0, 12), (100.0, 48)])), [40, 52], "a hump");
    assert_eq!(
        places(&stepped(&[(100.0, 50), (105.0, 10), (112.0, 6)])),
        [50, 60],
        "one soon after the other"
    );
    let found = changes(&stepped(&[(100.0, 40), (110.0, 12), (100.0, 48)]), &THREE);
    assert!((found[0].after - found[1].before).abs() < 1e-9, "{found:?}");
}

#[test]
fn only_the_last_values_of_a_very_long_series_count() {
    let series = stepped(&[(100.0, 60), (150.0, POINTS_MAX)]);
    assert!(places(&series).is_empty());
    let huge = [f64::MAX, -f64::MAX, 1.0].repeat(10);
    assert!(changes(&huge, &THREE).len() <= 1, "no panic");
}
