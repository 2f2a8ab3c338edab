//! The suite finds adapters that are wrong: each is wrong in one way, and a case names it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod crooks;

use crooks::{Crook, Vice};
use damm_conformance::{Bench, addresses, balancers, machines, names};

/// Whether a case passes.
macro_rules! passes {
    ($room:ident, $case:ident, $vice:expr) => {
        tokio::spawn(async {
            let bench = Bench::of(Crook::fresh($vice).await, stringify!($case)).unwrap();
            $room::$case(bench).await;
        })
        .await
        .is_ok()
    };
}

/// A test of each case: it passes an adapter that is right, and finds what is wrong with this one.
macro_rules! found {
    ($($room:ident::$case:ident: $($vice:ident),+;)*) => {
        $(
            mod $case {
                use super::*;

                #[tokio::test]
                async fn bites() {
                    assert!(passes!($room, $case, Vice::Nothing), "nothing is wrong");
                    $(assert!(!passes!($room, $case, Vice::$vice), "{:?}", Vice::$vice);)+
                }
            }
        )*
    };
}

found! {
    machines::a_machine_whose_answer_was_lost_is_found_by_its_tag:
        CreatesAgainWhenNoAnswerComes, LosesTags, TakesNoAnswerForARefusal, SaysNothing;
    machines::a_machine_whose_answer_was_a_server_error_is_found_by_its_tag:
        CreatesAgainWhenNoAnswerComes, TakesNoAnswerForARefusal;
    machines::a_machine_whose_request_failed_is_not_there: TellsUserData, TellsACredential;
    machines::a_listing_fails_rather_than_show_a_part: TakesAnErrorForAnEmptyListing;
    machines::a_listing_of_many_machines_is_whole: ListsTheFirstPageAlone, ListsTwice;
    machines::another_fleets_machines_are_not_shown: ListsAllFleets, LosesTags;
    machines::an_order_that_comes_twice_is_filled_as_often_as_the_vendor_promises:
        LosesSpareMachines, ListsTwice;
    machines::a_slow_delete_is_not_taken_for_done: HidesWhatIsGoing;
    machines::a_deleted_machine_is_listed_until_it_is_gone_and_then_gone: TakesAcceptedForGone;
    machines::a_stuck_machine_never_runs_and_can_be_deleted: TakesStuckForRunning;
    machines::a_throttled_order_says_when_to_come_back_and_makes_nothing:
        TakesARefusalForNoAnswer, ForgetsWhenToComeBack;
    machines::a_throttled_listing_is_no_empty_listing: TakesAnErrorForAnEmptyListing;
    machines::a_full_quota_is_exhausted_until_a_machine_is_gone: TakesFullForRefused, TellsUserData;
    machines::an_order_that_can_never_be_filled_is_rejected_and_nothing_is_made:
        TakesEmptyUserData, TellsUserData;
    addresses::an_address_whose_answer_was_lost_is_found: TakesNoAnswerForARefusal;
    addresses::a_listing_of_many_addresses_is_whole: ListsTheFirstPageAlone;
    addresses::an_attached_address_is_never_stolen: Steals;
    addresses::an_attached_address_is_not_given_back: DetachesToRelease;
    names::a_name_has_exactly_the_records_that_were_put: AddsRecords;
    names::a_name_takes_another_ttl: ForgetsTtl;
    names::records_of_others_are_never_touched_nor_shown: ShowsOthersRecords;
    names::a_listing_of_many_names_is_whole: ListsTheFirstPageAlone;
    balancers::a_target_is_put_drained_and_removed: NeverDrains, RemovesTheWrongTarget;
    balancers::targets_leave_each_other_alone: RemovesTheWrongTarget;
}
