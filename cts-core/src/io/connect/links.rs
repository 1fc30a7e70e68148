//! Signed addresses, which expire.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::client::Client;
use super::files::{FileId, Listing};
use super::watch::Watch;
use crate::route::Route;
use crate::{ErrorKind, Result};

/// The addresses of a drive's files, for all threads that fetch them.
pub(super) struct Links<'a> {
    client: &'a Client,
    route: Route,
    current: Mutex<Current>,
    /// Held by the thread that asks for new ones, so that one call serves all.
    renewing: Mutex<()>,
}

struct Current {
    /// Grows with each list.
    age: u64,
    urls: HashMap<FileId, String>,
}

impl<'a> Links<'a> {
    pub(super) fn new(client: &'a Client, route: Route, listing: &Listing) -> Self {
        let current = Mutex::new(Current { age: 0, urls: listing.files.iter().cloned().collect() });
        Self { client, route, current, renewing: Mutex::default() }
    }

    /// The address of a file, and how many lists came before it.
    pub(super) fn get(&self, file: FileId) -> (u64, String) {
        let current = lock(&self.current);
        (current.age, current.urls.get(&file).cloned().unwrap_or_default())
    }

    /// Replaces addresses of that age, which have expired. Younger ones are left as they are.
    ///
    /// # Errors
    /// Those of [`Client::listing`].
    pub(super) fn renew(&self, age: u64, watch: &Watch) -> Result<()> {
        let _turn = lock(&self.renewing);
        if lock(&self.current).age > age {
            return Ok(());
        }
        let listing = self.client.listing(&self.route, watch)?;
        let mut current = lock(&self.current);
        current.age += 1;
        // A file that is gone keeps its old address, whose refusal is then told.
        current.urls.extend(listing.files);
        Ok(())
    }
}

/// Locks; every holder leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// The files of a drive. The API takes this call five times a minute.
    ///
    /// # Errors
    /// `no-access`, `not-in-connect`, `rate-limited`, `unreachable`, `bad-answer`, `canceled`.
    pub(super) fn listing(&self, route: &Route, watch: &Watch) -> Result<Listing> {
        self.lists.enter(self.patience().lists_per_minute, watch)?;
        let path = format!("/v1/route/{}/files", route.to_string().replace('|', "%7C"));
        let answer = self.ask(&path, &format!("drive {route}"), watch)?;
        if !answer.is_object() {
            let reason = "the files of a drive are no object".to_owned();
            return Err(ErrorKind::BadAnswer { host: self.host().to_owned(), reason }.into());
        }
        Ok(Listing::read(&answer, route, self.allows_plain()))
    }
}
