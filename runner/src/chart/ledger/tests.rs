use serde_json::json;

use super::bar::PARTS;
use super::*;

fn summary(pair: &Value, server: &Value) -> Value {
    json!({
        "connections": { "peak": 10_000 },
        "memory": { "ledger": { "points": 40, "slab_read": true, "pair": pair, "server": server } },
    })
}

#[test]
fn a_pair_and_its_server_are_two_bars() {
    let pair = json!({
        "total_bytes": 8420.4, "total_bytes_ci95": [8300.0, 8500.0], "kernel_tcp_bytes": 5041.0,
        "kernel_bind_bytes": 256.0, "kernel_slab_other_bytes": 20.0, "kernel_other_bytes": -4.0,
        "socket_buffer_bytes": 900.0, "kernel_skbuff_bytes": -52.0, "server_user_bytes": 41.0, "remainder_bytes": 42.0
    });
    let svg = draw(&summary(&pair, &json!({ "total_bytes": 2562.0, "kernel_tcp_bytes": 2520.5 })))
        .expect("a chart");
    for words in [
        ">TCP socket 5,041 B<",
        ">TCP socket 2,520 B<",
        ">other kernel 16 B<",
        ">unexplained 42 B<",
        ">8,420 B<",
        ">2,562 B<",
        "10,000 connections; slopes over the ramp, 40 readings; 8,420 B in all (95 %: 8,300 to 8,500 B)",
        "below zero by noise and not drawn: packets held −52 B",
    ] {
        assert!(svg.contains(words), "no {words} in {svg}");
    }
    assert!(!svg.contains("900"), "a charge is no memory");
    assert!(!svg.contains("inode"), "what was not measured is not drawn");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn without_slabinfo_the_kernel_s_objects_are_one_part() {
    let mut summary = summary(
        &json!({ "total_bytes": 8400.0, "kernel_slab_bytes": 8222.0, "kernel_other_bytes": 3.0 }),
        &Value::Null,
    );
    summary["memory"]["ledger"]["slab_read"] = false.into();
    let svg = draw(&summary).expect("a chart");
    assert!(svg.contains(">kernel objects 8,222 B<") && svg.contains("only root may read slabinfo"), "{svg}");
}

#[test]
fn what_is_not_to_be_trusted_says_so_on_its_face() {
    let mut summary = summary(&json!({ "total_bytes": 8400.0, "kernel_tcp_bytes": 8400.0 }), &Value::Null);
    summary["memory"]["ledger"]["note"] = "not to be trusted: 2 < 3 & so on".into();
    let svg = draw(&summary).expect("a chart");
    assert!(svg.contains(">not to be trusted: 2 &lt; 3 &amp; so on</text>"), "{svg}");
}

#[test]
fn nothing_to_draw_draws_nothing() {
    for summary in [
        Value::Null,
        json!([]),
        json!({ "memory": { "ledger": null } }),
        summary(&Value::Null, &Value::Null),
        summary(&json!({ "total_bytes": 3.0, "kernel_tcp_bytes": -3.0 }), &Value::Null),
        summary(&json!({ "total_bytes": -3.0, "kernel_tcp_bytes": 3.0 }), &Value::Null),
    ] {
        assert!(draw(&summary).is_none(), "{summary}");
    }
}

#[test]
fn labels_keep_apart_and_stay_on_the_page() {
    for middles in
        [vec![BASE; 12], vec![TOP; 12], vec![300.0, 120.0, 90.0, 70.0, 68.0, 67.5, 67.0, 66.0, 65.5]]
    {
        let heights = spread(&middles);
        assert!(heights.windows(2).all(|pair| pair[0] - pair[1] >= LABEL_STEP - 0.01), "{heights:?}");
        assert!(heights.iter().all(|height| (TOP - 5.0..=BASE).contains(height)), "{heights:?}");
    }
    assert!(TOP + LABEL_STEP * (PARTS.len() as f64) < BASE, "all labels fit at once");
}

#[test]
fn ticks_are_round_and_few() {
    for (most, step) in
        [(8420.0, 1000.0), (1.0, 0.2), (95.0, 10.0), (101.0, 20.0), (999.0, 100.0), (3_000_000.0, 500_000.0)]
    {
        assert!((tick_step(most) - step).abs() < 1e-9 * step, "{most}: {}", tick_step(most));
    }
    assert_eq!(
        [grouped(-1234.5), grouped(0.2), grouped(-0.2), grouped(1e6)],
        ["−1,234", "0", "0", "1,000,000"]
    );
}
