/* SPDX-License-Identifier: Apache-2.0 */
/* MIKEY of other suites, other data types and other users; errors; the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mikey_draft.h"

/* covers: MIKEY-007, MIKEY-008 */
static void suites_are_not_mixed_and_nothing_is_null(void **state)
{
	static const uint16_t lens[] = {0, 33, 49};
	int accepted = 0;

	(void)state;
	for (unsigned mix = 0; mix < 3u * 5 * 3 * 3; mix++) {
		uint8_t prf = (uint8_t)(mix % 3), encr = (uint8_t)(mix / 3 % 5),
			mac = (uint8_t)(mix / 15 % 3);
		uint16_t len = lens[mix / 45];
		struct draft d = draft_new(MIKEY_PSK_INIT, prf);
		bool request = encr == 0 && len == 0 && mac == prf + 1;
		bool a = prf == 0 && encr == 1 && mac == 1 && len == 33;
		bool b = prf == 1 && encr == 3 && mac == 2 && len == 49;
		bool good = a || b || (request && prf < 2);

		add_t(&d);
		add_rand(&d, 16);
		add_kemac(&d, encr, len, mac);
		assert_int_equal(finish(&d, NULL), good ? 0 : -ERR_UNSUPPORTED);
		accepted += good;
	}
	assert_int_equal(accepted, 4);
}

/* covers: MIKEY-002, MIKEY-007, MIKEY-008 */
static void the_error_number_names_what_is_not_spoken_here(void **state)
{
	static const struct {
		uint8_t prf, encr, mac;
		uint16_t len;
		enum mikey_error error;
	} cases[] = {{2, 3, 2, 49, MIKEY_ERR_PRF},         {1, 1, 2, 49, MIKEY_ERR_ENCR},
		     {1, 0, 2, 49, MIKEY_ERR_ENCR},        {1, 3, 1, 49, MIKEY_ERR_MAC},
		     {1, 3, 0, 49, MIKEY_ERR_MAC},         {1, 3, 2, 48, MIKEY_ERR_UNSPECIFIED},
		     {1, 3, 2, 50, MIKEY_ERR_UNSPECIFIED}, {1, 3, 2, 33, MIKEY_ERR_UNSPECIFIED}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct draft d = draft_new(MIKEY_PSK_INIT, cases[i].prf);
		enum mikey_error error = MIKEY_ERR_AUTH;

		add_t(&d);
		add_rand(&d, 16);
		add_kemac(&d, cases[i].encr, cases[i].len, cases[i].mac);
		assert_int_equal(finish(&d, &error), -ERR_UNSUPPORTED);
		assert_int_equal(error, cases[i].error);
	}
}

/* covers: MIKEY-007 */
static void only_the_time_of_ntp_in_utc_is_understood(void **state)
{
	(void)state;
	for (uint8_t type = 1; type < 4; type++) {
		uint8_t t[9] = {type};
		struct draft d = draft_new(MIKEY_PSK_INIT, 1);

		draft_add(&d, MIKEY_NEXT_T, t, sizeof(t));
		add_rand(&d, 16);
		assert_int_equal(is_refused(&d, MIKEY_ERR_TS), -ERR_UNSUPPORTED);
	}
}

/* covers: MIKEY-002 */
static void other_data_types_are_named_and_refused(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		struct draft d = draft_new((uint8_t)type, 1);
		enum mikey_error error = MIKEY_ERR_AUTH;

		assert_int_equal(mikey_data_type(bytes_slice(&d.b)), type);
		if (type == MIKEY_PSK_INIT || type == MIKEY_PSK_VERIFY || type == MIKEY_ERROR) {
			bytes_fini(&d.b);
			continue;
		}
		add_t(&d);
		assert_int_equal(finish(&d, &error), -ERR_UNSUPPORTED);
		assert_int_equal(error, MIKEY_ERR_TYPE);
	}
}

/*
 * Tickets (RFC 6043) are told from other messages by their first octets, so that they may be handed on as
 * they are; here they are refused, with their GENERIC-ID maps and whatever tickets they hold.
 * covers: TKT-001, TKT-002, TKT-005
 */
static void tickets_are_known_as_such_and_refused(void **state)
{
	static const uint8_t generic_id[] = {1,    14, 5, 1, 0, 0, 0, 9, 1, 2, 1, 0,
					     0x80, 0,  0, 4, 1, 2, 3, 4, 0, 0, 0, 0};
	struct mikey m;

	(void)state;
	for (uint8_t type = MIKEY_TICKET_FIRST; type <= MIKEY_TICKET_LAST; type++) {
		struct draft d = draft_new(type, 1);
		enum mikey_error error = MIKEY_ERR_AUTH;
		int found = mikey_data_type(bytes_slice(&d.b));

		assert_in_range(found, MIKEY_TICKET_FIRST, MIKEY_TICKET_LAST);
		add_t(&d);
		draft_add(&d, 17, "\1\0\4\1\2\3\4", 7); /* TICKET of type 1 */
		add_v(&d);
		assert_int_equal(finish(&d, &error), -ERR_UNSUPPORTED);
		assert_int_equal(error, MIKEY_ERR_TYPE);
	}
	assert_int_equal(mikey_data_type(slice_make(generic_id, sizeof(generic_id))), 14);
	assert_int_equal(mikey_parse(slice_make(generic_id, sizeof(generic_id)), &m, NULL),
			 -ERR_UNSUPPORTED);
}

static void the_data_type_wants_a_version_and_two_octets(void **state)
{
	(void)state;
	assert_int_equal(mikey_data_type(SLICE_NULL), -ERR_SYNTAX);
	assert_int_equal(mikey_data_type(slice_make("\1", 1)), -ERR_SYNTAX);
	assert_int_equal(mikey_data_type(slice_make("\2\0", 2)), -ERR_SYNTAX);
	assert_int_equal(mikey_data_type(slice_make("\1\32", 2)), 26);
}

/* covers: KM-006 */
static void errors_are_written_and_read(void **state)
{
	struct mikey_init init = rig_request(GKE_SUITE_A);
	struct bytes b = rig_build(&init);
	struct mikey m, e;

	(void)state;
	assert_int_equal(rig_read(&b, &m), 0);
	for (unsigned error = 0; error < 16; error++) {
		struct bytes out = BYTES_INIT;

		mikey_build_error(&m, (enum mikey_error)error, &out);
		assert_int_equal(rig_read(&out, &e), 0);
		assert_int_equal(e.data_type, MIKEY_ERROR);
		assert_int_equal(e.error, error);
		assert_int_equal(e.csb_id, m.csb_id);
		assert_int_equal(e.t, m.t);
		assert_int_equal(e.mac.len, 0);
		bytes_fini(&out);
	}
	bytes_fini(&b);
}

/* covers: KM-006 */
static void a_refusal_proves_who_it_is_of_and_names_suite_and_time(void **state)
{
	struct mikey_init init = rig_request(GKE_SUITE_A);
	struct bytes b = rig_build(&init), out = BYTES_INIT;
	struct slice psk = rig_psk();
	struct mikey m, e, other;

	(void)state;
	assert_int_equal(rig_read(&b, &m), 0);
	mikey_build_refusal(&m, GKE_SUITE_B, MIKEY_ERR_PRF, 77, psk, &out);
	assert_int_equal(rig_read(&out, &e), 0);
	assert_int_equal(e.data_type, MIKEY_ERROR);
	assert_int_equal(e.error, MIKEY_ERR_PRF);
	assert_int_equal(e.suite, GKE_SUITE_B);
	assert_int_equal(e.clock, 77);
	assert_int_equal(e.t, m.t);
	assert_int_equal(mikey_check_refusal(&e, &m, psk), 1);
	other = m;
	other.t++;
	assert_int_equal(mikey_check_refusal(&e, &other, psk), -ERR_SYNTAX);
	other = m;
	other.rand = slice_first(m.raw, MIKEY_RAND_SIZE);
	assert_int_equal(mikey_check_refusal(&e, &other, psk), -ERR_DENIED);
	assert_int_equal(mikey_check_refusal(&m, &m, psk), -ERR_SYNTAX);
	for (size_t at = 0; at < out.len; at++) { /* no octet of it is without meaning */
		out.data[at] ^= 0x20;
		if (rig_read(&out, &e) == 0)
			assert_int_not_equal(mikey_check_refusal(&e, &m, psk), 1);
		out.data[at] ^= 0x20;
	}
	bytes_reset(&out);
	mikey_build_error(&m, MIKEY_ERR_PRF, &out);
	assert_int_equal(rig_read(&out, &e), 0);
	assert_int_equal(mikey_check_refusal(&e, &m, psk), 0);
	bytes_fini(&out);
	bytes_fini(&b);
}

/* covers: KM-006 */
static void the_time_of_an_error_stands_once_between_error_and_proof(void **state)
{
	struct draft d;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		d = draft_new(MIKEY_ERROR, 1);
		add_t(&d);
		draft_add(&d, MIKEY_NEXT_ERR, "\1\0\0", 3);
		add_ext(&d, 250, 3); /* not known: skipped */
		for (unsigned i = 0; i < n; i++)
			draft_add(&d, MIKEY_NEXT_EXT, "\361\0\10\1\2\3\4\5\6\7\10", 11);
		assert_int_equal(finish(&d, NULL), n < 2 ? 0 : -ERR_SYNTAX);
	}
	d = draft_new(MIKEY_ERROR, 1);
	add_t(&d);
	add_ext(&d, 250, 3);
	draft_add(&d, MIKEY_NEXT_ERR, "\1\0\0", 3);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_ERROR, 1);
	add_t(&d);
	draft_add(&d, MIKEY_NEXT_ERR, "\1\0\0", 3);
	draft_add(&d, MIKEY_NEXT_EXT, "\361\0\7\1\2\3\4\5\6\7", 10);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_ERROR, 1);
	add_t(&d);
	draft_add(&d, MIKEY_NEXT_ERR, "\1\0\0", 3);
	add_v(&d);
	add_ext(&d, 250, 3);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
}

/* What was read before the offence names the message that the error is about. */
static void an_error_can_answer_a_message_that_was_refused(void **state)
{
	struct draft d = draft_new(MIKEY_PSK_INIT, 1);
	struct bytes out = BYTES_INIT;
	enum mikey_error error;
	struct mikey m, e;

	(void)state;
	add_t(&d);
	add_rand(&d, 16);
	add_kemac(&d, 1, 49, 2);
	assert_int_equal(mikey_parse(bytes_slice(&d.b), &m, &error), -ERR_UNSUPPORTED);
	mikey_build_error(&m, error, &out);
	assert_int_equal(rig_read(&out, &e), 0);
	assert_int_equal(e.error, MIKEY_ERR_ENCR);
	assert_int_equal(e.csb_id, 9);
	assert_int_equal(e.t, UINT64_C(0xeead3f8000000001));
	bytes_fini(&d.b);
	bytes_fini(&out);
}

static void confirmations_and_errors_have_their_own_payloads(void **state)
{
	struct draft d = draft_new(MIKEY_PSK_VERIFY, 1);

	(void)state;
	add_t(&d);
	add_rand(&d, 16);
	add_v(&d);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_PSK_VERIFY, 1);
	add_t(&d);
	add_id(&d, MIKEY_ROLE_INITIATOR, 1, 9);
	add_v(&d);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_PSK_VERIFY, 1);
	add_t(&d);
	add_kemac(&d, 0, 0, 2);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_PSK_VERIFY, 1);
	add_v(&d);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_ERROR, 1);
	add_t(&d);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = draft_new(MIKEY_ERROR, 1); /* an authentic one (RFC 3830 5.1.2) */
	add_t(&d);
	draft_add(&d, MIKEY_NEXT_ERR, "\1\0\0", 3);
	add_v(&d);
	assert_int_equal(finish(&d, NULL), 0);
}

static void the_clock_goes_to_ntp_and_back(void **state)
{
	static const uint64_t times[] = {0,
					 1,
					 1795330800123456,
					 1795330800999999,
					 UINT64_C(2085978495999999),
					 UINT64_C(2085978496000000),
					 UINT64_C(4102444800000001)};

	(void)state;
	assert_int_equal(mikey_time(0), UINT64_C(2208988800) << 32);
	assert_int_equal(mikey_time(1795330800500000), UINT64_C(0xeead117080000000));
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_int_equal(mikey_time_us(mikey_time(times[i])), times[i]);
	for (uint64_t us = 1795330800000000; us < 1795330800002000; us++) {
		assert_int_equal(mikey_time_us(mikey_time(us)), us);
		assert_true(mikey_time(us) < mikey_time(us + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites_are_not_mixed_and_nothing_is_null),
		cmocka_unit_test(the_error_number_names_what_is_not_spoken_here),
		cmocka_unit_test(only_the_time_of_ntp_in_utc_is_understood),
		cmocka_unit_test(other_data_types_are_named_and_refused),
		cmocka_unit_test(tickets_are_known_as_such_and_refused),
		cmocka_unit_test(the_data_type_wants_a_version_and_two_octets),
		cmocka_unit_test(errors_are_written_and_read),
		cmocka_unit_test(a_refusal_proves_who_it_is_of_and_names_suite_and_time),
		cmocka_unit_test(the_time_of_an_error_stands_once_between_error_and_proof),
		cmocka_unit_test(an_error_can_answer_a_message_that_was_refused),
		cmocka_unit_test(confirmations_and_errors_have_their_own_payloads),
		cmocka_unit_test(the_clock_goes_to_ntp_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
