//! Requests for catalogs, and the documents that answer them.

use damm_catalog::Catalog;
use damm_formats::{Error, Format, Settings, Wanted};

use crate::readers::read;
use crate::world::{every_kind, plainly, render};

/// Between one change and the next.
const NEXT: u8 = 0x1e;

/// Whatever a catalog's doors hold, each document is read back as doors at the catalog's own
/// places: nothing gets out of its field.
///
/// Each change is a door, a parameter, whether it is replaced or lengthened, and a text; the first
/// three of one byte each. A parameter beyond the last is the transport.
pub fn formats(data: &[u8]) {
    let mut catalog = every_kind();
    data.split(|b| *b == NEXT).take(16).for_each(|change| damage(&mut catalog, change));
    let places: Vec<_> = catalog.fronts.iter().map(|f| (f.address, f.port).into()).collect();
    for format in &Format::ALL[1..] {
        let document = match plainly(&catalog, *format) {
            Ok(document) => document,
            Err(Error::NoDoor { .. }) => continue,
            Err(error) => panic!("{format}: {error}"),
        };
        let text = document.text().into_owned();
        assert!(!text.contains("PostUp") && !text.contains("allowInsecure"), "{text}");
        for door in read(*format, &text) {
            assert!(places.contains(&door.at), "{format} leads to {}", door.at);
        }
    }
}

fn damage(catalog: &mut Catalog, change: &[u8]) {
    let [door, param, whole, text @ ..] = change else { return };
    let doors = catalog.fronts.len();
    let front = &mut catalog.fronts[usize::from(*door) % doors];
    let names: Vec<_> = front.params.keys().cloned().collect();
    let name = names.get(usize::from(*param) % (names.len() + 1));
    let value = match name {
        Some(name) => front.params.get_mut(name).unwrap(),
        None => &mut front.transport,
    };
    let text = String::from_utf8_lossy(text);
    match whole % 2 {
        0 => value.push_str(&text),
        _ => *value = text.into_owned(),
    }
}

/// Changes of each kind, in each door.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = ["\n[Peer]\n", "\"", "': ", "#", "/?plugin=x", "PostUp = id", "&a *a", "%0A"];
    let doors = (0..9u8).zip(texts.iter().cycle());
    let change = |(door, text): (u8, &&str)| [&[door, 0, door % 2][..], text.as_bytes()].concat();
    let changes: Vec<Vec<u8>> = doors.map(change).collect();
    let all = changes.join(&NEXT);
    changes.into_iter().chain([all, b"\x05\x02\x01wireguard".to_vec()]).collect()
}

/// Any query of any app is answered, and an operator's settings stay within their fields.
///
/// The query, the app, tags that are known, and a title stand between line breaks.
pub fn wanted(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let query = lines.next().unwrap_or_default();
    let (app, tags, title) = (lines.next(), lines.next(), lines.next());
    let title = title.map(str::to_owned);
    let settings = Settings { title: title.clone(), browser: title, ..Settings::default() };
    let Ok(wanted) = Wanted::new(query, app) else { return };
    assert!(wanted.door > 0);
    let document = match render(&every_kind(), wanted, &settings) {
        Ok(document) => document,
        Err(Error::NoSuchDoor { have, .. }) => return assert!(have < usize::from(wanted.door)),
        Err(error) => panic!("{error}"),
    };
    let plain = |value: &str| value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    assert!(document.headers.iter().all(|(_, value)| plain(value)), "{:?}", document.headers);
    assert!(document.is_known(&document.etag));
    if let Some(tags) = tags {
        let known = document.is_known(tags);
        assert!(!known || tags.contains('*') || tags.contains(&document.etag));
    }
    if wanted.format != Format::Damm {
        let plain = render(&every_kind(), wanted, &Settings::default()).unwrap();
        assert_eq!(read(wanted.format, &document.text()), read(wanted.format, &plain.text()));
    }
}

/// Each format, by its name and by an app that reads it.
pub fn wanted_seeds() -> Vec<Vec<u8>> {
    let named =
        Format::ALL.map(|f| format!("format={f}&door=1\nx/1\n\"a\", W/\"b\"\nA title: \"x\""));
    let apps = ["sing-box 1.14.4", "clash.meta/1.18.0", "Outline", "shadowsocks-rust/1.24.0"];
    let apps = apps.map(|app| format!("a=b&c=%20\n{app}\n*\nTitle"));
    named.into_iter().chain(apps).map(String::into_bytes).collect()
}
