/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caps on connections: in all, without a session, and from one address outside
 * msrp.trusted_media. A trusted address carries many subscribers (IMS-014).
 */
#include "mrfp/admit.h"

#include "common/log.h"
#include "mrfp/wire.h"

#define LOG_PLACE "admit"

static int64_t count_from(const struct plane *plane, const struct addr *peer, int64_t enough)
{
	const struct wire *w;
	int64_t n = 0;

	LIST_FOREACH(w, &plane->wires, in_all) {
		if (addr_host_equal(conn_peer(w->conn), peer) && ++n >= enough)
			break;
	}
	return n;
}

bool admit(struct plane *plane, const struct addr *peer)
{
	const struct options *opt = plane->opt;
	char text[ADDR_STRLEN];
	enum stats_turned_away why;

	if (*plane->stats.connections >= opt->max_connections)
		why = TURNED_AWAY_TOTAL;
	else if (*plane->stats.unbound >= opt->max_unbound)
		why = TURNED_AWAY_UNBOUND;
	else if (!addr_set_has(plane->trusted, peer) &&
		 count_from(plane, peer, opt->max_per_address) >= opt->max_per_address)
		why = TURNED_AWAY_ADDRESS;
	else
		return true;
	(*plane->stats.turned_away[why])++;
	log_peer("connection from %s turned away: too many", addr_host(peer, text));
	return false;
}
