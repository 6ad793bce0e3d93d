//! The DynamoDB API over HTTP, on a runtime of its own: the gate, which is where callers connect, and behind it the
//! database: called directly for what functions ask all the time, and for all else its own server, at an address that
//! nobody is told.
//!
//! The database answers a request on the thread that received it and may wait there for the disk. On a shared runtime
//! that holds up whatever else the thread had to do, so these threads have nothing else to do.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use dynoxide::Database;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::{Error, Gate, Wake, gate};
use crate::net;

/// How long a request that is under way may take to finish once the server is asked to stop. A client that sent half
/// a request, or does not read its answer, gets no longer.
const GRACE: Duration = Duration::from_millis(100);

/// A running server. Dropping it stops it as well, without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Server {
    pub(super) fn start(listener: TcpListener, gate: Gate, database: Database, wake: Wake) -> Result<Self, Error> {
        let serve = |source| Error::Serve { source };
        let address = listener.local_addr().map_err(serve)?;
        let inner = listen_out_of_sight().map_err(serve)?;
        let behind = inner.local_addr().map_err(serve)?;
        let router =
            gate::router(gate, database.clone(), behind, wake).map_err(|error| serve(io::Error::other(error)))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("dynamodb")
            .enable_all()
            .build()
            .map_err(serve)?;
        let listen = |listener: TcpListener| {
            let _entered = runtime.enter();
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        };
        let (listener, inner) = (listen(listener).map_err(serve)?, listen(inner).map_err(serve)?);
        let (stop, stopped) = watch::channel(());
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("dynamodb".to_owned())
            .spawn(move || {
                let inner = dynoxide::server::serve_with_shutdown(inner, database, wait_for_drop(stopped.clone()));
                let result = runtime.block_on(async {
                    let stop = wait_for_drop(stopped.clone());
                    let gate = net::serve_until(stop, net::prompt(listener), router, net::HEAD_TIMEOUT);
                    let gate = async {
                        gate.await;
                        Ok(())
                    };
                    tokio::select! {
                        result = async { tokio::try_join!(gate, inner) } => result.map(drop),
                        () = async { wait_for_drop(stopped).await; tokio::time::sleep(GRACE).await } => Ok(()),
                    }
                });
                if let Err(error) = result {
                    tracing::error!("the DynamoDB server stopped: {error}");
                }
                runtime.shutdown_timeout(GRACE);
                // Nobody waits if the server was dropped rather than stopped.
                let _ = end.send(());
            })
            .map_err(serve)?;
        Ok(Self { address, stop, ended })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it: requests under way get a tenth of a second to finish, then every connection is closed.
    pub async fn stop(self) {
        drop(self.stop);
        // An error says that the thread is gone, which is what is waited for.
        let _ = self.ended.await;
    }
}

/// Listens on a free port of one of the millions of addresses that a machine calls itself by: the database's own server
/// lets in whoever finds it, and any page in a browser could try out the ports of 127.0.0.1. Where that is the only such
/// address, as on macOS, it is there.
fn listen_out_of_sight() -> io::Result<TcpListener> {
    let [b, c, d, ..] = Uuid::new_v4().into_bytes();
    let hidden = Ipv4Addr::new(127, b, c, d.clamp(1, 254));
    TcpListener::bind((hidden, 0)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
}

/// Waits until the sender is dropped; nothing is ever sent.
async fn wait_for_drop(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}
