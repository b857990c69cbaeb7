/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed and signed bodies both ways with the command openssl(1): what it writes is read here, what is written here it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "gke_vectors.h"
#include "proto/cms.h"
#include "proto/cms_signed.h"
#include "proto/gke_body.h"

#define V10     "V10_message_two_recipients_kari"
#define KEK128  "470f97721f3926ae2414c529c6548451"
#define KEK256  "69856c248217fa674be00b67e8cc0cd26a6c0d451ad738e1eeafa86edc53cd69"
#define KEYID   "c0ffee010203040500000007"
#define MAX_ARG 40

struct rig {
	char dir[32];
	struct cms_signer *alice, *bob;
	struct cms_cert *alice_cert, *bob_cert;
};

static char *path_in(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

static void put(const struct rig *r, const char *name, struct slice content)
{
	char *path = path_in(r, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(content.len ? content.ptr : "", 1, content.len, f), content.len);
	assert_int_equal(fclose(f), 0);
	free(path);
}

static struct bytes get(const struct rig *r, const char *name)
{
	char *path = path_in(r, name), part[4096];
	struct bytes b = BYTES_INIT;
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		bytes_add(&b, part, n);
	(void)fclose(f);
	free(path);
	return b;
}

/* Run "openssl cms" with words of a line, in the rig's folder; its exit code. */
static int openssl_cms(const struct rig *r, const char *line)
{
	char *words = xasprintf("openssl cms -binary %s", line), *argv[MAX_ARG], *at = words;
	posix_spawn_file_actions_t actions;
	int n = 0, status;
	pid_t pid;

	for (char *word; (word = strsep(&at, " ")) != NULL && n < MAX_ARG - 1;)
		argv[n++] = word;
	argv[n] = NULL;
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, r->dir), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0), 0);
	assert_int_equal(posix_spawnp(&pid, "openssl", &actions, NULL, argv, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
	free(words);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put_text(const struct rig *r, const char *file, const char *name)
{
	struct bytes b = vector_text(V10, name);

	put(r, file, bytes_slice(&b));
	bytes_fini(&b);
}

static int setup(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct bytes cert, key;

	memcpy(r->dir, "/tmp/mrf-cms-XXXXXX", 20);
	assert_non_null(mkdtemp(r->dir));
	put_text(r, "alice.pem", "alice_cert_pem");
	put_text(r, "alice.key", "alice_key_pem");
	put_text(r, "bob.pem", "bob_cert_pem");
	put_text(r, "bob.key", "bob_key_pem");
	cert = get(r, "alice.pem");
	key = get(r, "alice.key");
	assert_int_equal(cms_signer_new(bytes_slice(&cert), bytes_slice(&key), &r->alice), 0);
	assert_int_equal(cms_cert_new(bytes_slice(&cert), &r->alice_cert), 0);
	bytes_fini(&cert);
	bytes_fini(&key);
	cert = get(r, "bob.pem");
	key = get(r, "bob.key");
	assert_int_equal(cms_signer_new(bytes_slice(&cert), bytes_slice(&key), &r->bob), 0);
	assert_int_equal(cms_cert_new(bytes_slice(&cert), &r->bob_cert), 0);
	bytes_fini(&cert);
	bytes_fini(&key);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"alice.pem", "alice.key", "bob.pem", "bob.key",
					    "in",        "der",       "out"};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = path_in(r, files[i]);

		(void)unlink(path);
		free(path);
	}
	(void)rmdir(r->dir);
	cms_signer_free(&r->alice);
	cms_signer_free(&r->bob);
	cms_cert_free(&r->alice_cert);
	cms_cert_free(&r->bob_cert);
	free(r);
	return 0;
}

/* Bodies of these sizes, of all octets. */
static const size_t sizes[] = {0, 1, 100, 127, 128, 300, 65536, 200000};

static struct bytes body_of(size_t size)
{
	struct bytes b = BYTES_INIT;

	for (size_t i = 0; i < size; i++)
		bytes_add_u8(&b, (uint8_t)(i * 31 + 7));
	return b;
}

static struct cms_seal how_of(const struct bytes *kek, enum cms_cipher cipher)
{
	static const uint8_t cek[32] = {1, 2, 3}, nonce[12] = {4, 5, 6};
	struct bytes id = octets_of(KEYID);
	struct cms_seal how = {
		.cipher = cipher, .kek = bytes_slice(kek), .cek = cek, .nonce = nonce};

	assert_int_equal(gkid_read(bytes_slice(&id), &how.gkid), 0);
	bytes_fini(&id);
	return how;
}

/* covers: SMI-002, CMS-002 */
static void openssl_opens_what_is_sealed_here(void **state)
{
	static const char *const keks[] = {KEK128, KEK256};
	struct rig *r = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		struct bytes kek = octets_of(keks[i & 1]), body = body_of(sizes[i / 2]), out, der;
		struct cms_seal how = how_of(&kek, i & 1 ? CMS_AES256 : CMS_AES128);
		char *line = xasprintf("-decrypt -inform DER -in der -out out -secretkey %s "
				       "-secretkeyid " KEYID,
				       keks[i & 1]);

		if (i & 2)
			how.date = SLICE_LIT("20261122065500Z");
		der = BYTES_INIT;
		assert_int_equal(cms_seal(&how, bytes_slice(&body), &der), 0);
		put(r, "der", bytes_slice(&der));
		assert_int_equal(openssl_cms(r, line), 0);
		out = get(r, "out");
		assert_true(slice_eq(bytes_slice(&out), bytes_slice(&body)));
		free(line);
		bytes_fini(&kek);
		bytes_fini(&body);
		bytes_fini(&out);
		bytes_fini(&der);
	}
}

/* covers: SMI-002 */
static void what_openssl_seals_opens_here(void **state)
{
	static const char *const keks[] = {KEK128, KEK256};
	struct rig *r = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		struct bytes kek = octets_of(keks[i & 1]), body = body_of(sizes[i / 2]), der;
		struct bytes out = BYTES_INIT, again = BYTES_INIT;
		char *line =
			xasprintf("-encrypt -aes-%s-gcm -in in -outform DER -out der -secretkey %s "
				  "-secretkeyid " KEYID,
				  i & 1 ? "256" : "128", keks[i & 1]);
		struct cms_head head;

		put(r, "in", bytes_slice(&body));
		assert_int_equal(openssl_cms(r, line), 0);
		der = get(r, "der");
		assert_int_equal(cms_parse(bytes_slice(&der), &head), 0);
		assert_int_equal(head.cipher, i & 1 ? CMS_AES256 : CMS_AES128);
		assert_int_equal(cms_open(&head, bytes_slice(&kek), &out), 0);
		assert_true(slice_eq(bytes_slice(&out), bytes_slice(&body)));
		free(line);
		bytes_fini(&kek);
		bytes_fini(&body);
		bytes_fini(&out);
		bytes_fini(&again);
		bytes_fini(&der);
	}
}

/* covers: SMI-002, CMS-007 */
static void signatures_are_verified_both_ways(void **state)
{
	struct rig *r = *state;
	struct bytes der = BYTES_INIT, out, content = BYTES_INIT;
	struct bytes body = body_of(1000);

	assert_int_equal(cms_sign(r->alice, bytes_slice(&body), &der), 0);
	put(r, "der", bytes_slice(&der));
	assert_int_equal(openssl_cms(r, "-verify -inform DER -in der -certfile alice.pem -nointern "
					"-CAfile alice.pem -purpose any -out out"),
			 0);
	out = get(r, "out");
	assert_true(slice_eq(bytes_slice(&out), bytes_slice(&body)));
	assert_int_not_equal(openssl_cms(r,
					 "-verify -inform DER -in der -certfile bob.pem -nointern "
					 "-CAfile bob.pem -purpose any -out out"),
			     0);
	bytes_fini(&der);

	put(r, "in", bytes_slice(&body));
	assert_int_equal(openssl_cms(r,
				     "-sign -signer alice.pem -inkey alice.key -md sha256 -keyid "
				     "-nocerts -nodetach -in in -outform DER -out der"),
			 0);
	der = get(r, "der");
	assert_int_equal(cms_verify(bytes_slice(&der), r->bob_cert, &content), -ERR_DENIED);
	assert_int_equal(cms_verify(bytes_slice(&der), r->alice_cert, &content), 0);
	assert_true(slice_eq(bytes_slice(&content), bytes_slice(&body)));
	bytes_fini(&der);
	bytes_fini(&content);
	bytes_fini(&out);
	bytes_fini(&body);
}

/* Signatures of other kinds by the same signer. */
static void other_signatures_are_refused(void **state)
{
	static const struct {
		const char *line;
		int expected;
	} cases[] = {
		/* with his certificate and capabilities, which change nothing */
		{"-sign -signer alice.pem -inkey alice.key -md sha256 -keyid -nodetach", 0},
		{"-sign -signer alice.pem -inkey alice.key -md sha256 -keyid -nocerts -noattr -nodetach",
		 0},
		{"-sign -signer alice.pem -inkey alice.key -md sha512 -keyid -nocerts -nodetach",
		 -ERR_UNSUPPORTED},
		{"-sign -signer alice.pem -inkey alice.key -md sha256 -nocerts -nodetach",
		 -ERR_UNSUPPORTED},
		{"-sign -signer alice.pem -inkey alice.key -md sha256 -keyid -nocerts",
		 -ERR_SYNTAX},
		{"-sign -signer alice.pem -inkey alice.key -signer bob.pem -inkey bob.key -md sha256 "
		 "-keyid -nocerts -nodetach",
		 -ERR_UNSUPPORTED},
		{"-sign -signer alice.pem -inkey alice.key -md sha256 -keyid -nocerts -nodetach -stream "
		 "-indef",
		 -ERR_SYNTAX},
		{"-sign -signer alice.pem -inkey alice.key -md sha256 -keyid -nocerts -nodetach "
		 "-econtent_type 1.2.3.4",
		 -ERR_SYNTAX},
	};
	struct rig *r = *state;

	put(r, "in", SLICE_LIT("hello"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *line = xasprintf("%s -in in -outform DER -out der", cases[i].line);
		struct bytes content = BYTES_INIT, der;

		assert_int_equal(openssl_cms(r, line), 0);
		der = get(r, "der");
		assert_int_equal(cms_verify(bytes_slice(&der), r->alice_cert, &content),
				 cases[i].expected);
		assert_int_equal(content.len, cases[i].expected == 0 ? 5 : 0);
		bytes_fini(&der);
		bytes_fini(&content);
		free(line);
	}
}

/* covers: SMI-002 */
static void bodies_for_persons_open_both_ways(void **state)
{
	struct rig *r = *state;
	const struct cms_cert *to[] = {r->alice_cert, r->bob_cert};
	struct bytes der = BYTES_INIT, out, plain = BYTES_INIT, body = body_of(3000);

	assert_int_equal(cms_seal_to(to, 2, bytes_slice(&body), &der), 0);
	put(r, "der", bytes_slice(&der));
	assert_int_equal(openssl_cms(r,
				     "-decrypt -inform DER -in der -recip bob.pem -inkey bob.key "
				     "-out out"),
			 0);
	out = get(r, "out");
	assert_true(slice_eq(bytes_slice(&out), bytes_slice(&body)));
	bytes_fini(&der);

	put(r, "in", bytes_slice(&body));
	assert_int_equal(openssl_cms(r, "-encrypt -aes-128-gcm -in in -outform DER -out der -keyid "
					"-recip alice.pem -keyopt ecdh_kdf_md:sha256 "
					"-recip bob.pem -keyopt ecdh_kdf_md:sha256"),
			 0);
	der = get(r, "der");
	assert_int_equal(cms_open_mine(bytes_slice(&der), r->bob, &plain), 0);
	assert_true(slice_eq(bytes_slice(&plain), bytes_slice(&body)));
	bytes_reset(&plain);
	assert_int_equal(cms_open_mine(bytes_slice(&der), r->alice, &plain), 0);
	bytes_fini(&der);
	bytes_fini(&plain);
	bytes_fini(&out);
	bytes_fini(&body);
}

static void other_ways_of_sealing_are_refused(void **state)
{
	static const struct {
		const char *line;
		int expected;
	} cases[] = {
		/* OpenSSL's own key derivation; no tag at all; a larger key; the name of the issuer */
		{"-encrypt -aes-128-gcm -keyid -recip bob.pem", -ERR_UNSUPPORTED},
		{"-encrypt -aes-128-cbc -keyid -recip bob.pem -keyopt ecdh_kdf_md:sha256",
		 -ERR_SYNTAX},
		{"-encrypt -aes-256-gcm -keyid -recip bob.pem -keyopt ecdh_kdf_md:sha256",
		 -ERR_UNSUPPORTED},
		{"-encrypt -aes-128-gcm -recip bob.pem -keyopt ecdh_kdf_md:sha256", -ERR_SYNTAX},
		{"-encrypt -aes-128-gcm -keyid -recip alice.pem -keyopt ecdh_kdf_md:sha256",
		 -ERR_NOT_FOUND},
		{"-encrypt -aes-128-gcm -secretkey " KEK128 " -secretkeyid " KEYID
		 " -keyid -recip bob.pem -keyopt ecdh_kdf_md:sha256",
		 -ERR_SYNTAX},
	};
	struct rig *r = *state;

	put(r, "in", SLICE_LIT("hello"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *line = xasprintf("%s -in in -outform DER -out der", cases[i].line);
		struct bytes plain = BYTES_INIT, der;
		struct cms_head head;

		assert_int_equal(openssl_cms(r, line), 0);
		der = get(r, "der");
		assert_int_equal(cms_open_mine(bytes_slice(&der), r->bob, &plain),
				 cases[i].expected);
		assert_true(cms_parse(bytes_slice(&der), &head) < 0);
		assert_int_equal(plain.len, 0);
		bytes_fini(&der);
		bytes_fini(&plain);
		free(line);
	}
}

/* covers: SMI-002 */
static void signed_then_sealed_both_ways(void **state)
{
	struct rig *r = *state;
	struct bytes inner = vector_octets("V6_cms_aes128_gcm", "plaintext"), sig = BYTES_INIT;
	struct bytes entity = BYTES_INIT, der = BYTES_INIT, out, kek = octets_of(KEK128);
	struct cms_seal how = how_of(&kek, CMS_AES128);
	struct gke_inner none;
	struct slice signature;

	assert_int_equal(cms_sign(r->alice, bytes_slice(&inner), &sig), 0);
	gke_signed_build(bytes_slice(&sig), &entity);
	assert_int_equal(cms_seal(&how, bytes_slice(&entity), &der), 0);
	put(r, "der", bytes_slice(&der));
	assert_int_equal(openssl_cms(r, "-decrypt -inform DER -in der -out in -secretkey " KEK128
					" -secretkeyid " KEYID),
			 0);
	out = get(r, "in");
	assert_int_equal(gke_inner_parse(bytes_slice(&out), &none, &signature), -ERR_UNSUPPORTED);
	put(r, "der", signature);
	bytes_fini(&out);
	assert_int_equal(openssl_cms(r, "-verify -inform DER -in der -certfile alice.pem -nointern "
					"-CAfile alice.pem -purpose any -out out"),
			 0);
	out = get(r, "out");
	assert_true(slice_eq(bytes_slice(&out), bytes_slice(&inner)));
	bytes_fini(&inner);
	bytes_fini(&sig);
	bytes_fini(&entity);
	bytes_fini(&der);
	bytes_fini(&out);
	bytes_fini(&kek);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(openssl_opens_what_is_sealed_here, setup, teardown),
		cmocka_unit_test_setup_teardown(what_openssl_seals_opens_here, setup, teardown),
		cmocka_unit_test_setup_teardown(signatures_are_verified_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(other_signatures_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bodies_for_persons_open_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(other_ways_of_sealing_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(signed_then_sealed_both_ways, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
