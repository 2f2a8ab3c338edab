//! The cases, each once. What is not here is asked of nobody: a test below sees to it.

/// Makes a test of each of these, with a fresh vendor for each, unless there can be none here.
#[doc(hidden)]
#[macro_export]
macro_rules! each {
    ($fresh:expr, unless $skipped:expr; $room:ident; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                if $skipped {
                    return;
                }
                let vendor = $fresh.await;
                if let Some(bench) = $crate::Bench::of(vendor, stringify!($case)) {
                    $crate::$room::$case(bench).await;
                }
            }
        )*
    };
}

/// Holds a vendor's machines to all of [`machines`](mod@crate::machines):
/// `$fresh` is a future of a fresh [`CloudVendor`](crate::CloudVendor). `$skipped` comes to whether
/// there can be none here; it has said why then.
#[macro_export]
macro_rules! machines {
    ($fresh:expr) => {
        $crate::machines!($fresh, unless false);
    };
    ($fresh:expr, unless $skipped:expr) => {
        $crate::each! {
            $fresh, unless $skipped;
            machines;
            a_machine_is_promised_first_and_runs_with_an_address_later
            a_deleted_machine_is_listed_until_it_is_gone_and_then_gone
            a_slow_delete_is_not_taken_for_done
            a_stuck_machine_never_runs_and_can_be_deleted
            a_delete_whose_answer_was_lost_is_seen_in_the_listing
            a_locked_machine_is_busy_and_stays
            what_never_was_is_gone
            an_order_that_can_never_be_filled_is_rejected_and_nothing_is_made
            user_data_up_to_the_limit_is_taken
            a_full_quota_is_exhausted_until_a_machine_is_gone
            a_size_that_is_out_of_stock_is_exhausted_and_nothing_is_made
            an_order_that_comes_twice_is_filled_as_often_as_the_vendor_promises
            orders_with_different_keys_make_different_machines
            the_next_attempt_makes_a_new_machine_for_one_that_is_gone
            orders_beside_each_other_are_each_filled_once
            every_machine_is_listed_after_the_listing_lag
            a_late_machine_can_be_called_by_its_name_before_it_is_listed
            another_fleets_machines_are_not_shown
            a_fleet_whose_name_begins_another_ones_is_another
            a_listing_of_many_machines_is_whole
            a_listing_fails_rather_than_show_a_part
            a_machine_whose_answer_was_lost_is_found_by_its_tag
            a_machine_whose_answer_was_a_server_error_is_found_by_its_tag
            a_machine_whose_answer_broke_off_is_found_by_its_tag
            a_machine_whose_answer_was_something_else_is_found_by_its_tag
            a_machine_whose_request_failed_is_not_there
            a_throttled_order_says_when_to_come_back_and_makes_nothing
            an_order_that_is_throttled_without_a_time_makes_nothing
            a_throttled_listing_is_no_empty_listing
            an_expired_credential_is_rejected_by_every_call
            a_refusal_that_quotes_the_request_tells_no_secret
        }
    };
}

/// Holds a vendor's addresses to all of [`addresses`](mod@crate::addresses):
/// `$fresh` is a future of a fresh [`CloudVendor`](crate::CloudVendor). `$skipped` comes to whether
/// there can be none here; it has said why then.
#[macro_export]
macro_rules! addresses {
    ($fresh:expr) => {
        $crate::addresses!($fresh, unless false);
    };
    ($fresh:expr, unless $skipped:expr) => {
        $crate::each! {
            $fresh, unless $skipped;
            addresses;
            a_new_address_is_listed_with_its_tag_and_attached_to_nothing
            addresses_are_all_different
            an_address_of_the_newer_protocol_is_given_where_it_is_offered
            every_address_is_listed_after_the_listing_lag
            a_listing_of_many_addresses_is_whole
            a_full_quota_of_addresses_is_exhausted
            an_address_is_given_back_once
            an_attached_address_is_not_given_back
            addresses_outlive_their_machine
            attaching_twice_changes_nothing
            what_stands_for_an_address_on_its_machine_is_told_while_it_is_there
            an_attached_address_is_never_stolen
            an_address_that_somebody_else_moved_is_seen_there_and_not_taken_back
            an_address_moves_by_detach_and_attach
            a_running_machine_keeps_its_addresses_where_they_cannot_move
            nothing_is_attached_to_what_is_gone
            a_machine_holds_as_many_addresses_as_it_can
            a_locked_address_is_busy_and_stays
            an_address_whose_answer_was_lost_is_found
            an_address_whose_answer_was_a_server_error_is_found
            an_address_whose_answer_broke_off_is_found
            an_address_whose_answer_was_something_else_is_found
            an_address_whose_request_failed_is_not_there
            an_attach_whose_answer_was_lost_is_seen_in_the_listing
            a_detach_whose_answer_was_lost_is_seen_in_the_listing
            a_release_whose_answer_was_lost_is_seen_in_the_listing
        }
    };
}

/// Holds a DNS server's names to all of [`names`](mod@crate::names):
/// `$fresh` is a future of a fresh [`DnsVendor`](crate::DnsVendor).
#[macro_export]
macro_rules! names {
    ($fresh:expr) => {
        $crate::each! {
            $fresh, unless false;
            names;
            a_name_has_exactly_the_records_that_were_put
            a_name_takes_another_ttl
            the_zones_own_name_can_have_records
            an_empty_set_removes_a_name_and_can_be_put_twice
            records_of_others_are_never_touched_nor_shown
            records_of_others_at_other_names_stand_in_nobodys_way
            a_name_that_was_given_up_can_be_taken_by_another_fleet
            a_name_outside_the_accounts_zones_is_rejected
            a_listing_of_many_names_is_whole
            names_that_are_put_beside_each_other_all_stand
            a_put_that_nobody_heard_of_is_made_good_by_the_next
            a_removal_that_nobody_heard_of_is_made_good_by_the_next
            a_put_that_failed_changed_nothing
            a_listing_of_names_fails_rather_than_show_a_part
        }
    };
}

/// Holds load balancers to all of [`balancers`](mod@crate::balancers):
/// `$fresh` is a future of a fresh [`BalancerVendor`](crate::BalancerVendor).
#[macro_export]
macro_rules! balancers {
    ($fresh:expr) => {
        $crate::each! {
            $fresh, unless false;
            balancers;
            a_target_is_put_drained_and_removed
            a_drained_target_comes_back
            a_target_that_drains_from_the_start_gets_nothing_new
            targets_leave_each_other_alone
            what_is_not_a_target_can_be_removed
            a_balancer_that_does_not_exist_is_rejected
            a_target_that_nobody_heard_of_is_made_good_by_the_next_call
            a_target_that_could_not_be_put_is_not_there
            a_listing_of_targets_fails_rather_than_show_a_part
        }
    };
}

#[cfg(test)]
mod tests {
    /// Where cases are written.
    const CASES: [&str; 9] = [
        include_str!("machines/life.rs"),
        include_str!("machines/orders.rs"),
        include_str!("machines/listing.rs"),
        include_str!("machines/faults.rs"),
        include_str!("addresses/having.rs"),
        include_str!("addresses/attaching.rs"),
        include_str!("addresses/faults.rs"),
        include_str!("names.rs"),
        include_str!("balancers.rs"),
    ];

    #[test]
    fn every_case_stands_in_a_list() {
        let lists = include_str!("lists.rs");
        let listed = |case: &str| lists.lines().any(|line| line.trim() == case);
        let cases = CASES.iter().flat_map(|file| file.split("pub async fn ").skip(1));
        let names: Vec<_> = cases.filter_map(|text| text.split(['<', '(']).next()).collect();
        assert!(names.len() > 40, "{} cases", names.len());
        let unlisted: Vec<_> = names.iter().filter(|case| !listed(case)).collect();
        assert!(unlisted.is_empty(), "nobody is held to {unlisted:?}: name it in its macro");
    }
}
