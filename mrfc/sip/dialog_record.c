/* SPDX-License-Identifier: Apache-2.0 */
/* Records of INVITE sessions: their memory. What goes in is written by dialog_save. */
#include "mrfc/sip/dialog_record.h"

#include <stdlib.h>

void dialog_record_fini(struct dialog_record *r)
{
	leg_record_fini(&r->leg);
	free(r->local_sdp);
	*r = (struct dialog_record){0};
}
