/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ue/ue_keyring: the file with the members' keys of a UE that is a key server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/mem.h"
#include "ue/ue_keyring.h"

#define HEX(octet)                                                                                 \
	octet octet octet octet octet octet octet octet octet octet octet octet octet octet octet  \
		octet octet octet octet octet octet octet octet octet octet octet octet octet      \
			octet octet octet octet

static char path[] = "/tmp/test_ue_keyring.XXXXXX";

static void put(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_int_equal(fclose(f), 0);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(const char *text, mode_t mode, struct ue_keyring **ring, unsigned *line)
{
	put(text, mode);
	return ue_keyring_load(path, ring, line);
}

static void keys_are_found_by_user_and_id(void **state)
{
	const struct member_key *k;
	struct ue_keyring *ring;
	unsigned line;

	(void)state;
	assert_int_equal(load("# mine\n\nsip:bob@example.com b1 " HEX(
				      "01") "\n"
					    "sip:carol@Example.com:5070;x=y c1 " HEX(
						    "02") "\r\n"
							  "  sip:bob@example.com  b2 " HEX("03"),
			      0600, &ring, &line),
			 0);
	assert_int_equal(ue_keyring_count(ring), 3);
	k = ue_keyring_find(ring, "sips:bob@EXAMPLE.com;p=1", SLICE_NULL);
	assert_non_null(k);
	assert_string_equal(k->id, "b1");
	assert_string_equal(k->uri, "sip:bob@example.com");
	for (size_t i = 0; i < MEMBER_KEY_SIZE; i++)
		assert_int_equal(k->key[i], 1);
	k = ue_keyring_find(ring, "sip:bob@example.com", SLICE_LIT("b2"));
	assert_non_null(k);
	assert_int_equal(k->key[31], 3);
	assert_null(ue_keyring_find(ring, "sip:bob@example.com", SLICE_LIT("c1")));
	assert_null(ue_keyring_find(ring, "sip:carol@example.com", SLICE_NULL)); /* another port */
	assert_non_null(ue_keyring_find(ring, "sip:carol@example.com:5070", SLICE_LIT("c1")));
	assert_null(ue_keyring_find(ring, "sip:eve@example.com", SLICE_NULL));
	ue_keyring_free(&ring);
	assert_null(ring);
	assert_int_equal(load("", 0644, &ring, &line), 1);
	assert_int_equal(ue_keyring_count(ring), 0);
	ue_keyring_free(&ring);
}

static void what_is_wrong_is_told_by_its_line(void **state)
{
	static const char *const bad[] = {
		"bob b1 " HEX("01"),
		"sip:example.com b1 " HEX("01"),
		"sip:bob@example.com " HEX("01"),
		"sip:bob@example.com b1 " HEX("01") "00",
		"sip:bob@example.com b1 " HEX("0g"),
		"sip:bob@example.com b1 " HEX("01") " more",
		"sip:bob@example.com",
	};
	struct ue_keyring *ring = NULL;
	char *text, *uri;
	unsigned line = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		text = xasprintf("# one\nsip:a@b a " HEX("00") "\n%s\n", bad[i]);
		assert_int_equal(load(text, 0600, &ring, &line), -ERR_SYNTAX);
		assert_int_equal(line, 3);
		free(text);
	}
	assert_int_equal(load("sip:a@b a " HEX("00") "\nsip:a@B a " HEX("01"), 0600, &ring, &line),
			 -ERR_EXISTS);
	assert_int_equal(line, 2);
	for (int len = 255; len <= 256; len++) {
		uri = xasprintf("sip:%0*d@example.com", len - 16, 1);
		text = xasprintf("%s k " HEX("00"), uri);
		assert_int_equal(load(text, 0600, &ring, &line), len == 255 ? 0 : -ERR_SYNTAX);
		if (len == 255)
			ue_keyring_free(&ring);
		free(text);
		free(uri);
	}
	assert_int_equal(ue_keyring_load("/nonexistent/keys", &ring, &line), -ERR_IO);
	assert_null(ring);
}

static void a_file_has_so_many_keys_at_most(void **state)
{
	struct bytes text = BYTES_INIT;
	struct ue_keyring *ring;
	unsigned line;

	(void)state;
	for (unsigned i = 0; i < UE_KEYRING_MAX; i++)
		bytes_addf(&text, "sip:u%u@example.com k " HEX("ab") "\n", i);
	assert_int_equal(load(bytes_cstr(&text), 0600, &ring, &line), 0);
	assert_int_equal(ue_keyring_count(ring), UE_KEYRING_MAX);
	ue_keyring_free(&ring);
	bytes_add_str(&text, "sip:one@example.com k " HEX("ab"));
	assert_int_equal(load(bytes_cstr(&text), 0600, &ring, &line), -ERR_LIMIT);
	assert_int_equal(line, UE_KEYRING_MAX + 1);
	bytes_fini(&text);
}

static void a_file_that_was_written_to_is_read_again(void **state)
{
	struct ue_keyring *ring;
	unsigned line = 0;

	(void)state;
	assert_int_equal(load("sip:bob@example.com b1 " HEX("01"), 0600, &ring, &line), 0);
	assert_int_equal(ue_keyring_renew(ring, &line), 0);
	put("sip:carol@example.com c1 " HEX("02") "\n# more", 0600);
	assert_int_equal(ue_keyring_renew(ring, &line), 1);
	assert_null(ue_keyring_find(ring, "sip:bob@example.com", SLICE_NULL));
	assert_non_null(ue_keyring_find(ring, "sip:carol@example.com", SLICE_NULL));
	put("sip:carol@example.com c1 " HEX("02") "\nnonsense", 0600);
	assert_int_equal(ue_keyring_renew(ring, &line), -ERR_SYNTAX);
	assert_int_equal(line, 2);
	assert_int_equal(ue_keyring_renew(ring, &line), 0); /* told once */
	assert_non_null(ue_keyring_find(ring, "sip:carol@example.com", SLICE_NULL));
	ue_keyring_free(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_by_user_and_id),
		cmocka_unit_test(what_is_wrong_is_told_by_its_line),
		cmocka_unit_test(a_file_has_so_many_keys_at_most),
		cmocka_unit_test(a_file_that_was_written_to_is_read_again),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
