//! The embedded cloud is held to what every adapter is held to: as it comes, and with addresses
//! that can neither be moved nor tagged.
#![allow(clippy::unwrap_used)]

mod stage;
mod suite;

use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Balancer, Clock, Cloud, Dns};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::Dial;
use damm_fleet::{BalancerName, Capabilities, Offer, Span};
use serde_json::json;
use stage::Stage;
use suite::{Trouble, Vendor};

struct Sim(Stage);

#[async_trait]
impl Vendor for Sim {
    fn cloud(&self) -> Arc<dyn Cloud> {
        self.0.cloud()
    }

    fn dns(&self) -> Arc<dyn Dns> {
        self.0.dns()
    }

    fn balancer(&self) -> Arc<dyn Balancer> {
        self.0.providers.balancers[&stage::a()].clone()
    }

    fn capabilities(&self) -> Capabilities {
        Offer::built_in(&self.0.topology.providers[&stage::a()]).capabilities
    }

    fn place(&self) -> (String, String) {
        (stage::SIZE.to_owned(), stage::PLACE.to_owned())
    }

    fn zone(&self) -> String {
        stage::ZONE.to_owned()
    }

    fn balancer_name(&self) -> BalancerName {
        "lb".parse().unwrap()
    }

    fn quota(&self) -> usize {
        3
    }

    async fn wait(&self, span: Span) {
        self.0.clock.sleep(span).await;
    }

    fn patience(&self) -> Span {
        Span::from_mins(5)
    }

    async fn trouble(&self, trouble: Trouble) {
        let on = |t| f64::from(trouble == t);
        let dial = Dial {
            lost_response: on(Trouble::LostAnswers),
            error_before: on(Trouble::FailedRequests),
            throttled: on(Trouble::Throttling),
            late_listing: on(Trouble::LateListings),
            ..Dial::default()
        };
        self.0.world().set_dial(&stage::a(), &dial);
    }

    async fn put_foreign(&self, name: &str, set: &RecordSet) {
        let (world, account) = (self.0.world(), stage::a());
        let put = world.add_foreign_record(&account, stage::ZONE, name, set);
        put.await.unwrap();
    }
}

macro_rules! all_of_it {
    ($fresh:expr) => {
        conformance! {
            $fresh;
            a_machine_is_promised_first_and_runs_with_an_address_later
            every_machine_is_listed_after_the_listing_lag
            another_fleets_machines_are_not_shown
            an_order_that_can_never_be_filled_is_rejected_and_nothing_is_made
            user_data_up_to_the_limit_is_taken
            a_machine_whose_answer_was_lost_is_found_by_its_tag
            a_machine_whose_request_failed_is_not_there
            a_listing_fails_rather_than_show_a_part
            a_deleted_machine_is_listed_until_it_is_gone_and_then_gone
            what_never_was_is_gone
            a_full_quota_is_exhausted_until_a_machine_is_gone
            a_late_machine_can_be_called_by_its_name_before_it_is_listed
            a_new_address_is_listed_with_its_tag_and_attached_to_nothing
            addresses_are_all_different
            an_address_whose_answer_was_lost_is_found
            every_address_is_listed_after_the_listing_lag
            attaching_twice_changes_nothing
            an_attach_whose_answer_was_lost_is_seen_in_the_listing
            an_attached_address_is_never_stolen
            an_address_moves_by_detach_and_attach
            a_running_machine_keeps_its_addresses_where_they_cannot_move
            an_attached_address_is_not_given_back
            an_address_is_given_back_once
            addresses_outlive_their_machine
            nothing_is_attached_to_what_is_gone
            a_machine_holds_as_many_addresses_as_it_can
            a_name_has_exactly_the_records_that_were_put
            an_empty_set_removes_a_name_and_can_be_put_twice
            records_of_others_are_never_touched_nor_shown
            a_name_outside_the_accounts_zones_is_rejected
            a_target_is_put_drained_and_removed
            a_balancer_that_does_not_exist_is_rejected
        }
    };
}

mod as_it_comes {
    use super::*;

    async fn fresh() -> Sim {
        Sim(Stage::new(json!({ "quota": 3, "max_addresses": 4 })).await)
    }

    all_of_it!(fresh());
}

mod with_fixed_and_untagged_addresses {
    use super::*;

    async fn fresh() -> Sim {
        let settings = json!({
            "quota": 3, "max_addresses": 4, "latency": "200ms", "boot_time": "2m",
            "movable_addresses": false, "tagged_addresses": false,
        });
        Sim(Stage::new(settings).await)
    }

    all_of_it!(fresh());
}
