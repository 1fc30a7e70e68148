//! Files of runs on their way to those who asked for them, beside the run that goes on.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::Engine;
use super::live::Live;
use crate::failure::Failure;
use crate::files::{Published, publish};
use crate::store::Artifact;

/// Files of one attempt that are on their way.
pub(super) type Publications = JoinSet<Result<(), Failure>>;

impl Engine {
    /// Moves a whole file to its place and makes it known.
    pub(super) async fn publish(
        self,
        run: String,
        live: Arc<Live>,
        name: String,
        content_type: String,
    ) -> Result<(), Failure> {
        let (layout, max, id) = (self.0.layout.clone(), self.0.settings.limits.artifact_bytes, run.clone());
        let moved = tokio::task::spawn_blocking(move || publish(&layout, &id, &name, max)).await;
        let Published { name, bytes, sha256 } =
            moved.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")))?;
        let (id, created_at) = (Uuid::new_v4().to_string(), self.now());
        let artifact = Artifact { id, run: run.clone(), name, content_type, bytes, sha256, created_at };
        self.persist(&run, &live, move |db| artifact.insert(db)).await?;
        self.0.metrics.artifact(bytes);
        Ok(())
    }
}

/// Waits for all of them; the first failure counts.
pub(super) async fn collect(mut publications: Publications) -> Result<(), Failure> {
    let mut all = Ok(());
    while let Some(one) = publications.join_next().await {
        let one = one.unwrap_or_else(|e| Err(Failure::system("internal", e.to_string(), "Report this.")));
        all = all.and(one);
    }
    all
}
