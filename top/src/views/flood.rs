//! The flood against its plan: connections, latencies, failures by cause, and the audit.

use telemetry::Audit;

use crate::grid::{Chart, ChartLine, Column, Grid, Page, Row, Value};
use crate::past::chronicle::Percentiles;
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

const COLUMNS: [Column; 8] = [
    Column::words("figure", "figure", 21),
    Column::figures("planned", "plan", 10),
    Column::figures("reached", "reached", 10),
    Column::figures("now", "now", 9),
    Column::figures("p50_s", "p50", 8),
    Column::figures("p99_s", "p99", 8),
    Column::figures("max_s", "max", 8),
    Column::figures("p90_s", "p90", 8),
];

/// The histograms that are shown, and what they are called; the first two are what a flood is about.
const LATENCIES: [(&str, &str); 5] = [
    ("connect.latency_ns", "connect"),
    ("delivery.latency_ns", "delivery"),
    ("delivery.raw_latency_ns", "delivery, raw"),
    ("connect.login_ns", "login"),
    ("connect.schedule_lag_ns", "behind schedule"),
];

pub(super) fn page(scene: &Scene<'_>) -> Page {
    let mut page = Page { grid: Grid { columns: COLUMNS.to_vec(), rows: Vec::new() }, ..Page::default() };
    let moment = scene.moment;
    let flood = moment.value("connections.open").is_some() || moment.value("publisher.sent").is_some();
    if !flood && moment.audit("generator").is_none() {
        let why =
            "no flood in this feed: 'floodmark top --run DIR' shows a run's, while it goes on or afterwards";
        page.notes.push((Tone::Quiet, why.into()));
        return page;
    }
    if scene.history.known.plan.is_none() {
        page.notes.push((
            Tone::Quiet,
            "no plan in this feed, so that nothing stands under it: a run tells one".into(),
        ));
    }
    let (first, rest) = LATENCIES.split_at(2);
    let latencies = |names: &[(&str, &str)]| {
        names.iter().filter_map(|(name, title)| latency(scene, name, title)).collect::<Vec<_>>()
    };
    page.grid.rows = load(scene);
    page.grid.rows.extend(latencies(first));
    page.grid.rows.extend(failures(scene));
    page.grid.rows.extend(audit(scene));
    page.grid.rows.extend(latencies(rest));
    page.charts = vec![
        over_time(scene, "connect", "connect.latency_ns"),
        over_time(scene, "delivery", "delivery.latency_ns"),
    ];
    page.charts.retain(|chart| chart.lines.iter().any(|line| line.points.len() > 1));
    page
}

/// A row without percentiles.
fn row(name: &str, tone: Tone, planned: Value, reached: Value, now: Value) -> Row {
    let mut cells = vec![Value::text(name), planned, reached, now];
    cells.resize(COLUMNS.len(), Value::Blank);
    Row { key: name.to_owned(), cells, tone }
}

/// What was to be opened and sent, and what was.
fn load(scene: &Scene<'_>) -> Vec<Row> {
    let moment = scene.moment;
    let plan = scene.history.known.plan.as_ref();
    let planned = |name: &str, unit| match plan {
        Some(plan) => Value::of(plan.attributes.get(name).and_then(serde_json::Value::as_f64), unit),
        None => Value::Absent,
    };
    let count = |name: &str| Value::of(moment.value(name), Unit::Exact);
    let rate = |name: &str| Value::of(moment.rate(name), Unit::PerSecond);
    // Those that are being opened, while there are any.
    let opening = moment.value("connections.opening").filter(|opening| *opening > 0.0);
    let opening = opening.map_or(Value::Blank, |opening| Value::text(format!("+{opening}")));
    let reached_rate = scene.history.known.reached_rate_per_s(scene.at_us);
    let held_s = scene.history.events.held_s(scene.at_us);
    vec![
        row(
            "connections",
            Tone::Plain,
            planned("connections", Unit::Exact),
            count("connections.open"),
            opening,
        ),
        row(
            "connect rate",
            Tone::Plain,
            planned("connect_rate_per_s", Unit::PerSecond),
            Value::of(reached_rate, Unit::PerSecond),
            rate("connections.logins"),
        ),
        row(
            "hold",
            Tone::Plain,
            planned("hold_s", Unit::Seconds),
            Value::of(held_s, Unit::Seconds),
            Value::Blank,
        ),
        row(
            "messages sent",
            Tone::Plain,
            planned("message_rate_per_s", Unit::PerSecond),
            count("publisher.sent"),
            rate("publisher.sent"),
        ),
        row(
            "messages arrived",
            Tone::Plain,
            Value::Blank,
            count("connections.messages"),
            rate("connections.messages"),
        ),
    ]
}

fn latency(scene: &Scene<'_>, name: &str, title: &str) -> Option<Row> {
    let Percentiles { count, p50, p90, p99, max } = scene.moment.percentiles(name)?;
    let time = |seconds: f32| Value::Number(f64::from(seconds), Unit::Seconds);
    let cells = vec![
        Value::text(title),
        Value::Blank,
        Value::Number(count as f64, Unit::Exact),
        Value::Blank,
        time(p50),
        time(p99),
        time(max),
        time(p90),
    ];
    Some(Row { key: name.to_owned(), cells, tone: Tone::Plain })
}

/// What failed, by cause; nothing is said of causes that never came.
fn failures(scene: &Scene<'_>) -> Vec<Row> {
    let moment = scene.moment;
    let of = |name: &str, title: String| {
        let failed = moment.value(name)?;
        let tone = if failed > 0.0 { Tone::Alarm } else { Tone::Plain };
        let failed = Value::Number(failed, Unit::Exact);
        Some(row(&title, tone, Value::Blank, failed, Value::of(moment.rate(name), Unit::PerSecond)))
    };
    let mut rows: Vec<Row> = of("connections.failed", "failed".into()).into_iter().collect();
    for name in moment.names() {
        if let Some(cause) = name.strip_prefix("connections.failures.") {
            rows.extend(of(name, format!("  {}", cause.replace('_', " "))));
        }
    }
    if moment.value("connections.closed_by_server").is_some_and(|closed| closed > 0.0) {
        rows.extend(of("connections.closed_by_server", "closed by the server".into()));
    }
    rows
}

/// The account of messages. A run's last word on it is in its summary: here, what is on its way is not lost.
fn audit(scene: &Scene<'_>) -> Vec<Row> {
    let (generator, publisher) = (scene.moment.audit("generator"), scene.moment.audit("publisher"));
    if generator.is_none() && publisher.is_none() {
        return Vec::new();
    }
    let nothing = Audit::default();
    let (seen, told) = (generator.unwrap_or(&nothing), publisher.unwrap_or(&nothing));
    let of = |name: &str, number: u64, bad: bool| {
        let tone = if bad && number > 0 { Tone::Alarm } else { Tone::Plain };
        row(name, tone, Value::Blank, Value::Number(number as f64, Unit::Exact), Value::Blank)
    };
    let mut rows = Vec::new();
    if publisher.is_some() {
        rows.push(row(
            "audit: delivered",
            Tone::Plain,
            Value::Number(told.expected as f64, Unit::Exact),
            Value::Number(seen.delivered as f64, Unit::Exact),
            Value::Blank,
        ));
    } else {
        rows.push(of("audit: delivered", seen.delivered, false));
    }
    rows.push(of("  lost", seen.lost.max(told.lost), true));
    rows.push(of("  duplicated", seen.duplicated, true));
    rows.push(of("  reordered", seen.reordered, true));
    rows.push(of("  misrouted", seen.misrouted, true));
    // These are not claims: they are told when there are any.
    for (name, number, bad) in [
        ("  corrupt", seen.corrupt, true),
        ("  dropped", told.dropped.max(seen.dropped), true),
        ("  reader gone", told.gone.max(seen.gone), false),
        ("  nobody there", told.nobody_there.max(seen.nobody_there), false),
    ] {
        rows.extend((number > 0).then(|| of(name, number, bad)));
    }
    rows
}

fn over_time(scene: &Scene<'_>, title: &str, name: &str) -> Chart {
    let percentiles = scene.history.chronicle.latencies(name, scene.at_us);
    let line = |label: &str, of: fn(&Percentiles) -> f32| ChartLine {
        name: label.into(),
        points: percentiles.iter().map(|(second, values)| (*second, f64::from(of(values)))).collect(),
        unit: Unit::Seconds,
    };
    let lines = vec![line("p99", |values| values.p99), line("p50", |values| values.p50)];
    Chart { title: title.into(), lines, logarithmic: true }
}
