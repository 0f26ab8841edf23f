use telemetry::{Catalog, Kind, Meaning};

use super::*;

const COUNTERS: [&str; 4] = [
    "host.context_switches",
    "host.net.eth0.received_bytes",
    "host.net.lo.received_bytes",
    "server.messages",
];

fn picture() -> Picture {
    let mut picture = Picture::new(Vec::new(), Vec::new());
    let counter = Meaning { kind: Kind::Counter, help: String::new() };
    let names = COUNTERS.map(|name| (name.to_owned(), counter.clone())).into();
    picture.catalog(&Catalog { names, ..Catalog::default() });
    picture
}

fn tell(picture: &mut Picture, second: u64, values: &[(&str, f64)]) {
    let at = Stamp { mono_us: second * 1_000_000, wall_us: 1_764_000_000_000_000 + second * 1_000_000 };
    picture.sample(at, "host", || values.iter().copied());
}

fn table(wide: bool, width: usize, tau: Tau) -> Table {
    Table::new(Choice { wide, groups: Vec::new(), width }, tau, None, false)
}

/// What was printed, without the times, which are local.
fn text(out: &[u8]) -> String {
    let lines = std::str::from_utf8(out).expect("text").lines();
    lines.map(|line| line.get(TIME_WIDTH..).unwrap_or_default().to_owned() + "\n").collect()
}

fn values(round: f64) -> Vec<(&'static str, f64)> {
    vec![
        ("host.cpu_user_ratio", 0.125 * round),
        ("host.cpu_system_ratio", 0.031),
        ("host.context_switches", 12_345.0 * round),
        ("host.memory_available_bytes", 21.4 * f64::from(1 << 30)),
        ("host.net.eth0.received_bytes", 1_048_576.0 * round),
        ("host.net.lo.received_bytes", 524_288.0 * round),
        ("server.connections", 1_000_000.0),
        ("server.messages", 4_000.0 * round),
        ("server.rss_bytes", 26.0 * f64::from(1 << 20)),
        ("server.cpu_cores", 1.5),
    ]
}

#[test]
fn it_looks_as_it_should() {
    let mut picture = picture();
    let mut table = table(false, 80, Tau::Interval);
    let mut out = Vec::new();
    tell(&mut picture, 10, &values(1.0));
    table.begin(picture.at);
    for second in 11..13 {
        tell(&mut picture, second, &values((second - 9) as f64));
        table.row(&picture, &mut out);
    }
    table.end(&picture, &mut out);
    let expected = "\
\n - cpu % - tasks memory  net   -- chat --- - server --
  usr  sys ctx/s  avail     rx conns msg/s    rss cpu%
 25.0  3.1 12.3k 21.4Gi  1.5Mi 1.00M 4.00k 26.0Mi  150
 37.5  3.1 12.3k 21.4Gi  1.5Mi 1.00M 4.00k 26.0Mi  150
 31.2  3.1 12.3k 21.4Gi  1.5Mi 1.00M 4.00k 26.0Mi  150
";
    assert_eq!(text(&out), expected, "\n{}", text(&out));
}

#[test]
fn the_least_important_columns_go_first_and_no_line_is_too_wide() {
    let mut picture = picture();
    tell(&mut picture, 10, &values(1.0));
    tell(&mut picture, 11, &values(2.0));
    for width in 8..80 {
        let mut out = Vec::new();
        table(false, width, Tau::Interval).row(&picture, &mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(text.lines().all(|line| line.chars().count() <= width.max(TIME_WIDTH)), "{width}:\n{text}");
    }
    let mut out = Vec::new();
    table(false, 20, Tau::Interval).row(&picture, &mut out);
    assert!(text(&out).contains("usr  sys\n"), "{}", text(&out));
}

#[test]
fn a_figure_that_is_gone_leaves_the_columns_and_a_counter_that_began_anew_an_empty_cell() {
    let mut picture = picture();
    let mut table = table(false, 80, Tau::Interval);
    tell(&mut picture, 10, &values(1.0));
    tell(&mut picture, 11, &values(2.0));
    table.row(&picture, &mut Vec::new());
    let mut out = Vec::new();
    let anew: Vec<_> = values(3.0)
        .into_iter()
        .map(|(name, value)| if name == "server.messages" { (name, 1.0) } else { (name, value) })
        .collect();
    tell(&mut picture, 12, &anew);
    table.row(&picture, &mut out);
    assert!(text(&out).contains(" 1.00M     - 26.0Mi "), "{}", text(&out));
    let mut out = Vec::new();
    tell(&mut picture, 13, &values(4.0)[..6]);
    table.row(&picture, &mut out);
    assert!(!text(&out).contains("server") && text(&out).contains("avail"), "{}", text(&out));
}

#[test]
fn decays_stand_in_place_of_the_interval() {
    let mut picture = picture();
    let mut table = table(false, 80, Tau::Decayed(2));
    for second in 10..20 {
        tell(&mut picture, second, &[("host.cpu_user_ratio", if second == 19 { 1.0 } else { 0.0 })]);
    }
    let mut out = Vec::new();
    table.row(&picture, &mut out);
    // One second in nine, of an average that has seen nine.
    assert!(text(&out).ends_with(" 11.6\n"), "{}", text(&out));
}
