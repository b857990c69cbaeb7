/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/tls_ca: names of certificates, files of authorities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/tls_ca.h"

static X509 *with_names(const char *names)
{
	X509 *cert = X509_new();
	X509_EXTENSION *ext =
		names ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names) : NULL;

	assert_non_null(cert);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
						    (const unsigned char *)"subject.example.net",
						    -1, -1, 0),
			 1);
	if (names) {
		assert_non_null(ext);
		assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	}
	X509_EXTENSION_free(ext);
	return cert;
}

static void a_certificate_names_hosts(void **state)
{
	static const struct {
		const char *names, *host;
		bool is;
	} cases[] = {
		{"DNS:a.example.net", "a.example.net", true},
		{"DNS:a.example.net", "A.Example.Net", true},
		{"DNS:b.example.net,DNS:a.example.net", "a.example.net", true},
		{"DNS:*.example.net", "a.example.net", false},
		{"DNS:a.example.net", "example.net", false},
		{"DNS:a.example.net", ".example.net", false},
		{"DNS:a.example.net", "", false},
		{"DNS:192.0.2.1", "192.0.2.1", false},
		{"IP:192.0.2.1", "192.0.2.1", true},
		{"IP:192.0.2.1", "192.0.2.2", false},
		{"IP:2001:db8::1", "2001:db8::1", true},
		{"IP:2001:db8::1", "2001:DB8:0::1", true},
		{"IP:2001:db8::1", "2001:db8::2", false},
		{"IP:192.0.2.1", "a.example.net", false},
		{"URI:sip:a.example.net", "a.example.net", true},
		{"URI:SIPS:A.example.net", "a.example.net", true},
		{"URI:sip:a.example.net:5061", "a.example.net", true},
		{"URI:sip:a.example.net;transport=tls", "a.example.net", true},
		{"URI:msrps://a.example.net:2855/x;tcp", "a.example.net", true},
		{"URI:msrps://[2001:db8::1]:2855/x;tcp", "2001:db8::1", true},
		{"URI:im:a.example.net", "a.example.net", true},
		{"URI:sip:alice@a.example.net", "a.example.net", false},
		{"URI:http://a.example.net", "a.example.net", false},
		{"URI:sip:", "", false},
		{"URI:msrps://[", "", false},
		{"email:alice@a.example.net", "a.example.net", false},
		{NULL, "subject.example.net", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		X509 *cert = with_names(cases[i].names);

		if (tls_ca_names(cert, slice_str(cases[i].host)) != cases[i].is)
			fail_msg("%s, %s", cases[i].names ? cases[i].names : "none", cases[i].host);
		X509_free(cert);
	}
}

static void no_host_is_longer_than_a_name_can_be(void **state)
{
	char host[300];
	X509 *cert = with_names("DNS:a.example.net");

	(void)state;
	memset(host, 'a', sizeof(host));
	assert_false(tls_ca_names(cert, slice_make(host, sizeof(host))));
	memcpy(host, "a.example.net\0x", 15);
	assert_false(tls_ca_names(cert, slice_make(host, 15)));
	assert_true(tls_ca_names(cert, slice_make(host, 13)));
	X509_free(cert);
}

static void files_that_hold_no_authority_are_named(void **state)
{
	char path[] = "/tmp/test_tls_ca.XXXXXX", why[TLS_WHY_SIZE] = "";
	X509_STORE *store = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(tls_ca_load(path, &store, why), -ERR_CONFIG);
	assert_non_null(strstr(why, path));
	unlink(path);
	assert_int_equal(tls_ca_load(path, &store, why), -ERR_CONFIG);
	assert_null(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_names_hosts),
		cmocka_unit_test(no_host_is_longer_than_a_name_can_be),
		cmocka_unit_test(files_that_hold_no_authority_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
