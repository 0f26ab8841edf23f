use super::*;

/// What a made-up connection costs, in the order of the kinds.
const COSTS: [f64; KINDS] =
    [41.0, 34.0, 5041.0, 1725.0, 389.0, 389.0, 416.0, 256.0, 112.0, 0.0, 0.0, 20.0, 4.0, 900.0];
/// Of them, all but the buffers, which are charged and not held.
const HELD: usize = KINDS - 1;
const REMAINDER: f64 = 37.0;

/// A ramp of 10,000 connections; `noise` spoils each kind by up to so many bytes, by a generator of its own.
fn ramp(points: u32, noise: f64, slabinfo: bool) -> Vec<(f64, Reading)> {
    let mut state = 20_261_121_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 / f64::from(1 << 24) - 0.5) * 2.0 * noise
    };
    (0..points)
        .map(|point| {
            let open = f64::from(point) * 10_000.0 / f64::from(points - 1);
            let mut bytes = COSTS.map(|cost| 1e6 + cost * open + random());
            let slab: f64 = bytes[Kind::Tcp as usize..=Kind::SlabOther as usize].iter().sum();
            let kernel: f64 = bytes[Kind::Tcp as usize..HELD].iter().sum();
            let kernel = Some(kernel + 3e7 + REMAINDER * open + random());
            let kinds = std::array::from_fn(|kind| {
                let slabinfo = slabinfo || !(Kind::Tcp as usize..=Kind::SlabOther as usize).contains(&kind);
                slabinfo.then(|| std::mem::take(&mut bytes[kind]))
            });
            (
                open,
                Reading {
                    mono_us: u64::from(point),
                    kernel,
                    slab: Some(slab),
                    sockets: Some(7.0 + 2.0 * open),
                    kinds,
                },
            )
        })
        .collect()
}

#[track_caller]
fn near(json: &Value, key: &str, expected: f64, within: f64) {
    let value = json[key].as_f64().unwrap_or_else(|| panic!("{key} is {}", json[key]));
    assert!((value - expected).abs() <= within, "{key} is {value}, not {expected}");
}

/// Each part is rounded to a tenth, so that their sum may be off by half a tenth for each.
const ROUNDING: f64 = 0.05 * (KINDS as f64 + 3.0);

#[track_caller]
fn adds_up(side: &Value) {
    let mut sum: f64 = KEYS[..HELD].iter().filter_map(|(_, key)| side[*key].as_f64()).sum();
    if side["kernel_slab_other_bytes"].is_null() && side["kernel_slab_bytes"].is_number() {
        sum += side["kernel_slab_bytes"].as_f64().unwrap_or(f64::NAN);
    }
    let remainder = side["remainder_bytes"].as_f64();
    near(side, "total_bytes", sum + remainder.unwrap_or(0.0), ROUNDING);
    if remainder.is_some() {
        near(side, "explained_bytes", sum, ROUNDING);
    }
}

#[test]
fn a_pair_s_bytes_and_the_server_s_half() {
    let ledger = Ledger::draw(&ramp(40, 0.0, true), 2, None).to_json();
    let (pair, server) = (&ledger["pair"], &ledger["server"]);
    for (kind, key) in KEYS {
        near(pair, key, COSTS[kind as usize], 0.1);
    }
    near(pair, "total_bytes", COSTS[..HELD].iter().sum::<f64>() + REMAINDER, 0.1);
    near(pair, "remainder_bytes", REMAINDER, 0.1);
    near(pair, "kernel_slab_bytes", COSTS[2..12].iter().sum(), 0.1);
    near(pair, "kernel_bytes", COSTS[2..13].iter().sum(), 0.1);
    adds_up(pair);
    near(server, "server_user_bytes", 41.0, 0.1);
    near(server, "kernel_tcp_bytes", 5041.0 / 2.0, 0.1);
    near(server, "total_bytes", 41.0 + (5041.0 + 1725.0 + 389.0 + 389.0 + 416.0 + 112.0) / 2.0, 0.1);
    adds_up(server);
    // Bind buckets are the generator's; what cannot be told apart by end is null.
    for key in ["kernel_bind_bytes", "generator_user_bytes", "kernel_slab_other_bytes", "remainder_bytes"] {
        assert!(server[key].is_null(), "{key} is {}", server[key]);
    }
    assert!(ledger["generator"].is_null());
    assert_eq!(
        (&ledger["slab_read"], &ledger["note"], &ledger["points"]),
        (&json!(true), &Value::Null, &json!(40))
    );
}

#[test]
fn with_noise_the_sums_still_hold_and_the_intervals_hold_the_truth() {
    let ledger = Ledger::draw(&ramp(60, 200_000.0, true), 2, None).to_json();
    let pair = &ledger["pair"];
    adds_up(pair);
    adds_up(&ledger["server"]);
    for (key, truth) in
        [("total_bytes", COSTS[..HELD].iter().sum::<f64>() + REMAINDER), ("remainder_bytes", REMAINDER)]
    {
        let [low, high] = [0, 1].map(|end| pair[format!("{key}_ci95")][end].as_f64().expect("a bound"));
        assert!(low < truth && truth < high && high - low > 1.0, "{key}: {truth} in {low} to {high}");
    }
}

#[test]
fn without_slabinfo_slab_memory_is_explained_as_a_whole() {
    let ledger = Ledger::draw(&ramp(40, 0.0, false), 2, Some("not root")).to_json();
    assert_eq!((&ledger["slab_read"], &ledger["note"]), (&json!(false), &json!("not root")));
    let pair = &ledger["pair"];
    assert!(pair["kernel_tcp_bytes"].is_null() && pair["kernel_slab_other_bytes"].is_null());
    near(pair, "kernel_slab_bytes", COSTS[2..12].iter().sum(), 0.1);
    near(pair, "remainder_bytes", REMAINDER, 0.1);
    adds_up(pair);
    let server = &ledger["server"];
    near(server, "server_user_bytes", 41.0, 0.1);
    assert!(server["total_bytes"].is_null(), "without its kernel share there is no total");
}

#[test]
fn one_end_is_measured_and_not_halved() {
    let elsewhere = |(open, mut reading): (f64, Reading)| {
        reading.sockets = Some(open);
        reading.kinds[Kind::ServerUser as usize] = None;
        (open, reading)
    };
    let readings: Vec<_> = ramp(40, 0.0, true).into_iter().map(elsewhere).collect();
    let ledger = Ledger::draw(&readings, 1, None).to_json();
    assert!(ledger["pair"].is_null() && ledger["server"].is_null());
    near(&ledger["generator"], "kernel_tcp_bytes", 5041.0, 0.1);
    assert!(ledger["generator"]["server_user_bytes"].is_null());
    adds_up(&ledger["generator"]);
}

#[test]
fn strangers_sockets_are_noticed() {
    let note = |share: f64, ends: u64| {
        let mut readings = ramp(40, 0.0, true);
        readings.iter_mut().for_each(|(open, reading)| reading.sockets = Some(7.0 + share * *open));
        Ledger::draw(&readings, ends, None).to_json()["note"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!([note(2.0, 2), note(1.97, 2), note(1.01, 1)], ["", "", ""]);
    assert!(
        note(2.3, 2).starts_with("not to be trusted: with each connection came 2.30 TCP sockets, not 2;")
    );
    assert!(note(-7.0, 1).contains("came -7.00 TCP sockets, not 1"));
    assert!(note(2.0, 1).starts_with("both ends seem to be here"));
}

#[test]
fn what_was_not_read_is_null() {
    let nothing = Ledger::draw(&[], 2, None).to_json();
    assert!(nothing["pair"].is_null() && nothing["slab_read"].is_null(), "{nothing}");
    // Four readings have no slope.
    assert!(Ledger::draw(&ramp(4, 0.0, true), 2, None).to_json()["pair"].is_null());
    // A server that could not be read leaves no pair; a kind that failed once is not had.
    let mut readings = ramp(40, 0.0, true);
    readings[7].1.kinds[Kind::Skbuff as usize] = None;
    let ledger = Ledger::draw(&readings, 2, None).to_json();
    assert!(ledger["pair"]["kernel_skbuff_bytes"].is_null() && ledger["pair"]["total_bytes"].is_number());
    readings[7].1.kinds[Kind::ServerUser as usize] = None;
    let ledger = Ledger::draw(&readings, 2, None).to_json();
    assert!(ledger["pair"].is_null() && ledger["server"]["server_user_bytes"].is_null());
    // A reading without a total is no reading.
    readings[9].1.kernel = None;
    assert_eq!(Ledger::draw(&readings, 2, None).points, 39);
}
