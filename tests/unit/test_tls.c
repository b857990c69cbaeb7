/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/tls: identities from files and made at start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/tls.h"

static void without_files_each_start_has_a_certificate_of_its_own(void **state)
{
	struct tls_settings set = {.ask_peer = true};
	char why[TLS_WHY_SIZE] = "";
	struct fingerprint fp;
	struct tls *a, *b;

	(void)state;
	assert_int_equal(tls_new(&set, &a, why), 0);
	assert_int_equal(tls_new(&set, &b, why), 0);
	assert_int_equal(fingerprint_parse(slice_str(tls_fingerprint(a)), &fp), 0);
	assert_int_equal(fp.hash, FINGERPRINT_SHA256);
	assert_string_not_equal(tls_fingerprint(a), tls_fingerprint(b));
	assert_int_equal(tls_n_handshakes(a), 0);
	tls_free(&a);
	tls_free(&b);
	assert_null(a);
	tls_free(&a);
}

static void files_that_cannot_be_used_are_named(void **state)
{
	char path[] = "/tmp/test_tls.XXXXXX";
	int fd = mkstemp(path);
	struct tls_settings set = {.certificate = path, .key = path};
	char why[TLS_WHY_SIZE] = "";
	struct tls *t = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(tls_new(&set, &t, why), -ERR_CONFIG);
	assert_non_null(strstr(why, path));
	close(fd);
	unlink(path);
	assert_int_equal(tls_new(&set, &t, why), -ERR_CONFIG);
	assert_non_null(strstr(why, path));
	assert_null(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_files_each_start_has_a_certificate_of_its_own),
		cmocka_unit_test(files_that_cannot_be_used_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
