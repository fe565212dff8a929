//! One loopback listener with one service behind it, stopped gracefully.
//!
//! Every embedded service but DynamoDB (which brings its own server) is served by this loop.

use std::{future::Future, time::Duration};

use futures_util::FutureExt;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{AbortHandle, JoinHandle, JoinSet},
};

/// How long a stopping server waits for requests that are being answered.
const GRACE: Duration = Duration::from_secs(5);

/// Opens a listener on a free loopback port and says under which URL it is reached.
pub(super) async fn listen() -> std::io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// The signal that tells servers to stop; dropping the sender is the signal.
#[derive(Clone)]
pub(super) struct Stopping(watch::Receiver<()>);

impl Stopping {
    /// A sender to keep, and the signal to hand to servers.
    pub(super) fn pair() -> (watch::Sender<()>, Self) {
        let (sender, receiver) = watch::channel(());
        (sender, Self(receiver))
    }

    /// Resolves when the sender is gone.
    pub(super) async fn wait(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

/// A running server. Dropping it aborts the server with all its connections.
pub(super) struct Server {
    task: JoinHandle<()>,
    abort: AbortHandle,
}

impl Server {
    /// Runs `server` in the background.
    pub(super) fn spawn(server: impl Future<Output = ()> + Send + 'static) -> Self {
        let task = tokio::spawn(server);
        Self { abort: task.abort_handle(), task }
    }

    /// Waits until the server has ended by itself, and ends it if that takes longer than the grace.
    pub(super) async fn finished(mut self) {
        // The outcome does not matter: a server that panicked has ended as well.
        let _ = tokio::time::timeout(GRACE, &mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// Serves `service` on `listener` until `stopping`, then finishes the requests under way.
pub(super) async fn serve<S, B>(listener: TcpListener, service: S, stopping: Stopping)
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    // The set owns the connections, so that aborting this task aborts them too.
    let mut connections = JoinSet::new();
    let mut stop = Box::pin(stopping.wait().fuse());
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // No reason to stop serving others; but out of file handles, trying again at once is no use.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                // Small answers must not wait for the acknowledgement of the previous one.
                let _ = stream.set_nodelay(true);
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service.clone());
                connections.spawn(graceful.watch(connection).map(drop));
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Serves an axum router like [`serve`].
pub(super) async fn serve_router(listener: TcpListener, router: axum::Router, stopping: Stopping) {
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        // A router is ready at any time.
        lambda_http::Service::call(&mut router.clone(), request)
    });
    serve(listener, service, stopping).await;
}
