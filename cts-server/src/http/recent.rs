//! Values that are good for a while.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The last value. While somebody looks for a new one, the others wait for it and do not look themselves.
#[derive(Debug)]
pub(super) struct Recent<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Recent<T> {
    /// The last value, or what `look` finds if that is older than `age`. A failure is not kept.
    pub(super) async fn get<E>(
        &self,
        age: Duration,
        look: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut last = self.0.lock().await;
        if let Some((at, value)) = &*last
            && at.elapsed() < age
        {
            return Ok(value.clone());
        }
        let value = look.await?;
        *last = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_looks_again_after_a_while_and_after_failures() {
        let (recent, minute) = (Recent::default(), Duration::from_secs(60));
        assert_eq!(recent.get(minute, async { Err::<u8, _>("down") }).await, Err("down"));
        assert_eq!(recent.get(minute, async { Ok::<_, ()>(1) }).await, Ok(1));
        assert_eq!(recent.get(minute, async { Ok::<_, ()>(2) }).await, Ok(1));
        assert_eq!(recent.get(Duration::ZERO, async { Ok::<_, ()>(3) }).await, Ok(3));
    }
}
