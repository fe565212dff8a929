//! A further process of the same deployment.

use std::{io, sync::Arc};

use runtime::App;
use tokio::{net::TcpListener, task::JoinHandle};

use functions::catalog;

use crate::{
    Stack, gateway,
    stack::routes,
    workers::{Letter, Runner},
};

/// The functions as another App runs them, over the services of a [`Stack`]. It ends when it is dropped, and
/// whatever it was at with it.
pub struct Process {
    /// Where callers reach it.
    pub gateway: String,
    runner: Arc<Runner>,
    serving: JoinHandle<()>,
}

impl Process {
    /// Begins to answer; it works when it is told to.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn beside(stack: &Stack, app: App) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let gateway = format!("http://{}", listener.local_addr()?);
        let runner = stack.runner.over(app.clone());
        let routes = catalog::endpoints().iter().flat_map(|endpoint| routes(&app, endpoint)).collect();
        let clock = stack.clock.clone();
        let serving = tokio::spawn(async move {
            let clock = Arc::new(move || clock.now());
            // It ends with the task; an error would be one of the listener, which callers notice.
            let _ =
                gateway::serve(listener, routes, axum::Router::new(), clock, std::future::pending()).await;
        });
        Ok(Self { gateway, runner, serving })
    }

    /// Works off what the queues have to give.
    pub async fn work(&self) {
        self.runner.work().await;
    }

    /// Takes off the queues what they have to give, for whoever is to have it, and when.
    pub async fn take(&self) -> Vec<Letter> {
        self.runner.take().await
    }

    /// Works off letters. What came to nothing is given back to its queue.
    pub async fn hand_over(&self, letters: &[Letter]) {
        self.runner.hand_over(letters).await;
    }

    /// Ends. What it was working on is delivered to others, as a queue does when the time for it is up.
    pub async fn end(self, stack: &Stack) {
        stack.runner.give_back(&self.runner).await;
    }

    /// Runs a scheduled worker now; false if there is none of this name.
    pub async fn tick(&self, name: &str) -> bool {
        self.runner.tick_named(name).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
