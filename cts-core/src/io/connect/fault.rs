//! What can go wrong in one exchange, before it is known whether another attempt helps.

use std::time::Duration;

use crate::Error;

/// Longest part of a remote's words that is repeated, in characters.
const MAX_WORDS: usize = 200;

/// A failed exchange.
#[derive(Debug)]
pub(super) enum Fault {
    /// An answer that says no.
    Status {
        code: u16,
        reason: String,
        retry_after: Option<Duration>,
        /// The size of the file, when a range lies beyond it.
        size: Option<u64>,
    },
    /// No answer, or one that broke off.
    Network { reason: String, transient: bool },
    /// An answer that cannot be used.
    Nonsense(String),
    /// Something on this side.
    Own(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl Fault {
    /// Whether the same request may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Status { code, .. } => matches!(code, 408 | 409 | 429 | 500 | 502 | 503 | 504),
            Self::Network { transient, .. } => *transient,
            Self::Nonsense(_) | Self::Own(_) => false,
        }
    }

    /// In words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Status { code, reason, .. } if reason.is_empty() => format!("HTTP {code}"),
            Self::Status { code, reason, .. } => format!("HTTP {code}: {reason}"),
            Self::Network { reason, .. } | Self::Nonsense(reason) => reason.clone(),
            Self::Own(error) => error.to_string(),
        }
    }
}

impl From<ureq::Error> for Fault {
    /// Addresses are left out: those of files carry their signature.
    fn from(error: ureq::Error) -> Self {
        use ureq::Error as E;
        let (reason, transient) = match error {
            E::Timeout(_) => ("it is silent".to_owned(), true),
            // What TLS refuses stays refused.
            E::Io(e) => (e.to_string(), e.kind() != std::io::ErrorKind::InvalidData),
            E::HostNotFound => ("the host is not known".to_owned(), false),
            E::ConnectionFailed | E::Protocol(_) | E::BodyStalled => (error.to_string(), true),
            E::BadUri(_) => ("an address cannot be read".to_owned(), false),
            other => (other.to_string(), false),
        };
        Self::Network { reason: words(&reason), transient }
    }
}

/// Words of a remote on one line, cut, without what could command a terminal.
pub(super) fn words(text: &str) -> String {
    let line = text.trim().chars().take(MAX_WORDS);
    line.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_on_their_line() {
        assert_eq!(words(" a\u{1b}[2J\nb "), "a [2J b");
        assert_eq!(words(&"x".repeat(999)).len(), MAX_WORDS);
    }
}
