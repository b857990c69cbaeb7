/* SPDX-License-Identifier: Apache-2.0 */
/* SIP digest as a server: what is right, stale, wrong, malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/digest.h"
#include "common/mem.h"
#include "mrfc/conference/credential.h"

#define REALM "example.com"
#define URI   "sip:room@conf.example.com"
#define LIFE  60000
#define HERE  "192.0.2.1"

static bool find(const char *name, const char *realm, struct credential_secret *secret_r, void *arg)
{
	(void)realm;
	(void)arg;
	if (strcmp(name, "alice") != 0)
		return false;
	credential_secret_make("alice", REALM, SLICE_LIT("secret"), true, secret_r);
	return true;
}

static struct credential *make(bool md5)
{
	return credential_new(
		&(struct credential_settings){.realm = REALM, .md5 = md5, .nonce_life_ms = LIFE});
}

static char *fresh_nonce(struct credential *c, uint64_t now_ms)
{
	struct bytes h = BYTES_INIT;
	char *start, *nonce;

	credential_challenge(c, HERE, false, now_ms, &h);
	start = strstr(bytes_cstr(&h), "nonce=\"") + 7;
	nonce = xstrndup(start, strcspn(start, "\""));
	bytes_fini(&h);
	return nonce;
}

static char *sha(const char *text)
{
	char hex[DIGEST_HEX_SIZE];
	struct digest *d = digest_new();

	digest_add(d, slice_str(text));
	digest_finish(&d, hex);
	return xstrdup(hex);
}

/* What a client with this password answers; computed apart from the code under test. */
static char *answer(const char *user, const char *password, const char *nonce, const char *nc)
{
	char *a1 = xasprintf("%s:" REALM ":%s", user, password), *ha1 = sha(a1);
	char *ha2 = sha("INVITE:" URI);
	char *all = xasprintf("%s:%s:%s:c:auth:%s", ha1, nonce, nc, ha2), *response = sha(all);
	char *value =
		xasprintf("Digest username=\"%s\", realm=\"" REALM "\", nonce=\"%s\", uri=\"" URI
			  "\", response=\"%s\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=%s",
			  user, nonce, response, nc);

	free(a1);
	free(ha1);
	free(ha2);
	free(all);
	free(response);
	return value;
}

static enum credential_result check_from(struct credential *c, const char *source,
					 const char *value, uint64_t now_ms)
{
	const struct credential_request rq = {"INVITE", URI, source, value};
	char *name = NULL;
	enum credential_result r = credential_check(c, &rq, find, NULL, now_ms, &name);

	assert_int_equal(name != NULL, r == CREDENTIAL_RIGHT);
	free(name);
	return r;
}

static enum credential_result check(struct credential *c, const char *value, uint64_t now_ms)
{
	return check_from(c, HERE, value, now_ms);
}

static enum credential_result tried(struct credential *c, const char *user, const char *password,
				    const char *nonce, const char *nc, uint64_t now_ms)
{
	char *value = answer(user, password, nonce, nc);
	enum credential_result r = check(c, value, now_ms);

	free(value);
	return r;
}

static void the_right_password_is_right_and_another_is_not(void **state)
{
	/* covers: ID-009 */
	struct credential *c = make(false);
	char *nonce = fresh_nonce(c, 1000);

	(void)state;
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000001", 1000), CREDENTIAL_RIGHT);
	assert_int_equal(tried(c, "alice", "Secret", nonce, "00000002", 1000), CREDENTIAL_WRONG);
	assert_int_equal(tried(c, "bob", "secret", nonce, "00000003", 1000), CREDENTIAL_WRONG);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000002", 1000), CREDENTIAL_RIGHT);
	free(nonce);
	credential_free(&c);
}

static void each_count_is_taken_once_in_any_near_order(void **state)
{
	/* covers: ID-009 */
	struct credential *c = make(false);
	char *nonce = fresh_nonce(c, 1000);

	(void)state;
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000005", 1000), CREDENTIAL_RIGHT);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000005", 1000), CREDENTIAL_STALE);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000003", 1000), CREDENTIAL_RIGHT);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000003", 1000), CREDENTIAL_STALE);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000100", 1000), CREDENTIAL_RIGHT);
	assert_int_equal(tried(c, "alice", "secret", nonce, "000000c0", 1000), CREDENTIAL_STALE);
	assert_int_equal(tried(c, "alice", "secret", nonce, "000000c1", 1000), CREDENTIAL_RIGHT);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000000", 1000), CREDENTIAL_BROKEN);
	free(nonce);
	credential_free(&c);
}

/* Whether the password is right shows to nobody who was not given the nonce. */
static void a_nonce_is_for_one_address(void **state)
{
	/* covers: ID-009 */
	struct credential *c = make(false);
	char *nonce = fresh_nonce(c, 1000);
	char *right = answer("alice", "secret", nonce, "00000001");
	char *wrong = answer("alice", "guess", nonce, "00000001");

	(void)state;
	assert_int_equal(check_from(c, "192.0.2.2", right, 1000), CREDENTIAL_STALE);
	assert_int_equal(check_from(c, "192.0.2.2", wrong, 1000), CREDENTIAL_STALE);
	assert_int_equal(check_from(c, "", wrong, 1000), CREDENTIAL_STALE);
	assert_int_equal(check(c, wrong, 1000), CREDENTIAL_WRONG);
	assert_int_equal(check(c, right, 1000), CREDENTIAL_RIGHT);
	free(nonce);
	free(right);
	free(wrong);
	credential_free(&c);
}

static void nonces_age_and_are_of_one_process(void **state)
{
	/* covers: ID-009 */
	struct credential *c = make(false), *other = make(false);
	char *nonce = fresh_nonce(c, 1000);

	(void)state;
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000001", 1000 + LIFE - 1),
			 CREDENTIAL_RIGHT);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000002", 1000 + LIFE),
			 CREDENTIAL_STALE);
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000002", 999), CREDENTIAL_STALE);
	assert_int_equal(tried(other, "alice", "secret", nonce, "00000001", 1000),
			 CREDENTIAL_STALE);
	nonce[0] = nonce[0] == '0' ? '1' : '0';
	assert_int_equal(tried(c, "alice", "secret", nonce, "00000003", 1000), CREDENTIAL_STALE);
	free(nonce);
	credential_free(&c);
	credential_free(&other);
}

static void sha_256_is_offered_first_and_md5_only_if_wanted(void **state)
{
	/* covers: ID-009 */
	struct credential *c = make(true), *plain = make(false);
	struct bytes h = BYTES_INIT;
	const char *sha_at, *md5_at;

	(void)state;
	credential_challenge(c, HERE, true, 1000, &h);
	sha_at = strstr(bytes_cstr(&h), "algorithm=SHA-256, qop=\"auth\", stale=true");
	md5_at = strstr(bytes_cstr(&h), "algorithm=MD5");
	assert_true(sha_at != NULL && md5_at != NULL && sha_at < md5_at);
	bytes_reset(&h);
	credential_challenge(plain, HERE, false, 1000, &h);
	assert_null(strstr(bytes_cstr(&h), "MD5"));
	assert_null(strstr(bytes_cstr(&h), "stale"));
	/* RFC 7616 3.3: without a name it would be MD5, which is not offered. */
	assert_int_equal(check(plain, "Digest username=\"alice\", realm=\"" REALM "\"", 1000),
			 CREDENTIAL_NONE);
	bytes_fini(&h);
	credential_free(&c);
	credential_free(&plain);
}

static void malformed_or_foreign_headers_are_told_apart(void **state)
{
	/* covers: ID-009 */
	static const struct {
		const char *value;
		enum credential_result result;
	} cases[] = {
		{"Basic abc", CREDENTIAL_NONE},
		{"Digest realm=\"other\", algorithm=SHA-256", CREDENTIAL_NONE},
		{"Digest realm=\"" REALM "\", algorithm=SHA-512", CREDENTIAL_NONE},
		{"Digest realm=\"" REALM "\", algorithm=SHA-256", CREDENTIAL_BROKEN},
		{"Digest realm=\"a\", realm=\"b\"", CREDENTIAL_BROKEN},
		{"Digest realm=\"a", CREDENTIAL_BROKEN},
		{"Digest nothing", CREDENTIAL_BROKEN},
		{"Digest realm=\"a\"x", CREDENTIAL_BROKEN},
		{"", CREDENTIAL_NONE},
	};
	struct credential *c = make(false);
	char *nonce = fresh_nonce(c, 1000), *value = answer("alice", "secret", nonce, "00000001");
	const struct credential_request other = {"INVITE", "sip:other@conf.example.com", HERE,
						 value};
	char *name = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(check(c, cases[i].value, 1000), cases[i].result);
	assert_int_equal(credential_check(c, &other, find, NULL, 1000, &name), CREDENTIAL_BROKEN);
	for (size_t n = 0; n < strlen(value); n++) {
		char *part = xstrndup(value, n);

		assert_int_not_equal(check(c, part, 1000), CREDENTIAL_RIGHT);
		free(part);
	}
	assert_int_equal(check(c, value, 1000), CREDENTIAL_RIGHT);
	free(value);
	free(nonce);
	credential_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_password_is_right_and_another_is_not),
		cmocka_unit_test(each_count_is_taken_once_in_any_near_order),
		cmocka_unit_test(a_nonce_is_for_one_address),
		cmocka_unit_test(nonces_age_and_are_of_one_process),
		cmocka_unit_test(sha_256_is_offered_first_and_md5_only_if_wanted),
		cmocka_unit_test(malformed_or_foreign_headers_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
