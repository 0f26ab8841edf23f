use super::*;

#[test]
fn values_in_the_prefix_that_reads_best() {
    for (unit, value, text) in [
        (Unit::Count, 1_020_000.0, "1.02 M"),
        (Unit::Count, 5041.0, "5,041"),
        (Unit::Count, 999_950.0, "1.00 M"),
        (Unit::Count, -3.0, "−3"),
        (Unit::Count, 0.0, "0"),
        (Unit::Bytes, 54.1 * KIB * KIB, "54.1 MiB"),
        (Unit::Bytes, 61.0, "61 B"),
        (Unit::Bytes, 1023.9, "1.00 KiB"),
        (Unit::Bytes, 0.0, "0 B"),
        (Unit::Seconds, 288e-6, "288 µs"),
        (Unit::Seconds, 0.0, "0 s"),
        (Unit::Seconds, 136.2, "136 s"),
        (Unit::Seconds, 750.0, "12.5 min"),
        (Unit::Seconds, 9000.0, "2.50 h"),
        (Unit::PerSecond, 17_000.0, "17.0 k/s"),
        (Unit::PerSecond, 850.5, "850/s"),
        (Unit::BytesPerSecond, 2.0 * KIB, "2.00 KiB/s"),
        (Unit::Ratio, 0.032, "3.2 %"),
        (Unit::Ratio, 0.9999, "100 %"),
        (Unit::Ratio, 1.0, "100 %"),
        (Unit::Cores, 1.5, "1.5 cores"),
        (Unit::Count, f64::NAN, "–"),
        (Unit::Bytes, f64::INFINITY, "–"),
    ] {
        assert_eq!(unit.write(value), text, "{unit:?} {value}");
    }
}

#[test]
fn extremes_stay_short() {
    let units = [Unit::Count, Unit::Bytes, Unit::Seconds, Unit::PerSecond, Unit::Ratio, Unit::Cores];
    for unit in units {
        for value in [1e-12, 1e18, -1e18, f64::MAX, f64::MIN_POSITIVE, 5e-324] {
            let text = unit.write(value);
            assert!(text.chars().count() <= 16 && !text.contains("NaN"), "{unit:?} {value}: {text}");
        }
    }
}

#[test]
fn one_prefix_for_an_axis() {
    for (unit, most, name) in [
        (Unit::Count, 9_000.0, ""),
        (Unit::Count, 50_000.0, "thousands"),
        (Unit::Count, 1_000_000.0, "thousands"),
        (Unit::Count, 2_500_000.0, "millions"),
        (Unit::Bytes, 7_900.0, "B"),
        (Unit::Bytes, 60.0 * KIB * KIB, "MiB"),
        (Unit::Bytes, 3.0 * KIB * KIB * KIB, "GiB"),
        (Unit::Bytes, 1.5 * KIB * KIB * KIB, "MiB"),
        (Unit::Seconds, 0.0, "s"),
        (Unit::Seconds, 0.004, "ms"),
        (Unit::Seconds, 300e-6, "µs"),
        (Unit::Ratio, 1.0, "%"),
        (Unit::BytesPerSecond, 64.0 * KIB, "KiB/s"),
    ] {
        assert_eq!(unit.for_axis(most).name, name, "{unit:?} {most}");
    }
    assert_eq!(Unit::for_time(136.0).name, "seconds");
    assert_eq!(Unit::for_time(600.0).name, "minutes");
    assert_eq!(Unit::for_time(86_400.0).name, "hours");
}

/// The ratio of bytes was written in bytes once, and the number of latencies in minutes.
#[test]
fn a_figure_is_in_the_unit_that_its_name_says() {
    for (name, value, text) in [
        ("limit.ratio.pair_bytes", 1.03, "103 %"),
        ("limit.pair_bytes", 4096.0, "4.00 KiB"),
        ("limit.wakeup_p99_us", 250.0, "250 µs"),
        ("delivery.latency_ms.count", 1_003_068.0, "1.00 M"),
        ("delivery.latency_ms.p99", 51.577, "51.6 ms"),
        ("connections.connect_rate_per_s", 20_958.0, "21.0 k/s"),
        ("memory.server_bytes_per_connection", 61.0, "61 B"),
        ("memory.ledger.pair.total_bytes", 8192.0, "8.00 KiB"),
        ("cpu.softirq_ratio", 0.25, "25 %"),
        ("cpu.server_cores", 1.5, "1.5 cores"),
        ("run.duration_s", 5.2, "5.20 s"),
        ("audit.lost", 3.0, "3"),
    ] {
        let (unit, factor) = Unit::of_figure(name);
        assert_eq!(unit.write(value * factor), text, "{name}");
    }
}
