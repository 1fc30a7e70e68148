//! Hashes by which a page names its own script and style.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// `'sha256-…'`: allows the inline element with exactly this text. Source: W3C Content Security Policy 3, 2.3.1.
pub(super) fn csp_source(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn hash_of_nothing() {
        // echo -n | openssl dgst -sha256 -binary | base64
        assert_eq!(super::csp_source(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }
}
