//! What goes with a document over HTTP, as far as its format knows such.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use damm_catalog::Catalog;
use damm_fleet::Span;

use crate::format::Format;
use crate::settings::Settings;

/// A document's headers, but for its media type and its ETag.
pub(crate) fn of(
    format: Format,
    catalog: &Catalog,
    settings: &Settings,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        // It holds a client's secrets, and is asked for again each time: the ETag makes that cheap.
        ("cache-control", "private, no-cache".to_owned()),
        // The same path gives other apps other documents.
        ("vary", "User-Agent".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let title = settings.title.as_deref().unwrap_or(&catalog.fleet);
    match format {
        Format::SingBox | Format::Mihomo | Format::Links => headers.extend([
            ("profile-title", profile_title(title)),
            ("profile-update-interval", hours(catalog).to_string()),
            ("subscription-userinfo", user_info(catalog)),
        ]),
        // A tunnel's name is its file's: up to 15 of these (wg-quick(8)).
        Format::Wireguard => {
            let name = "attachment; filename=\"proxy.conf\"".to_owned();
            headers.push(("content-disposition", name));
        }
        Format::Damm | Format::Outline | Format::Sip008 => {}
    }
    headers
}

/// Printable ASCII as it is, all else in base64: apps know both.
fn profile_title(title: &str) -> String {
    match title.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        true => title.to_owned(),
        false => format!("base64:{}", STANDARD.encode(title)),
    }
}

/// After how many hours an app should ask again: four times while a catalog holds, and an app that
/// misses three still has one that does.
fn hours(catalog: &Catalog) -> u64 {
    let hour = Span::from_hours(1).as_millis();
    (catalog.expires.since(catalog.not_before).as_millis() / 4 / hour).max(1)
}

/// Nothing is counted; what is told holds until `expire`, in seconds since 1970.
fn user_info(catalog: &Catalog) -> String {
    let expire = catalog.expires.as_millis() / 1_000;
    format!("upload=0; download=0; total=0; expire={expire}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_of_any_script_fits_into_a_header() {
        assert_eq!(profile_title("My net 1"), "My net 1");
        for title in ["دم", "a\r\nset-cookie: b", "ü"] {
            let written = profile_title(title);
            assert!(written.bytes().all(|b| b.is_ascii_graphic()), "{written}");
            let text = STANDARD.decode(written.strip_prefix("base64:").unwrap()).unwrap();
            assert_eq!(text, title.as_bytes());
        }
    }
}
