//! Files as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Symbols on a line.
const COLUMNS: usize = 64;

/// A file as text, for those who read nothing else (RFC 7468's strict form, as age has it).
pub fn armor(file: &[u8]) -> String {
    let text = STANDARD.encode(file);
    // Base64 is ASCII, so no character is cut.
    let lines = text.as_bytes().chunks(COLUMNS).map(String::from_utf8_lossy);
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    format!("-----BEGIN AGE ENCRYPTED FILE-----\n{lines}-----END AGE ENCRYPTED FILE-----\n")
}
