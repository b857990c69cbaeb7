/* SPDX-License-Identifier: Apache-2.0 */
/* MIKEY as octets: what is cut short, too long, out of order or out of place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mikey_draft.h"

/* covers: MIKEY-001 */
static void every_beginning_of_a_message_is_refused(void **state)
{
	struct bytes r = BYTES_INIT, e = BYTES_INIT;
	struct mikey m;

	(void)state;
	for (size_t k = 0; k < RIG_ALL; k++) {
		struct mikey_init init = rig_any(k);
		struct bytes b = rig_build(&init);

		for (size_t len = 0; len < b.len; len++)
			assert_int_equal(mikey_parse(slice_make(b.data, len), &m, NULL),
					 -ERR_SYNTAX);
		assert_int_equal(rig_read(&b, &m), 0);
		bytes_reset(&r);
		mikey_build_verify(&m, rig_psk(), &r);
		for (size_t len = 0; len < r.len; len++)
			assert_int_equal(mikey_parse(slice_make(r.data, len), &m, NULL),
					 -ERR_SYNTAX);
		bytes_fini(&b);
	}
	mikey_build_error(&m, MIKEY_ERR_AUTH, &e);
	for (size_t len = 0; len < e.len; len++)
		assert_int_equal(mikey_parse(slice_make(e.data, len), &m, NULL), -ERR_SYNTAX);
	bytes_fini(&r);
	bytes_fini(&e);
}

/* covers: MIKEY-001 */
static void octets_behind_the_last_payload_are_refused(void **state)
{
	(void)state;
	for (size_t k = 0; k < RIG_ALL; k++) {
		struct mikey_init init = rig_any(k);
		struct bytes b = rig_build(&init);
		struct mikey m;

		for (int more = 0; more < 40; more++) {
			bytes_add_u8(&b, (uint8_t)more);
			assert_int_equal(rig_read(&b, &m), -ERR_SYNTAX);
		}
		bytes_fini(&b);
	}
}

/* covers: MIKEY-001, MIKEY-015 */
static void lengths_past_the_end_are_refused(void **state)
{
	static const char id[] = "\1\1\xff\xff", ext[] = "\1\xff\xff", rand[] = "\xff",
			  kemac[] = "\3\xff\xff";
	struct draft d = begun();

	(void)state;
	draft_add(&d, MIKEY_NEXT_IDR, id, 4);
	assert_int_equal(is_refused(&d, MIKEY_ERR_UNSPECIFIED), -ERR_SYNTAX);
	d = begun();
	draft_add(&d, MIKEY_NEXT_EXT, ext, 3);
	assert_int_equal(is_refused(&d, MIKEY_ERR_UNSPECIFIED), -ERR_SYNTAX);
	d = draft_new(MIKEY_PSK_INIT, 1);
	add_t(&d);
	draft_add(&d, MIKEY_NEXT_RAND, rand, 1);
	assert_int_equal(is_refused(&d, MIKEY_ERR_UNSPECIFIED), -ERR_SYNTAX);
	d = begun();
	draft_add(&d, MIKEY_NEXT_KEMAC, kemac, 3);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
}

static void a_message_has_1024_octets_at_most(void **state)
{
	static const char text[MIKEY_ID_MAX + 1] = "sip:";
	struct mikey_init init = rig_member_key(GKE_SUITE_B);
	struct bytes out = BYTES_INIT;
	struct mikey m;
	size_t others;

	(void)state;
	init.idri = init.idrr = init.idrapp = slice_make(text, MIKEY_ID_MAX);
	init.idrpsk = slice_make(text, 1);
	assert_int_equal(mikey_build_init(&init, rig_psk(), &out), 0);
	others = out.len - 1;
	bytes_reset(&out);
	init.idrpsk = slice_make(text, MIKEY_MAX_SIZE - others);
	assert_int_equal(mikey_build_init(&init, rig_psk(), &out), 0);
	assert_int_equal(out.len, MIKEY_MAX_SIZE);
	assert_int_equal(rig_read(&out, &m), 0);
	bytes_add_u8(&out, 0);
	assert_int_equal(rig_read(&out, &m), -ERR_LIMIT);
	bytes_reset(&out);
	init.idrpsk = slice_make(text, MIKEY_MAX_SIZE - others + 1);
	assert_int_equal(mikey_build_init(&init, rig_psk(), &out), -ERR_LIMIT);
	assert_int_equal(out.len, 0);
	bytes_fini(&out);
}

static void names_have_1_to_255_octets(void **state)
{
	static const char text[MIKEY_ID_MAX + 1] = "sip:";

	(void)state;
	for (size_t which = 0; which < 4; which++) {
		static const size_t lens[] = {0, 1, MIKEY_ID_MAX, MIKEY_ID_MAX + 1};

		for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
			struct mikey_init init = rig_request(GKE_SUITE_B);
			struct slice *const ids[] = {&init.idri, &init.idrr, &init.idrpsk,
						     &init.idrapp};
			struct bytes out = BYTES_INIT;
			struct draft d = begun();
			bool good = i == 1 || i == 2;

			*ids[which] = slice_make(text, lens[i]);
			assert_int_equal(mikey_build_init(&init, rig_psk(), &out),
					 good ? 0 : -ERR_LIMIT);
			bytes_fini(&out);
			add_id(&d, which < 2 ? (uint8_t)(which + 1) : (uint8_t)(which + 2), 1,
			       (uint16_t)lens[i]);
			if (good)
				assert_int_equal(finish_request(&d, NULL), 0);
			else
				assert_int_equal(is_refused(&d, MIKEY_ERR_ID), -ERR_SYNTAX);
		}
	}
}

static void a_message_has_16_payloads_at_most(void **state)
{
	(void)state;
	for (int n = MIKEY_MAX_PAYLOADS; n <= MIKEY_MAX_PAYLOADS + 1; n++) {
		struct draft d = begun();

		for (int i = 0; i < n - 3; i++)
			add_ext(&d, 0, 2);
		assert_int_equal(finish_request(&d, NULL),
				 n == MIKEY_MAX_PAYLOADS ? 0 : -ERR_LIMIT);
	}
}

/* covers: MIKEY-009 */
static void a_rand_has_16_octets_at_least(void **state)
{
	static const uint8_t lens[] = {0, 15, 16, 255};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct draft d = draft_new(MIKEY_PSK_INIT, 1);

		add_t(&d);
		add_rand(&d, lens[i]);
		assert_int_equal(finish_request(&d, NULL), lens[i] < 16 ? -ERR_SYNTAX : 0);
	}
}

/* covers: MIKEY-010 */
static void an_update_without_rand_is_refused(void **state)
{
	struct draft d = draft_new(MIKEY_PSK_INIT, 1);

	(void)state;
	add_t(&d);
	assert_int_equal(is_refused(&d, MIKEY_ERR_UNSPECIFIED), -ERR_SYNTAX);
}

static void payloads_have_one_order_and_come_once(void **state)
{
	/* T, RAND, IDs by their roles, an extension; of which only the first line is in order. */
	static const char *const orders[] = {"tr1245x", "rt1245",  "t1r245", "tr2145", "tr1425",
					     "tr1254",  "ttr1245", "trr1",   "tr11",   "tr1244",
					     "tr12455", "1tr",     "xtr",    "t",      ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct draft d = draft_new(MIKEY_PSK_INIT, 1);
		enum mikey_error error;

		for (const char *c = orders[i]; *c; c++) {
			if (*c == 't')
				add_t(&d);
			else if (*c == 'r')
				add_rand(&d, 16);
			else if (*c == 'x')
				add_ext(&d, 7, 3);
			else
				add_id(&d, (uint8_t)(*c - '0'), 1, 9);
		}
		assert_int_equal(finish_request(&d, &error), i == 0 ? 0 : -ERR_SYNTAX);
	}
}

static void nothing_follows_the_mac(void **state)
{
	struct draft d = begun();

	(void)state;
	add_kemac(&d, 0, 0, 2);
	add_ext(&d, 7, 3);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = begun();
	add_kemac(&d, 0, 0, 2);
	add_kemac(&d, 0, 0, 2);
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX);
	d = begun();
	assert_int_equal(finish(&d, NULL), -ERR_SYNTAX); /* none at all */
}

static void payloads_of_other_users_of_mikey_are_refused(void **state)
{
	static const uint8_t octets[64] = {0};

	(void)state;
	for (unsigned type = 1; type < 256; type++) {
		struct draft d;

		if (type == MIKEY_NEXT_IDR || type == MIKEY_NEXT_EXT || type == MIKEY_NEXT_KEMAC)
			continue;
		d = begun();
		draft_add(&d, (uint8_t)type, octets, sizeof(octets));
		assert_int_equal(finish_request(&d, NULL), -ERR_SYNTAX);
	}
}

static void names_are_uris_and_of_known_roles(void **state)
{
	(void)state;
	for (unsigned role = 0; role < 8; role++) {
		for (unsigned type = 0; type < 4; type++) {
			bool known = role == 1 || role == 2 || role == 4 || role == 5;
			bool good = known && (type == 1 || (type == 2 && role == 4));
			struct draft d = begun();

			add_id(&d, (uint8_t)role, (uint8_t)type, 9);
			if (good)
				assert_int_equal(finish_request(&d, NULL), 0);
			else
				assert_true(is_refused(&d, MIKEY_ERR_ID) < 0);
		}
	}
}

/* covers: KM-003 */
static void the_list_of_offered_protocols_comes_once_and_is_not_empty(void **state)
{
	struct draft d = begun();

	(void)state;
	add_ext(&d, 1, 5);
	assert_int_equal(finish_request(&d, NULL), 0);
	d = begun();
	add_ext(&d, 1, 0);
	assert_int_equal(is_refused(&d, MIKEY_ERR_UNSPECIFIED), -ERR_SYNTAX);
	d = begun();
	add_ext(&d, 1, 5);
	add_ext(&d, 1, 5);
	assert_int_equal(is_refused(&d, MIKEY_ERR_UNSPECIFIED), -ERR_SYNTAX);
	d = begun();
	add_ext(&d, 0, 5); /* vendor id: skipped */
	add_ext(&d, 1, 5);
	add_ext(&d, 3, 0);
	assert_int_equal(finish_request(&d, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_beginning_of_a_message_is_refused),
		cmocka_unit_test(octets_behind_the_last_payload_are_refused),
		cmocka_unit_test(lengths_past_the_end_are_refused),
		cmocka_unit_test(a_message_has_1024_octets_at_most),
		cmocka_unit_test(names_have_1_to_255_octets),
		cmocka_unit_test(a_message_has_16_payloads_at_most),
		cmocka_unit_test(a_rand_has_16_octets_at_least),
		cmocka_unit_test(an_update_without_rand_is_refused),
		cmocka_unit_test(payloads_have_one_order_and_come_once),
		cmocka_unit_test(nothing_follows_the_mac),
		cmocka_unit_test(payloads_of_other_users_of_mikey_are_refused),
		cmocka_unit_test(names_are_uris_and_of_known_roles),
		cmocka_unit_test(the_list_of_offered_protocols_comes_once_and_is_not_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
