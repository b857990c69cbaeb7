/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_FILE_H
#define UE_UE_FILE_H

#include "proto/sdp_msrp.h"
#include "ue/ue_sip.h"

struct event_base;
struct ue_dropped;
struct ue_octets;
struct ue_seal;
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
	/* Are files taken at all? Asked of sealed ones, of which nothing is known before they come. */
	bool (*wanted)(void *arg);
	/*
	 * Somebody sends a file. A descriptor to write it to, or -1 to refuse. Its octets before
	 * file->range_start, if that is given, are there already. ticket names it later. epoch: it is
	 * sealed, and its beginning was genuine (file->size is that of all, if its sender says so and
	 * it may go on when it breaks off); 0: not.
	 */
	int (*offered)(const char *from, const struct sdp_file *file, uint32_t epoch,
		       unsigned *ticket_r, void *arg);
	/*
	 * It came, whole and of the announced hash, or genuine (UE_FILE_OK), or not, reason (NULL) says why; size:
	 * octets from the first. Of a sealed one that did not nothing is worth to be kept, unless `kept`:
	 * it may go on, and its ticket is good until `forgotten`.
	 */
	void (*received)(unsigned ticket, int result, uint64_t size, const char *reason, bool kept,
			 void *arg);
	/* One that was kept goes on, under this epoch's key; `received` follows once more. */
	void (*resumed)(unsigned ticket, uint32_t epoch, void *arg);
	/* One that was kept does not go on any more. */
	void (*forgotten)(unsigned ticket, void *arg);
	/* A sealed one of which nothing could be opened. */
	void (*unopened)(const struct ue_dropped *d, void *arg);
	void (*sent)(unsigned ticket, int result, const char *reason, void *arg);
	void (*progress)(uint64_t done, uint64_t total, void *arg);
};

struct ue_files *ue_files_new(struct event_base *base, struct ue_sip *sip,
			      struct resolver *resolver, const struct addr *listen, struct tls *tls,
			      const struct ue_files_ops *ops, void *arg);
/* What is pushed from now on passes over TLS, or not. */
void ue_files_secure(struct ue_files *files, bool on);
/* The conference is sealed: no other files any more. The seal outlives them. */
void ue_files_seal(struct ue_files *files, struct ue_seal *seal);
/* A key came: files may wait for it. */
void ue_files_key(struct ue_files *files);
/* Everything ends without a word. */
void ue_files_free(struct ue_files **files);

/*
 * Push a file (fd is taken) to a URI: its octets from `from` (0: all; else the receivers have those
 * before). The hash is made here. `sent` follows.
 */
MUST_CHECK int ue_files_push(struct ue_files *files, const char *uri, const char *name,
			     const char *type, int fd_take, uint64_t size, uint64_t from,
			     unsigned ticket);
/* The same of one that is sealed as it goes, size octets. */
MUST_CHECK int ue_files_push_sealed(struct ue_files *files, const char *uri,
				    const struct ue_octets *octets_take, uint64_t size,
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
