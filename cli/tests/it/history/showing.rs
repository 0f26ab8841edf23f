//! Everything that a check can print or draw.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{BYTES, Folder, step, text};
use crate::browser::Browser;
use crate::schema::holds;
use crate::tool::{command, eventually};

/// Fails unless the object is as the committed schema says.
pub(super) fn holds_schema(json: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/history.schema.json");
    let schema: Value = serde_json::from_slice(&fs::read(path).expect("the schema")).expect("JSON");
    holds(&schema, json, "document");
}

/// Fails unless each element of the XML is ended, in order, and nothing in it is markup that should not be.
pub(super) fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(xml);
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a stray '>' in {}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag}");
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "never ended: {open:?}");
    let entities = xml.split('&').skip(1);
    assert!(
        entities.map(|after| after.split(';').next()).all(|name| name.is_some_and(|name| name.len() < 6))
    );
}

#[test]
fn junit_has_a_test_for_each_metric() {
    let folder = Folder::new();
    // A name that is markup in every language.
    folder.write("h.jsonl", &step().replace("\"smoke\"", "\"a<b>&|'`\\\"c\""));
    let printed = folder.history("check", &["--junit", "-"]).expect_code(1).stdout;
    well_formed(&printed);
    assert_eq!(printed.matches("<testcase ").count(), 6, "{printed}");
    assert_eq!(
        (printed.matches("<failure ").count(), printed.matches("<skipped ").count()),
        (1, 5),
        "{printed}"
    );
    let file = folder.path("report.xml");
    folder.history("check", &["--junit", text(&file)]).expect_code(1).expect_stdout(&["WORSE"]);
    assert_eq!(folder.text("report.xml"), printed);
    folder.history("check", &["--junit", "-", "--json"]).expect_code(2);
    folder
        .history("check", &["--junit", "/nowhere/x.xml"])
        .expect_code(2)
        .expect_stderr(&["could not write"]);
    let markdown = folder.history("check", &["--markdown"]).expect_code(1).stdout;
    assert!(markdown.contains("**a&#60;b&#62;&#38;&#124;'&#96;\"c**"), "{markdown}");
    assert!(markdown.lines().filter(|line| line.starts_with('|')).all(|line| line.matches('|').count() == 5));
}

#[test]
fn trends_are_drawn() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let file = folder.path("trend.svg");
    folder.history("check", &["--metric", BYTES, "--svg", text(&file)]).expect_code(1);
    let svg = folder.text("trend.svg");
    well_formed(&svg);
    assert!(svg.contains("0c0001e") && svg.contains("+50 %"), "the change and its commit");
    folder.write("h.jsonl", &(step() + &step().replace("\"smoke\"", "\"../other\"")));
    let two = folder.history("check", &["--metric", BYTES, "--svg", text(&file)]).expect_code(2);
    two.expect_stderr(&["2 trends do not go into one file"]);
    let trends = folder.path("trends");
    folder.history("check", &["--metric", BYTES, "--svg", text(&trends)]).expect_code(1);
    let mut names: Vec<_> =
        fs::read_dir(&trends).expect("made").map(|entry| entry.expect("entry").file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        [format!("_..-other--{BYTES}.svg"), format!("smoke--{BYTES}.svg")]
            .map(Into::<std::ffi::OsString>::into)
    );
}

/// A report replaced the history, and of two scenarios with alike names one trend was left.
#[test]
fn nothing_takes_the_place_of_anything_else() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let own = folder.path("h.jsonl");
    let linked = folder.path("linked.svg");
    std::os::unix::fs::symlink(&own, &linked).expect("a link");
    for (flag, path) in [("--junit", &own), ("--svg", &own), ("--svg", &linked), ("--junit", &linked)] {
        let said = folder.history("check", &["--metric", BYTES, flag, text(path)]).expect_code(2);
        said.expect_stderr(&["is the history itself"]);
    }
    assert_eq!(folder.text("h.jsonl"), step());
    let alike = [step().replace("\"smoke\"", "\"a/b\""), step().replace("\"smoke\"", "\"a-b\"")];
    folder.write("h.jsonl", &alike.concat());
    let trends = folder.path("trends");
    folder.history("check", &["--metric", BYTES, "--svg", text(&trends)]).expect_code(1);
    assert_eq!(fs::read_dir(&trends).expect("made").count(), 2);
}

/// Names are written by whoever wrote the file.
#[test]
fn no_name_steers_the_terminal() {
    let folder = Folder::new();
    let evil = "\\u001b]0;title\\u0007\\u009b2J";
    let named = step()
        .replace("\"smoke\"", &format!("\"smoke{evil}\""))
        .replace("\"main\"", &format!("\"main{evil}\""))
        .replace(BYTES, &format!("{BYTES}{evil}"));
    folder.write("h.jsonl", &named);
    let harmless = |text: &str| assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    for arguments in [
        &["check", "-m", "memory.*"][..],
        &["check", "--scenario", "x"],
        &["check", "-m", "memory.server_bytes_per_connection"],
        &["list"],
        &["list", "--metrics"],
    ] {
        let said = folder.history(arguments[0], &arguments[1..]);
        assert!(said.stdout.contains("2J") || said.stderr.contains("2J"), "{arguments:?}: {said}");
        harmless(&said.stdout);
        harmless(&said.stderr);
    }
}

#[test]
fn the_site_is_whole_and_needs_nothing_else() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step().replace("\"smoke\"", "\"<script>alert(1)</script>\""));
    let site = folder.path("site");
    folder.history("page", &["-o", text(&site)]).expect_code(0).expect_stdout(&["index.html (2 pages)"]);
    let index = fs::read_to_string(site.join("index.html")).expect("the index");
    let link = index.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let page = fs::read_to_string(site.join(link)).unwrap_or_else(|error| panic!("{link}: {error}"));
    for html in [&index, &page] {
        assert!(html.starts_with("<!doctype html>") && html.contains("prefers-color-scheme:dark"));
        assert!(!html.contains("<script>alert"), "a name is no markup");
        // The one address is that of SVG's namespace.
        let addresses = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!addresses.contains("http://") && !addresses.contains("https://"), "no network");
    }
    assert!(page.contains("<code>0c0001d..0c0001e</code>") && page.contains("class=\"chart\""));
    // Again, the same bytes; but nobody else's page is overwritten.
    folder.history("page", &["-o", text(&site)]).expect_code(0);
    assert_eq!(fs::read_to_string(site.join("index.html")).expect("the index"), index);
    fs::write(site.join("index.html"), "<h1>mine</h1>").expect("written");
    folder.history("page", &["-o", text(&site)]).expect_code(2).expect_stderr(&["is not overwritten"]);
}

#[test]
fn a_commit_and_its_range_are_said_where_one_points() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let site = folder.path("site");
    folder.history("page", &["-o", text(&site)]).expect_code(0);
    let Some(browser) = Browser::open(1200) else { return };
    for scheme in ["light", "dark"] {
        browser.prefer("screen", scheme);
        browser.show(&site.join("index.html"));
        browser.run("document.querySelector('input').value = 'kernel'", &json!([]));
        browser.run("document.querySelector('input').dispatchEvent(new Event('input'))", &json!([]));
        assert_eq!(
            browser.run("return document.querySelectorAll('.card:not([hidden])').length", &json!([])),
            0
        );
        browser.show(&site.join(format!("smoke--{BYTES}.html")));
        let place = "const dots = [...document.querySelectorAll('.wide circle[data-point]')]; \
                     const box = dots[arguments[0]].getBoundingClientRect(); \
                     return [box.x + box.width / 2, box.y + box.height / 2]";
        // Pointers move with the frames of the page, not at once.
        let point = |commit: usize, says: &str| {
            let place = browser.run(place, &json!([commit]));
            let at = |index: usize| place[index].as_f64().expect("a place");
            browser.point(&[(at(0) - 40.0, at(1) - 30.0), (at(0), at(1) - 30.0)]);
            eventually(says, || Some(browser.text("#hint")).filter(|hint| hint.starts_with(says)))
        };
        let plain = point(10, "0c0000a on main, 2026-10-01: ");
        assert!(!plain.contains(".."), "no change is near: {plain}");
        let changed = point(30, "0c0001e on main");
        assert!(changed.contains("+50 %, in 0c0001d..0c0001e"), "{changed}");
        // The same by keys, from the newest commit back.
        browser.run("document.querySelector('.wide svg').focus()", &json!([]));
        browser.press("\u{e010}\u{e012}");
        let says = "0c0003a on main";
        eventually(says, || Some(browser.text("#hint")).filter(|hint| hint.starts_with(says)));
        assert_eq!(browser.console(), [""; 0], "{scheme}");
    }
    browser.resize(600);
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run(fits, &json!([])), true, "nothing sticks out of a narrow window");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step().repeat(20));
    let file = folder.path("h.jsonl");
    let mut child = command(["history", "list", "--json", "--file", text(&file)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    assert!(first.starts_with("{\"history\":1"));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn the_list_names_commits_machines_and_metrics() {
    let folder = Folder::new();
    folder.write("h.jsonl", &step());
    let list = folder.history("list", &[]).expect_code(0);
    list.expect_stdout(&[
        "0c0001e",
        "main",
        "smoke",
        "machine 8f3a0000 (AMD EPYC, 2 cores, 24 GiB, Linux 6.18)",
    ]);
    folder.history("list", &["--metrics"]).expect_code(0).expect_stdout(&[
        BYTES,
        "60 runs",
        "lower is better; a change of at least 3.0 % and 4 B is told",
    ]);
}
