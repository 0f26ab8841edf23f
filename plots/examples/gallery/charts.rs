//! Charts from made-up figures, for the eye and for the tests of the drawing.

use plots::chart::{
    Axis, Band, Bar, Bars, Body, Dash, Ink, Limit, Mark, Panel, Panels, Part, Phase, Scale, Series, Shape,
};
use plots::{Chart, Unit};

/// One of each kind.
pub(crate) fn gallery() -> Vec<Chart> {
    vec![memory(), latency(), percentiles(), fit(), ledger(), overlay(), history(), odd()]
}

fn chart(name: &str, question: &str, answer: &str, body: Body) -> Chart {
    let (name, question, answer) = (name.into(), question.into(), answer.into());
    let footer = vec![
        "comet-c10k · 1a2b3c4d on main · 2 × AMD EPYC, 24 GiB, Linux 6.8.0 · 21 November 2026, 19:50 UTC"
            .into(),
    ];
    Chart { name, question, answer, body, footer, notes: Vec::new() }
}

fn series(name: &str, hue: usize, shape: Shape, of: impl Fn(f64) -> f64, from: f64, to: f64) -> Series {
    let points = (0..=800).map(|i| from + (to - from) * f64::from(i) / 800.0).map(|x| (x, of(x))).collect();
    Series { name: name.into(), ink: Ink { hue, ..Ink::default() }, shape, points, hints: Vec::new() }
}

fn axis(label: &str, unit: Unit) -> Axis {
    Axis { label: label.into(), unit, ..Axis::default() }
}

/// Between 0 and 1, alike in every run.
fn noise(x: f64) -> f64 {
    ((x * 12.9898).sin() * 43_758.547).fract().abs()
}

fn ramp(x: f64) -> f64 {
    (x / 70.0).clamp(0.0, 1.0)
}

fn phases() -> Vec<Phase> {
    [
        ("start", 0.0, 2.0),
        ("ramp", 2.0, 72.0),
        ("settle", 72.0, 82.0),
        ("hold", 82.0, 128.0),
        ("drain", 128.0, 136.0),
    ]
    .map(|(name, from, to)| Phase { name: name.into(), from, to })
    .to_vec()
}

fn memory() -> Chart {
    let rss = series("server RSS", 0, Shape::Line, |x| 4e6 + 58e6 * ramp(x) + 2e5 * noise(x), 0.0, 136.0);
    let kernel = series("kernel sockets", 2, Shape::Line, |x| 2e6 + 40e6 * ramp(x - 1.0), 0.0, 136.0);
    let open = series("connections", 1, Shape::Steps, |x| (1e6 * ramp(x)).round(), 0.0, 136.0);
    let mark = |at: f64, name: &str, bad| Mark { at, name: name.into(), bad };
    let body = Panels {
        x: axis("elapsed", Unit::Seconds),
        panels: vec![
            Panel {
                y: axis("memory", Unit::Bytes),
                height: 1.0,
                series: vec![rss, kernel],
                limits: vec![Limit { label: "memory.server_rss_bytes < 64 MiB".into(), y: 64.0 * 1048576.0 }],
                ..Panel::default()
            },
            Panel {
                y: axis("connections", Unit::Count),
                height: 0.7,
                series: vec![open],
                ..Panel::default()
            },
        ],
        phases: phases(),
        marks: vec![
            mark(71.0, "asked rate not reached: 14,210 of 20,000/s", true),
            mark(83.0, "publish 1 k/s", false),
            mark(84.5, "publish 2 k/s", false),
            mark(133.0, "restart", false),
        ],
    };
    let question = "How much memory does the server take as connections come?";
    let mut chart = chart(
        "memory",
        question,
        "61 B a connection in the server (95 %: 60 to 62 B), 62.0 MiB at 1,000,000 connections",
        Body::Panels(body),
    );
    chart.notes = vec!["the last frame is torn: what came after 136.2 s is lost".into()];
    chart
}

fn latency() -> Chart {
    let mut list = Vec::new();
    for (place, name) in ["p50", "p90", "p99", "p99.9", "max"].into_iter().enumerate() {
        for raw in [true, false] {
            let level = 80e-6 * 4_f64.powi(place as i32) * if raw { 0.7 } else { 1.0 };
            let of = move |x: f64| {
                level * (0.7 + 0.6 * noise(x + place as f64)) * if x > 60.0 && x < 66.0 { 8.0 } else { 1.0 }
            };
            let mut one = series(
                &format!("{name}{}", if raw { " raw" } else { "" }),
                place,
                Shape::Line,
                of,
                0.0,
                600.0,
            );
            one.ink.faint = raw;
            one.ink.dash = if raw { Dash::Dashed } else { Dash::Solid };
            list.push(one);
        }
    }
    let limit = |label: &str, y| Limit { label: label.into(), y };
    let y = Axis { scale: Scale::Log, ..axis("delivery latency", Unit::Seconds) };
    let limits = vec![limit("p99 < 5 ms", 5e-3), limit("p99.9 < 6 ms", 6e-3)];
    let panel = Panel { y, height: 1.0, series: list, limits, ..Panel::default() };
    let body = Panels { x: axis("elapsed", Unit::Seconds), panels: vec![panel], ..Panels::default() };
    chart(
        "latency",
        "How long do messages take, and when?",
        "p50 82 µs, p99 1.3 ms, p99.9 5.1 ms, max 160 ms; from the intended time",
        Body::Panels(body),
    )
}

fn percentiles() -> Chart {
    let quantiles = || (0..=400).map(|i| 1.0 - 10_f64.powf(-5.0 * f64::from(i) / 400.0));
    let line = |name: &str, hue, dash, factor: f64| Series {
        name: name.into(),
        ink: Ink { hue, dash, faint: false },
        shape: Shape::Line,
        points: quantiles().map(|q| (q, 60e-6 * factor * (1.0 - q).max(1e-6).powf(-0.55))).collect(),
        hints: Vec::new(),
    };
    let body = Panels {
        x: Axis { scale: Scale::Percentile, ..axis("percentile", Unit::Ratio) },
        panels: vec![Panel {
            y: Axis { scale: Scale::Log, ..axis("delivery latency", Unit::Seconds) },
            height: 1.0,
            series: vec![
                line("corrected", 0, Dash::Solid, 1.0),
                line("raw", 0, Dash::Dashed, 0.8),
                line("connect", 1, Dash::Solid, 3.0),
            ],
            limits: vec![Limit { label: "p99 < 5 ms".into(), y: 5e-3 }],
            ..Panel::default()
        }],
        ..Panels::default()
    };
    chart(
        "percentiles",
        "How long do the slowest messages take?",
        "1 in 1,000 takes longer than 2.7 ms",
        Body::Panels(body),
    )
}

fn fit() -> Chart {
    let points = series("readings", 0, Shape::Points, |x| 4e6 + 61.0 * x + 1e6 * noise(x), 0.0, 1e6);
    let line = series("61 B a connection", 1, Shape::Line, |x| 4.5e6 + 61.0 * x, 0.0, 1e6);
    let band = (0..=50).map(|i| f64::from(i) * 2e4).map(|x| (x, 4e6 + 60.0 * x, 5e6 + 62.0 * x)).collect();
    let rest = series("residual", 0, Shape::Points, |x| 1e6 * (noise(x) - 0.5), 0.0, 1e6);
    let body = Panels {
        x: axis("connections", Unit::Count),
        panels: vec![
            Panel {
                y: axis("server RSS", Unit::Bytes),
                height: 1.0,
                series: vec![points, line],
                bands: vec![Band {
                    name: "95 % of the slope".into(),
                    ink: Ink { hue: 1, ..Ink::default() },
                    points: band,
                }],
                ..Panel::default()
            },
            Panel { y: axis("residual", Unit::Bytes), height: 0.5, series: vec![rest], ..Panel::default() },
        ],
        ..Panels::default()
    };
    chart(
        "fit",
        "What does one more connection cost?",
        "61.0 B each (95 %: 60.2 to 61.8 B)",
        Body::Panels(body),
    )
}

fn ledger() -> Chart {
    let part = |label: &str, value, hue| Part { label: label.into(), value, hue };
    let bar = |title: &str, factor: f64| Bar {
        title: title.into(),
        total: 4_100.0 * factor,
        parts: vec![
            part("TCP", 2_410.0 * factor, Some(2)),
            part("dentry", 192.0 * factor, Some(5)),
            part("sock_inode_cache", 832.0 * factor, Some(4)),
            part("filp", 256.0 * factor, Some(3)),
            part("eventpoll_epi", 128.0 * factor, Some(7)),
            part("user space", 61.0 * factor, Some(0)),
            part("unexplained", 221.0 * factor, None),
        ],
    };
    let bars = vec![
        bar("the server's end", 1.0),
        bar("a pair, both ends here", 2.03),
        bar("the generator's end", 1.03),
    ];
    let body = Bars { y: axis("bytes a connection", Unit::Bytes), bars };
    chart(
        "ledger",
        "Where do a connection's bytes go?",
        "8,323 B in all (95 %: 8,290 to 8,355 B); 1,000,000 connections, slopes over the ramp, 64 readings",
        Body::Bars(body),
    )
}

fn overlay() -> Chart {
    let names = [
        "comet-c10k before the outbox was bounded",
        "comet-c10k 4 KB wasted on purpose in each connection",
        "main",
    ];
    let mut panels = vec![
        Panel { y: axis("server RSS", Unit::Bytes), height: 1.0, ..Panel::default() },
        Panel { y: axis("connections", Unit::Count), height: 0.6, ..Panel::default() },
    ];
    for (run, name) in names.into_iter().enumerate() {
        let factor = [1.0, 3.0, 0.9][run];
        panels[0].series.push(series(
            name,
            run,
            Shape::Line,
            |x| 5e6 + 20e6 * factor * ramp(x - 3.0 * run as f64),
            0.0,
            136.0,
        ));
        panels[1].series.push(series(
            name,
            run,
            Shape::Line,
            |x| 1e4 * ramp(x - 3.0 * run as f64),
            0.0,
            136.0,
        ));
    }
    let body = Panels { x: axis("elapsed", Unit::Seconds), panels, phases: phases(), marks: Vec::new() };
    let mut chart =
        chart("overlay", "How much memory does the server take as connections come?", "", Body::Panels(body));
    chart.footer = names
        .map(|name| format!("{name}: comet-c10k · 1a2b3c4d · 2 × AMD EPYC, 24 GiB · 21 November 2026"))
        .to_vec();
    chart
}

fn history() -> Chart {
    let of = |i: i32| 61.0 + noise(f64::from(i)) * 1.5 + if i >= 22 { 9.0 } else { 0.0 };
    let points: Vec<(f64, f64)> = (0..36).map(|i| (f64::from(i), of(i))).collect();
    let hints = points.iter().map(|(x, y)| format!("commit {x}: {y:.1} B")).collect();
    let runs = Series { name: "runs".into(), ink: Ink::default(), shape: Shape::LinePoints, points, hints };
    let level = |from: f64, to: f64, y: f64| Series {
        name: "level".into(),
        ink: Ink { hue: 6, dash: Dash::Dashed, faint: false },
        shape: Shape::Line,
        points: vec![(from, y), (to, y)],
        hints: Vec::new(),
    };
    let ticks = (0..36).map(|i| (f64::from(i), format!("{:07x}", 0x1a2b3c4 + i * 7919))).collect();
    let body = Panels {
        x: Axis { ticks, ..axis("commit", Unit::Count) },
        panels: vec![Panel {
            y: Axis { range: Some((55.0, 75.0)), ..axis("server bytes per connection", Unit::Bytes) },
            height: 1.0,
            series: vec![runs, level(0.0, 21.0, 61.7), level(22.0, 35.0, 70.8)],
            ..Panel::default()
        }],
        phases: Vec::new(),
        marks: vec![Mark { at: 21.5, name: "+14.8 %, worse".into(), bad: true }],
    };
    chart(
        "history",
        "memory.server_bytes_per_connection, comet-c10k",
        "1 change: +14.8 % between 1a4d6e1 and 1a4d8d0 (p 0.001)",
        Body::Panels(body),
    )
}

fn odd() -> Chart {
    let mut gaps = series(
        "with a gap",
        0,
        Shape::Line,
        |x| if (20.0..30.0).contains(&x) { f64::NAN } else { 1.0 },
        0.0,
        60.0,
    );
    gaps.points.push((61.0, f64::INFINITY));
    let one = Series { points: vec![(30.0, 0.4)], ..series("one point", 1, Shape::Line, |x| x, 0.0, 1.0) };
    let panel =
        |label: &str, series| Panel { y: axis(label, Unit::Ratio), height: 0.5, series, ..Panel::default() };
    let panels = vec![panel("share of one core", vec![gaps, one]), panel("nothing", Vec::new())];
    let body = Panels { x: axis("elapsed", Unit::Seconds), panels, ..Panels::default() };
    chart(
        "odd",
        "<script>alert('what')</script> & a question of such a length that it cannot stand on one line of the narrow picture, or can it?",
        "",
        Body::Panels(body),
    )
}
