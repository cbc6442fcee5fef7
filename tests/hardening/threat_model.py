"""What the threat model of the README claims, each claim with the tests that show it."""

_SECRETS = "tests/e2e/test_secrets.py::test_no_secret_is_anywhere_after_a_troubled_run"
_ANSWERS = "tests/hardening/test_hostile_answers.py::"
_GUEST = "tests/adapters/guest/test_hostile_guest.py::"
_WEB = "tests/adapters/web/test_app_in_browser.py::"
_ACCESS = "tests/unit/web/test_web_access.py::"
_FILES = "tests/hardening/test_hostile_input_files.py::"
_EXPORTS = "tests/hardening/test_hostile_exports.py::"
_STATE = "tests/adapters/store/test_batch_state_file.py::"

CLAIMS: dict[str, tuple[str, ...]] = {
    "work files 0600 and folders 0700": (_SECRETS,),
    "socket 0600, and the kernel asked who is at the other end": (
        "tests/unit/engine/test_control_socket.py::test_the_socket_is_private_and_its_path_short",
        "tests/hardening/test_other_users.py::test_who_is_not_the_owner_hears_nothing",
    ),
    "a configuration of theirs is not taken unasked": (
        "tests/unit/config/test_load_config.py::test_what_another_user_put_here_is_not_taken_unasked",
        "tests/unit/config/test_load_config.py::test_what_everybody_may_change_is_not_taken_unasked",
    ),
    "secrets never in arguments or in the environment of children": (
        _SECRETS,
        "tests/adapters/disk/test_receive_disk.py::test_the_child_dies_with_its_runner_and_shows_no_secret",
    ),
    "secrets are references, resolved when used, and in none of these": (
        _SECRETS,
        "tests/unit/config/test_load_config.py::test_secrets_are_resolved_late_and_never_shown",
        _STATE + "test_no_secret_is_in_the_state",
    ),
    "an error page that repeats them is cleaned": (
        "tests/adapters/scaleway/test_scaleway_transport.py::"
        "test_an_error_page_that_repeats_the_secret_does_not_pass_it_on",
    ),
    "a key that an error would print is refused": (
        "tests/unit/config/test_load_config.py::"
        "test_what_cannot_stand_in_a_header_is_no_key_and_is_not_shown",
        "tests/unit/config/test_load_config.py::test_no_door_opens_with_a_key_that_is_none",
    ),
    "a literal secret in a file others can read is refused, with the fix": (
        "tests/e2e/test_secrets.py::test_a_literal_secret_others_can_read_is_refused",
        "tests/unit/config/test_load_config.py::"
        "test_a_literal_secret_in_a_readable_file_is_refused_with_the_fix",
    ),
    "TLS verified by default": (
        "tests/adapters/vsphere/test_vsphere_reachability.py::"
        "test_an_unknown_authority_shows_the_thumbprint_to_pin",
        "tests/adapters/objectstore/test_object_store.py::test_an_unknown_authority_is_said_plainly",
        "tests/adapters/disk/test_receive_disk.py::test_untrusted_certificate_is_refused",
    ),
    "ESXi certificates pinned by the lease's thumbprint": (
        "tests/adapters/disk/test_receive_disk.py::test_other_certificate_than_the_pinned_one_is_refused",
    ),
    "disks are taken by https alone": (
        _ANSWERS + "test_a_lease_that_offers_a_disk_in_the_clear_is_not_followed",
    ),
    "ids, not names, make paths and tags": (
        "tests/hardening/test_hostile_names.py::test_a_batch_of_hostile_names_stays_in_its_folder",
        "tests/hardening/test_hostile_names.py::test_any_name_becomes_a_name_the_target_takes",
    ),
    "HTML, Markdown and CSV are escaped": (
        "tests/hardening/test_hostile_names.py::test_a_batch_of_hostile_names_stays_in_its_folder",
        "tests/unit/presentation/test_report_text.py::test_html_escapes_names",
        "tests/unit/presentation/test_report_text.py::test_csv_has_one_line_per_vm_and_no_formula",
    ),
    "no markup in the app": ("tests/tui/test_virtual_table.py::test_markup_in_names_is_shown_as_it_is",),
    "bounded parser without DTD or entities": (
        _ANSWERS + "test_answers_no_vcenter_gives_are_refused",
        _ANSWERS + "test_a_huge_answer_costs_time_and_memory_in_proportion",
        "tests/adapters/vsphere/test_vsphere_reachability.py::test_an_answer_without_end_is_stopped",
    ),
    "answers of the wrong shape are errors": (
        _ANSWERS + "test_damaged_soap_answers",
        _ANSWERS + "test_soap_answers_with_values_nobody_knows",
    ),
    "answers of the wrong shape, or without end, are errors": (
        _ANSWERS + "test_scaleway_answers_of_wrong_shape",
        _ANSWERS + "test_scaleway_answers_that_are_no_json",
        _ANSWERS + "test_a_scaleway_answer_without_end_is_stopped",
        "tests/hardening/test_hostile_storage.py::test_damaged_answers",
        "tests/hardening/test_hostile_storage.py::test_answers_of_another_kind",
    ),
    "the API key follows no redirect": (
        "tests/adapters/scaleway/test_scaleway_transport.py::"
        "test_the_secret_does_not_follow_an_answer_that_sends_elsewhere",
    ),
    "what an upload left is compared in size and digest": (
        "tests/hardening/test_hostile_storage.py::test_an_object_that_is_not_what_was_sent_is_refused",
    ),
    "grain by grain checks, capacity bound, lengths and digests compared": (
        "tests/adapters/disk/test_damaged_streams.py::test_damage_is_refused_with_what_and_where",
        "tests/adapters/disk/test_damaged_streams.py::test_corpus_stays_within_memory",
        "tests/adapters/disk/test_damaged_streams.py::test_a_flipped_bit_is_refused_or_harmless",
        "tests/adapters/disk/test_receive_disk.py::test_other_capacity_than_the_lease_said",
    ),
    "headers and tables that lie are refused": (
        "tests/hardening/test_hostile_images.py::test_qcow2_with_any_field_changed",
    ),
    "other files of this host that it names are not opened": (
        "tests/hardening/test_hostile_images.py::"
        "test_an_image_that_shows_another_file_as_its_disk_is_refused",
    ),
    "links stay inside the guest, sizes are bounded": (
        _GUEST + "test_nothing_outside_its_disk_is_read_or_changed",
    ),
    "a hard time limit kills the worker": (_GUEST + "test_a_worker_that_takes_too_long_is_killed",),
    "escape sequences in its words are not printed": (
        "tests/hardening/test_hostile_words.py::test_no_escape_sequence_of_others_reaches_the_terminal",
    ),
    "configuration files of any content change paths of the guest only": (
        "tests/hardening/test_hostile_guests.py::test_damaged_configuration_files",
        "tests/hardening/test_hostile_guests.py::test_strange_content_in_every_file",
    ),
    "read in Python with every value checked": (
        "tests/hardening/test_hostile_tables.py::test_mbr_entries_of_any_kind_and_place",
        "tests/hardening/test_hostile_tables.py::test_gpt_headers_with_any_field_changed",
    ),
    "strict models, no YAML objects, bombs and loops refused": (
        _FILES + "test_mutated_plans_are_taken_or_refused_in_words",
        _FILES + "test_yaml_that_means_harm",
        _FILES + "test_mutated_configurations",
    ),
    "repeated repeats in regular expressions refused": (
        _FILES + "test_any_filter_text_parses_or_points_at_its_mistake",
    ),
    "zip bombs, endless tables and formulas refused": (
        _EXPORTS + "test_a_sheet_that_unpacks_to_much_is_refused_before_it_is_unpacked",
        _EXPORTS + "test_two_million_rows_are_refused_within_memory",
        _EXPORTS + "test_formulas_in_names_do_not_run_in_a_spreadsheet",
    ),
    "journal synced before each side effect": (
        _STATE + "test_random_truncations_never_lose_an_acknowledged_change_silently",
        "tests/e2e/test_crash_campaign_fakes.py::test_every_prefix_of_the_journal_is_a_crash_that_converges",
    ),
    "resume by evidence": ("tests/e2e/test_kill_campaign.py::test_nothing_is_lost_doubled_or_left_behind",),
    "loopback only unless TLS or a flag that says what it means": (
        "tests/unit/cli/test_serve_refusals.py::"
        "test_beyond_this_host_only_with_tls_or_a_word_that_says_what_it_means",
        _ACCESS + "test_loopback_is_told_from_what_others_reach",
    ),
    "a 256-bit token exchanged for an HttpOnly, SameSite=Strict cookie": (
        _WEB + "test_the_token_becomes_a_cookie_that_opens_the_app",
        _ACCESS + "test_the_cookie_is_not_the_token_and_each_opens_its_own_door",
    ),
    "Host and Origin checked against DNS rebinding and pages of other ports": (
        _WEB + "test_pages_of_others_and_foreign_names_open_nothing",
        _ACCESS + "test_only_the_page_of_this_very_address_may_open_the_app",
    ),
    "dangerous actions name what they touch, Cancel is the default": (
        "tests/tui/test_screens.py::test_dangerous_keys_ask_first_and_cancel_is_the_default",
    ),
    "two runners on one batch are refused": (_STATE + "test_a_second_writer_is_refused_with_the_pid",),
}
