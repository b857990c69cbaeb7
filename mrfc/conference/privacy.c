/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user asks for by the Privacy header and by an anonymous From, and what follows for what
 * others see of him, RFC 3323, RFC 3325. Pure policy.
 */
#include "mrfc/conference/privacy.h"

#include "common/mem.h"
#include "common/rand.h"
#include "proto/sip_uri.h"

#define RANDOM_LEN 14

static const struct {
	const char *name;
	unsigned bit;
} services[] = {{"none", PRIVACY_NONE},       {"id", PRIVACY_ID},
		{"user", PRIVACY_USER},       {"header", PRIVACY_HEADER},
		{"session", PRIVACY_SESSION}, {"critical", PRIVACY_CRITICAL}};

static unsigned service(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		if (slice_ieq_str(name, services[i].name))
			return services[i].bit;
	}
	return PRIVACY_OTHER;
}

unsigned privacy_parse(const char *value)
{
	struct slice rest = slice_str(value), one;
	unsigned bits = 0;

	/* A comma is no separator of this header; who writes one means a semicolon. */
	while (slice_next(&rest, ';', &one)) {
		struct slice part;

		while (slice_next(&one, ',', &part)) {
			if (slice_trim(part).len > 0)
				bits |= service(slice_trim(part));
		}
	}
	return bits;
}

bool privacy_is_anonymous(const char *uri)
{
	struct sip_uri u;

	return sip_uri_parse(slice_str(uri), &u) == 0 &&
	       (slice_ieq_str(u.host, "anonymous.invalid") ||
		(slice_ieq_str(u.user, "anonymous") && u.host.len >= 8 &&
		 slice_ieq_str(slice_from(u.host, u.host.len - 8), ".invalid")));
}

bool privacy_hides(unsigned privacy, const char *from)
{
	if ((privacy & (PRIVACY_ID | PRIVACY_USER | PRIVACY_HEADER)) != 0)
		return true;
	if ((privacy & PRIVACY_NONE) != 0)
		return false; /* asked for by the user himself */
	return from != NULL && privacy_is_anonymous(from);
}

bool privacy_impossible(unsigned privacy)
{
	return (privacy & PRIVACY_CRITICAL) != 0 &&
	       (privacy & (PRIVACY_SESSION | PRIVACY_OTHER)) != 0;
}

char *privacy_make_uri(void)
{
	char random[RANDOM_LEN + 1];

	rand_ident(random, RANDOM_LEN);
	return xasprintf("sip:anonymous-%s@anonymous.invalid", random);
}

bool privacy_asserts(unsigned privacy, bool trusted_hop, bool by_default)
{
	if (trusted_hop)
		return true;
	if ((privacy & (PRIVACY_ID | PRIVACY_USER | PRIVACY_HEADER)) != 0)
		return false;
	return (privacy & PRIVACY_NONE) != 0 || by_default;
}

void privacy_forward(const char *asked, bool trusted_hop, struct bytes *out)
{
	struct slice rest = slice_str(asked), one;

	while (slice_next(&rest, ';', &one)) {
		one = slice_trim(one);
		if (one.len > 0 && (trusted_hop || !slice_ieq_str(one, "id")))
			bytes_addf(out, "%s" SLICE_FMT, out->len > 0 ? ";" : "", SLICE_ARG(one));
	}
}
