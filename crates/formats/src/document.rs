//! What is handed to a client.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

/// What is handed to a client. It holds its secrets: nothing of it is for a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Its media type.
    pub media_type: &'static str,
    /// Headers, in lower case, to send with it: all but the media type's.
    pub headers: Vec<(&'static str, String)>,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// A strong validator of its bytes (RFC 9110, section 8.8.3), quotes included. It stands among
    /// the headers too.
    pub etag: String,
}

impl Document {
    pub(crate) fn new(
        media_type: &'static str,
        mut headers: Vec<(&'static str, String)>,
        bytes: Vec<u8>,
    ) -> Self {
        // 128 bits of the hash: nobody gains by two documents of one tag.
        let hash = Sha256::digest(&bytes);
        let digits: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
        let etag = format!("\"{digits}\"");
        headers.push(("etag", etag.clone()));
        Self { media_type, headers, bytes, etag }
    }

    /// Its bytes as text; all formats are UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Whether a request's `If-None-Match` says that the client has it already, so that 304 is the
    /// answer: by weak comparison, as that header is (RFC 9110, section 13.1.2).
    pub fn is_known(&self, if_none_match: &str) -> bool {
        let mut tags = if_none_match.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.bytes.len();
        f.debug_struct("Document")
            .field("media_type", &self.media_type)
            .field("size", &size)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_it_is_not_sent_it_again() {
        let document = Document::new("text/plain", Vec::new(), b"abc".to_vec());
        // sha256sum's of `abc`.
        assert_eq!(document.etag, "\"ba7816bf8f01cfea414140de5dae2223\"");
        let etag = &document.etag;
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            assert!(document.is_known(&known), "{known}");
        }
        let without_quotes = etag.trim_matches('"').to_owned();
        for unknown in [String::new(), "\"x\"".to_owned(), without_quotes] {
            assert!(!document.is_known(&unknown), "{unknown}");
        }
    }

    #[test]
    fn a_document_does_not_show_itself() {
        let document = Document::new("text/plain", Vec::new(), b"secret".to_vec());
        assert_eq!(format!("{document:?}"), "Document { media_type: \"text/plain\", size: 6 }");
    }
}
