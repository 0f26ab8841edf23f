use std::os::unix::fs::symlink;

use super::*;

/// Linux 6.18, SLUB, cut down to the caches that matter and one stranger.
const LINUX_6_18: &str = "\
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
TCPv6                 26     26   2496   13    8 : tunables    0    0    0 : slabdata      2      2      0
ext4_inode_cache  148913 148988   1128   14    4 : tunables    0    0    0 : slabdata  10642  10642      0
TCP                   92    143   2368   13    8 : tunables    0    0    0 : slabdata     11     11      0
ep_head             1031   2048     16  256    1 : tunables    0    0    0 : slabdata      8      8      0
eventpoll_epi       2078   2384    128   32    1 : tunables    0    0    0 : slabdata     75     75      0
anon_vma_chain       768    896     64   64    1 : tunables    0    0    0 : slabdata     14     14      0
sock_inode_cache     205    266    832   19    4 : tunables    0    0    0 : slabdata     14     14      0
kmalloc-64          1881   2688     64   64    1 : tunables    0    0    0 : slabdata     42     42      0
";

fn values(text: &str, caches: &Caches) -> Result<Values, &'static str> {
    let mut values = Values::new();
    rows(text).map(|rows| put(&rows, caches, 4096, &mut values))?;
    Ok(values)
}

fn names(text: &str) -> Vec<String> {
    rows(text).expect("a slabinfo").iter().map(|row| row.name.to_owned()).collect()
}

/// A directory as `/sys/kernel/slab`: each name a link to what it lies in.
fn aliases(links: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, target) in links {
        symlink(target, dir.path().join(name)).expect("a link");
    }
    dir
}

#[test]
fn whole_slabs_are_added_up_by_group() {
    let caches = Caches::new(&names(LINUX_6_18), Path::new("/nowhere"));
    let values = values(LINUX_6_18, &caches).expect("a slabinfo");
    let expected = [
        ("host.slab_tcp_bytes", f64::from((2 + 11) * 8 * 4096)),
        ("host.slab_sock_inode_bytes", f64::from(14 * 4 * 4096)),
        ("host.slab_epoll_bytes", f64::from((8 + 75) * 4096)),
        ("host.slab_other_bytes", f64::from((10_642 * 4 + 14 + 42) * 4096)),
    ];
    // What this kernel has not is absent, not zero.
    assert_eq!(values.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn merged_caches_are_found_under_another_s_name_and_split_by_registrations() {
    let dir = aliases(&[
        ("eventpoll_epi", ":A-0000128"),
        ("tcp_bind_bucket", ":A-0000128"),
        ("tcp_bind2_bucket", ":A-0000128"),
        ("anon_vma_chain", ":A-0000064"),
        ("eventpoll_pwq", ":A-0000064"),
        ("lsm_file_cache", ":0000064"),
        ("kmalloc-64", ":0000064"),
    ]);
    let caches = Caches::new(&names(LINUX_6_18), dir.path());
    assert_eq!(caches.place("eventpoll_epi"), Place::OfEpollAndBind);
    assert_eq!(caches.place("anon_vma_chain"), Place::Of(Group::Epoll));
    assert_eq!(caches.place("kmalloc-64"), Place::Of(Group::Other), "that may hold anything");
    let values = values(LINUX_6_18, &caches).expect("a slabinfo");
    // 768 registrations, as anon_vma_chain has it: 1,031 by ep_head are too many. 32 objects in a page, 2,078 in use.
    let pages = |objects: f64| objects / 32.0 * 4096.0;
    assert_eq!(values.get("host.slab_epoll_bytes"), Some(f64::from((8 + 14) * 4096) + pages(768.0)));
    assert_eq!(values.get("host.slab_bind_bytes"), Some(pages(2_078.0 - 768.0)));
    let others = f64::from((10_642 * 4 + 42 + 75) * 4096) - pages(2_078.0);
    assert_eq!(values.get("host.slab_other_bytes"), Some(others));
    assert_eq!(values.get("host.slab_security_bytes"), None);
}

#[test]
fn kernels_write_it_in_several_ways() {
    // 3.10 with SLAB's tunables and one memory group's copy; 2.6 with a space in a name; statistics switched on.
    let old = "slabinfo - version: 2.1 (statistics)\n# name <active_objs>\n\
        TCP(12:session) 3 4 1920 2 1 : tunables   24   12    8 : slabdata      2      2      0 : globalstat 1 2 : cpustat 3\n\
        fat inode cache 3 4 1920 2 1 : tunables 24 12 8 : slabdata 2 7 0\n";
    let rows = rows(old).expect("rows");
    assert_eq!([rows[0].name, rows[1].name], ["TCP(12:session)", "fat inode cache"]);
    assert_eq!([rows[0].pages, rows[1].pages, rows[1].in_use], [2, 7, 3]);
}

#[test]
fn what_is_torn_or_strange_gives_nothing() {
    let header = "slabinfo - version: 2.1\n";
    let whole = "TCP 92 143 2368 13 8 : tunables 0 0 0 : slabdata 11 11 0";
    assert!(rows(&format!("{header}{whole}")).is_ok());
    for end in 1..whole.len() {
        assert!(rows(&format!("{header}{whole}\n{}", &whole[..end])).is_err(), "{:?}", &whole[..end]);
    }
    for text in [
        "",
        "slabinfo - version: 1.1\nTCP 1 2 3 4 5\n",
        header,
        "<html>not here</html>\n",
        &format!("{header}{}\n", whole.replace("92", "-1")),
        &format!("{header}{}\n", whole.replace("slabdata 11 11", "slabdata 11 99999999999999999999")),
        &format!("{header}{}\n", whole.replace("slabdata 11 11", "slabdata 11 18446744073709551615")),
    ] {
        assert!(rows(text).is_err(), "{text:?}");
    }
}

#[test]
fn what_may_not_be_read_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let error = Slab::open_at(dir.path().join("slabinfo"), dir.path()).expect_err("not there").to_string();
    assert!(error.starts_with("could not read '") && error.contains("slabinfo"), "{error}");
    // A directory opens and cannot be read, as a file that a container has masked.
    assert!(Slab::open_at(dir.path(), dir.path()).is_err());
}

#[test]
fn this_machine_s_caches_add_up_to_its_slab() {
    let Ok(mut slab) = Slab::open() else { return };
    let mut values = Values::new();
    slab.sample(&mut values).expect("readable");
    let sum: f64 = values.iter().map(|(_, bytes)| bytes).sum();
    values.clear();
    crate::Memory::open().expect("/proc/meminfo").sample(&mut values).expect("readable");
    let whole = values.get("host.slab_bytes").expect("a slab");
    // Large blocks are in the whole alone; a busy machine changes between the two readings.
    assert!(sum > whole * 0.5 && sum < whole * 1.5, "{sum} of {whole}");
}
