/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public service identities, read from the setting and matched against the user parts of URIs. The
 * expressions are POSIX extended ones, the operator's own; names are cut at a length before they are
 * tried. TS 23.003 13.5.
 */
#include "mrfc/conference/psi.h"

#include <regex.h>
#include <stdlib.h>

#include "common/mem.h"

#define PSI_MAX      32
#define PSI_NAME_MAX 256
#define EXAMPLE      "a1b2c3d4e5f6" /* as the names we make look */

struct psi {
	char *before, *after; /* the literal parts; after NULL: distinct, before is all of it */
	regex_t middle;
};

struct psi_set {
	struct psi list[PSI_MAX];
	size_t n;
};

static bool middle_has(const struct psi *p, struct slice middle)
{
	char text[PSI_NAME_MAX];

	return slice_copy(middle, text, sizeof(text)) == 0 &&
	       regexec(&p->middle, text, 0, NULL, 0) == 0;
}

static bool psi_has(const struct psi *p, struct slice name)
{
	struct slice before = slice_str(p->before), after = slice_str(p->after);

	if (p->after == NULL)
		return slice_eq(name, before);
	return name.len >= before.len + after.len && slice_starts(name, before) &&
	       slice_eq(slice_from(name, name.len - after.len), after) &&
	       middle_has(p, slice_make(name.ptr + before.len, name.len - before.len - after.len));
}

static int compile(struct psi *p, struct slice expression)
{
	char *whole = xasprintf("^(" SLICE_FMT ")$", SLICE_ARG(expression));
	int err = regcomp(&p->middle, whole, REG_EXTENDED | REG_NOSUB);

	free(whole);
	return err == 0 ? 0 : -ERR_SYNTAX;
}

static int read_user(struct slice user, struct psi *p)
{
	ptrdiff_t first = slice_chr(user, '!'), last = -1;
	int err;

	for (size_t i = 0; i < user.len; i++)
		last = user.ptr[i] == '!' ? (ptrdiff_t)i : last;
	if (user.len == 0 || (first >= 0 && last == first))
		return -ERR_SYNTAX;
	if (first < 0) {
		p->before = slice_dup(user);
		return 0;
	}
	err = compile(p, slice_make(user.ptr + first + 1, (size_t)(last - first - 1)));
	if (err != 0)
		return err;
	p->before = slice_dup(slice_first(user, (size_t)first));
	p->after = slice_dup(slice_from(user, (size_t)last + 1));
	return middle_has(p, SLICE_LIT(EXAMPLE)) ? 0 : -ERR_SYNTAX;
}

static void psi_fini(struct psi *p)
{
	if (p->after != NULL)
		regfree(&p->middle);
	free(p->before);
	free(p->after);
}

/* The expression may hold an "@"; a host cannot. */
static int read_psi(struct slice text, const char *domain, struct psi *p)
{
	size_t at = text.len;

	if (!slice_istarts(text, SLICE_LIT("sip:")))
		return -ERR_SYNTAX;
	while (at > 0 && text.ptr[at - 1] != '@')
		at--;
	if (at < 5 || !slice_ieq_str(slice_from(text, at), domain))
		return -ERR_SYNTAX;
	return read_user(slice_make(text.ptr + 4, at - 5), p);
}

/* Commas separate, but not inside an expression. */
static bool next_psi(struct slice *rest, struct slice *one_r)
{
	bool inside = false;
	size_t n = 0;

	if (rest->ptr == NULL)
		return false;
	while (n < rest->len && (inside || rest->ptr[n] != ',')) {
		inside = inside != (rest->ptr[n] == '!');
		n++;
	}
	*one_r = slice_trim(slice_first(*rest, n));
	*rest = n < rest->len ? slice_from(*rest, n + 1) : SLICE_NULL;
	return true;
}

void psi_set_free(struct psi_set **setp)
{
	struct psi_set *set = *setp;

	if (set == NULL)
		return;
	*setp = NULL;
	for (size_t i = 0; i < set->n; i++)
		psi_fini(&set->list[i]);
	free(set);
}

int psi_set_parse(const char *list, const char *domain, struct psi_set **set_r, struct slice *bad_r)
{
	struct psi_set *set = xcalloc(1, sizeof(*set));
	struct slice rest = slice_str(list), one;

	while (list[0] != '\0' && next_psi(&rest, &one)) {
		int err = set->n < PSI_MAX ? read_psi(one, domain, &set->list[set->n]) : -ERR_LIMIT;

		if (set->n < PSI_MAX)
			set->n++;
		if (err != 0) {
			*bad_r = one;
			psi_set_free(&set);
			return -ERR_SYNTAX;
		}
	}
	*set_r = set;
	return 0;
}

bool psi_set_has(const struct psi_set *set, struct slice name)
{
	for (size_t i = 0; i < set->n; i++) {
		if (psi_has(&set->list[i], name))
			return true;
	}
	return set->n == 0;
}

bool psi_set_name(const struct psi_set *set, const char *random, struct bytes *out)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct psi *p = &set->list[i];

		if (p->after != NULL && middle_has(p, slice_str(random))) {
			bytes_addf(out, "%s%s%s", p->before, random, p->after);
			return true;
		}
	}
	return false;
}
