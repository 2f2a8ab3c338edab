//! Whatever stands in a catalog or a request, nothing panics, and no text gets out of its field.

#![allow(clippy::unwrap_used)]

mod readers;
mod world;

use damm_catalog::Catalog;
use damm_formats::{Error, Format, Settings, Wanted};
use proptest::prelude::*;
use readers::read;
use world::{every_kind, plainly, render};

/// Texts that mean something to one of the formats.
fn text() -> impl Strategy<Value = String> {
    let telling = prop::sample::select(vec![
        "\n[Peer]\n",
        "\"",
        "\\",
        "': ",
        "#",
        "@",
        "/?plugin=x",
        "&allowInsecure=1",
        "- ",
        "\r\n",
        "{{",
        "%00",
        "\u{2028}",
        "%0A",
        ", 0.0.0.0/0",
        "PostUp = id",
        "!!binary ",
        "&a *a",
    ]);
    prop_oneof![
        2 => any::<String>(),
        2 => "[ -~]{0,40}",
        3 => (telling, "[ -~]{0,10}").prop_map(|(a, b)| format!("{a}{b}")),
    ]
}

/// A catalog in which some values of some doors are replaced or lengthened.
fn damaged() -> impl Strategy<Value = Catalog> {
    let place = any::<prop::sample::Index>;
    let change = (place(), place(), any::<bool>(), text());
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        let mut catalog = every_kind();
        for (door, param, whole, text) in changes {
            let doors = catalog.fronts.len();
            let front = &mut catalog.fronts[door.index(doors)];
            let names: Vec<_> = front.params.keys().cloned().collect();
            let value = front.params.get_mut(&names[param.index(names.len())]).unwrap();
            match whole {
                true => *value = text,
                false => value.push_str(&text),
            }
        }
        catalog
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Every document is read back as doors at the catalog's own places, each with as much as a
    /// door has: what got out of its field would be another door, or none that can be read.
    #[test]
    fn what_a_damaged_door_says_stays_within_its_field(catalog in damaged()) {
        let places: Vec<_> = catalog.fronts.iter().map(|f| (f.address, f.port).into()).collect();
        for format in &Format::ALL[1..] {
            let document = match plainly(&catalog, *format) {
                Ok(document) => document,
                Err(Error::NoDoor { .. }) => continue,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            let text = document.text().into_owned();
            prop_assert!(!text.contains("PostUp") && !text.contains("allowInsecure"), "{}", text);
            for door in read(*format, &text) {
                prop_assert!(places.contains(&door.at), "{} leads to {}", format, door.at);
            }
        }
    }

    #[test]
    fn an_operators_settings_stay_within_their_fields(
        title in text(), test_url in text(), browser in text(),
    ) {
        let settings = Settings {
            title: Some(title), test_url: test_url.clone(), browser: Some(browser),
            ..Settings::default()
        };
        let catalog = every_kind();
        for format in Format::ALL {
            let document = render(&catalog, Wanted::first(format), &settings).unwrap();
            let written = document.headers.iter().all(|(_, value)| {
                value.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
            });
            prop_assert!(written, "{:?}", document.headers);
            let plain = world::plainly(&catalog, format).unwrap();
            if format != Format::Damm {
                prop_assert_eq!(read(format, &document.text()), read(format, &plain.text()));
            }
        }
        let mihomo = render(&catalog, Wanted::first(Format::Mihomo), &settings).unwrap();
        let read: serde_json::Value = serde_saphyr::from_str(&mihomo.text()).unwrap();
        prop_assert_eq!(read["proxy-groups"][1]["url"].as_str(), Some(test_url.as_str()));
    }

    #[test]
    fn any_query_of_any_app_is_answered(query in text(), app in prop::option::of(text())) {
        let asks = query.contains("format=") || query.contains("door=");
        prop_assert!(asks || Wanted::new(&query, app.as_deref()).is_ok_and(|w| w.door == 1));
        let name = query.split('&').next().unwrap();
        let escaped = name.contains('%');
        let asked = Wanted::new(&format!("format={name}"), app.as_deref());
        prop_assert!(escaped || asked.map_or(true, |w| name.parse() == Ok(w.format)));
        let asked = Wanted::new(&format!("door={name}"), app.as_deref());
        prop_assert!(escaped || asked.map_or(true, |w| name.parse() == Ok(w.door)));
    }

    #[test]
    fn any_list_of_tags_is_answered(tags in text()) {
        let document = plainly(&every_kind(), Format::Damm).unwrap();
        let with = format!("{}, {}", tags.replace(',', ""), document.etag);
        prop_assert!(document.is_known(&with));
        prop_assert!(!document.is_known(&tags.replace('*', "")));
    }
}
