//! What every server of this process that can be found does with its connections: none costs much, or for long, unless it
//! is used. And whom those that are for programs alone let in.

mod sender;
mod stalled;

use std::future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::{Listener, ListenerExt as _, TapIo};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

pub(crate) use sender::{FETCH_SITE, is_from_a_program, is_loopback};
use stalled::Stalled;

/// How long the head of a request may take to arrive, counted from when the connection could have one: also how long a
/// connection is kept that nobody uses.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the body of a request may take to arrive: as long as AppSync takes to answer at most.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long somebody may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// The largest head of a request, in bytes. A token of a user pool has a few KB, and may come twice escaped in a URL.
const HEAD_LIMIT: usize = 64 * 1024;

/// The listener, with connections that send what there is at once: answers are small, and somebody waits for each.
pub(crate) fn prompt(listener: TcpListener) -> TapIo<TcpListener, fn(&mut TcpStream)> {
    listener.tap_io(|connection| without_delay(connection))
}

/// Sets `TCP_NODELAY`.
pub(crate) fn without_delay(connection: &TcpStream) {
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "a connection does not take TCP_NODELAY");
    }
}

/// Serves whoever connects, for as long as this is polled. Handlers learn the peer from [`ConnectInfo`].
///
/// What `axum::serve` lacks: a limit on how long a head may take, on how large it may be, and on how long an answer may
/// wait to be read. An answer itself may take as long as it likes.
pub(crate) async fn serve<L: Listener<Addr = SocketAddr>>(listener: L, router: Router) {
    serve_until(future::pending(), listener, router, HEAD_TIMEOUT).await;
}

/// The same with another limit on how long a head may take, until `stop` completes: then nobody can connect any more, whoever
/// is asking nothing is hung up on, and this returns once everybody else is answered.
pub(crate) async fn serve_until<L: Listener<Addr = SocketAddr>>(
    stop: impl Future<Output = ()>,
    mut listener: L,
    router: Router,
    head_timeout: Duration,
) {
    let (stopping, stopped) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            connected = listener.accept() => connected,
            () = &mut stop => break,
        };
        let (router, stopped) = (router.clone(), stopped.clone());
        tokio::spawn(async move {
            if let Err(error) = converse(stream, peer, router, head_timeout, stopped).await {
                tracing::debug!("a connection breaks: {error}");
            }
        });
    }
    drop((listener, stopped));
    stopping.send_replace(());
    stopping.closed().await;
}

async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    head_timeout: Duration,
    mut stopped: watch::Receiver<()>,
) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(Stalled::after(WRITE_TIMEOUT, stream)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        // Whoever does not serve any more without having said so leaves connections to themselves.
        Ok(()) = stopped.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

#[cfg(test)]
mod tests {
    use axum::routing::any;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Somebody who is connected to a server that answers everybody with two megabytes, and what becomes of that.
    fn connect() -> (DuplexStream, JoinHandle<Result<(), hyper::Error>>) {
        let (client, server) = duplex(1024);
        let router = Router::new().fallback(any(|body: String| async move { body + &"x".repeat(2_000_000) }));
        // Nobody says that it stops.
        let (_, stopped) = watch::channel(());
        (client, tokio::spawn(converse(server, ([127, 0, 0, 1], 1).into(), router, HEAD_TIMEOUT, stopped)))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_never_finishes_the_head_of_a_request_is_hung_up_on() {
        let (mut client, connection) = connect();
        let began = Instant::now();
        let mut said = 0;
        // A byte each second looks alive, and never gets anywhere.
        while client.write_all(b"x").await.is_ok() {
            said += 1;
            sleep(Duration::from_secs(1)).await;
        }
        assert!(said >= 59 && began.elapsed() < 2 * HEAD_TIMEOUT, "{said} bytes in {:?}", began.elapsed());
        assert!(connection.await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_nobody_uses_is_not_kept() {
        let (client, connection) = connect();
        let began = Instant::now();
        let _ = connection.await.unwrap();
        assert!(began.elapsed() >= HEAD_TIMEOUT && began.elapsed() < 2 * HEAD_TIMEOUT, "{:?}", began.elapsed());
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_and_never_reads_the_answer_is_hung_up_on() {
        let (mut client, connection) = connect();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let began = Instant::now();
        assert!(connection.await.unwrap().is_err());
        assert!(began.elapsed() >= WRITE_TIMEOUT && began.elapsed() < 2 * WRITE_TIMEOUT, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_slowly_gets_it_all() {
        let (mut client, connection) = connect();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let (mut read, mut chunk) = (0, vec![0; 1024]);
        loop {
            match client.read(&mut chunk).await.unwrap() {
                0 => break,
                some => read += some,
            }
            // Long in all, but never at a standstill.
            sleep(Duration::from_secs(1)).await;
        }
        assert!(read > 2_000_000, "{read}");
        connection.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_hours_and_the_next_question_is_served() {
        const LONG: Duration = Duration::from_hours(3);
        let (mut client, server) = duplex(1024);
        let router = Router::new().fallback(any(async || {
            sleep(LONG).await;
            "at last"
        }));
        let (_, stopped) = watch::channel(());
        let connection = tokio::spawn(converse(server, ([127, 0, 0, 1], 1).into(), router, HEAD_TIMEOUT, stopped));
        for _ in 0..2 {
            let began = Instant::now();
            client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut answer = vec![0; 1024];
            let length = client.read(&mut answer).await.unwrap();
            assert!(answer[..length].ends_with(b"at last"), "{}", answer[..length].escape_ascii());
            assert!(began.elapsed() >= LONG);
        }
        drop(client);
        connection.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn whoever_stops_hangs_up_on_the_idle_and_answers_who_has_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, mut is_asked) = tokio::sync::mpsc::unbounded_channel();
        let (answer, may_answer) = watch::channel(false);
        let router = Router::new().fallback(any(async move || {
            asked.send(()).unwrap();
            may_answer.clone().wait_for(|may| *may).await.unwrap();
            "answered"
        }));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let stopped = async { stopped.await.unwrap() };
        let server = tokio::spawn(serve_until(stopped, prompt(listener), router, HEAD_TIMEOUT));
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        is_asked.recv().await.unwrap();
        let began = Instant::now();
        stop.send(()).unwrap();
        assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
        assert!(!server.is_finished());
        answer.send_replace(true);
        let mut told = Vec::new();
        asking.read_to_end(&mut told).await.unwrap();
        assert!(told.ends_with(b"answered"), "{}", told.escape_ascii());
        server.await.unwrap();
        assert!(began.elapsed() < HEAD_TIMEOUT / 2, "nobody was hung up on before their time was over anyway");
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_told_so() {
        for header in ["x-a: y\r\n".repeat(10_000), format!("x-a: {}\r\n", "y".repeat(2 * HEAD_LIMIT))] {
            let (client, _connection) = connect();
            let (mut reader, mut writer) = tokio::io::split(client);
            let said = tokio::spawn(async move {
                let _ = writer.write_all(format!("GET / HTTP/1.1\r\nhost: x\r\n{header}\r\n").as_bytes()).await;
            });
            let mut answer = vec![0; 12];
            reader.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.1 431");
            drop(reader);
            said.abort();
        }
    }
}
