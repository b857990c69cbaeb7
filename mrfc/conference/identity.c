/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity of a request's sender from what its peer asserts: the first SIP URI of
 * P-Asserted-Identity (or tel URI when there is none) names the user, the others and the im: form
 * are its aliases; URIs of other schemes name nobody (RFC 3325 9.1). A peer that is not trusted is
 * believed only what the credentials of its request prove. Pure.
 */
#include "mrfc/conference/identity.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "mrfc/conference/privacy.h"
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

void identity_add_number(struct identity *id, const char *uri)
{
	struct slice user;
	struct sip_uri u;
	char *tel;

	if (sip_uri_parse(slice_str(uri), &u) != 0 || u.user.len < 2 || u.user.ptr[0] != '+' ||
	    !sip_uri_param(u.params, "user", &user) || !slice_ieq_str(user, "phone"))
		return;
	tel = xasprintf("tel:" SLICE_FMT, SLICE_ARG(u.user));
	identity_add_alias(id, tel);
	free(tel);
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

/* One sip and one tel URI at most; what is of neither scheme names nobody. */
static bool too_many(const struct identity_claim *c)
{
	unsigned sip = 0, tel = 0;

	for (size_t i = 0; i < c->n_asserted; i++) {
		sip += is_sip(c->asserted[i]);
		tel += is_scheme(c->asserted[i], "tel:");
	}
	return sip > 1 || tel > 1;
}

/* The URI that names the user, and how he is called; NULL: nobody is named. */
static const char *named_by(const struct identity_claim *c, const char **display_r)
{
	const char *named = c->user != NULL ? c->user : first_of(c);

	*display_r = c->user != NULL ? c->from_display : c->asserted_display;
	if (named == NULL && c->n_asserted == 0) {
		*display_r = c->from_display;
		return c->from;
	}
	if (named != NULL && *display_r == NULL && c->from != NULL &&
	    sip_uri_same(slice_str(named), slice_str(c->from)))
		*display_r = c->from_display;
	return named;
}

int identity_of(const struct identity_claim *claim, struct identity *id_r)
{
	struct identity id = {0};
	const char *display, *named;

	if (!claim->trusted && claim->user == NULL)
		return -ERR_DENIED;
	if (claim->user == NULL && too_many(claim))
		return -ERR_SYNTAX;
	named = named_by(claim, &display);
	if (named == NULL || !usable(named) || privacy_is_anonymous(named))
		return -ERR_DENIED;
	id.uri = canonical(named);
	if (id.uri == NULL)
		return -ERR_DENIED;
	if (display != NULL && slice_is_utf8(slice_str(display)))
		id.display = xstrdup(display);
	for (size_t i = 0; claim->user == NULL && i < claim->n_asserted; i++) {
		if (usable(claim->asserted[i]))
			identity_add_alias(&id, claim->asserted[i]);
		identity_add_number(&id, claim->asserted[i]);
	}
	add_im_form(&id);
	id.privacy = claim->privacy;
	id.hidden = privacy_hides(claim->privacy, claim->from);
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
