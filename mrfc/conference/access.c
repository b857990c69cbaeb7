/* SPDX-License-Identifier: Apache-2.0 */
/* Policy of conferences as plain decisions over facts; the focus gathers the facts and obeys. */
#include "mrfc/conference/access.h"

int access_join(const struct access_facts *f)
{
	if (f->ending)
		return 404;
	if (f->barred)
		return 403;
	/* A further device of a user who is in takes no further place. */
	if (!f->present && f->max_users != 0 && f->n_users >= f->max_users)
		return 486;
	return 0;
}

int access_invite(const struct access_facts *f)
{
	if (f->ending)
		return 404;
	return f->present && !f->barred ? 0 : 403;
}

int access_remove(const struct access_facts *f)
{
	if (f->ending)
		return 404;
	if (f->owner || (f->present && (f->self || f->anyone_may)))
		return 0;
	return 403;
}

int access_end(const struct access_facts *f)
{
	if (f->ending)
		return 404;
	return f->owner || (f->present && f->anyone_may) ? 0 : 403;
}

int access_subscribe(const struct access_facts *f)
{
	if (f->ending)
		return 404;
	return f->barred ? 403 : 0;
}
