//! Bodies of answers.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use warp::Reply;
use warp::reply::Response;

/// A stream that one task at a time polls, so that it may be shared with others as the server demands.
struct Shared<S>(Mutex<Pin<Box<S>>>);

impl<S: Stream> Stream for Shared<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
    }
}

/// An answer of status 200 whose body is that stream.
pub(super) fn stream(pieces: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static) -> Response {
    warp::reply::stream(Shared(Mutex::new(Box::pin(pieces)))).into_response()
}

/// A body whose bytes are known, beside the response: kept until the last moment, for the hash and compression.
#[derive(Clone, Debug)]
pub(super) struct Whole(pub(super) Bytes);
