//! What mail servers really do, case by case, and the tests that prove each: `CASES` is the list.
//!
//! The numbers are those of the project's collection of cases; what is missing waits for features that are not there yet:
//! dynamic addresses (13, 14, 37), outbound tracking (49). A test here makes sure that every named test exists, so
//! the list cannot rot.

use std::{collections::BTreeSet, fs, path::Path};

/// A case, and the tests that prove it: `file::test`, files under `tests/it` unless they begin with `src`.
const CASES: &[(u8, &str, &[&str])] = &[
    (1, "brackets or none", &["envelope::every_spelling_of_a_substitute_is_resolved"]),
    (
        2,
        "source route",
        &[
            "envelope::every_spelling_of_a_substitute_is_resolved",
            "rewrite::mailbox_takes_the_place_of_its_substitutes_once_whatever_their_spelling",
        ],
    ),
    (3, "quoted local part", &["envelope::a_recipient_is_rewritten_once_and_by_its_exact_bytes"]),
    (4, "no domain", &["milter::a_message_without_tracked_recipients_is_accepted_at_data"]),
    (5, "case", &["envelope::a_recipient_is_rewritten_once_and_by_its_exact_bytes"]),
    (
        6,
        "IDN in both spellings",
        &["src/address::every_spelling_folds_to_one_key", "config::addresses_are_compared_folded"],
    ),
    (
        7,
        "UTF-8 and bytes that are none",
        &[
            "src/address::bytes_that_are_not_utf8_name_no_address",
            "envelope::every_spelling_of_a_substitute_is_resolved",
        ],
    ),
    (
        8,
        "ORCPT as a hint",
        &[
            "src/resolve/orcpt::orcpt_is_read_from_any_place_and_case",
            "relayed::substitute_that_a_relay_has_expanded_is_learnt_from_the_original_recipient",
        ],
    ),
    (9, "several delimiters", &["src/resolve/tests::a_tag_begins_at_the_first_separator_of_its_mailbox"]),
    (10, "mailbox with a delimiter", &["src/resolve/tests::a_mailbox_that_holds_the_delimiter_wins_over_the_pattern"]),
    (11, "the mailbox itself", &["untouched::mail_to_no_substitute_passes_byte_for_byte_as_without_a_milter"]),
    (12, "unknown tag", &["milter::a_message_without_tracked_recipients_is_accepted_at_data"]),
    (15, "one recipient twice", &["envelope::a_recipient_is_rewritten_once_and_by_its_exact_bytes"]),
    (16, "empty arguments", &["milter::a_message_without_tracked_recipients_is_accepted_at_data"]),
    (17, "recipients beyond the bound", &["milter::more_recipients_than_the_bound_are_left_untracked"]),
    (18, "two substitutes of one mailbox", &["envelope::a_recipient_is_rewritten_once_and_by_its_exact_bytes"]),
    (19, "substitute and its mailbox", &["envelope::a_recipient_is_rewritten_once_and_by_its_exact_bytes"]),
    (20, "unrelated recipients", &["story::twenty_mixed_recipients_are_one_lead_with_a_touch_for_each_substitute"]),
    (21, "target that is an alias", &["config::every_bad_file_fails_with_all_its_faults"]),
    (22, "target outside own domains", &["config::every_bad_file_fails_with_all_its_faults"]),
    (23, "refused recipient", &["story::twenty_mixed_recipients_are_one_lead_with_a_touch_for_each_substitute"]),
    (
        24,
        "client that goes before the end",
        &[
            "milter::a_session_that_breaks_leaves_no_lead",
            "doors::recipients_of_a_transaction_that_was_given_up_are_forgotten",
        ],
    ),
    (25, "second MAIL without ABORT", &["milter::a_message_begins_anew_at_mail"]),
    (26, "ABORT after the end, or twice", &["milter::a_message_begins_anew_at_mail"]),
    (27, "several messages in a session", &["doors::recipients_of_a_transaction_that_was_given_up_are_forgotten"]),
    (
        28,
        "null sender",
        &[
            "kinds::milter_tells_the_kind_of_every_letter_and_why",
            "counting::what_no_person_wrote_is_no_reply_and_an_answer_to_it_is_an_inquiry",
        ],
    ),
    (29, "submission and own networks", &["kinds::how_a_letter_was_handed_in_tells_that_it_is_our_own"]),
    (30, "own domain as sender", &["kinds::config_decides_what_is_internal_and_what_is_spam"]),
    (31, "edits that are not offered", &["milter::what_the_mta_does_not_accept_is_left_out"]),
    (32, "forged headers", &["forged::forged_headers_in_any_case_and_number_go_and_ours_stand_on_top"]),
    (33, "second pass", &["forged::own_signed_headers_are_kept_on_a_second_pass_and_make_no_second_event"]),
    (34, "control characters", &["src/attribution/encode::control_characters_never_pass"]),
    (35, "long values", &["charsets::long_and_foreign_values_are_short_ascii_lines_that_other_programs_decode"]),
    (36, "Cyrillic values", &["charsets::long_and_foreign_values_are_short_ascii_lines_that_other_programs_decode"]),
    (
        38,
        "signed headers are left alone",
        &["story::every_form_of_a_substitute_becomes_headers_a_lead_and_an_event_by_smtp"],
    ),
    (
        39,
        "From: twice, none, in a group, encoded, raw",
        &[
            "src/intake/read::from_in_every_strange_form",
            "charsets::cyrillic_names_and_subjects_are_read_in_every_encoding_and_stay_as_they_came",
            "hostile::every_hard_letter_is_told_alike_by_both_doors_and_as_expected",
        ],
    ),
    (
        40,
        "no Message-ID or Date",
        &[
            "twice::letters_without_message_id_or_date_are_told_apart_by_what_they_have",
            "milter::a_message_without_any_header_is_answered",
        ],
    ),
    (41, "one Message-ID for ever", &["twice::letters_that_share_a_message_id_are_leads_of_their_own"]),
    (42, "header block of megabytes", &["milter::ten_thousand_headers_of_any_size_are_bounded"]),
    (43, "personal data kept inside", &["store::privacy_keeps_the_sender_inside_and_the_listing_whole"]),
    (44, "mail that no person wrote", &["kinds::ingest_tells_the_kind_of_every_letter_and_why"]),
    (45, "replies in a thread", &["counting::a_letter_in_the_thread_of_a_lead_is_a_reply_and_keeps_its_attribution"]),
    (46, "the body is not asked for", &["milter::only_what_is_needed_is_asked_of_an_mta_that_offers_everything"]),
    (
        47,
        "message within message, a hundred thousand times",
        &[
            "memory::a_body_of_any_size_costs_an_ingest_nothing",
            "hostile::every_hard_letter_is_told_alike_by_both_doors_and_as_expected",
        ],
    ),
    (48, "body chunks all the same", &["milter::a_poor_mta_gets_the_same_headers"]),
    (
        50,
        "IPv6 clients",
        &[
            "sendmail_session::session_is_as_agreed_over_ipv4_and_ipv6",
            "offers::no_address_of_a_client_ends_a_session",
            "src/milter/client::client_addresses_of_both_mtas_are_read",
            "doors::clients_of_both_families_are_served_over_tcp",
        ],
    ),
    (51, "missing macros", &["milter::macros_may_be_missing_or_strange"]),
    (
        52,
        "old protocols",
        &["milter::a_poor_mta_gets_the_same_headers", "milter::an_mta_that_sends_no_data_event_is_served"],
    ),
    (
        53,
        "restart with open sessions",
        &["drain::sigterm_lets_a_letter_in_the_middle_of_its_data_end_with_its_headers"],
    ),
    (54, "accept errors", &["limits::errors_of_accept_are_survived"]),
    (55, "connection limit", &["limits::one_connection_too_many_is_closed_at_once_and_its_mail_passes"]),
    (56, "panic in a callback", &["src/milter/callbacks::a_panic_is_counted_and_forgets_the_message"]),
    (57, "slow store", &["store_locked::mail_passes_a_locked_store_within_its_budget_and_the_lead_is_recorded_late"]),
    (58, "receiver down", &["restart::events_of_a_dead_daemon_reach_a_receiver_that_was_down"]),
    (
        59,
        "broken config on SIGHUP",
        &[
            "reload::a_broken_config_changes_nothing_and_every_fault_is_named",
            "reload::a_new_channel_counts_for_new_sessions_and_an_open_one_keeps_its_config",
        ],
    ),
    (
        60,
        "stale socket, other instance",
        &[
            "limits::a_socket_left_by_kill_9_is_replaced",
            "limits::a_second_instance_is_refused_and_leaves_the_first_alone",
            "src/socket/mod::a_file_that_is_no_socket_is_refused_and_left",
        ],
    ),
    (
        61,
        "socket in the chroot, or from systemd",
        &[
            "doors::clients_of_both_families_are_served_over_a_unix_socket",
            "limits::a_socket_that_systemd_passes_is_served_from_the_first_letter_on",
        ],
    ),
    (62, "clock that jumps", &["src/clock::arithmetic_saturates", "store::a_window_is_counted_from_the_last_inquiry"]),
    (63, "two ways in with one store", &["everywhere::ways_that_share_a_store_make_one_lead"]),
    (
        64,
        "resent after a lost answer",
        &["twice::letter_sent_again_gets_its_headers_and_makes_no_second_event_across_a_restart"],
    ),
    (65, "queue runs again", &["twice::letter_that_postsuper_queues_anew_keeps_its_headers_and_is_not_judged_again"]),
    (66, "held after us", &["held::a_letter_on_hold_is_told_as_received_and_delivered_once_it_is_released"]),
    (
        67,
        "socket map",
        &[
            "socketmap::requests_are_answered_in_their_order_however_they_come",
            "socketmap::garbage_ends_its_connection_behind_the_answers_to_what_came_before",
            "socketmap::another_map_is_not_found_and_the_operator_is_told_once",
            "src/socketmap/netstring::what_is_no_netstring_is_garbage_behind_what_was_one",
            "socketmap_postfix::while_the_daemon_is_away_mail_to_its_own_domain_alone_is_put_off",
        ],
    ),
    (68, "health probes", &["limits::probes_and_garbage_leave_no_line_and_no_memory_behind"]),
    (
        69,
        "several MTAs with one daemon",
        &[
            "everywhere::ways_that_share_a_store_make_one_lead",
            "doors::sessions_that_run_side_by_side_keep_their_messages_apart",
        ],
    ),
    (70, "dry run", &["untouched::dry_run_changes_and_records_nothing_and_logs_what_it_would_have_done"]),
];

#[test]
fn every_case_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: Vec<_> = CASES
        .iter()
        .flat_map(|(number, what, tests)| tests.iter().map(move |test| (number, what, test)))
        .filter(|(_, _, test)| {
            let (file, name) = test.split_once("::").unwrap();
            let file = if file.starts_with("src/") { file.to_owned() } else { format!("tests/it/{file}") };
            let text = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
            !text.contains(&format!("fn {name}("))
        })
        .collect();
    assert_eq!(missing, Vec::new());
}

#[test]
fn no_case_is_listed_twice() {
    let numbers: BTreeSet<_> = CASES.iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers.len(), CASES.len());
}
