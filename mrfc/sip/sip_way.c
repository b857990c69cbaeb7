/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a request of ours goes: what stands in the dialog, where that is an address, else where the
 * peer was last. Keeps host names away from the stack. RFC 3261 8.1.2, 12.2.1.1, RFC 5923.
 */
#include "mrfc/sip/sip_leg.h"
#include "mrfc/sip/sip_priv.h"
#include "mrfc/sip/sip_tls.h"

#include "common/log.h"
#include "proto/sip_uri.h"

#define LOG_PLACE "sip/out"

/* The address of a URL; false: it has a name, for the resolver. */
static bool address_of(url_t const *url, struct addr *at_r)
{
	struct slice maddr;

	if (sip_uri_param(slice_str(url->url_params), "maddr", &maddr))
		return addr_from_host(maddr, 0, at_r) == 0;
	return addr_from_host(slice_str(url->url_host), 0, at_r) == 0;
}

bool sip_is_numeric(url_t const *url)
{
	struct addr at;

	return address_of(url, &at);
}

/*
 * A peer that came over TLS is reached over its connection while that stands: hardly any is prepared
 * to be connected to. And one that we connected to is known by the name in its hop alone.
 */
static bool stays_on_hop(struct sip_leg *leg, su_home_t *home, url_t const *next)
{
	url_t const *hop = sip_leg_hop(leg) != NULL ? url_make(home, sip_leg_hop(leg)) : NULL;
	struct addr a, b;

	if (hop == NULL || !sip_tls_is_way(hop))
		return false;
	return sip_tls_stands(sip_leg_agent(leg), sip_leg_hop(leg)) ||
	       (sip_tls_is_way(next) &&
		sip_uri_param(slice_str(hop->url_params), "maddr", &(struct slice){0}) &&
		address_of(hop, &a) && address_of(next, &b) && addr_host_equal(&a, &b));
}

/*
 * Sofia's resolver loops for ever where no name server answers, and all conferences with it: the
 * stack never gets a name to look up. A next hop that is a name (Contact or Record-Route of the peer)
 * is replaced by the address that the dialog's requests came from or went to.
 */
bool sip_find_way(struct sip_leg *leg, const char *route, const char *uri, struct sip_way *way_r)
{
	sip_route_t const *routes = NULL;
	sip_contact_t const *target = NULL;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	bool first = route != NULL || uri != NULL, numeric, ok;
	url_t const *next, *over;

	su_home_init(home);
	nta_leg_get_route(sip_leg_nta(leg), &routes, &target);
	if (route != NULL || (routes == NULL && uri != NULL))
		next = url_make(home, route != NULL ? route : uri);
	else
		next = routes != NULL ? routes->r_url : target != NULL ? target->m_url : NULL;
	numeric = next != NULL && sip_is_numeric(next);
	if (numeric && sip_leg_hop(leg) == NULL && first)
		sip_leg_set_hop(leg, route != NULL ? route : uri);
	*way_r = (struct sip_way){0};
	if (!numeric || (!first && stays_on_hop(leg, home, next)))
		way_r->hop = sip_leg_hop(leg) != NULL ? URL_STRING_MAKE(sip_leg_hop(leg)) : NULL;
	over = way_r->hop != NULL ? url_make(home, sip_leg_hop(leg)) : next;
	way_r->tls = over != NULL && sip_tls_is_way(over);
	way_r->sips = target != NULL ? target->m_url->url_type == url_sips
				     : uri != NULL && strncasecmp(uri, "sips:", 5) == 0;
	ok = numeric || way_r->hop != NULL;
	if (!ok)
		log_peer("no way to %s: not an address",
			 next != NULL && next->url_host != NULL ? next->url_host : "nowhere");
	su_home_deinit(home);
	return ok;
}
