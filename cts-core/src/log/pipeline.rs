//! Reading ahead on a second thread: decompression and scanning run while the caller works on the last batch.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Batch, Completeness, LogStream};
use crate::Result;

/// Batches in flight: one being filled, one waiting, one in use.
const DEPTH: usize = 3;

/// Calls `work` with each batch of `stream`, which another thread fills meanwhile. It pays where the work takes about
/// as long as decompression, such as encoding files: a batch changes cores, which costs more than a light loop over
/// its frames. Returns the stream's record.
///
/// # Errors
/// The stream's, or the first of `work`, which ends the reading.
pub fn read_ahead<R: Read + Send>(
    mut stream: LogStream<R>,
    mut work: impl FnMut(&Batch) -> Result<()>,
) -> Result<Completeness> {
    let (full_in, full) = sync_channel::<Result<Batch>>(DEPTH);
    let (empty_in, empty) = sync_channel(DEPTH);
    for _ in 0..DEPTH {
        let _ = empty_in.send(Batch::default());
    }
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            fill(&mut stream, &empty, &full_in);
            stream
        });
        let mut result = Ok(());
        for batch in &full {
            result = batch.and_then(|batch| {
                work(&batch)?;
                let _ = empty_in.send(batch);
                Ok(())
            });
            if result.is_err() {
                break;
            }
        }
        // Both ends must go, or the reader would wait for ever.
        drop((full, empty_in));
        let stream = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        result.map(|()| stream.completeness().clone())
    })
}

fn fill<R: Read>(stream: &mut LogStream<R>, empty: &Receiver<Batch>, full: &SyncSender<Result<Batch>>) {
    for mut batch in empty {
        let item = match stream.next_batch(&mut batch) {
            Ok(true) => Ok(batch),
            Ok(false) => return,
            Err(error) => Err(error),
        };
        let failed = item.is_err();
        if full.send(item).is_err() || failed {
            return;
        }
    }
}
