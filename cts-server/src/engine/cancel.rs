//! The end of a run by its owner.

use super::{Caller, Engine, lock};
use crate::failure::{Category, Failure};
use crate::store::{End, Level, ResultKeys, Run, Status};

impl Engine {
    /// Ends a run of the caller. False if there is none that could end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<bool, Failure> {
        let failure =
            Failure::new(Category::ToolError, "canceled", "Cancelled by user", "Start the run again.");
        let live = self.live(id);
        let end = End {
            status: Status::Canceled,
            at: self.now(),
            report: None,
            failure: Some(failure),
            logs_dropped: live.as_ref().map_or(0, |live| live.book.dropped()),
            keys: ResultKeys::default(),
        };
        let (wanted, of, caller) = (id.to_owned(), live.clone(), caller.clone());
        let canceled = self.0.store.write(move |db| {
            let is_theirs = Run::owner(db, &wanted)?.is_some_and(|owner| caller.sees(owner.as_deref()));
            let canceled = is_theirs && Run::finish(db, &wanted, &end)?;
            let Some(live) = of.filter(|_| canceled) else {
                return Ok((canceled, 0));
            };
            live.book.push(Level::Warning, "service", "Cancelled by user");
            Ok((canceled, live.book.save(db, &wanted)?))
        });
        let (canceled, last) = canceled.await?;
        if let Some(live) = live.filter(|_| canceled) {
            live.book.saved(last);
            live.cancel.cancel();
            if lock(&self.0.queue).remove(id) {
                self.settle(id, &live).await;
            }
        }
        Ok(canceled)
    }
}
