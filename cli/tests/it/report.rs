//! `report.html` in a browser, as a person opens it: from disk, with a pointer and with keys, in both themes, on paper.
//!
//! Most of it looks at a bundle that this file makes up, so that what the crosshair must say is known: resident memory
//! is 40 MiB and one more each second, and 100 connections are opened a second.

pub(crate) mod made_up;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use plots::{Kind, Run, Unit, report};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::run::{arguments, bundle};
use crate::tool::{PATIENCE, eventually, floodmark, scenario, within};
use made_up::{made_up, text};

const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";
const END: &str = "\u{e010}";
const HOME: &str = "\u{e011}";
const ESCAPE: &str = "\u{e00c}";

/// A page of one or more runs, on disk.
struct Page {
    _dir: tempfile::TempDir,
    file: PathBuf,
}

impl Page {
    fn of(runs: &[Run]) -> Page {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("report.html");
        std::fs::write(&file, report(runs, &Kind::ALL)).expect("the page is written");
        Page { _dir: dir, file }
    }

    /// Of a run that was made up, `seconds` long.
    fn made_up(seconds: u32) -> Page {
        let dir = tempfile::tempdir().expect("a directory");
        made_up(dir.path(), seconds, "made-up");
        Page::of(&[open(dir.path())])
    }

    /// Opened in a browser.
    fn opened(&self, width: u32) -> Option<Browser> {
        let browser = Browser::open(width)?;
        browser.show(&self.file);
        Some(browser)
    }
}

fn open(dir: &Path) -> Run {
    Run::open(dir, None).unwrap_or_else(|error| panic!("{error}"))
}

/// Scrolls a chart into view and says where in the window a value of x is, at the middle of the first panel.
fn place(browser: &Browser, chart: &str, x: f64) -> (f64, f64) {
    let script = "
        const canvas = document.querySelector(`#${arguments[0]} .canvas`);
        canvas.scrollIntoView({ block: 'center', behavior: 'instant' });
        const svg = [...canvas.querySelectorAll('svg.chart')].find((svg) => svg.getClientRects().length);
        const of = (element, key) => Number(element.dataset[key]);
        const box = svg.getBoundingClientRect();
        const scale = box.width / svg.viewBox.baseVal.width;
        const panel = svg.querySelector('.panel');
        const share = (arguments[1] - of(svg, 'from')) / (of(svg, 'to') - of(svg, 'from'));
        return [
            box.left + scale * (of(svg, 'left') + share * (of(svg, 'right') - of(svg, 'left'))),
            box.top + scale * (of(panel, 'top') + of(panel, 'bottom')) / 2,
        ];";
    let place = browser.run(script, &json!([chart, x]));
    (place[0].as_f64().expect("a place"), place[1].as_f64().expect("a place"))
}

/// What the cards of a chart show, `name value` a line; empty when there is no crosshair.
fn cards(browser: &Browser, chart: &str) -> Vec<String> {
    let script = "
        const lines = document.querySelectorAll(`#${arguments[0]} .card:not([hidden]) p:not([hidden])`);
        return [...lines].map((line) => [...line.children].map((part) => part.textContent).join(' ').trim()
            || line.textContent)";
    let lines = browser.run(script, &json!([chart]));
    lines.as_array().expect("a list").iter().map(|line| line.as_str().expect("text").to_owned()).collect()
}

/// Waits until a chart's cards hold a line that ends in `value`.
fn reads(browser: &Browser, chart: &str, value: &str) {
    let mut last = Vec::new();
    let seen = within(PATIENCE, || {
        last = cards(browser, chart);
        last.iter().any(|line| line.ends_with(value)).then_some(())
    });
    assert!(seen.is_some(), "{chart} does not read '{value}': {last:?}");
}

/// The labels of a chart's x axis.
fn x_labels(browser: &Browser, chart: &str) -> String {
    let script = "
        const svgs = [...document.querySelectorAll(`#${arguments[0]} svg.chart`)];
        const axis = svgs.find((svg) => svg.getClientRects().length).querySelector('.x-axis');
        return [...axis.querySelectorAll('.tick text, text.tick')].map((text) => text.textContent).join(' ')";
    browser.run(script, &json!([chart])).as_str().expect("text").to_owned()
}

/// The browser has nothing to complain about.
#[track_caller]
fn quiet(browser: &Browser) {
    let said = browser.console();
    assert!(said.is_empty(), "the console says: {said:#?}");
}

#[test]
fn the_crosshair_reads_what_was_measured_and_follows_across_charts() {
    let page = Page::made_up(60);
    let Some(browser) = page.opened(1400) else { return };
    assert!(browser.text("h1").contains("made-up"));
    let at = place(&browser, "memory", 30.0);
    browser.point(&[at]);
    reads(&browser, "memory", "70.0 MiB");
    reads(&browser, "connections", "3,000");
    let at = place(&browser, "connections", 45.0);
    browser.point(&[at]);
    reads(&browser, "connections", "4,500");
    reads(&browser, "memory", "85.0 MiB");
    // Outside of a chart there is nothing to read.
    browser.point(&[(3.0, 3.0)]);
    eventually("the crosshair goes", || cards(&browser, "memory").is_empty().then_some(()));
    quiet(&browser);
}

#[test]
fn a_drag_zooms_all_charts_over_time_and_the_whole_run_comes_back() {
    let page = Page::made_up(60);
    let Some(browser) = page.opened(1400) else { return };
    let whole = [x_labels(&browser, "memory"), x_labels(&browser, "connections")];
    let (from, to) = (place(&browser, "memory", 20.0), place(&browser, "memory", 30.0));
    browser.drag(&[from, ((from.0 + to.0) / 2.0, from.1), to]);
    let zoomed = x_labels(&browser, "memory");
    assert!(zoomed.contains("25") && !zoomed.contains("50"), "{} to {zoomed}", whole[0]);
    assert_eq!(x_labels(&browser, "connections"), zoomed, "all charts have the same range");
    let said = browser.text(".zoombar:not([hidden]) span");
    let ends: Vec<f64> = said.split(" to ").filter_map(|end| end.strip_suffix(" s")?.parse().ok()).collect();
    // To the pixel.
    assert!((ends[0] - 20.0).abs() < 0.1 && (ends[1] - 30.0).abs() < 0.1, "{said}");
    // What was in the middle of the drag is in the middle of the chart now, and reads the same.
    let middle = place(&browser, "memory", 30.0);
    browser.point(&[middle]);
    reads(&browser, "memory", "65.0 MiB");
    let (low, high) = lines(&browser, "memory");
    assert!(low > -110.0 && high < 1120.0 + 110.0, "lines end a point beyond the panel: {low} to {high}");
    browser.run("document.querySelector('.zoombar button:last-child').click()", &json!([]));
    assert_eq!([x_labels(&browser, "memory"), x_labels(&browser, "connections")], whole);
    assert_eq!(browser.text(".zoombar:not([hidden]) span"), "");
    quiet(&browser);
}

#[test]
fn a_finger_reads_and_does_not_zoom() {
    let page = Page::made_up(60);
    let Some(browser) = page.opened(600) else { return };
    let whole = x_labels(&browser, "memory");
    let (from, to) = (place(&browser, "memory", 20.0), place(&browser, "memory", 30.0));
    browser.touch(&[from, ((from.0 + to.0) / 2.0, from.1), to]);
    reads(&browser, "memory", "70.0 MiB");
    assert_eq!(x_labels(&browser, "memory"), whole);
    quiet(&browser);
}

/// From where to where the lines of a chart go, in px of the drawing.
fn lines(browser: &Browser, chart: &str) -> (f64, f64) {
    let script = "
        const svgs = [...document.querySelectorAll(`#${arguments[0]} svg.chart`)];
        const paths = svgs.find((svg) => svg.getClientRects().length).querySelectorAll('.lines path.series');
        const boxes = [...paths].map((path) => path.getBBox());
        return [Math.min(...boxes.map((box) => box.x)), Math.max(...boxes.map((box) => box.x + box.width))]";
    let ends = browser.run(script, &json!([chart]));
    (ends[0].as_f64().expect("a place"), ends[1].as_f64().expect("a place"))
}

#[test]
fn keys_do_all_that_a_pointer_does() {
    let page = Page::made_up(60);
    let Some(browser) = page.opened(1400) else { return };
    let whole = x_labels(&browser, "memory");
    browser.run("document.querySelector('#memory .canvas').focus()", &json!([]));
    browser.press(END);
    reads(&browser, "memory", "100 MiB");
    browser.press(LEFT);
    reads(&browser, "memory", "99.0 MiB");
    reads(&browser, "connections", "5,900");
    browser.press(HOME);
    reads(&browser, "memory", "40.0 MiB");
    browser.press(RIGHT);
    browser.press(RIGHT);
    reads(&browser, "memory", "42.0 MiB");
    eventually("it is read aloud", || browser.text(".aloud").contains("42.0 MiB").then_some(()));
    browser.press("+");
    assert_ne!(x_labels(&browser, "memory"), whole);
    reads(&browser, "memory", "42.0 MiB");
    browser.press("0");
    assert_eq!(x_labels(&browser, "memory"), whole);
    browser.press("+");
    browser.press(ESCAPE);
    assert_eq!(x_labels(&browser, "memory"), whole, "Esc takes the zoom back");
    browser.press(ESCAPE);
    assert!(cards(&browser, "memory").is_empty(), "and then the crosshair");
    quiet(&browser);
}

#[test]
fn both_themes_at_both_widths() {
    let page = Page::made_up(60);
    let Some(browser) = page.opened(1400) else { return };
    let colours = || {
        let script =
            "const style = getComputedStyle(document.body); return [style.backgroundColor, style.color]";
        let colours = browser.run(script, &json!([]));
        [0, 1].map(|place| lightness(colours[place].as_str().expect("a colour")))
    };
    for scheme in ["light", "dark"] {
        browser.prefer("screen", scheme);
        let [paper, ink] = colours();
        assert_eq!(scheme == "dark", paper < 0.2, "paper of {paper} when {scheme}");
        assert!((paper - ink).abs() > 0.6, "{paper} under {ink}");
        for width in [600, 1400, 320] {
            browser.resize(width);
            let overflow = "return document.documentElement.scrollWidth - innerWidth";
            assert!(
                browser.run(overflow, &json!([])).as_i64().expect("px") <= 0,
                "{scheme} at {width} px overflows"
            );
            let visible = "return [...document.querySelectorAll('#memory svg.chart')]
                .filter((svg) => svg.getClientRects().length).map((svg) => svg.viewBox.baseVal.width)";
            let drawn = if width == 1400 { 1120 } else { 560 };
            assert_eq!(browser.run(visible, &json!([])), json!([drawn]), "one drawing of each at {width} px");
            let [paper, ink] = seen(&browser.screenshot(), width);
            assert_eq!(
                scheme == "dark",
                paper < 0.2,
                "{scheme} at {width} px: most of what is seen is {paper}"
            );
            assert!(
                scheme == "dark" || paper > 0.9,
                "{scheme} at {width} px: most of what is seen is {paper}"
            );
            assert!((paper - ink).abs() > 0.6, "{scheme} at {width} px: {ink} is furthest from {paper}");
        }
    }
    // The button outweighs the system, and on paper everything is light.
    browser.prefer("screen", "light");
    let press = "document.querySelector('button.theme').click(); return document.querySelector('button.theme').textContent";
    assert_eq!(browser.run(press, &json!([])), json!("Theme: light"));
    assert_eq!(browser.run(press, &json!([])), json!("Theme: dark"));
    assert!(colours()[0] < 0.2);
    browser.prefer("print", "dark");
    assert!(colours()[0] > 0.9, "paper is white");
    browser.prefer("screen", "light");
    assert_eq!(browser.run(press, &json!([])), json!("Theme: auto"));
    assert!(colours()[0] > 0.9);
    let paper = browser.print();
    assert!(paper.starts_with(b"%PDF") && paper.len() > 10_000, "{} bytes of PDF", paper.len());
    quiet(&browser);
}

/// How light most of a picture is, and what is furthest from that: 0 black, 1 white.
fn seen(picture: &[u8], width: u32) -> [f64; 2] {
    let mut reader = png::Decoder::new(Cursor::new(picture)).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut bytes).expect("a picture");
    assert_eq!((frame.width, frame.bit_depth), (width, png::BitDepth::Eight));
    let (pixel, mut counts) = (frame.color_type.samples(), [0_u32; 256]);
    for pixel in bytes[..frame.buffer_size()].chunks_exact(pixel) {
        let sum: u32 = pixel[..3].iter().map(|part| u32::from(*part)).sum();
        counts[(sum / 3) as usize] += 1;
    }
    let most = (0..256).max_by_key(|place| counts[*place]).expect("256 of them");
    let there = (0..256_usize).filter(|place| counts[*place] > 0);
    let furthest = there.max_by_key(|place| place.abs_diff(most)).expect("a pixel");
    [most, furthest].map(|place| place as f64 / 255.0)
}

/// Of `rgb(r, g, b)`: 0 black, 1 white.
fn lightness(colour: &str) -> f64 {
    let parts: Vec<f64> = colour
        .trim_start_matches("rgb(")
        .trim_end_matches(')')
        .split(", ")
        .map(|part| part.parse().unwrap_or_else(|_| panic!("no colour: {colour}")))
        .collect();
    parts.iter().sum::<f64>() / 3.0 / 255.0
}

#[test]
fn the_page_writes_values_as_everything_else_does() {
    let Some(browser) = Page::made_up(5).opened(600) else { return };
    let script = include_str!("../../../plots/src/report/script/unit.js");
    let units = [
        Unit::Count,
        Unit::Bytes,
        Unit::Seconds,
        Unit::PerSecond,
        Unit::BytesPerSecond,
        Unit::Ratio,
        Unit::Cores,
    ];
    let mut values: Vec<f64> =
        vec![0.0, 0.5, 1.0, 1.5, 2.5, 0.125, 61.0, 999.5, 999.95, 1023.9, 9_999.0, 9_999.5, 10_000.0];
    values.extend([
        599.9,
        600.0,
        7_200.0,
        1e-7,
        2.88e-4,
        4.35,
        1.005,
        1e15,
        1e21,
        1e-12,
        54_112_256.0,
        1_048_576.0,
        0.295,
    ]);
    values.extend(
        (-12..16).flat_map(|power| [1.0, 1.2345, 9.995, 7.77].map(|digits| digits * 10_f64.powi(power))),
    );
    values.extend(values.clone().iter().map(|value| -value));
    for unit in units {
        let written = browser.run(
            &format!("{script}\nreturn arguments[1].map((value) => written(arguments[0], value))"),
            &json!([unit.key(), values]),
        );
        for (value, written) in values.iter().zip(written.as_array().expect("a list")) {
            assert_eq!(written, &json!(unit.write(*value)), "{value} {unit:?}");
        }
    }
}

#[test]
fn ten_minutes_are_small_and_an_hour_is_quick() {
    let page = Page::made_up(600);
    let bytes = std::fs::metadata(&page.file).expect("a page").len();
    assert!(bytes < 2_000_000, "ten minutes take {bytes} bytes");
    let page = Page::made_up(3600);
    let bytes = std::fs::metadata(&page.file).expect("a page").len();
    assert!(bytes < 4_000_000, "an hour takes {bytes} bytes");
    let Some(browser) = page.opened(1400) else { return };
    place(&browser, "memory", 0.0);
    // Two hundred moves, one a frame; what each takes until everything is laid out again. On a machine of its own half of
    // them take less than the 16 ms of a frame; here other tests take their share of the processors, so that what is
    // asked for is that nobody sees it lag.
    let script = "
        const canvas = document.querySelector('#memory .canvas');
        const box = canvas.getBoundingClientRect();
        const took = [];
        for (let step = 0; step < 200; step++) {
            const clientX = box.left + box.width * (0.1 + 0.8 * step / 200);
            let begun;
            requestAnimationFrame(() => begun = performance.now());
            canvas.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY: box.top + box.height / 3 }));
            await new Promise((resume) => requestAnimationFrame(() => {
                document.body.getBoundingClientRect();
                took.push(performance.now() - begun);
                resume();
            }));
        }
        took.sort((one, other) => one - other);
        return [took[100], document.querySelectorAll('.card:not([hidden])').length]";
    let script = format!("return (async () => {{ {script} }})()");
    let took = browser.run(&script, &json!([]));
    assert!(took[1].as_u64().expect("cards") > 10, "the crosshair is in every chart: {took}");
    assert!(took[0].as_f64().expect("ms") < 100.0, "a move of the crosshair takes {} ms", took[0]);
}

#[test]
fn names_are_never_markup() {
    let dir = tempfile::tempdir().expect("a directory");
    let evil = "</script><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">";
    made_up(dir.path(), 20, evil);
    std::fs::write(dir.path().join("plan.yaml"), format!("name: \"{evil}\"\n</pre>{evil}")).expect("a plan");
    let run = Run::open(dir.path(), Some(evil.into())).expect("a run");
    let other = Run::open(dir.path(), Some("<b>&amp;</b>".into())).expect("a run");
    for runs in [vec![run], vec![open(dir.path()), other]] {
        let page = Page::of(&runs);
        let html = std::fs::read_to_string(&page.file).expect("a page");
        assert!(!html.contains(evil) && !html.contains("<img src=x"), "it stands there as it is");
        assert_eq!(html.matches("</script>").count(), 2, "two elements of script, and no more");
        let Some(browser) = page.opened(1400) else { return };
        assert!(!browser.text("title").contains("ran") || browser.text("title").contains('<'), "nothing ran");
        assert_eq!(browser.run("return document.querySelectorAll('img, b').length - document.querySelectorAll('.card b, .notes b, .advice b').length", &json!([])), json!(0));
        assert!(browser.text("h1").contains("onerror"), "it is shown as it is: {}", browser.text("h1"));
        let at = place(&browser, "memory", 10.0);
        browser.point(&[at]);
        reads(&browser, "memory", "50.0 MiB");
        quiet(&browser);
    }
}

/// What turned the direction of writing around turned it for the rest of the heading as well.
#[test]
fn names_turn_nothing_around() {
    let dir = tempfile::tempdir().expect("a directory");
    made_up(dir.path(), 5, "evil\u{202e}\u{1}\u{1b}[31m \u{645}\u{631}\u{62d}\u{628}\u{627}");
    let html = report(&[open(dir.path())], &Kind::ALL);
    for forbidden in ['\u{202e}', '\u{1}', '\u{1b}'] {
        assert!(!html.contains(forbidden), "{forbidden:?} stands in the page");
    }
    assert!(html.contains("<h1><bdi>evil"), "a heading keeps the direction of a name to itself");
}

#[test]
fn what_forbids_scripts_forbids_all_but_one() {
    let page = Page::made_up(5);
    let Some(browser) = page.opened(1400) else { return };
    let script = "
        for (const [name, text] of [['script', 'document.title = \"ran\"']]) {
            const element = document.createElement(name);
            element.textContent = text;
            document.body.append(element);
        }
        const image = new Image();
        image.src = 'http://127.0.0.1:9/';
        document.body.append(image);
        return document.title";
    let title = browser.run(script, &json!([]));
    assert!(!title.as_str().expect("a title").contains("ran"));
    // What the console has said is told once.
    let mut said = String::new();
    eventually("both are refused", || {
        said += &browser.console().join("\n");
        ["Content Security Policy", "script-src", "img-src"]
            .iter()
            .all(|part| said.contains(part))
            .then_some(())
    });
}

#[test]
fn several_runs_stand_side_by_side() {
    let dirs = [tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory")];
    made_up(dirs[0].path(), 60, "made-up");
    made_up(dirs[1].path(), 30, "made-up");
    let run = |place: usize, label: &str| Run::open(dirs[place].path(), Some(label.into())).expect("a run");
    let page = Page::of(&[run(0, "before"), run(1, "after")]);
    let Some(browser) = page.opened(1400) else { return };
    assert_eq!(browser.text("h1"), "made-up: 2 runs");
    let runs = text(&browser.text(".runs"));
    assert!(runs.contains("before") && runs.contains("after") && runs.contains("PASS"), "{runs}");
    assert!(browser.text(".columns").contains("×0.50"), "half as long: {}", browser.text(".columns"));
    let at = place(&browser, "memory", 20.0);
    browser.point(&[at]);
    reads(&browser, "memory", "60.0 MiB");
    let both = cards(&browser, "memory").iter().filter(|line| line.ends_with("60.0 MiB")).count();
    assert_eq!(both, 2, "{:?}", cards(&browser, "memory"));
    browser.resize(600);
    let overflow = browser.run("return document.documentElement.scrollWidth - innerWidth", &json!([]));
    assert!(overflow.as_i64().expect("px") <= 0, "{overflow} px too wide");
    quiet(&browser);
}

#[test]
fn a_real_run_has_a_page() {
    let (_dir, bundle) = bundle();
    floodmark(arguments(&scenario("smoke.yaml"), &bundle, &[])).expect_code(0);
    let page = Page::of(&[open(&bundle)]);
    let html = std::fs::read_to_string(&page.file).expect("a page");
    for part in [
        "PASS",
        "connections.failed == 0",
        "<strong>200</strong> connections",
        "concurrency: 50",
        "none lost",
    ] {
        assert!(html.contains(part), "no '{part}' in the page");
    }
    let (shown, _) = html.split_once("<script type=").expect("data");
    let shown = shown.replace("http://www.w3.org/2000/svg", "").replace("url(#", "");
    for forbidden in ["http:", "https:", "url(", "@import", "NaN", "undefined", "not yet"] {
        let found = shown.find(forbidden).map(|at| &shown[at.saturating_sub(60)..(at + 60).min(shown.len())]);
        assert!(found.is_none(), "'{forbidden}' in the page: {found:?}");
    }
    // A branch may be called `infra`; a path may not go there.
    let paths: Vec<&str> = shown.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(paths.len() > 20, "{} paths", paths.len());
    for path in paths {
        let (places, letters) = (path.len(), path.chars().filter(|letter| letter.is_alphabetic()));
        let other = letters.filter(|letter| !"MLHVZAmlhvza".contains(*letter)).collect::<String>();
        assert!(other.is_empty(), "'{other}' in a path of {places} characters");
    }
    let Some(browser) = page.opened(600) else { return };
    let charts = browser.run("return document.querySelectorAll('.drawing').length", &json!([]));
    assert!(charts.as_u64().expect("a count") >= 7, "{charts} charts");
    quiet(&browser);
}

#[test]
fn without_a_run_or_a_summary_there_is_still_a_page() {
    assert!(report(&[], &Kind::ALL).contains("No run"));
    let dir = tempfile::tempdir().expect("a directory");
    made_up(dir.path(), 5, "made-up");
    std::fs::remove_file(dir.path().join("summary.json")).expect("it was there");
    let html = report(&[open(dir.path())], &Kind::ALL);
    assert!(html.contains("no verdict") && html.contains("id=\"memory\""), "charts do not need a summary");
    let value: Value = json!(html.contains("Thresholds"));
    assert_eq!(value, json!(false));
}
