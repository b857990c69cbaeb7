/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of SIP digest: what a challenge says and what answers it, RFC 7616 3.3 and 3.4.
 * Only SHA-256 and qop=auth; everything else is passed over, MD5 too.
 */
#include "ue/ue_digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/digest.h"
#include "common/mem.h"

#define VALUE_MAX 1024

enum param { REALM, NONCE, OPAQUE, STALE, ALGORITHM, QOP, PARAMS };
static const char *const param_names[PARAMS] = {"realm", "nonce",     "opaque",
						"stale", "algorithm", "qop"};

/* A token or quoted string off *rest, without quotes and escapes; then a comma or the end. */
static int next_value(struct slice *rest, struct bytes *out)
{
	bool quoted = rest->len > 0 && rest->ptr[0] == '"';
	size_t i;

	for (i = quoted; i < rest->len; i++) {
		char ch = rest->ptr[i];

		if (quoted ? ch == '"' : ch == ',')
			break;
		if (quoted && ch == '\\' && ++i < rest->len)
			ch = rest->ptr[i];
		if (ch == '\0')
			return -ERR_SYNTAX;
		bytes_add_char(out, ch);
	}
	if (quoted && i++ >= rest->len)
		return -ERR_SYNTAX;
	*rest = slice_trim(slice_from(*rest, i));
	if (rest->len > 0 && rest->ptr[0] != ',')
		return -ERR_SYNTAX;
	*rest = slice_trim(slice_from(*rest, 1));
	return bytes_ok(out) ? 0 : -ERR_LIMIT;
}

static int read_params(struct slice rest, char *params[PARAMS])
{
	while (rest.len > 0) {
		ptrdiff_t eq = slice_chr(rest, '=');
		struct bytes value;
		struct slice name;
		int err;

		if (eq < 0)
			return -ERR_SYNTAX;
		name = slice_trim(slice_first(rest, (size_t)eq));
		rest = slice_trim(slice_from(rest, (size_t)eq + 1));
		bytes_init(&value, VALUE_MAX);
		err = next_value(&rest, &value);
		for (size_t i = 0; err == 0 && i < PARAMS; i++) {
			if (!slice_ieq_str(name, param_names[i]))
				continue;
			if (params[i])
				err = -ERR_SYNTAX;
			else
				params[i] = slice_dup(slice_trim(bytes_slice(&value)));
		}
		bytes_fini(&value);
		if (err < 0)
			return err;
	}
	return 0;
}

static bool offers_auth(const char *qop)
{
	struct slice rest = slice_str(qop), token;

	while (slice_next(&rest, ',', &token))
		if (slice_ieq_str(slice_trim(token), "auth"))
			return true;
	return false;
}

static int judge(char *const params[PARAMS])
{
	if (!params[ALGORITHM] || !slice_ieq_str(slice_str(params[ALGORITHM]), "SHA-256") ||
	    !params[QOP] || !offers_auth(params[QOP]))
		return -ERR_UNSUPPORTED;
	return params[REALM] && params[NONCE] ? 0 : -ERR_SYNTAX;
}

int ue_digest_read(struct slice value, struct ue_digest_challenge *c_r)
{
	char *params[PARAMS] = {NULL};
	int err;

	*c_r = (struct ue_digest_challenge){0};
	value = slice_trim(value);
	if (!slice_istarts(value, SLICE_LIT("Digest ")))
		return -ERR_UNSUPPORTED;
	err = read_params(slice_trim(slice_from(value, 7)), params);
	if (err == 0)
		err = judge(params);
	if (err == 0) {
		*c_r = (struct ue_digest_challenge){
			.realm = params[REALM],
			.nonce = params[NONCE],
			.opaque = params[OPAQUE],
			.stale = slice_ieq_str(slice_str(params[STALE]), "true"),
		};
		params[REALM] = params[NONCE] = params[OPAQUE] = NULL;
	}
	for (size_t i = 0; i < PARAMS; i++)
		free(params[i]);
	return err;
}

void ue_digest_fini(struct ue_digest_challenge *c)
{
	free(c->realm);
	free(c->nonce);
	free(c->opaque);
	*c = (struct ue_digest_challenge){0};
}

/* Of all texts, a colon between them. */
static void hash(const char *const *texts, size_t n, char hex[DIGEST_HEX_SIZE])
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			digest_add(d, SLICE_LIT(":"));
		digest_add(d, slice_str(texts[i]));
	}
	digest_finish(&d, hex);
}

static void add_quoted(struct bytes *b, const char *name, const char *value)
{
	bytes_addf(b, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			bytes_add_char(b, '\\');
		bytes_add_char(b, *value);
	}
	bytes_add_str(b, "\", ");
}

char *ue_digest_answer(const struct ue_digest_challenge *c, const struct ue_digest_answer *a)
{
	char a1[DIGEST_HEX_SIZE], a2[DIGEST_HEX_SIZE], response[DIGEST_HEX_SIZE], nc[9];
	const char *const secret[] = {a->user, c->realm, a->password};
	const char *const request[] = {a->method, a->uri};
	const char *const all[] = {a1, c->nonce, nc, a->cnonce, "auth", a2};
	struct bytes b = BYTES_INIT;

	snprintf(nc, sizeof(nc), "%08" PRIx32, a->count);
	hash(secret, ARRAY_LEN(secret), a1);
	hash(request, ARRAY_LEN(request), a2);
	hash(all, ARRAY_LEN(all), response);
	mem_wipe(a1, sizeof(a1));
	bytes_add_str(&b, "Digest ");
	add_quoted(&b, "username", a->user);
	add_quoted(&b, "realm", c->realm);
	add_quoted(&b, "nonce", c->nonce);
	add_quoted(&b, "uri", a->uri);
	add_quoted(&b, "cnonce", a->cnonce);
	if (c->opaque)
		add_quoted(&b, "opaque", c->opaque);
	bytes_addf(&b, "response=\"%s\", algorithm=SHA-256, qop=auth, nc=%s", response, nc);
	return bytes_take(&b);
}
