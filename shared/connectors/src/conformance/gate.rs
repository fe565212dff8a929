//! A gate between a connector and its store: connections through it can be broken off or left hanging.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What is sent arrives nowhere.
    Hanging,
    /// Connections break off, and no new ones come about.
    Shut,
}

pub(super) struct Gate {
    pub(super) address: SocketAddr,
    state: watch::Sender<State>,
}

impl Gate {
    /// A gate to the store at `upstream`.
    pub(super) async fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, watched) = watch::channel(State::Open);
        tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                tokio::spawn(pass(outside, upstream, watched.clone()));
            }
        });
        Self { address, state }
    }

    pub(super) fn open(&self) {
        self.state.send_replace(State::Open);
    }

    pub(super) fn hang(&self) {
        self.state.send_replace(State::Hanging);
    }

    pub(super) fn shut(&self) {
        self.state.send_replace(State::Shut);
    }
}

/// Passes on what both sides send, as long as the gate is open.
async fn pass(mut outside: TcpStream, upstream: SocketAddr, mut state: watch::Receiver<State>) {
    let now = *state.borrow_and_update();
    if now == State::Open
        && let Ok(mut inside) = TcpStream::connect(upstream).await
    {
        // Or every small answer waits 40 ms for the other side's acknowledgement.
        outside.set_nodelay(true).unwrap();
        inside.set_nodelay(true).unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => return,
            _ = state.changed() => {}
        }
    }
    // What hangs does so until the gate moves, and is then broken off.
    if *state.borrow_and_update() == State::Hanging {
        let _ = state.changed().await;
    }
}
