/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the MRFC trusts: a set of networks and a list of names. A certificate's name matches whole,
 * without regard to case; one written as a SIP URI matches by its host (RFC 5922 7). No wildcards.
 */
#include "mrfc/conference/trust.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

struct trust {
	struct addr_set *networks;
	char **names;
	size_t n_names;
};

static bool is_host_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '-' || c == '.' || c == '_'))
			return false;
	}
	return s.len > 0;
}

int trust_new(const char *networks, const char *names, struct trust **trust_r)
{
	struct trust *t = xcalloc(1, sizeof(*t));
	struct slice rest = slice_str(names), one;
	int err = addr_set_parse(networks, &t->networks);

	while (err == 0 && slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len == 0)
			continue;
		if (!is_host_name(one)) {
			err = -ERR_SYNTAX;
			break;
		}
		t->names = xrealloc(t->names, (t->n_names + 1) * sizeof(*t->names));
		t->names[t->n_names++] = slice_dup(one);
	}
	if (err != 0)
		trust_free(&t);
	else
		*trust_r = t;
	return err;
}

void trust_free(struct trust **tp)
{
	struct trust *t = *tp;

	if (t == NULL)
		return;
	*tp = NULL;
	addr_set_free(&t->networks);
	for (size_t i = 0; i < t->n_names; i++)
		free(t->names[i]);
	free(t->names);
	free(t);
}

bool trust_has_addr(const struct trust *t, const struct addr *peer)
{
	return peer->len != 0 && addr_set_has(t->networks, peer);
}

static bool has_name(const struct trust *t, struct slice name)
{
	struct sip_uri uri;

	if (sip_uri_parse(name, &uri) == 0 &&
	    (uri.scheme == SIP_URI_SIP || uri.scheme == SIP_URI_SIPS) && uri.user.len == 0)
		name = uri.host;
	for (size_t i = 0; i < t->n_names; i++) {
		if (slice_ieq_str(name, t->names[i]))
			return true;
	}
	return false;
}

bool trust_has(const struct trust *t, const struct addr *peer, const char *const *subjects,
	       size_t n_subjects)
{
	if (peer->len == 0)
		return false;
	for (size_t i = 0; i < n_subjects; i++) {
		if (has_name(t, slice_str(subjects[i])))
			return true;
	}
	return trust_has_addr(t, peer);
}
