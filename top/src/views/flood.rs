//! The flood against its plan: connections, latencies, failures by cause, and the audit.

use telemetry::Audit;

use crate::grid::{Chart, ChartLine, Column, Grid, Page, Row, Value};
use crate::past::chronicle::Percentiles;
use crate::screen::theme::Tone;
use crate::views::Scene;
use crate::words::Unit;

const COLUMNS: [Column; 9] = [
    Column::words("figure", "figure", 21),
    Column::figures("planned", "plan", 10),
    Column::figures("reached", "reached", 10),
    Column::figures("now_per_s", "now", 9),
    Column::figures("p50_s", "p50", 8),
    Column::figures("p99_s", "p99", 8),
    Column::figures("max_s", "max", 8),
    Column::figures("p90_s", "p90", 8),
    Column::words("unit", "unit", 6),
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
    let flood = moment.reached("connections.open").is_some() || moment.reached("publisher.sent").is_some();
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

/// A row without percentiles; `unit` is that of what was planned and reached.
fn row(name: &str, tone: Tone, unit: Unit, planned: Value, reached: Value, now: Value) -> Row {
    let mut cells = vec![Value::text(name), planned, reached, now];
    cells.resize(COLUMNS.len() - 1, Value::Blank);
    cells.push(Value::text(word(unit)));
    Row { key: name.to_owned(), cells, tone }
}

/// A unit, as it ends names.
fn word(unit: Unit) -> &'static str {
    match unit {
        Unit::PerSecond => "per_s",
        Unit::Seconds => "s",
        _ => "count",
    }
}

/// What was to be opened and sent, and what was.
fn load(scene: &Scene<'_>) -> Vec<Row> {
    let moment = scene.moment;
    let plan = scene.history.known.plan.as_ref();
    let planned = |name: &str, unit| match plan {
        Some(plan) => Value::of(plan.attributes.get(name).and_then(serde_json::Value::as_f64), unit),
        None => Value::Absent,
    };
    let count = |title: &str, plan: Value, name: &str| {
        let reached = Value::of(moment.reached(name), Unit::Exact);
        row(title, Tone::Plain, Unit::Exact, plan, reached, Value::of(moment.rate(name), Unit::PerSecond))
    };
    let of = |title: &str, unit: Unit, plan: &str, reached: Option<f64>, now: Option<f64>| {
        let now = Value::of(now, Unit::PerSecond);
        row(title, Tone::Plain, unit, planned(plan, unit), Value::of(reached, unit), now)
    };
    let spent_s = |phase: &str| scene.history.events.spent_s(phase, scene.at_us);
    let sent = moment.reached("publisher.sent");
    let sent_per_s = sent.zip(spent_s("messages").filter(|spent_s| *spent_s > 0.0)).map(|(sent, s)| sent / s);
    let connect_per_s = scene.history.known.reached_rate_per_s(scene.at_us);
    let mut rows = vec![
        count("connections", planned("connections", Unit::Exact), "connections.open"),
        of(
            "connect rate",
            Unit::PerSecond,
            "connect_rate_per_s",
            connect_per_s,
            moment.rate("connections.logins"),
        ),
        of("hold", Unit::Seconds, "hold_s", spent_s("hold"), None),
        of("message rate", Unit::PerSecond, "message_rate_per_s", sent_per_s, moment.rate("publisher.sent")),
        count("messages arrived", Value::Blank, "connections.messages"),
    ];
    // An open connection is no counter, and holding has no rate.
    rows[0].cells[3] = Value::Blank;
    rows[2].cells[3] = Value::Blank;
    if moment.value("connections.opening").is_some_and(|opening| opening > 0.0) {
        let mut opening = count("being opened", Value::Blank, "connections.opening");
        opening.cells[3] = Value::Blank;
        rows.insert(1, opening);
    }
    rows
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
        Value::text("count"),
    ];
    Some(Row { key: name.to_owned(), cells, tone: Tone::Plain })
}

/// What failed, by cause; nothing is said of causes that never came.
fn failures(scene: &Scene<'_>) -> Vec<Row> {
    let moment = scene.moment;
    let of = |name: &str, title: String| {
        let failed = moment.reached(name)?;
        let tone = if failed > 0.0 { Tone::Alarm } else { Tone::Plain };
        let failed = Value::Number(failed, Unit::Exact);
        Some(row(
            &title,
            tone,
            Unit::Exact,
            Value::Blank,
            failed,
            Value::of(moment.rate(name), Unit::PerSecond),
        ))
    };
    let mut rows: Vec<Row> = of("connections.failed", "failed".into()).into_iter().collect();
    let prefix = "connections.failures.";
    for name in moment.names_behind(prefix) {
        rows.extend(of(name, format!("  {}", name[prefix.len()..].replace('_', " "))));
    }
    if moment.reached("connections.closed_by_server").is_some_and(|closed| closed > 0.0) {
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
        row(name, tone, Unit::Exact, Value::Blank, Value::Number(number as f64, Unit::Exact), Value::Blank)
    };
    let mut rows = Vec::new();
    if publisher.is_some() {
        rows.push(row(
            "audit: delivered",
            Tone::Plain,
            Unit::Exact,
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
