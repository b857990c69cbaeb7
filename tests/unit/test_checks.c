/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of common/checks and of the words of common/tls_why: what settings and their files may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checks.h"
#include "common/mem.h"
#include "gke_vectors.h"

#define V10 "V10_message_two_recipients_kari"
#define PIN                                                                                        \
	"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:"  \
	"DD:EE:FF"

static char folder[32], text[512];
static const struct check c = {text, sizeof(text)};

static char *path_of(const char *name)
{
	static char path[4][64];
	static unsigned n;

	snprintf(path[++n % 4], sizeof(path[0]), "%s/%s", folder, name);
	return path[n % 4];
}

static void write_file(const char *name, struct slice octets)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	if (octets.len != 0)
		assert_int_equal(fwrite(octets.ptr, 1, octets.len, f), octets.len);
	assert_int_equal(fclose(f), 0);
}

static void write_vector(const char *file, const char *name)
{
	struct bytes pem = vector_text(V10, name);

	write_file(file, bytes_slice(&pem));
	bytes_fini(&pem);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_checks.XXXXXX");
	assert_non_null(mkdtemp(folder));
	write_vector("alice.crt", "alice_cert_pem");
	write_vector("alice.key", "alice_key_pem");
	write_vector("bob.key", "bob_key_pem");
	write_file("empty", SLICE_NULL);
	write_file("locked.key",
		   slice_str("-----BEGIN RSA PRIVATE KEY-----\n"
			     "Proc-Type: 4,ENCRYPTED\n"
			     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"
			     "\n"
			     "AAAAAAAAAAAAAAAAAAAAAA==\n"
			     "-----END RSA PRIVATE KEY-----\n"));
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"alice.crt", "alice.key",  "bob.key",
					    "empty",     "locked.key", "made.key"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

/* rc is a refusal with these words. */
static void expect(int rc, const char *begin, const char *words)
{
	assert_int_equal(rc, -ERR_CONFIG);
	if (strncmp(text, begin, strlen(begin)) != 0 || strstr(text, words) == NULL)
		fail_msg("'%s' is not '%s...%s'", text, begin, words);
	text[0] = '\0';
}

static int link_of(const char *certificate, const char *key, const char *pins)
{
	const struct check_link link = {"mp",
					"mp.connect",
					"the MRFC",
					certificate[0] ? path_of(certificate) : "",
					key[0] ? path_of(key) : "",
					pins};

	return check_tls_link(&c, &link);
}

static void a_link_over_tls_needs_files_that_can_be_used(void **state)
{
	static const char both[] = "mp.tls_certificate, mp.tls_key: ";

	(void)state;
	assert_int_equal(link_of("alice.crt", "alice.key", PIN), 0);
	expect(link_of("", "alice.key", PIN), "mp.connect: ", "mp.tls_certificate");
	expect(link_of("alice.crt", "", PIN), "mp.connect: ", "mp.tls_key");
	expect(link_of("nowhere", "alice.key", PIN), both, "nowhere: No such file");
	expect(link_of("alice.crt", "nowhere", PIN), both, "nowhere: No such file");
	expect(link_of(".", "alice.key", PIN), both, "Is a directory");
	expect(link_of("empty", "alice.key", PIN), both, "empty: there is none in it");
	expect(link_of("alice.crt", "empty", PIN), both, "empty: there is none in it");
	expect(link_of("alice.crt", "alice.crt", PIN), both, "alice.crt: there is none in it");
	expect(link_of("alice.crt", "bob.key", PIN), both, "bob.key: it is not the certificate's");
	expect(link_of("alice.crt", "locked.key", PIN), both, "locked.key: it has a passphrase");
}

static void a_link_over_tls_needs_pins(void **state)
{
	(void)state;
	assert_int_equal(link_of("alice.crt", "alice.key", "sha-256 " PIN ", " PIN), 0);
	expect(link_of("alice.crt", "alice.key", ""), "mp.connect: ", "the MRFC");
	expect(link_of("alice.crt", "alice.key", "00:11"), "mp.pins: ", "'00:11'");
	expect(link_of("alice.crt", "alice.key", "sha-1 00:11"), "mp.pins: ", "SHA-256");
}

static void administration_from_elsewhere_needs_a_token(void **state)
{
	(void)state;
	assert_int_equal(check_admin(&c, "127.0.0.1", ""), 0);
	assert_int_equal(check_admin(&c, "192.0.2.1", path_of("alice.key")), -ERR_CONFIG);
	expect(check_admin(&c, "192.0.2.1", ""), "admin.address: ", "admin.token_file");
	expect(check_admin(&c, "localhost", ""), "admin.address: ", "'localhost'");
	expect(check_admin(&c, "::1", path_of("nowhere")), "admin.token_file: ", "No such file");
	expect(check_admin(&c, "::1", path_of("empty")), "admin.token_file: ", "no token");
}

static void a_store_is_a_file_or_can_be_made(void **state)
{
	(void)state;
	assert_int_equal(check_store_path(&c, "store.path", ""), 0);
	assert_int_equal(check_store_path(&c, "store.path", path_of("empty")), 0);
	assert_int_equal(check_store_path(&c, "store.path", path_of("new/folder/x.db")), 0);
	expect(check_store_path(&c, "store.path", folder), "store.path: ", "Is a directory");
	expect(check_store_path(&c, "store.path", "/dev/null"), "store.path: ", "no file");
	expect(check_store_path(&c, "store.path", path_of("empty/x.db")),
	       "store.path: ", "Not a directory");
	assert_int_equal(access(path_of("new"), F_OK), -1); /* nothing was made */
}

static void a_key_file_has_a_key_or_can_be_made(void **state)
{
	(void)state;
	assert_int_equal(check_key_file(&c, "store.key", path_of("made.key")), 0);
	assert_int_equal(access(path_of("made.key"), F_OK), -1);
	expect(check_key_file(&c, "store.key", path_of("empty/k")),
	       "store.key: ", "cannot be made");
	assert_int_equal(chmod(path_of("empty"), 0600), 0);
	expect(check_key_file(&c, "store.key", path_of("empty")), "store.key: ", "64 hexa");
	write_file("made.key", slice_str("000102030405060708090a0b0c0d0e0f"
					 "000102030405060708090a0b0c0d0e0f\n"));
	assert_int_equal(chmod(path_of("made.key"), 0600), 0);
	assert_int_equal(check_key_file(&c, "store.key", path_of("made.key")), 0);
	assert_int_equal(chmod(path_of("made.key"), 0644), 0);
	expect(check_key_file(&c, "store.key", path_of("made.key")), "store.key: ", "made.key");
}

static void names_of_sockets_and_users_are_looked_at(void **state)
{
	char longest[109];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[107] = '\0';
	assert_int_equal(check_socket(&c, "mp.socket", longest), 0);
	longest[107] = 'x';
	longest[108] = '\0';
	expect(check_socket(&c, "mp.socket", longest), "mp.socket: ", "107");
	expect(check_socket(&c, "mp.socket", ""), "mp.socket: ", "107");
	assert_int_equal(check_users(&c, "mp.users", "root, 65534"), 0);
	expect(check_users(&c, "mp.users", "nobody-of-that-name"), "mp.users: ", "not exist");
	assert_int_equal(check_address(&c, "sip.address", "::1"), 0);
	expect(check_address(&c, "sip.address", "conf.example.com"), "sip.address: ", "numeric");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_over_tls_needs_files_that_can_be_used),
		cmocka_unit_test(a_link_over_tls_needs_pins),
		cmocka_unit_test(administration_from_elsewhere_needs_a_token),
		cmocka_unit_test(a_store_is_a_file_or_can_be_made),
		cmocka_unit_test(a_key_file_has_a_key_or_can_be_made),
		cmocka_unit_test(names_of_sockets_and_users_are_looked_at),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
