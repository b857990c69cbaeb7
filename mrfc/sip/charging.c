/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of P-Charging-Vector as a struct and back, RFC 7315 5.6: parameters separated by
 * semicolons, values tokens or quoted strings. Knows nothing of SIP messages nor of who is trusted
 * with them.
 */
#include "mrfc/sip/charging.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/rand.h"

#define ICID_LEN 24

static const struct {
	const char *name;
	size_t offset;
	bool quoted; /* always written so */
} params[] = {
	{"icid-value", offsetof(struct charging_vector, icid), false},
	{"icid-generated-at", offsetof(struct charging_vector, icid_generated_at), false},
	{"orig-ioi", offsetof(struct charging_vector, orig_ioi), false},
	{"term-ioi", offsetof(struct charging_vector, term_ioi), false},
	{"transit-ioi", offsetof(struct charging_vector, transit_ioi), true},
	{"related-icid", offsetof(struct charging_vector, related_icid), false},
	{"related-icid-generated-at", offsetof(struct charging_vector, related_icid_generated_at),
	 false},
};

static char **field(struct charging_vector *v, size_t i)
{
	return (char **)(void *)((char *)v + params[i].offset);
}

static const char *value_of(const struct charging_vector *v, size_t i)
{
	return *(char *const *)(const void *)((const char *)v + params[i].offset);
}

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("-.!%*_+`'~", c) != NULL);
}

/* A host may stand where a token may (icid-generated-at): brackets and colons are let through. */
static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_token_char(s.ptr[i]) && strchr("[]:@/=", s.ptr[i]) == NULL)
			return false;
		if (s.ptr[i] == '\0')
			return false;
	}
	return s.len > 0;
}

/* The parameter's text up to the next semicolon outside quotes; *rest moves behind it. */
static int next_param(struct slice *rest, struct slice *param_r)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == ';')
			break;
		else if (!quoted && c == ',')
			return -ERR_SYNTAX; /* a second vector */
	}
	if (quoted)
		return -ERR_SYNTAX;
	*param_r = slice_trim(slice_first(*rest, i));
	*rest = slice_from(*rest, i + 1);
	return 0;
}

/* A quoted string without its quotes, or a token; NULL when it is neither. */
static char *plain_value(struct slice s)
{
	char *out, *w;

	if (s.len < 2 || s.ptr[0] != '"')
		return is_plain(s) ? slice_dup(s) : NULL;
	if (s.ptr[s.len - 1] != '"')
		return NULL;
	out = w = xcalloc(1, s.len);
	for (size_t i = 1; i + 1 < s.len; i++) {
		if (s.ptr[i] == '\\' && i + 2 < s.len)
			i++;
		*w++ = s.ptr[i];
	}
	if (out[0] == '\0') {
		free(out);
		return NULL;
	}
	return out;
}

static int take_param(struct slice param, struct charging_vector *v)
{
	ptrdiff_t eq = slice_chr(param, '=');
	struct slice name = eq < 0 ? param : slice_trim(slice_first(param, (size_t)eq));

	if (!is_plain(name))
		return -ERR_SYNTAX;
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		char **to = field(v, i);

		if (!slice_ieq_str(name, params[i].name))
			continue;
		if (eq < 0 || *to != NULL)
			return -ERR_SYNTAX;
		*to = plain_value(slice_trim(slice_from(param, (size_t)eq + 1)));
		return *to != NULL ? 0 : -ERR_SYNTAX;
	}
	return 0;
}

int charging_vector_parse(struct slice value, struct charging_vector *v_r)
{
	struct charging_vector v = {0};
	struct slice param;
	int err = value.len > CHARGING_VALUE_MAX ? -ERR_LIMIT : 0;

	while (err == 0 && value.len > 0) {
		err = next_param(&value, &param);
		if (err == 0 && param.len > 0)
			err = take_param(param, &v);
	}
	if (err == 0 && v.icid == NULL)
		err = -ERR_SYNTAX;
	if (err != 0) {
		charging_vector_fini(&v);
		return err;
	}
	*v_r = v;
	return 0;
}

void charging_vector_fini(struct charging_vector *v)
{
	for (size_t i = 0; i < ARRAY_LEN(params); i++)
		free(*field(v, i));
	*v = (struct charging_vector){0};
}

void charging_vector_copy(const struct charging_vector *from, struct charging_vector *to_r)
{
	*to_r = (struct charging_vector){0};
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		const char *value = value_of(from, i);

		*field(to_r, i) = value != NULL ? xstrdup(value) : NULL;
	}
}

void charging_vector_build(const struct charging_vector *v, struct bytes *out)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		const char *value = value_of(v, i);
		bool quoted = params[i].quoted;

		if (value == NULL)
			continue;
		quoted = quoted || !is_plain(slice_str(value));
		bytes_addf(out, "%s%s=", first ? "" : ";", params[i].name);
		first = false;
		if (quoted)
			bytes_add_char(out, '"');
		for (const char *p = value; *p != '\0'; p++) {
			if (quoted && (*p == '"' || *p == '\\'))
				bytes_add_char(out, '\\');
			bytes_add_char(out, *p);
		}
		if (quoted)
			bytes_add_char(out, '"');
	}
}

void charging_vector_make(const char *host, struct charging_vector *v_r)
{
	char icid[ICID_LEN + 1];

	rand_ident(icid, ICID_LEN);
	*v_r = (struct charging_vector){.icid = xstrdup(icid), .icid_generated_at = xstrdup(host)};
}
