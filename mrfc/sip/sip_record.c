/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of SIP dialogs: their memory. What goes in is written by sip_leg_save; how it is written
 * down is the store's business.
 */
#include "mrfc/sip/sip_record.h"

#include <stdlib.h>

void leg_record_fini(struct leg_record *r)
{
	free(r->call_id);
	free(r->local_tag);
	free(r->remote_tag);
	free(r->local);
	free(r->remote);
	free(r->target);
	free(r->routes);
	free(r->hop);
	*r = (struct leg_record){0};
}
