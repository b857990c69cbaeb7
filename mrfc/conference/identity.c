/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity of a request's sender from what its peer asserts: the first SIP URI of
 * P-Asserted-Identity (or tel URI when there is none) names the user, the others and the im: form
 * are its aliases; URIs of other schemes name nobody (RFC 3325 9.1). Pure.
 */
#include "mrfc/conference/identity.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

static char *canonical(const char *uri)
{
	struct bytes b = BYTES_INIT;
	char *text = NULL;

	if (sip_uri_aor(slice_str(uri), &b) == 0 && bytes_ok(&b))
		text = bytes_take(&b);
	bytes_fini(&b);
	return text;
}

static bool is_scheme(const char *uri, const char *scheme)
{
	return strncasecmp(uri, scheme, strlen(scheme)) == 0;
}

static bool is_sip(const char *uri)
{
	return is_scheme(uri, "sip:") || is_scheme(uri, "sips:");
}

static bool usable(const char *uri)
{
	return is_sip(uri) || is_scheme(uri, "tel:");
}

/* anonymous@anonymous.invalid names nobody (RFC 3323), and no participant may be called so. */
static bool anonymous(const char *uri)
{
	struct sip_uri u;

	return sip_uri_parse(slice_str(uri), &u) == 0 &&
	       (slice_ieq_str(u.host, "anonymous.invalid") ||
		(slice_ieq_str(u.user, "anonymous") && u.host.len >= 8 &&
		 slice_ieq_str(slice_from(u.host, u.host.len - 8), ".invalid")));
}

void identity_add_alias(struct identity *id, const char *uri)
{
	char *text = canonical(uri);

	if (text == NULL)
		return;
	bool known = id->n_aliases == IDENTITY_MAX_ALIASES || strcmp(text, id->uri) == 0;
	for (size_t i = 0; i < id->n_aliases; i++)
		known = known || strcmp(text, id->aliases[i]) == 0;
	if (known)
		free(text);
	else
		id->aliases[id->n_aliases++] = text;
}

static void add_im_form(struct identity *id)
{
	const char *colon = strchr(id->uri, ':');
	char *im;

	if (!is_sip(id->uri))
		return;
	im = xasprintf("im%s", colon);
	identity_add_alias(id, im);
	free(im);
}

static const char *first_of(const struct identity_claim *c)
{
	const char *first = NULL;

	for (size_t i = 0; i < c->n_asserted; i++) {
		if (is_sip(c->asserted[i]))
			return c->asserted[i];
		if (first == NULL && usable(c->asserted[i]))
			first = c->asserted[i];
	}
	return first;
}

int identity_of(const struct addr_set *trusted, const struct identity_claim *claim,
		struct identity *id_r)
{
	struct identity id = {0};
	const char *named = first_of(claim);
	const char *display = claim->asserted_display;

	if (claim->peer->len == 0 || !addr_set_has(trusted, claim->peer))
		return -ERR_DENIED;
	if (named == NULL && claim->n_asserted == 0) {
		named = claim->from;
		display = claim->from_display;
	} else if (named != NULL && display == NULL && claim->from != NULL &&
		   sip_uri_same(slice_str(named), slice_str(claim->from))) {
		display = claim->from_display;
	}
	if (named == NULL || !usable(named) || anonymous(named))
		return -ERR_DENIED;
	id.uri = canonical(named);
	if (id.uri == NULL)
		return -ERR_DENIED;
	if (display != NULL && slice_is_utf8(slice_str(display)))
		id.display = xstrdup(display);
	for (size_t i = 0; i < claim->n_asserted; i++) {
		if (usable(claim->asserted[i]))
			identity_add_alias(&id, claim->asserted[i]);
	}
	add_im_form(&id);
	*id_r = id;
	return 0;
}

void identity_fini(struct identity *id)
{
	free(id->uri);
	free(id->display);
	for (size_t i = 0; i < id->n_aliases; i++)
		free(id->aliases[i]);
	*id = (struct identity){0};
}
