//! A client, two places where its catalogs lie, and who signs them.
#![allow(dead_code, clippy::unwrap_used, reason = "tests; each uses what it needs")]

use std::path::PathBuf;

use damm_catalog::{Catalog, Front, Root, SCHEMA, SecretKey};
use damm_client::{Error, Fetched, Places, Profile, fetch};
use damm_fleet::{FrontdoorId, RegionName, Span, Timestamp};
use damm_protocol::{Assignment, At, CredentialId, InvitationCode, Place, Secret32, SecretText};
use serde_json::json;
use tempfile::TempDir;

pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// Three of the sixteen buckets that a client can ever be in are enough here.
pub const AUDIENCES: [&str; 3] = [
    "mfrggzdfmztwq2lknnwg23tpobyxe43u",
    "mfrggzdfmztwq2lknnwg23tpobyxe43v",
    "mfrggzdfmztwq2lknnwg23tpobyxe43w",
];

pub struct Scene {
    pub dir: TempDir,
    pub online: SecretKey,
    pub profile: Profile,
}

pub fn region() -> RegionName {
    RegionName::new("north").unwrap()
}

/// The age identity of a bucket.
pub fn identity(leaf: usize) -> damm_age::Identity {
    damm_age::Identity::new([leaf as u8 + 1; 32])
}

impl Scene {
    /// A client that has enrolled, and knows of two directories.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Assignment)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (offline, online) = (SecretKey::new(&[1; 32]), SecretKey::new(&[2; 32]));
        let (roots, signers) = ([offline.public()], [online.public()]);
        let until = NOW + Span::from_days(700);
        let root = Root::new("example", 1, until, (&roots, 1), (&signers, 1)).unwrap();
        let root = String::from_utf8(root.seal(&[&offline]).to_bytes()).unwrap();
        let place = |name: &str| Place {
            at: At::Directory { path: dir.path().join(name).display().to_string() },
            sealed: false,
            objects: [(region(), (0..3).map(|leaf| format!("{name}-{leaf}")).collect())].into(),
        };
        let mut assignment = Assignment {
            number: CredentialId::new(7).unwrap(),
            fleet: "example".to_owned(),
            population: "first".parse().unwrap(),
            root,
            path: SecretText::new("secret-path"),
            regions: vec![region()],
            places: vec![place("a"), place("b")],
            audiences: [(region(), AUDIENCES.map(str::to_owned).to_vec())].into(),
            identities: (0..3).map(|n| SecretText::new(&*identity(n).to_text())).collect(),
            reporter: Secret32::new([8; 32]),
        };
        change(&mut assignment);
        Self { dir, online, profile: enrolled(&assignment) }
    }

    pub fn catalog(version: u64, leaf: usize, doors: &[u64]) -> Catalog {
        let front = |n: &u64| Front {
            id: FrontdoorId::from_raw(*n),
            address: [203, 0, 113, *n as u8].into(),
            port: 443,
            transport: "shadowsocks".to_owned(),
            params: [
                ("server_key".to_owned(), Secret32::new([1; 32]).expose()),
                ("method".to_owned(), "2022-blake3-aes-256-gcm".to_owned()),
            ]
            .into(),
        };
        Catalog {
            schema: SCHEMA,
            fleet: "example".to_owned(),
            region: region(),
            audience: AUDIENCES[leaf].parse().unwrap(),
            version,
            not_before: NOW + Span::from_secs(version),
            expires: NOW + Span::from_hours(6),
            fronts: doors.iter().map(front).collect(),
        }
    }

    pub fn file(&self, place: &str, leaf: usize) -> PathBuf {
        let dir = self.dir.path().join(place);
        std::fs::create_dir_all(&dir).unwrap();
        dir.join(format!("{place}-{leaf}"))
    }

    /// Puts a catalog where a place has it.
    pub fn put(&self, place: &str, leaf: usize, catalog: &Catalog) {
        let signed = catalog.seal(&[&self.online]).to_bytes();
        std::fs::write(self.file(place, leaf), signed).unwrap();
    }

    pub async fn fetch(&mut self, after: Span) -> Result<Fetched, Error> {
        fetch(&mut self.profile, &Places::default(), NOW + after).await
    }

    /// The version that the client holds, and of which bucket.
    pub fn held(&self) -> Option<(u64, String)> {
        let catalog = self.profile.catalogs().get(&region())?.catalog()?;
        Some((catalog.version, catalog.audience.to_string()))
    }
}

/// A profile with an assignment, as enrolling leaves it, and no controller.
pub fn enrolled(assignment: &Assignment) -> Profile {
    let code = InvitationCode::new([3; 16]);
    let new = Profile::new([5; 32], "https://controller.example", code);
    let mut value = serde_json::to_value(new).unwrap();
    value["assignment"] = serde_json::to_value(assignment).unwrap();
    value["controllers"] = json!([]);
    value.as_object_mut().unwrap().remove("invitation");
    serde_json::from_value(value).unwrap()
}
