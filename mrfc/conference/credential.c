/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP digest authentication, server side, RFC 7616 with the algorithms of RFC 8760; qop=auth alone.
 * A nonce is its time, 8 random octets and a MAC over both and the address that gets it, with a key of
 * this process: any number of them costs no memory. Only who answered one rightly gets an entry, in which counts are ticked off;
 * when there are too many, the nonces up to the one that gives way are all too old.
 */
#include "mrfc/conference/credential.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/mem.h"
#include "common/rand.h"
#include "proto/sip_uri.h"

#define KEY_LEN    32
#define TIME_HEX   16
#define RANDOM_HEX 16
#define MAC_HEX    32
#define NONCE_LEN  (TIME_HEX + RANDOM_HEX + MAC_HEX)
#define SEEN_MAX   16384
#define WINDOW     64u /* counts that may come out of order */
#define VALUE_MAX  1024

/* A nonce that was answered rightly. */
struct seen {
	UT_hash_handle hh;
	TAILQ_ENTRY(seen) link;
	char nonce[NONCE_LEN];
	uint64_t issued_ms;
	uint32_t highest;
	uint64_t used; /* bit n: highest - n was used */
};

struct credential {
	char *realm;
	bool md5;
	uint64_t life_ms;
	uint8_t key[KEY_LEN];
	struct seen *by_nonce;
	TAILQ_HEAD(, seen) all; /* oldest entry first */
	size_t n_seen;
	uint64_t floor_ms; /* nonces issued up to then without an entry are too old */
};

enum algorithm { SHA256, MD5, ALGORITHMS };
static const char *const algorithm_names[] = {"SHA-256", "MD5"};

/* Parameters of an Authorization header that count. */
enum param { USERNAME, REALM, NONCE, URI, RESPONSE, ALGORITHM, CNONCE, QOP, NC, PARAMS };
static const char *const param_names[PARAMS] = {"username",  "realm",  "nonce", "uri", "response",
						"algorithm", "cnonce", "qop",   "nc"};

static void to_hex(const unsigned char *in, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

/* Lower-case hex of the hash of all texts, a colon between them. out holds CREDENTIAL_SHA256_SIZE. */
static void hash(enum algorithm a, const struct slice *texts, size_t n, char *out)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
		  EVP_DigestInit_ex(ctx, a == MD5 ? EVP_md5() : EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < n; i++) {
		ok = (i == 0 || EVP_DigestUpdate(ctx, ":", 1) == 1) &&
		     (texts[i].len == 0 || EVP_DigestUpdate(ctx, texts[i].ptr, texts[i].len) == 1);
	}
	ok = ok && EVP_DigestFinal_ex(ctx, md, &len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok) /* a library without MD5: nothing is right then */
		rand_bytes(md, len = a == MD5 ? 16 : 32);
	to_hex(md, len, out);
	mem_wipe(md, sizeof(md));
}

void credential_secret_make(const char *name, const char *realm, struct slice password, bool md5,
			    struct credential_secret *secret_r)
{
	const struct slice parts[] = {slice_str(name), slice_str(realm), password};

	*secret_r = (struct credential_secret){{0}, {0}};
	hash(SHA256, parts, ARRAY_LEN(parts), secret_r->sha256);
	if (md5)
		hash(MD5, parts, ARRAY_LEN(parts), secret_r->md5);
}

struct credential *credential_new(const struct credential_settings *settings)
{
	struct credential *c = xcalloc(1, sizeof(*c));

	c->realm = xstrdup(settings->realm);
	c->md5 = settings->md5;
	c->life_ms = settings->nonce_life_ms;
	rand_bytes(c->key, sizeof(c->key));
	TAILQ_INIT(&c->all);
	return c;
}

static void seen_free(struct credential *c, struct seen *s)
{
	HASH_DEL(c->by_nonce, s);
	TAILQ_REMOVE(&c->all, s, link);
	c->n_seen--;
	free(s);
}

void credential_free(struct credential **cp)
{
	struct credential *c = *cp;

	if (c == NULL)
		return;
	*cp = NULL;
	while (!TAILQ_EMPTY(&c->all))
		seen_free(c, TAILQ_FIRST(&c->all));
	mem_wipe(c->key, sizeof(c->key));
	free(c->realm);
	free(c);
}

/* Of time and randomness in hex, and of the address it is for. */
static void mac(const struct credential *c, const char *head, const char *source,
		char out[MAC_HEX + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	struct bytes text = BYTES_INIT;
	unsigned int len = 0;

	bytes_add(&text, head, TIME_HEX + RANDOM_HEX);
	bytes_add_str(&text, source);
	if (HMAC(EVP_sha256(), c->key, KEY_LEN, (const unsigned char *)text.data, text.len, md,
		 &len) == NULL)
		abort();
	bytes_fini(&text);
	to_hex(md, MAC_HEX / 2, out);
}

static void make_nonce(const struct credential *c, const char *source, uint64_t now_ms,
		       char out[NONCE_LEN + 1])
{
	snprintf(out, NONCE_LEN + 1, "%016" PRIx64 "%016" PRIx64, now_ms, rand_u64());
	mac(c, out, source, out + TIME_HEX + RANDOM_HEX);
}

void credential_challenge(const struct credential *c, const char *source, bool stale,
			  uint64_t now_ms, struct bytes *headers)
{
	char nonce[NONCE_LEN + 1];

	for (int a = SHA256; a < (c->md5 ? ALGORITHMS : MD5); a++) {
		make_nonce(c, source, now_ms, nonce);
		bytes_addf(headers,
			   "WWW-Authenticate: Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, "
			   "qop=\"auth\"%s\r\n",
			   c->realm, nonce, algorithm_names[a], stale ? ", stale=true" : "");
	}
}

/* One parameter off *rest: name and value, without quotes and escapes, in buf. */
static int next_param(struct slice *rest, struct slice *name_r, char buf[VALUE_MAX])
{
	size_t i = 0, n = 0;
	bool quoted;

	*rest = slice_trim(*rest);
	while (i < rest->len && rest->ptr[i] != '=' && rest->ptr[i] != ',')
		i++;
	if (i == rest->len || rest->ptr[i] == ',')
		return -ERR_SYNTAX;
	*name_r = slice_trim(slice_first(*rest, i));
	*rest = slice_trim(slice_from(*rest, i + 1));
	quoted = rest->len > 0 && rest->ptr[0] == '"';
	for (i = quoted; i < rest->len; i++) {
		char ch = rest->ptr[i];

		if (quoted ? ch == '"' : ch == ',')
			break;
		if (quoted && ch == '\\' && ++i < rest->len)
			ch = rest->ptr[i];
		if (n + 1 >= VALUE_MAX || ch == '\0')
			return -ERR_LIMIT;
		buf[n++] = ch;
	}
	if (quoted && i++ >= rest->len)
		return -ERR_SYNTAX;
	while (!quoted && n > 0 && (buf[n - 1] == ' ' || buf[n - 1] == '\t'))
		n--;
	buf[n] = '\0';
	*rest = slice_trim(slice_from(*rest, i));
	if (rest->len > 0 && rest->ptr[0] != ',')
		return -ERR_SYNTAX;
	*rest = slice_from(*rest, 1);
	return 0;
}

static void params_fini(char *params[PARAMS])
{
	for (size_t i = 0; i < PARAMS; i++)
		free(params[i]);
}

/* -ERR_UNSUPPORTED: another scheme than Digest. */
static int read_params(const char *value, char *params[PARAMS])
{
	struct slice rest = slice_trim(slice_str(value)), name;
	char buf[VALUE_MAX];

	if (!slice_istarts(rest, SLICE_LIT("Digest ")))
		return -ERR_UNSUPPORTED;
	rest = slice_from(rest, 7);
	while (rest.len > 0) {
		int err = next_param(&rest, &name, buf);

		if (err != 0)
			return err;
		for (size_t i = 0; i < PARAMS; i++) {
			if (!slice_ieq_str(name, param_names[i]))
				continue;
			if (params[i] != NULL)
				return -ERR_SYNTAX;
			params[i] = xstrdup(buf);
		}
	}
	return 0;
}

static bool parse_hex(const char *text, size_t len, uint64_t *value_r)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		char ch = text[i];
		unsigned digit = ch >= '0' && ch <= '9'   ? (unsigned)(ch - '0')
				 : ch >= 'a' && ch <= 'f' ? (unsigned)(ch - 'a') + 10
				 : ch >= 'A' && ch <= 'F' ? (unsigned)(ch - 'A') + 10
							  : 16;

		if (digit > 15)
			return false;
		value = value << 4 | digit;
	}
	*value_r = value;
	return true;
}

/* Given by us, to that address. */
static bool is_nonce_ours(const struct credential *c, const char *nonce, const char *source,
			  uint64_t *issued_r)
{
	char wanted[MAC_HEX + 1];

	if (strlen(nonce) != NONCE_LEN || !parse_hex(nonce, TIME_HEX, issued_r))
		return false;
	mac(c, nonce, source, wanted);
	return CRYPTO_memcmp(wanted, nonce + TIME_HEX + RANDOM_HEX, MAC_HEX) == 0;
}

static void make_room(struct credential *c, uint64_t now_ms)
{
	struct seen *s;

	while ((s = TAILQ_FIRST(&c->all)) != NULL &&
	       (now_ms - s->issued_ms >= c->life_ms || c->n_seen >= SEEN_MAX)) {
		if (s->issued_ms > c->floor_ms)
			c->floor_ms = s->issued_ms;
		seen_free(c, s);
	}
}

/* Tick the count off; false: it was used already, or may have been. */
static bool take_count(struct credential *c, const char *nonce, uint64_t issued_ms, uint32_t nc,
		       uint64_t now_ms)
{
	struct seen *s;

	HASH_FIND(hh, c->by_nonce, nonce, NONCE_LEN, s);
	if (s == NULL) {
		if (c->floor_ms != 0 && issued_ms <= c->floor_ms)
			return false;
		make_room(c, now_ms);
		s = xcalloc(1, sizeof(*s));
		memcpy(s->nonce, nonce, NONCE_LEN);
		s->issued_ms = issued_ms;
		HASH_ADD(hh, c->by_nonce, nonce, NONCE_LEN, s);
		TAILQ_INSERT_TAIL(&c->all, s, link);
		c->n_seen++;
	}
	if (nc > s->highest) {
		uint32_t step = nc - s->highest;

		s->used = step < WINDOW ? s->used << step | 1 : 1;
		s->highest = nc;
		return true;
	}
	uint32_t back = s->highest - nc;
	if (back >= WINDOW || (s->used >> back & 1) != 0)
		return false;
	s->used |= UINT64_C(1) << back;
	return true;
}

/* The response that the user with this secret would give. */
static void expected(enum algorithm a, const char *ha1, const struct credential_request *rq,
		     char *const params[PARAMS], char out[CREDENTIAL_SHA256_SIZE])
{
	const struct slice request[] = {slice_str(rq->method), slice_str(params[URI])};
	char ha2[CREDENTIAL_SHA256_SIZE];

	hash(a, request, ARRAY_LEN(request), ha2);
	const struct slice all[] = {slice_str(ha1),         slice_str(params[NONCE]),
				    slice_str(params[NC]),  slice_str(params[CNONCE]),
				    slice_str(params[QOP]), slice_str(ha2)};
	hash(a, all, ARRAY_LEN(all), out);
}

static bool complete(char *const params[PARAMS])
{
	for (size_t i = 0; i < PARAMS; i++) {
		if (params[i] == NULL && i != ALGORITHM)
			return false;
	}
	return true;
}

static int algorithm_of(const struct credential *c, const char *name)
{
	if (name != NULL && slice_ieq_str(slice_str(name), "SHA-256"))
		return SHA256;
	/* None named means MD5 (RFC 7616 3.3). */
	return c->md5 && (name == NULL || slice_ieq_str(slice_str(name), "MD5")) ? MD5 : -1;
}

static bool same_uri(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || sip_uri_same(slice_str(a), slice_str(b));
}

static bool is_password_right(enum algorithm a, const struct credential_request *rq,
			      char *const params[PARAMS], credential_find_fn *find, void *arg)
{
	struct credential_secret secret = {{0}, {0}};
	char want[CREDENTIAL_SHA256_SIZE];
	size_t len = a == MD5 ? CREDENTIAL_MD5_SIZE - 1 : CREDENTIAL_SHA256_SIZE - 1;
	bool known = find(params[USERNAME], params[REALM], &secret, arg);
	bool right;

	known = known && (a == MD5 ? secret.md5 : secret.sha256)[0] != '\0';
	/* Of an unknown user all is computed likewise. */
	expected(a, a == MD5 ? secret.md5 : secret.sha256, rq, params, want);
	for (char *p = params[RESPONSE]; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'F' ? (char)(*p - 'A' + 'a') : *p;
	right = strlen(params[RESPONSE]) == len && CRYPTO_memcmp(want, params[RESPONSE], len) == 0;
	mem_wipe(&secret, sizeof(secret));
	mem_wipe(want, sizeof(want));
	return known && right;
}

static enum credential_result judge(struct credential *c, const struct credential_request *rq,
				    char *params[PARAMS], credential_find_fn *find, void *arg,
				    uint64_t now_ms)
{
	int err = read_params(rq->authorization, params), a;
	uint64_t nc, issued;
	bool lives;

	if (err == -ERR_UNSUPPORTED)
		return CREDENTIAL_NONE;
	if (err != 0)
		return CREDENTIAL_BROKEN;
	if (params[REALM] != NULL && strcmp(params[REALM], c->realm) != 0)
		return CREDENTIAL_NONE;
	a = algorithm_of(c, params[ALGORITHM]);
	if (a < 0)
		return CREDENTIAL_NONE;
	if (!complete(params) || strcmp(params[QOP], "auth") != 0 || strlen(params[NC]) != 8 ||
	    !parse_hex(params[NC], 8, &nc) || nc == 0 || !same_uri(params[URI], rq->uri))
		return CREDENTIAL_BROKEN;
	/* Nobody answers a nonce that he never got: no guess by a forged address counts, or helps. */
	if (!is_nonce_ours(c, params[NONCE], rq->source, &issued))
		return CREDENTIAL_STALE;
	lives = issued <= now_ms && now_ms - issued < c->life_ms;
	if (!is_password_right((enum algorithm)a, rq, params, find, arg))
		return CREDENTIAL_WRONG;
	if (!lives || !take_count(c, params[NONCE], issued, (uint32_t)nc, now_ms))
		return CREDENTIAL_STALE;
	return CREDENTIAL_RIGHT;
}

enum credential_result credential_check(struct credential *c, const struct credential_request *rq,
					credential_find_fn *find, void *arg, uint64_t now_ms,
					char **name_r)
{
	char *params[PARAMS] = {NULL};
	enum credential_result result = judge(c, rq, params, find, arg, now_ms);

	if (result == CREDENTIAL_RIGHT) {
		*name_r = params[USERNAME];
		params[USERNAME] = NULL;
	}
	params_fini(params);
	return result;
}
