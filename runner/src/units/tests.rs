use proptest::prelude::*;

use super::*;

fn nanos(text: &str) -> u128 {
    text.parse::<Span>().unwrap().0.as_nanos()
}

#[test]
fn spans_are_exact() {
    for (text, expected) in [
        ("90s", 90_000_000_000),
        ("1m30s", 90_000_000_000),
        ("1.5m", 90_000_000_000),
        ("500ms", 500_000_000),
        ("1.5ms", 1_500_000),
        ("10us", 10_000),
        ("10µs", 10_000),
        ("0.1us", 100),
        ("7ns", 7),
        ("0s", 0),
        ("1h30m", 5_400_000_000_000),
        ("1d1h1m1s1ms1us1ns", 90_061_001_001_001),
        ("1_000s", 1_000_000_000_000),
    ] {
        assert_eq!(nanos(text), expected, "{text}");
    }
}

#[test]
fn rates_and_sizes_and_counts_are_read() {
    for (text, per_second) in
        [("1000/s", 1000.0), ("60/m", 1.0), ("1_800/h", 0.5), ("0.25/s", 0.25), ("0/s", 0.0)]
    {
        let rate = text.parse::<Rate>().unwrap().per_second();
        assert!((rate - per_second).abs() < 1e-12, "{text}: {rate}");
    }
    for (text, bytes) in
        [("64B", 64), ("64KiB", 65_536), ("1.5KiB", 1536), ("1MB", 1_000_000), ("1GiB", 1 << 30)]
    {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
    }
    for (text, number) in
        [("0", 0), ("10000", 10_000), ("86_400_000", 86_400_000), ("18446744073709551615", u64::MAX)]
    {
        assert_eq!(text.parse(), Ok(Count(number)), "{text}");
    }
}

#[test]
fn mistakes_say_what_to_write() {
    let span = |text: &str| text.parse::<Span>().unwrap_err().to_string();
    let rate = |text: &str| text.parse::<Rate>().unwrap_err().to_string();
    let size = |text: &str| text.parse::<Size>().unwrap_err().to_string();
    let count = |text: &str| text.parse::<Count>().unwrap_err().to_string();
    for (error, expected) in [
        (span("45"), "'45' has no unit; write a unit, e.g. 45s"),
        (span("1h30"), "'1h30' has no unit; write a unit, e.g. 1h30m"),
        (span("45 s"), "e.g. 45s"),
        (span("45sec"), "(ns, us, ms, s, m, h, d)"),
        (span("1s1h"), "write the largest first"),
        (span("1s1s"), "each once"),
        (span("1.0000000001ns"), "is not a span of whole nanoseconds"),
        (span("99999999d"), "longer than ten years"),
        (span("99999999999999999999d"), "longer than ten years"),
        (span(""), "is not a span of time"),
        (span("-5s"), "is not a span of time"),
        (span("s"), "is not a span of time"),
        (span("1._5s"), "is not a span of time"),
        (rate("45"), "'45' has no unit; write a unit, e.g. 45/s"),
        (rate("1,000/s"), "'1,000/s' is not a rate"),
        (rate("1000/sec"), "e.g. 1000/s"),
        (rate("1000000001/s"), "write at most"),
        (rate("-1/s"), "is not a rate"),
        (size("64"), "'64' has no unit; write a unit, e.g. 64B or 64KiB"),
        (size("64kb"), "did you mean '64KB'?"),
        (size("64kib"), "did you mean '64KiB'?"),
        (size("64k"), "is not a size"),
        (size("0.5B"), "whole number of bytes"),
        (size("99999999999TiB"), "whole number of bytes"),
        (count("10k"), "e.g. 10000"),
        (count("2M"), "e.g. 2000000"),
        (count("10,000"), "is not a whole number"),
        (count("-5"), "'-5' is negative"),
        (count("1.5"), "is not a whole number"),
        (count("ten"), "write it out"),
        (count("18446744073709551616"), "below 2^64"),
        (count("1_"), "is not a whole number"),
    ] {
        assert!(error.contains(expected), "{error} should say {expected}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(nanos in 0..=SPAN_MAX.as_nanos(), bytes: u64, numerator in 0_u32.., places in 0_u32..6) {
        let span = Span(Duration::from_nanos(u64::try_from(nanos).unwrap()));
        prop_assert_eq!(span.to_string().parse(), Ok(span));
        prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        prop_assert_eq!(Count(bytes).to_string().parse(), Ok(Count(bytes)));
        for unit in ["/s", "/m", "/h"] {
            let text = format!("{}{unit}", f64::from(numerator) / 10_f64.powi(places.cast_signed()));
            if let Ok(rate) = text.parse::<Rate>() {
                prop_assert_eq!(rate.to_string().parse(), Ok(rate));
            }
        }
    }

    #[test]
    fn arbitrary_words_never_panic(text in ".{0,40}|[0-9._a-zA-Zµ/]{0,30}") {
        let _ = (text.parse::<Span>(), text.parse::<Rate>(), text.parse::<Size>(), text.parse::<Count>());
    }
}
