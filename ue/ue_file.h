/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_FILE_H
#define UE_UE_FILE_H

#include "proto/sdp_msrp.h"
#include "ue/ue_sip.h"

struct event_base;
struct resolver;
struct tls;

/*
 * Files of user equipment by RFC 5547: each in a call of its own, pushed to the conference or by
 * it. The octets go from and to descriptors of the owner; names are its business too.
 */
struct ue_files;

/* What became of a file: 200, else a status of SIP or MSRP, or one of these. */
enum { UE_FILE_OK = 200, UE_FILE_STOPPED = 1, UE_FILE_LOST = 2, UE_FILE_DAMAGED = 3 };

struct ue_files_ops {
	/*
	 * Somebody sends a file. A descriptor to write it to, or -1 to refuse. Its octets before
	 * file->range_start, if that is given, are there already. ticket names it later.
	 */
	int (*offered)(const char *from, const struct sdp_file *file, unsigned *ticket_r,
		       void *arg);
	/* It came, whole and of the announced hash (UE_FILE_OK), or not; size: octets from the first. */
	void (*received)(unsigned ticket, int result, uint64_t size, void *arg);
	void (*sent)(unsigned ticket, int result, const char *reason, void *arg);
	void (*progress)(uint64_t done, uint64_t total, void *arg);
};

struct ue_files *ue_files_new(struct event_base *base, struct ue_sip *sip,
			      struct resolver *resolver, const struct addr *listen, struct tls *tls,
			      const struct ue_files_ops *ops, void *arg);
/* What is pushed from now on passes over TLS, or not. */
void ue_files_secure(struct ue_files *files, bool on);
/* No more of these: the conference is sealed, and they would not be. */
void ue_files_close(struct ue_files *files);
/* Everything ends without a word. */
void ue_files_free(struct ue_files **files);

/*
 * Push a file (fd is taken) to a URI: its octets from `from` (0: all; else the receivers have those
 * before). The hash is made here. `sent` follows.
 */
MUST_CHECK int ue_files_push(struct ue_files *files, const char *uri, const char *name,
			     const char *type, int fd_take, uint64_t size, uint64_t from,
			     unsigned ticket);
/* Give up what is being sent. */
void ue_files_stop(struct ue_files *files);
bool ue_files_sending(const struct ue_files *files);

/* Events of calls: true when the call is one of files and was dealt with. */
bool ue_files_invited(struct ue_files *files, struct ue_call *call, const char *from,
		      struct slice sdp);
bool ue_files_answered(struct ue_files *files, struct ue_call *call, struct slice sdp);
bool ue_files_offered(struct ue_files *files, struct ue_call *call, struct slice sdp,
		      struct bytes *answer_r, int *status_r);
bool ue_files_ended(struct ue_files *files, struct ue_call *call, int cause, const char *text);

#endif
