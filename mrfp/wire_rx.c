/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What receiving a frame needs. Most connections are between frames at any time, so the plane
 * lends one to whichever is being read; it stays with a connection only while a frame is under way.
 */
#include "mrfp/wire.h"

#include <stdlib.h>

#include "common/mem.h"
#include "mrfp/wire_priv.h"

void wire_rx_free(struct wire_rx **rx)
{
	if (!*rx)
		return;
	buf_fini(&(*rx)->in);
	free((*rx)->req.paths);
	free((*rx)->req.mid);
	chunk_unref(&(*rx)->req.report);
	free(*rx);
	*rx = NULL;
}

void wire_rx_open(struct wire *w)
{
	if (w->rx)
		return;
	w->rx = w->plane->spare_rx;
	w->plane->spare_rx = NULL;
	if (w->rx)
		return;
	w->rx = xcalloc(1, sizeof(*w->rx));
	msrp_parser_init(&w->rx->parser, &msrp_limits_default);
}

void wire_rx_close(struct wire *w)
{
	struct wire_rx *rx = w->rx;

	if (w->dead || rx->req.active || rx->req.session || rx->req.msg || buf_held(&rx->in).len ||
	    !msrp_parser_idle(&rx->parser))
		return;
	w->rx = NULL;
	if (w->plane->spare_rx)
		wire_rx_free(&rx);
	else
		w->plane->spare_rx = rx;
}
