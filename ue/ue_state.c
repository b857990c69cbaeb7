/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a UE's marks. It is small and written seldom: with each key message, each request, and each
 * message that is sealed to us alone, before that is shown.
 */
#include "ue/ue_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "ue/ue_kept.h"

struct ue_state {
	struct ue_kept *file;
	struct ue_marks *marks;
};

/* What is in the file; one that is not there has nothing. */
static int load(struct ue_state *s)
{
	struct bytes text = BYTES_INIT;
	int err;

	bytes_init(&text, UE_MARKS_TEXT_MAX);
	err = ue_kept_read(s->file, &text);
	if (err == 1)
		err = ue_marks_read(s->marks, bytes_slice(&text));
	bytes_fini(&text);
	return err;
}

int ue_state_open(const char *path, struct ue_state **s_r)
{
	struct ue_state *s = xcalloc(1, sizeof(*s));
	int err;

	s->marks = ue_marks_new();
	err = ue_kept_open(path, &s->file);
	if (err == 0)
		err = load(s);
	if (err == 0)
		err = ue_state_save(s); /* it can be written */
	if (err < 0) {
		ue_state_close(&s);
		return err;
	}
	*s_r = s;
	return 0;
}

void ue_state_close(struct ue_state **sp)
{
	struct ue_state *s = *sp;
	int why = errno;

	if (!s)
		return;
	ue_kept_close(&s->file);
	ue_marks_free(&s->marks);
	free(s);
	*sp = NULL;
	errno = why;
}

struct ue_marks *ue_state_marks(struct ue_state *s)
{
	return s->marks;
}

int ue_state_save(struct ue_state *s)
{
	struct bytes text = BYTES_INIT;
	int err, why;

	ue_marks_write(s->marks, &text);
	err = ue_kept_replace(s->file, bytes_slice(&text));
	why = errno;
	bytes_fini(&text);
	errno = why;
	return err;
}
