//! What every server of this process does with its connections.

use axum::serve::{ListenerExt as _, TapIo};
use tokio::net::{TcpListener, TcpStream};

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
