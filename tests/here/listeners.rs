//! Where the program can be reached: from this machine alone, through whichever of its ports.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::support::{Server, apples_and_a_pear};

/// The inodes of everything that a process has open.
fn open_by(pid: u32) -> BTreeSet<String> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("Linux tells what a process has open");
    let target = |entry: fs::DirEntry| fs::read_link(entry.path()).ok()?.to_str().map(str::to_owned);
    open.flatten()
        .filter_map(target)
        .filter_map(|it| Some(it.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect()
}

/// The addresses of a process's sockets in this table of the kernel, as far as they are in that state.
fn addresses(pid: u32, table: &str, state: &str) -> Vec<String> {
    let open = open_by(pid);
    let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).expect("a table of sockets");
    let of_process = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        (columns[3] == state && open.contains(columns[9])).then(|| columns[1].to_owned())
    };
    table.lines().skip(1).filter_map(of_process).collect()
}

/// An address as the kernel writes it: `0100007F:0FA0` is `127.0.0.1:4000`.
fn address(written: &str) -> SocketAddrV4 {
    let (ip, port) = written.split_once(':').expect("an address and a port");
    let ip = u32::from_str_radix(ip, 16).expect("an address").to_ne_bytes();
    SocketAddrV4::new(Ipv4Addr::from(ip), u16::from_str_radix(port, 16).expect("a port"))
}

#[tokio::test]
async fn nothing_is_reached_from_elsewhere() {
    const LISTENING: &str = "0A";
    let server = Server::with(&["--tls"]).await;
    let order_id = server.guest().place_for_id(apples_and_a_pear()).await;
    server.until_fulfilled(&order_id).await;
    let ready: serde_json::Value =
        serde_json::from_slice(&fs::read(server.home.path("ready.json")).expect("a file")).expect("JSON");
    let port = |url: &serde_json::Value| {
        let url: reqwest::Url = url.as_str().expect("an address").parse().expect("an address");
        url.port().expect("a port")
    };
    let told =
        BTreeSet::from([port(&ready["graphqlUrl"]), port(&ready["dynamodbUrl"]), port(&ready["tls"]["graphqlUrl"])]);
    let listening: Vec<_> = addresses(server.pid(), "tcp", LISTENING).iter().map(|it| address(it)).collect();
    assert!(listening.iter().all(|address| address.ip().is_loopback()), "{listening:?}");
    let at_home = listening.iter().filter(|address| *address.ip() == Ipv4Addr::LOCALHOST);
    let at_home: BTreeSet<_> = at_home.map(SocketAddrV4::port).collect();
    if std::env::var_os("ORDERS_BOOTSTRAPS").is_none() {
        assert_eq!(at_home, told, "what listens on 127.0.0.1 is told");
        assert_eq!(listening.len(), told.len() + 1, "{listening:?}: and one is where no page looks for it");
    }
    assert!(at_home.is_superset(&told), "{listening:?}");
    assert_eq!(addresses(server.pid(), "tcp6", LISTENING), Vec::<String>::new(), "nothing listens on IPv6");
    for table in ["udp", "udp6"] {
        assert_eq!(addresses(server.pid(), table, "07"), Vec::<String>::new(), "{table}");
    }
}
