/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_FILE_H
#define MRFC_FOCUS_FOCUS_FILE_H

#include "mrfc/focus/focus_priv.h"

/* focus_file.c: files in dialogs of their own */
/* Takes *in (nulls it) and who when it is an offer of files alone. */
bool file_on_invite(struct focus *f, struct sip_in **in, struct identity *who);
void file_room_ends(struct room *room);
void file_user_left(struct room *room, const char *user);
/* These epochs of a sealed room are in use from now on. */
void file_regate(struct room *room, const struct media_keys *keys);
void file_on_over(struct focus *f, const uint8_t *ctx, int outcome, uint64_t size);
/* True: the context is of files. */
bool file_on_lost(struct focus *f, const uint8_t *ctx, uint64_t termination, int cause);
bool file_on_context_lost(struct focus *f, const uint8_t *ctx);
bool file_knows(struct focus *f, const uint8_t *ctx, uint64_t termination);

/* focus_file_dialog.c */
const struct dialog_ops *file_dialog_ops(void);

/* focus_file_line.c: files in further lines of a member's dialog */
/* A change of the member came: true when file_lines_ready() follows, as terminations are asked for. */
bool file_lines_change(struct session *s);
void file_member_gone(struct session *s);

#endif
