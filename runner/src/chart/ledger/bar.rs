//! What a bar is made of: the summary's keys, gathered into parts that a picture can show.

use serde_json::Value;

/// Less than this is no part of a picture: a tenth of a byte is finer than any figure is true.
pub(super) const PART_BYTES_MIN: f64 = 0.5;

/// The parts from the bottom up: label, keys whose sum it is, fill.
pub(super) const PARTS: [(&str, &[&str], &str); 12] = [
    ("TCP socket", &["kernel_tcp_bytes"], "#0072B2"),
    ("inode", &["kernel_sock_inode_bytes"], "#56B4E9"),
    ("file", &["kernel_file_bytes"], "#009E73"),
    ("dentry", &["kernel_dentry_bytes"], "#F0E442"),
    ("epoll", &["kernel_epoll_bytes"], "#D55E00"),
    ("bind bucket", &["kernel_bind_bytes"], "#E69F00"),
    ("security", &["kernel_security_bytes"], "#CC79A7"),
    ("other kernel", &["kernel_timewait_bytes", "kernel_slab_other_bytes", "kernel_other_bytes"], "#8C8C8C"),
    ("packets held", &["kernel_skbuff_bytes"], "#D9D9D9"),
    ("server", &["server_user_bytes"], "#222222"),
    ("generator", &["generator_user_bytes"], "#6B5B95"),
    ("unexplained", &["remainder_bytes"], "url(#unexplained)"),
];

/// Instead of the kernel's parts when they could not be told apart.
const UNSPLIT: (&str, &str, &str) = ("kernel objects", "kernel_slab_bytes", "#0072B2");

pub(super) struct Part {
    pub(super) label: &'static str,
    pub(super) bytes: f64,
    pub(super) fill: &'static str,
}

pub(super) struct Bar {
    pub(super) title: &'static str,
    pub(super) parts: Vec<Part>,
    /// Noise may leave a part below nothing, which has no height.
    pub(super) negative: Vec<Part>,
    pub(super) total: f64,
    pub(super) interval: Option<(f64, f64)>,
}

/// `None` when there is nothing to draw.
pub(super) fn bar(side: &Value, title: &'static str) -> Option<Bar> {
    let number = |key: &str| side[key].as_f64();
    let sum = |keys: &[&str]| keys.iter().filter_map(|key| number(key)).reduce(|sum, bytes| sum + bytes);
    let unsplit = number(UNSPLIT.1).filter(|_| number("kernel_slab_other_bytes").is_none());
    let unsplit = unsplit.map(|bytes| Part { label: UNSPLIT.0, bytes, fill: UNSPLIT.2 });
    let split =
        PARTS.into_iter().filter_map(|(label, keys, fill)| Some(Part { label, bytes: sum(keys)?, fill }));
    let parts = unsplit.into_iter().chain(split).filter(|part| part.bytes.abs() >= PART_BYTES_MIN);
    let (parts, negative): (Vec<Part>, Vec<Part>) = parts.partition(|part| part.bytes > 0.0);
    let ci95 = &side["total_bytes_ci95"];
    let interval = ci95[0].as_f64().zip(ci95[1].as_f64());
    // A total below nothing is noise and no picture.
    let total = number("total_bytes").filter(|total| *total > 0.0)?;
    (!parts.is_empty()).then_some(Bar { title, parts, negative, total, interval })
}
