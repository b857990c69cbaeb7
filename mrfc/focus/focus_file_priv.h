/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_FOCUS_FOCUS_FILE_PRIV_H
#define MRFC_FOCUS_FOCUS_FILE_PRIV_H

#include "mrfc/focus/focus_file_sdp.h"
#include "mrfc/focus/focus_priv.h"

/* Shared by the focus_file*.c: files that a member sends in a dialog of their own. */

#define FILE_EPOCH 1 /* a context of files lives and dies with this process */

/* What a leg waits for. Only file_leg_step() moves it. */
enum file_step {
	FILE_LEG_ADDING, /* its terminations were asked for */
	FILE_LEG_CALLING, /* sender: its INVITE waits for the first receiver; receiver: ours is out */
	FILE_LEG_SETTLING, /* the receiver's answer goes to the media side */
	FILE_LEG_UP
};

/* A leg's part in one line; what the media side's answers are about. */
struct file_part {
	struct file_leg *leg;
	size_t i;
	bool exists; /* the termination was asked for and not given up */
	char connect[300];
};

/* One dialog: the sender's or a receiver's. */
struct file_leg {
	LIST_ENTRY(file_leg) link; /* receivers */
	struct file_share *share;
	enum file_step step;
	struct dialog *dialog;
	char *user, *target;  /* receivers: in the roster; whom we call */
	uint64_t termination; /* the same number in each line's context */
	struct file_part part[SDP_MAX_MEDIA];
	unsigned n_pending; /* answers of the media side */
	int failed;         /* -ERR_*: one of them was bad */
	struct file_sdp_local local;
	struct sdp_session peer;        /* its offer or answer */
	uint64_t peer_id, peer_version; /* of its last description */
	bool has_peer, plain;           /* plain: without the icons' parts */
};

/* One file of a share: a context of the media side. */
struct file_line {
	uint8_t context[MEDIA_CONTEXT_SIZE];
	bool open; /* taken by us, and not over */
};

/* The files of one INVITE of a member, on their way to the others. */
struct file_share {
	LIST_ENTRY(file_share) link;
	struct focus *focus;
	struct room *room;
	struct identity who;
	struct sdp_session offer;                /* the sender's */
	char *contribution_id, *conversation_id; /* NULL: none */
	struct bytes parts; /* of the sender's body, to go with our descriptions */
	char boundary[33];
	struct file_line line[SDP_MAX_MEDIA];
	struct file_leg *sender; /* NULL: it has left */
	struct session
		*member; /* whose dialog has the lines; NULL: the sender has one of its own */
	size_t at[SDP_MAX_MEDIA]; /* their places there */
	LIST_HEAD(, file_leg) receivers;
	uint64_t next_termination;
	struct timer *timer;
	bool accepted;  /* the sender has its 200 */
	bool delivered; /* somebody has all of some file */
	bool ending;    /* file_share_end() is at work */
	int refusal;    /* worst answer of the receivers so far */
};

/* focus_file_line.c */
/* The terminations of a member's lines are there, or could not be had. */
void file_lines_ready(struct file_share *share);
/* The sender's lines in the member's dialog are over. */
void file_lines_closed(struct file_share *share);

/* focus_file.c */
/* Takes who and the offer; good: bit per line that is a file to be passed on. */
struct file_share *file_share_new(struct room *room, struct identity *who_take,
				  struct sdp_session *offer_take, uint32_t good);
/* May this user send one more now? */
bool file_share_allowed(const struct room *room, const char *user);
uint64_t file_share_max(const struct focus *f);    /* octets of a file; 0: any */
void file_share_started(struct file_share *share); /* the sender has its answer: time to hold */
void file_share_sender_left(struct file_share *share, const char *why);
void file_leg_step(struct file_leg *leg, enum file_step step);
/* A receiver has taken some line: the sender may go on. */
void file_share_taken(struct file_share *share);
/* The sender's terminations are there, or none could be had. */
void file_sender_ready(struct file_share *share);
/* Note a receiver's status: it may become the sender's. */
void file_share_refused(struct file_share *share, int status);
/* A receiver is gone; the sender's INVITE is refused with the last one. */
void file_share_check(struct file_share *share);
/* Everybody leaves; status refuses an INVITE that waits, cause and text go in BYEs. Frees it. */
void file_share_end(struct file_share *share, int status, int cause, const char *text);

/* focus_file_dialog.c */
/* Does the line still mean the file that it meant (8.1)? */
bool file_same(const struct sdp_media *was, const struct sdp_media *now);

/* focus_file_leg.c */
struct file_leg *file_leg_new(struct file_share *share);
/* Ask for terminations of the open lines; then the sender is ready, or the receiver is called. */
void file_leg_add(struct file_leg *leg);
/* Take the leg out of one line. */
void file_leg_drop_line(struct file_leg *leg, size_t i);
bool file_leg_has_line(const struct file_leg *leg);
const char *file_leg_host(const struct file_leg *leg); /* ours, for o= and c= */
/* Hang up by what the dialog's state asks for, give the terminations back, free. */
void file_leg_end(struct file_leg *leg, int status, int cause, const char *text);
/* Call all other members. Returns how many. */
size_t file_call_members(struct file_share *share);
void file_receiver_answer(struct file_leg *leg, struct slice sdp);
/* Our INVITE was refused. */
void file_receiver_refused(struct file_leg *leg, int status);

#endif
