//! The tasks behind an archive: some compress and encrypt, one puts in order, one uploads.

use std::future::Future;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use age::stream::StreamWriter;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn, spawn_blocking};

use crate::ae2::Salt;
use crate::checkpoint::{Checkpoint, Save, State};
use crate::ledger::{Books, Ledger, Step};
use crate::parts::{Parts, Whole};
use crate::upload::Outcome;
use crate::{ArchiveError, Password, Press, Sealed, Zip};

/// Orders in flight: of a long file 1 MiB, enough that the two sides seldom wait for each other.
const ORDERS: usize = 16;

/// Most entries being compressed at a time. Each takes up to twice an entry's size in memory.
const WORKERS: usize = 2;

/// Gives the salt of each entry; its argument is the entry's number.
pub(crate) type Salts = Arc<dyn Fn(u64) -> io::Result<Salt> + Send + Sync>;

/// Takes steps at one end, and stores the archive at the other.
///
/// Dropped early, it stores nothing: the writer meets the end of the orders without a `Finish`,
/// so that the upload meets the end of the parts without a last one.
pub(crate) struct Pipe {
    orders: mpsc::Sender<Order>,
    /// Presses that are free. There are as many as workers, and waiting for one holds the reading up.
    presses: mpsc::Receiver<Press>,
    entries: u64,
    lock: Keys,
    writer: JoinHandle<io::Result<Option<Whole>>>,
    upload: JoinHandle<Result<Outcome, ArchiveError>>,
}

/// What entries are locked with.
#[derive(Clone)]
pub(crate) struct Keys {
    /// None where what is around the ZIP is encrypted.
    pub(crate) password: Option<Arc<Password>>,
    pub(crate) salts: Salts,
}

/// What the ZIP is written into.
pub(crate) enum Out {
    Plain(Parts),
    Age(Box<StreamWriter<Parts>>),
}

impl Out {
    fn finish(self) -> io::Result<Parts> {
        match self {
            Self::Plain(parts) => Ok(parts),
            Self::Age(age) => age.finish(),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(parts) => parts.write(bytes),
            Self::Age(age) => age.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the writer shall do next.
enum Order {
    /// Adds the entry that a worker is at.
    Entry(oneshot::Receiver<io::Result<Sealed>>),
    Begin {
        name: String,
        length: u64,
        number: u64,
    },
    Bytes(Vec<u8>),
    End,
    Save(Ask),
    Finish,
}

/// Asks for a checkpoint.
pub(crate) struct Ask {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) books: Books,
    pub(crate) note: Vec<u8>,
    pub(crate) reply: oneshot::Sender<Checkpoint>,
}

/// As many workers as there are processors for them.
pub(crate) fn workers() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get).min(WORKERS)
}

impl Pipe {
    /// Goes on with what `zip` gives, whose parts `upload` takes.
    pub(crate) fn open(
        zip: impl FnOnce() -> io::Result<Zip<Out>> + Send + 'static,
        lock: Keys,
        workers: usize,
        upload: impl Future<Output = Result<Outcome, ArchiveError>> + Send + 'static,
    ) -> Self {
        let (orders, orders_in) = mpsc::channel(ORDERS);
        let (free, presses) = mpsc::channel(workers);
        for _ in 0..workers {
            // There is room for each.
            let _ = free.try_send(Press::default());
        }
        let keys = lock.clone();
        let writer = spawn_blocking(move || write(orders_in, zip()?, &keys, &free));
        Self { orders, presses, entries: 0, lock, writer, upload: spawn(upload) }
    }

    /// Sends the steps, and waits while the far end is busy. `false` when it has failed: then
    /// [`close`](Self::close) knows why. A step leaves the queue only once it is sent.
    pub(crate) async fn send(&mut self, ledger: &mut Ledger) -> bool {
        while let Some(step) = ledger.steps.front() {
            let Ok(room) = self.orders.reserve().await else { return false };
            let press = match step {
                Step::Entry { .. } => match self.presses.recv().await {
                    Some(press) => Some(press),
                    None => return false,
                },
                Step::Begin { .. } | Step::Bytes(_) | Step::End => None,
            };
            // Nothing is waited for from here on, so nothing is lost when this future is dropped.
            let number = self.entries;
            let order = match (ledger.steps.pop_front(), press) {
                (Some(Step::Entry { name, coding, plain }), Some(mut press)) => {
                    ledger.spare = mem::replace(press.plain(), plain);
                    let (done, entry) = oneshot::channel();
                    let lock = self.lock.clone();
                    self.entries += 1;
                    spawn_blocking(move || {
                        let entry = match &lock.password {
                            Some(password) => {
                                (lock.salts)(number).map(|salt| press.seal(name, coding, password, salt))
                            }
                            None => Ok(press.wrap(name, coding)),
                        };
                        // Nobody listens any more if the archive was given up.
                        let _ = done.send(entry);
                    });
                    Order::Entry(entry)
                }
                (Some(Step::Begin { name, length }), _) => {
                    self.entries += 1;
                    Order::Begin { name, length, number }
                }
                (Some(Step::Bytes(bytes)), _) => Order::Bytes(bytes),
                (Some(Step::End), _) => Order::End,
                (Some(Step::Entry { .. }) | None, _) => return false,
            };
            room.send(order);
        }
        true
    }

    /// Asks for a checkpoint behind all that was sent.
    pub(crate) async fn save(&self, ask: Ask) -> bool {
        self.orders.send(Order::Save(ask)).await.is_ok()
    }

    /// Ends the archive behind all that was sent.
    pub(crate) async fn finish(&self) -> bool {
        self.orders.send(Order::Finish).await.is_ok()
    }

    /// Ends the orders and waits for all tasks. `None` if the archive was never finished.
    pub(crate) async fn close(self) -> Result<Option<Whole>, ArchiveError> {
        drop(self.orders);
        let written = self.writer.await.map_err(ArchiveError::Stopped);
        // When both failed, the upload failed first: to the writer it is but a broken pipe.
        self.upload.await.map_err(ArchiveError::Stopped)??;
        written?.map_err(ArchiveError::Framing)
    }
}

/// The blocking task that puts the entries in order.
fn write(
    mut orders: mpsc::Receiver<Order>,
    mut zip: Zip<Out>,
    lock: &Keys,
    free: &mpsc::Sender<Press>,
) -> io::Result<Option<Whole>> {
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Entry(entry) => {
                let entry = entry.blocking_recv().map_err(io::Error::other)??;
                zip.add(&entry)?;
                // There is room for every press; nobody wants it if the archive was given up.
                let _ = free.try_send(entry.into_press());
            }
            Order::Begin { name, length, number } => match &lock.password {
                Some(password) => zip.begin(name, length, password, (lock.salts)(number)?)?,
                None => zip.begin_plain(name, length)?,
            },
            Order::Bytes(mut bytes) => zip.write(&mut bytes)?,
            Order::End => zip.end()?,
            Order::Save(ask) => save(&mut zip, ask)?,
            Order::Finish => {
                let entries = zip.entries();
                return zip.finish()?.finish()?.finish(entries).map(Some);
            }
        }
    }
    Ok(None)
}

fn save(zip: &mut Zip<Out>, ask: Ask) -> io::Result<()> {
    let (out, directory, size) = zip.state();
    let Out::Plain(parts) = out else { return Err(ErrorKind::Unsupported.into()) };
    let (tail, digest) = parts.state();
    let bytes = [&directory.records, tail, &ask.note].concat();
    let state = State {
        created_at: ask.created_at,
        books: ask.books,
        entries: directory.entries,
        size,
        digest,
        sent: Vec::new(),
        directory: directory.records.len(),
        tail: tail.len(),
    };
    parts.save(Save { state, bytes, reply: ask.reply })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Part;

    /// The archive that comes out when a little of everything is put in by so many bytes.
    async fn built(workers: usize, chunk: usize) -> Vec<u8> {
        let (parts, mut parts_in) = mpsc::channel(1);
        let (free, spare) = mpsc::channel(1);
        free.try_send(Vec::new()).unwrap();
        let (whole, archive) = oneshot::channel();
        let upload = async move {
            let mut bytes = Vec::new();
            while let Some(part) = parts_in.recv().await {
                match part {
                    Part::More(part) => {
                        bytes.extend_from_slice(&part);
                        let _ = free.try_send(Vec::new());
                    }
                    Part::Save(_) => return Err(ArchiveError::Lost),
                    Part::Last(part) => {
                        bytes.extend_from_slice(&part);
                        whole.send(bytes).unwrap();
                        return Ok(Outcome::Stored);
                    }
                }
            }
            Ok(Outcome::Abandoned)
        };
        let lock = Keys {
            password: Some(Arc::new(Password::new("correct horse battery".into()))),
            salts: Arc::new(|number| Ok(u128::from(number).to_le_bytes())),
        };
        let zip = move || Ok(Zip::new(Out::Plain(Parts::new(parts, spare)), DateTime::UNIX_EPOCH));
        let mut pipe = Pipe::open(zip, lock, workers, upload);
        let mut ledger = Ledger::default();
        for number in 0..200_000 {
            ledger
                .record(
                    "shop:events",
                    format!("{{\"n\":{number},\"text\":\"{}\"}}", "a b c ".repeat(8)).as_bytes(),
                    None,
                )
                .unwrap();
            assert!(pipe.send(&mut ledger).await);
        }
        for (name, length) in [("short.txt", 200_000), ("empty", 0), ("film.mp4", (9 << 20) + 1)] {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 7 % 251) as u8).collect();
            ledger.begin_file("crm:files", name, length).unwrap();
            for chunk in bytes.chunks(chunk) {
                ledger.file_chunk(chunk).unwrap();
                assert!(pipe.send(&mut ledger).await);
            }
            ledger.end_file().unwrap();
        }
        assert!(pipe.send(&mut ledger).await);
        assert!(pipe.finish().await);
        let entries = pipe.close().await.unwrap().unwrap().entries;
        assert_eq!(entries, 4 + 3);
        archive.await.unwrap()
    }

    #[tokio::test]
    async fn neither_workers_nor_chunks_make_a_difference() {
        let one = built(1, 1 << 20).await;

        for (workers, chunk) in [(2, 10_000), (3, 20 << 20), (2, 65_537)] {
            assert!(built(workers, chunk).await == one, "{workers} {chunk}");
        }
    }
}
