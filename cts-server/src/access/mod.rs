//! Who may do what: keys, tokens, links, rate limits, origins of pages, and a record of it.
//!
//! [`Gate`] is the whole, with one question per request; everything below it is a plain function of its arguments.
//! This room knows paths of routes ([`policy`]) but neither runs nor artifacts.

mod audit;
mod authorize;
pub mod cli;
mod client;
mod cors;
mod gate;
mod headers;
mod key;
mod keys;
mod limit;
mod link;
mod pass;
pub mod policy;
mod reply;
mod rules;
mod scope;
#[cfg(test)]
mod tests;
mod token;

pub use audit::{Audit, Entry};
pub use authorize::{Credential, Denial, Principal, authorize};
pub use client::Client;
pub use gate::Gate;
pub use key::{ApiKey, KeyHash};
pub use keys::{KeyRecord, Keys};
pub use limit::{Limiter, Quota, RateKey};
pub use link::Links;
pub use pass::{Knock, Pass, Refusal};
pub use rules::problems;
pub use scope::{Scope, Scopes};
pub use token::{Claims, Tokens};
