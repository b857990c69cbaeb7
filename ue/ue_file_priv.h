/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_FILE_PRIV_H
#define UE_UE_FILE_PRIV_H

/* Shared by ue_file.c (media, sending), ue_file_call.c (calls) and ue_file_seal.c (sealed ones) only. */

#include <sys/queue.h>

#include "ue/ue_file.h"
#include "ue/ue_msrp.h"
#include "ue/ue_octets.h"
#include "ue/ue_part.h"
#include "ue/ue_seal_push.h"

struct event;

struct ue_file {
	LIST_ENTRY(ue_file) link;
	struct ue_files *set;
	struct ue_call *call;
	struct ue_msrp *msrp;
	bool sending, told, secure;
	unsigned ticket;
	int fd;
	uint64_t from; /* octets before the first that passes */
	uint64_t size; /* of the whole; receiving: 0 when not announced */
	uint64_t done; /* octets that passed */
	struct sdp_file file;
	uint64_t sdp_id, sdp_version;
	struct bytes last; /* description we sent last */
	struct ue_octets
		octets; /* of a sealed one that is sent, until the session takes them; read NULL */
	char *sealed_from;    /* who sends it, as the focus says */
	uint64_t n_plain;     /* octets of it that were opened */
	struct ue_part *part; /* of one whose sender says what the whole is; NULL */
	char why[UE_PART_WHY_SIZE];
	struct ue_seal_push *sealed; /* of a sealed one that comes; NULL */
	bool described;              /* the owner knows of it, and has its ticket */
	bool whole;                  /* all of it is here, and waits for its key */
	struct event *ev_key;        /* while it waits */
};

struct ue_files {
	struct event_base *base;
	struct ue_sip *sip;
	struct resolver *resolver;
	struct tls *tls;
	bool secure;
	struct ue_seal *seal; /* files of this sealed conference alone; NULL: of one that is not */
	struct addr listen;
	const struct ue_files_ops *ops;
	void *arg;
	LIST_HEAD(, ue_file) all;
	struct ue_parts *parts; /* of sealed ones that broke off */
	struct event *ev_parts; /* while there are some */
};

/* ue_file.c */
MUST_CHECK int ue_file_new(struct ue_files *files, bool sending, struct ue_file **file_r);
void ue_file_free(struct ue_file *f);
/* What became of it, told once. */
void ue_file_tell(struct ue_file *f, int result, const char *reason);
/* The same, and the call ends. */
void ue_file_finish(struct ue_file *f, int result, const char *reason);
void ue_file_make_secure(struct ue_file *f, bool on);
/* Our description, in f->last. */
void ue_file_describe(struct ue_file *f, enum sdp_setup setup, uint16_t port);
/* The peer's line is known. */
MUST_CHECK int ue_file_start(struct ue_file *f, const struct sdp_media *m, bool active);
/* Call the conference with a file that is described; f is freed when that fails. */
MUST_CHECK int ue_file_call(struct ue_file *f, const char *uri);

/* ue_file_seal.c */
/* Does the line say of its file what is said of sealed ones, and no more? */
bool ue_file_is_sealed(const struct sdp_file *file);
void ue_file_expect_sealed(struct ue_file *f, const char *from);
/* Octets of it, and its end: statuses to answer with. Whether it can be opened they do not tell. */
int ue_file_sealed_octets(struct ue_file *f, uint64_t pos, struct slice piece);
int ue_file_sealed_whole(struct ue_file *f);
/* What became of it; what is here may be kept. */
void ue_file_tell_sealed(struct ue_file *f, int result, const char *reason);
void ue_files_parts_open(struct ue_files *files);
void ue_files_parts_close(struct ue_files *files);

#endif
