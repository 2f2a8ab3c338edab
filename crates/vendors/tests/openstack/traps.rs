//! Traps of logging in, of machines, and of what a project says of itself.

use damm_clouds::{MachineOrder, MachineState};
use damm_doubles::{Answer, Api, Asked};
use damm_fleet::FailureClass;
use damm_vendors::registry;
use futures::future::join_all;

use super::*;

fn logins(asked: &[String]) -> usize {
    asked.iter().filter(|a| a.starts_with("POST /identity/v3/auth/tokens")).count()
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_before_it_ends() {
    let rig = Rig::fresh();
    // A token holds for an hour, and is renewed five minutes before.
    for (minutes, wanted) in [(0, 1), (54, 0), (2, 1), (30, 0), (600, 1)] {
        rig.clock.advance(Span::from_mins(minutes));
        rig.cloud().list_machines(FLEET).await.unwrap();
        let asked = rig.asked();
        assert_eq!(logins(&asked), wanted, "after {minutes} more minutes: {asked:?}");
    }
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_renewed_once_and_nothing_is_done_twice() {
    let rig = Rig::fresh();
    rig.machine(1).await;
    rig.asked();
    rig.double.revoke();
    let address = rig.address(2).await;
    assert_eq!(logins(&rig.asked()), 1);
    let listed = rig.cloud().list_addresses(FLEET).await.unwrap();
    assert_eq!(listed.len(), 1);
    rig.double.revoke();
    rig.cloud().release_address(&address).await.unwrap();
    rig.front.trouble(Trouble::ExpiredCredential, Aim::All);
    rig.asked();
    let error = rig.cloud().list_machines(FLEET).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    let asked = rig.asked();
    assert_eq!((logins(&asked), asked.len()), (1, 3), "no more than once: {asked:?}");
}

#[tokio::test]
async fn calls_beside_each_other_log_in_once() {
    let rig = Rig::fresh();
    let cloud = rig.cloud();
    let calls = join_all((0..5).map(|_| cloud.list_machines(FLEET))).await;
    assert!(calls.iter().all(|c| c.as_ref().is_ok_and(Vec::is_empty)));
    assert_eq!(logins(&rig.asked()), 1);
    rig.double.revoke();
    let calls = join_all((0..5).map(|_| cloud.list_machines(FLEET))).await;
    assert!(calls.iter().all(Result::is_ok));
    assert_eq!(logins(&rig.asked()), 1);
}

#[tokio::test]
async fn a_credential_that_is_not_taken_is_rejected() {
    let rig = Rig::fresh();
    let endpoint = format!("{}/identity/v3", rig.front.url());
    let mut account = account(&endpoint, &rig.clock, &json!({}));
    let secret = "ASecretThatIsNotTheCredentials";
    account.secret = Some(Secret::new(format!(
        r#"{{"application_credential_id":"1","application_credential_secret":"{secret}"}}"#
    )));
    let cloud = adapter(account).unwrap().cloud.unwrap();
    let error = cloud.delete_machine("1").await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("requires authentication"), "{error}");
    assert!(!format!("{error:?}").contains(secret));
}

#[tokio::test]
async fn an_identity_service_that_is_not_there_proves_nothing_gone() {
    let rig = Rig::fresh();
    let endpoint = format!("{}/nowhere", rig.front.url());
    let parts = adapter(account(&endpoint, &rig.clock, &json!({}))).unwrap();
    let error = parts.cloud.unwrap().delete_machine("1").await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected, "{error}");
    assert!(error.message.contains("`endpoint`"), "{error}");
}

#[tokio::test]
async fn a_cloud_of_several_regions_has_to_be_told_which() {
    let two = |knobs: &mut Knobs| knobs.regions = vec!["north1".into(), "south1".into()];
    let rig = Rig::fresh().turn(two);
    let error = rig.cloud().list_machines(FLEET).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("north1, south1"), "{error}");
    let rig = Rig::with(&json!({ "region": "south1" })).turn(two);
    assert_eq!(rig.cloud().list_machines(FLEET).await.unwrap(), []);
    // A place that is the region is any zone of it.
    let order = MachineOrder { location: "south1".to_owned(), ..rig.order(1) };
    rig.cloud().create_machine(&order).await.unwrap();
}

#[tokio::test]
async fn a_page_of_somebody_else_is_no_proof_that_a_thing_is_gone() {
    struct Elsewhere(OpenStack);

    #[async_trait]
    impl Api for Elsewhere {
        async fn answer(&self, asked: &Asked) -> Answer {
            match asked.path.starts_with("/identity/") {
                true => self.0.answer(asked).await,
                false => Answer::html(404, "Not Found"),
            }
        }
    }

    let rig = Rig::fresh();
    let double = OpenStack::new(rig.clock.clone(), CREDENTIAL);
    let front = Front::over(Arc::new(Elsewhere(double)));
    let endpoint = format!("{}/identity/v3", front.url());
    let parts = adapter(account(&endpoint, &rig.clock, &json!({}))).unwrap();
    let cloud = parts.cloud.unwrap();
    for call in [cloud.delete_machine("1").await, cloud.release_address("1").await] {
        let error = call.unwrap_err();
        assert_eq!(error.class, FailureClass::Unknown, "{error}");
    }
}

#[tokio::test]
async fn an_order_writes_once_and_its_marks_stand_in_that_request() {
    let rig = Rig::fresh();
    rig.front.keep_bodies();
    rig.cloud().create_machine(&rig.order(1)).await.unwrap();
    let lines = rig.front.take_journal();
    let writes: Vec<_> = lines.iter().filter(|l| l.path.ends_with("/servers")).collect();
    assert_eq!(writes.len(), 1);
    let body: Value = serde_json::from_slice(writes[0].body.as_ref().unwrap()).unwrap();
    let tag = rig.order(1).tag.to_string();
    assert_eq!(body["server"]["tags"], json!([format!("damm.{FLEET}")]));
    assert_eq!(body["server"]["metadata"], json!({ "damm": tag }));
    // Of two images of the name the newer one.
    assert_eq!(body["server"]["imageRef"], "70a599e0-31e7-49b7-b260-868f441e862b");
    let reads = lines.iter().filter(|l| l.method == "GET").count();
    assert_eq!((reads, lines.len()), (3, 5), "{lines:?}");
}

#[tokio::test]
async fn a_machine_that_no_host_takes_is_accepted_and_fails() {
    let rig = Rig::fresh().turn(|knobs| knobs.no_host = true);
    let machine = rig.machine(1).await;
    let listed = rig.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!(listed[0].state, MachineState::Failed);
    rig.cloud().delete_machine(&machine).await.unwrap();
    rig.clock.advance(rig.patience());
    assert_eq!(rig.cloud().list_machines(FLEET).await.unwrap(), []);
}

#[tokio::test]
async fn a_machine_that_is_shown_as_deleted_is_gone() {
    let shown = Some(Span::from_hours(1));
    let rig = Rig::fresh().turn(|knobs| knobs.shows_deleted = shown);
    let (machine, address) = (rig.machine(1).await, rig.address(2).await);
    rig.cloud().delete_machine(&machine).await.unwrap();
    assert_eq!(rig.cloud().list_machines(FLEET).await.unwrap(), []);
    let again = rig.cloud().delete_machine(&machine).await.unwrap_err();
    assert_eq!(again.class, FailureClass::Gone);
    let attach = rig.cloud().attach_address(&address, &machine).await.unwrap_err();
    assert_eq!(attach.class, FailureClass::Gone);
}

#[tokio::test]
async fn a_volume_that_a_machine_boots_from_goes_with_it() {
    let rig = Rig::with(&json!({ "volume": "20" }));
    let order = MachineOrder { machine: "a1-ram2-disk0".to_owned(), ..rig.order(1) };
    let made = rig.cloud().create_machine(&order).await.unwrap();
    assert_eq!(rig.double.volumes(), std::slice::from_ref(&made.provider_ref));
    rig.cloud().delete_machine(&made.provider_ref).await.unwrap();
    rig.clock.advance(rig.patience());
    assert_eq!(rig.cloud().list_machines(FLEET).await.unwrap(), []);
    assert_eq!(rig.double.volumes(), [""; 0]);
}

#[tokio::test]
async fn a_size_without_a_disk_needs_a_volume_and_nothing_is_sent_without() {
    let rig = Rig::fresh();
    let order = MachineOrder { machine: "a1-ram2-disk0".to_owned(), ..rig.order(1) };
    let error = rig.cloud().create_machine(&order).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("`volume`"), "{error}");
    assert_eq!(rig.written(), [""; 0]);
}

#[tokio::test]
async fn a_machine_stands_in_both_networks_with_its_own_address_outside() {
    let rig = Rig::with(&json!({ "network": "Ext-Net", "inner_network": "private" }));
    let (machine, address) = (rig.machine(1).await, rig.address(2).await);
    let own = rig.cloud().list_machines(FLEET).await.unwrap()[0].address.unwrap();
    assert!(own.to_string().starts_with("198.51.100."), "{own}");
    rig.cloud().attach_address(&address, &machine).await.unwrap();
    let inner = rig.cloud().list_addresses(FLEET).await.unwrap()[0].inner.unwrap();
    assert!(inner.to_string().starts_with("10.20."), "{inner}");
}

#[tokio::test]
async fn an_account_tells_its_quotas_places_and_sizes() {
    let rig = Rig::fresh();
    rig.machine(1).await;
    let topology = json!({
        "fleet": FLEET,
        "providers": { "here": {
            "kind": "openstack", "endpoint": format!("{}/identity/v3", rig.front.url()),
            "credentials": { "env": "SECRET" },
            "settings": { "network": "private", "floating_network": "public" },
        } },
        "profiles": {}, "regions": {}, "populations": {},
    });
    let topology = serde_json::from_value(topology).unwrap();
    let (id, secret) = CREDENTIAL;
    let secret = format!("application_credential_id={id}\napplication_credential_secret={secret}");
    let around = registry::Around {
        base: std::path::Path::new("."),
        environment: &|_| Some(secret.clone()),
        origins: None,
        clock: Arc::new(rig.clock.clone()),
    };
    let look = registry::look(&topology, &"here".parse().unwrap(), &around).unwrap().unwrap();
    let quotas = look.quotas().await.unwrap();
    let quotas: Vec<_> = quotas.iter().map(|q| (q.what.as_str(), q.used, q.limit)).collect();
    assert_eq!(quotas, [("machines", Some(1), Some(3)), ("addresses", Some(0), Some(10))]);
    let places = look.places().await.unwrap();
    assert_eq!(places.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), [ZONE]);
    let sizes = look.sizes().await.unwrap();
    let sizes: Vec<_> = sizes.iter().map(|s| (s.name.as_str(), s.cores, s.memory)).collect();
    assert_eq!(sizes, [("b2-7", 2, 7_000), ("a1-ram2-disk0", 2, 7_000)]);
}
