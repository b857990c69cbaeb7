/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the lists of addresses to listen on and of hosts to be known by. They belong together by
 * position; one name may stand for all addresses. A peer is given the first that is of its family
 * (IMS-015). Opens nothing.
 */
#include "mrfp/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/mem.h"

/* What stands in our MSRP URIs: an address, or a name that peers resolve. */
static bool is_name(struct slice text)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t n = 0;

	while (n < text.len && strchr(name, text.ptr[n]))
		n++;
	return n && n == text.len;
}

static int wrong(char why[PLACES_WHY_SIZE], const char *setting, struct slice item,
		 const char *what)
{
	snprintf(why, PLACES_WHY_SIZE, "%s: %.*s %s", setting,
		 (int)(item.len < 100 ? item.len : 100), item.ptr, what);
	return -ERR_SYNTAX;
}

static int read_addresses(struct slice rest, struct places *p, char why[PLACES_WHY_SIZE])
{
	static const char setting[] = "msrp.address";
	struct slice item;

	while (slice_next(&rest, ',', &item)) {
		struct addr at;

		item = slice_trim(item);
		if (addr_from_host(item, 0, &at))
			return wrong(why, setting, item, "is no numeric address");
		for (size_t i = 0; i < p->n; i++) {
			if (addr_host_equal(&p->item[i].at, &at))
				return wrong(why, setting, item, "stands there twice");
		}
		if (p->n == PLACES_MAX)
			return wrong(why, setting, item, "is one address too many, four may be");
		p->item[p->n++].at = at;
	}
	return 0;
}

static void set_host(struct place *place, struct slice host)
{
	struct addr at;

	place->v6 = addr_is_v6(addr_from_host(host, 0, &at) == 0 ? &at : &place->at);
	if (host.len && host.ptr[0] == '[')
		host = slice_make(host.ptr + 1, host.len - 2);
	place->host = slice_dup(host);
}

static int read_hosts(struct slice rest, struct places *p, char why[PLACES_WHY_SIZE])
{
	static const char setting[] = "msrp.advertise";
	struct slice item = SLICE_NULL;
	struct addr at;
	size_t n = 0;

	while (slice_next(&rest, ',', &item)) {
		item = slice_trim(item);
		if (!is_name(item) && addr_from_host(item, 0, &at))
			return wrong(why, setting, item, "is no host");
		if (n == p->n)
			return wrong(why, setting, item, "has no address in msrp.address");
		set_host(&p->item[n++], item);
	}
	if (n == p->n)
		return 0;
	if (n > 1 || addr_from_host(item, 0, &at) == 0)
		return wrong(why, setting, item,
			     "is the last, but msrp.address has more: one host for each, or one "
			     "name for all");
	for (; n < p->n; n++)
		set_host(&p->item[n], item);
	return 0;
}

int places_read(const char *addresses, const char *advertise, struct places *p_r,
		char why[PLACES_WHY_SIZE])
{
	char text[ADDR_STRLEN];
	int err;

	*p_r = (struct places){.n = 0};
	err = read_addresses(slice_str(addresses), p_r, why);
	if (err == 0 && advertise[0])
		return read_hosts(slice_str(advertise), p_r, why);
	for (size_t i = 0; i < p_r->n && err == 0; i++) {
		set_host(&p_r->item[i], slice_str(addr_host(&p_r->item[i].at, text)));
		if (addr_is_any(&p_r->item[i].at))
			err = wrong(why, "msrp.address", slice_str(text),
				    "is nothing to connect to, so msrp.advertise is needed");
	}
	return err;
}

void places_fini(struct places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->item[i].host);
		free(p->item[i].ws_host);
	}
	*p = (struct places){.n = 0};
}

const struct place *places_for(const struct places *p, unsigned family)
{
	for (size_t i = 0; i < p->n; i++) {
		if (family == (p->item[i].v6 ? 6u : 4u))
			return &p->item[i];
	}
	return &p->item[0];
}
