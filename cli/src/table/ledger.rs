//! The ledger's block of the verdict table: where a connection's bytes go, wrapped to a readable width.

use serde_json::Value;

use crate::output::grouped;

/// The widest line, the table's margin and names included.
const LINE_WIDTH: usize = 100;

/// What stands before a line's text: two spaces, a name of twelve, a space.
const MARGIN: usize = 15;

/// Stands for a space at which no line is broken: a part's name stays with its figure.
const GLUE: char = '\u{a0}';

/// Words for the kernel's parts; several keys of one word are added up. A part under half a byte is not worth a word.
const KERNEL: [(&str, &[&str]); 9] = [
    ("TCP", &["kernel_tcp_bytes"]),
    ("inode", &["kernel_sock_inode_bytes"]),
    ("file", &["kernel_file_bytes"]),
    ("dentry", &["kernel_dentry_bytes"]),
    ("epoll", &["kernel_epoll_bytes"]),
    ("bind", &["kernel_bind_bytes"]),
    ("security", &["kernel_security_bytes"]),
    ("packets", &["kernel_skbuff_bytes"]),
    ("other", &["kernel_timewait_bytes", "kernel_slab_other_bytes", "kernel_other_bytes"]),
];

/// What stands beside the kernel's.
const BESIDE: [(&str, &str); 3] = [
    ("server", "server_user_bytes"),
    ("generator", "generator_user_bytes"),
    ("unexplained", "remainder_bytes"),
];

/// Lines of the table, each with its name; none when there is no ledger.
pub(super) fn lines(ledger: &Value) -> Vec<(&'static str, String)> {
    let mut texts = Vec::new();
    for (side, whose) in
        [("pair", "a pair"), ("server", "at the server's end"), ("generator", "at the generator's end")]
    {
        if let Some(total) = ledger[side]["total_bytes"].as_f64() {
            texts.push(format!("{} B {whose}: {}", signed(total), parts(&ledger[side])));
        }
    }
    let charged =
        ["pair", "generator"].into_iter().find_map(|side| ledger[side]["socket_buffer_bytes"].as_f64());
    if let Some(charged) = charged.filter(|bytes| bytes.abs() >= 0.5) {
        texts.push(format!("beside that, TCP has charged {} B for buffers", signed(charged)));
    }
    // The reason is of interest where there would be something to tell apart.
    if let (false, Some(note)) = (texts.is_empty(), ledger["note"].as_str()) {
        texts.push(note.to_owned());
    }
    let names = std::iter::once("ledger").chain(std::iter::repeat(""));
    names.zip(texts.iter().flat_map(|text| wrapped(text, LINE_WIDTH - MARGIN))).collect()
}

fn parts(side: &Value) -> String {
    let number = |key: &str| side[key].as_f64();
    let sum = |keys: &[&str]| keys.iter().filter_map(|key| number(key)).reduce(|sum, part| sum + part);
    let mut parts = Vec::new();
    if let Some(kernel) = number("kernel_bytes") {
        let named = KERNEL.iter().filter_map(|(word, keys)| {
            let bytes = sum(keys).filter(|bytes| bytes.abs() >= 0.5)?;
            Some(format!("{word}{GLUE}{}", signed(bytes)))
        });
        let named: Vec<String> = match number("kernel_slab_bytes") {
            Some(slab) if number("kernel_slab_other_bytes").is_none() => {
                let other = number("kernel_other_bytes").unwrap_or(0.0);
                vec![
                    format!("slab{GLUE}objects{GLUE}{}", signed(slab)),
                    format!("other{GLUE}{}", signed(other)),
                ]
            }
            _ => named.collect(),
        };
        let named = if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
        parts.push(format!("kernel{GLUE}{}{named}", signed(kernel)));
    }
    let beside =
        BESIDE.iter().filter_map(|(word, key)| Some(format!("{word}{GLUE}{}", signed(number(key)?))));
    parts.extend(beside);
    parts.join(", ")
}

/// `-52.3` as `-52`: noise may leave a part below nothing, and that is shown.
fn signed(bytes: f64) -> String {
    let rounded = bytes.round();
    let sign = if rounded < 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped(rounded.abs() as u64))
}

/// Breaks a text at its spaces; what goes on is set in by two.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always one");
        if last.chars().count() + 1 + word.chars().count() > width && !last.is_empty() {
            lines.push(format!("  {word}"));
        } else {
            last.push_str(if last.is_empty() { "" } else { " " });
            last.push_str(word);
        }
    }
    lines.into_iter().map(|line| line.replace(GLUE, " ")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pair() -> Value {
        json!({
            "total_bytes": 8420.4, "kernel_bytes": 8303.2, "kernel_slab_bytes": 8300.0, "kernel_tcp_bytes": 5041.0,
            "kernel_sock_inode_bytes": 1725.1, "kernel_file_bytes": 389.1, "kernel_dentry_bytes": 389.9,
            "kernel_epoll_bytes": 417.0, "kernel_bind_bytes": 256.0, "kernel_security_bytes": 112.3,
            "kernel_slab_other_bytes": -30.0, "kernel_other_bytes": 0.2, "kernel_timewait_bytes": 0.0,
            "socket_buffer_bytes": 0.0, "server_user_bytes": 41.3, "generator_user_bytes": 34.0,
            "remainder_bytes": -7.6
        })
    }

    #[test]
    fn a_pair_and_the_server_s_end_fit_the_width() {
        let server = json!({ "total_bytes": 3916.0, "kernel_bytes": 3875.0, "kernel_tcp_bytes": 2520.0,
            "kernel_slab_other_bytes": null, "server_user_bytes": 41.3, "remainder_bytes": null });
        let lines = lines(&json!({ "pair": pair(), "server": server, "generator": null, "note": null }));
        let expected = [
            ("ledger", "8,420 B a pair: kernel 8,303 (TCP 5,041, inode 1,725, file 389, dentry 390,"),
            ("", "  epoll 417, bind 256, security 112, other -30), server 41, generator 34,"),
            ("", "  unexplained -8"),
            ("", "3,916 B at the server's end: kernel 3,875 (TCP 2,520), server 41"),
        ];
        assert_eq!(lines, expected.map(|(name, text)| (name, text.to_owned())));
        assert!(lines.iter().all(|(_, text)| text.chars().count() + MARGIN <= LINE_WIDTH));
    }

    #[test]
    fn without_slabinfo_the_whole_is_told_and_why() {
        let mut pair = pair();
        for (_, keys) in KERNEL {
            for key in keys.iter().filter(|key| **key != "kernel_other_bytes") {
                pair[*key] = Value::Null;
            }
        }
        let note = "the kernel's objects are not told apart: could not read '/proc/slabinfo': Permission denied (os error 13)";
        let ledger = json!({ "pair": pair, "server": { "total_bytes": null }, "note": note });
        let text: Vec<String> = lines(&ledger).into_iter().map(|(_, text)| text).collect();
        let text = text.join(" ").replace("   ", " ");
        assert!(text.contains("kernel 8,303 (slab objects 8,300, other 0), server 41"), "{text}");
        assert!(text.contains("Permission denied") && !text.contains("server's end"), "{text}");
    }

    #[test]
    fn lines_are_broken_between_parts_and_never_within() {
        let text = format!("dentry{GLUE}-1,112, epoll{GLUE}-5,919, bind{GLUE}0");
        assert_eq!(wrapped(&text, 20), ["dentry -1,112,", "  epoll -5,919,", "  bind 0"]);
        assert_eq!(wrapped("a-word-that-is-longer-than-a-line and more", 20).len(), 2);
    }

    #[test]
    fn without_a_ledger_there_are_no_lines() {
        for ledger in [Value::Null, json!({ "pair": null, "note": "not root" })] {
            assert!(lines(&ledger).is_empty());
        }
    }
}
