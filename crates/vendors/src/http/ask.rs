//! One request and its reply.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;

/// One request to a vendor, not sent yet.
#[derive(Clone)]
pub struct Ask {
    /// What it is for, in a few words: `create a machine`.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the API's base, with a leading slash, percent-encoded; or a whole address
    /// below the same base, as vendors give for the next page.
    pub path: String,
    /// Query parameters, not encoded yet.
    pub query: Vec<(String, String)>,
    /// More header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body and its type.
    pub body: Option<(&'static str, Bytes)>,
    /// Texts of this request that no error may repeat, user data above all.
    pub private: Vec<String>,
}

impl Ask {
    /// A request without a body.
    pub fn new(operation: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self {
            operation,
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            private: Vec::new(),
        }
    }

    /// A GET.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, path)
    }

    /// A POST of a JSON body.
    pub fn post(operation: &'static str, path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(operation, Method::POST, path).json(body)
    }

    /// A PUT of a JSON body.
    pub fn put(operation: &'static str, path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(operation, Method::PUT, path).json(body)
    }

    /// A PATCH with a JSON body.
    pub fn patch(operation: &'static str, path: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new(operation, Method::PATCH, path).json(body)
    }

    /// A DELETE.
    pub fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, path)
    }

    /// With a query parameter.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a header field.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a JSON body. What can't be written as JSON is sent as `null`, which every vendor
    /// refuses; our bodies are plain structs and maps with text keys, which always can.
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap_or_else(|_| b"null".to_vec());
        self.body("application/json", bytes)
    }

    /// With any body.
    pub fn body(mut self, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        self.body = Some((content_type, bytes.into()));
        self
    }

    /// With a text that no error may repeat.
    pub fn private(mut self, text: impl Into<String>) -> Self {
        self.private.push(text.into());
        self
    }
}

/// A vendor's answer of any status.
#[derive(Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// Whether the status is a success.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON; null when it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header field as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The vendor's own name for the request, for its support to find it by.
    pub fn request_id(&self) -> Option<&str> {
        const NAMES: [&str; 6] = [
            "x-request-id",
            "x-correlation-id",
            "x-amzn-requestid",
            "x-amz-request-id",
            "x-openstack-request-id",
            "cf-ray",
        ];
        NAMES.into_iter().find_map(|name| self.header(name))
    }
}
