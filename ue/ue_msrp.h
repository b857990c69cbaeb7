/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_MSRP_H
#define UE_UE_MSRP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "proto/cpim.h"
#include "proto/gke.h"

struct event_base;
struct fingerprint_list;
struct ue_octets;
struct ue_source;
struct resolver;
struct tls;

/*
 * One MSRP session of user equipment, RFC 4975: binds as the active or the passive side, sends
 * messages in chunks that let short ones pass long ones, receives in any order of chunks. Bodies
 * are message/cpim. Long messages are received into a file, not into memory.
 */
struct ue_msrp;

/* A whole message that came in. Views and path are valid during the callback. */
struct ue_message {
	const char *id; /* its Message-ID here; NULL: it is not of a session */
	bool bare;      /* not CPIM: the payload is all */
	unsigned bare_kind;
	struct cpim_head cpim;
	struct slice head;    /* the CPIM head's bytes */
	struct slice payload; /* when it was held in memory (≤ 256 KiB), else NULL ptr */
	int fd;               /* else the file that holds the payload from `offset` on */
	uint64_t offset;
	uint64_t size;  /* octets of the payload */
	bool sealed;    /* it came sealed, and this is what stood inside */
	bool alone;     /* to us alone: no other member can open it */
	bool verified;  /* signed by its sender, too */
	bool words;     /* its payload alone is signed by him */
	uint32_t epoch; /* of the group's key it was sealed with; 0: none (alone) */
};

struct ue_msrp_ops {
	void (*up)(void *arg); /* bound */
	void (*down)(const char *why, void *arg);
	void (*message)(const struct ue_message *m, void *arg);
	/* A message stopped before it was whole; from may be empty. */
	void (*aborted)(struct slice from, uint64_t size, void *arg);
	void (*receiving)(uint64_t done, uint64_t total, void *arg); /* total 0: not known */
	/*
	 * A message of ours is accepted (200) or failed with a status (0: the session was lost first, 408: no
	 * answer in time).
	 */
	void (*sent)(unsigned ticket, int status, const char *reason, void *arg);
	void (*nickname)(unsigned ticket, int status, const char *reason, void *arg);
	/* A message of MIKEY_TYPE, without CPIM; NULL: they are refused. */
	void (*key)(struct slice mikey, void *arg);
	/* One of KS_BODY_TYPE, where ue_msrp_take_frames() said so. */
	void (*frames)(struct slice body, void *arg);
	/*
	 * The first octets of a message in its making, all that are there without a gap; true: call again when
	 * there are more. May be NULL, and so may gone: it will not be whole, or is over.
	 */
	bool (*growing)(const char *id, const struct ue_source *here, void *arg);
	void (*gone)(const char *id, void *arg);
	/*
	 * Instead of message, receiving and aborted: one message of any type as it comes, no CPIM. Both
	 * return the status to answer. pos counts from 0. whole: it is of that size, all is here.
	 */
	int (*octets)(uint64_t pos, struct slice piece, void *arg);
	int (*whole)(uint64_t size, void *arg);
	void (*stopped)(void *arg); /* its sender gave it up */
};

/*
 * Listens on host (port 0) for the passive case; the URI for our a=path is ready then. resolver and
 * tls (NULL: no sessions over TLS) are the caller's and outlive the session.
 */
MUST_CHECK int ue_msrp_open(struct event_base *base, struct resolver *resolver,
			    const struct addr *host, struct tls *tls, const struct ue_msrp_ops *ops,
			    void *arg, struct ue_msrp **msrp_r);
void ue_msrp_free(struct ue_msrp **m);
/* "msrps" from now on, or "msrp"; before ue_msrp_path() is told to the peer. */
void ue_msrp_secure(struct ue_msrp *m, bool on);
const char *ue_msrp_path(const struct ue_msrp *m);
uint16_t ue_msrp_port(const struct ue_msrp *m);

/*
 * The peer's a=path is known: connect and bind (active), or expect the peer's bind (passive). Called
 * again with another path, the session moves there. pins: over TLS, with a peer that has one of
 * these certificates (RFC 8122); NULL: over TCP.
 */
MUST_CHECK int ue_msrp_start(struct ue_msrp *m, const char *remote_path, bool active,
			     const struct fingerprint_list *pins);

/*
 * A key by which its peer may be known instead, or NULL; the caller's, for the life of the session. Over
 * TLS it is offered to who is connected to, and taken from who connects.
 */
void ue_msrp_leg(struct ue_msrp *m, const struct gke_leg *leg);
/* Its peer is known so. */
bool ue_msrp_by_key(const struct ue_msrp *m);

/* The peer's a=max-size: what is longer with its CPIM head is not sent. 0: none given. */
void ue_msrp_limit(struct ue_msrp *m, uint64_t max_size);

/*
 * Queue a message. ticket comes back in `sent`. -ERR_WRONG_STATE: the session is not up; -ERR_LIMIT:
 * longer than the peer takes.
 */
MUST_CHECK int ue_msrp_send(struct ue_msrp *m, const struct cpim_fields *head, struct slice payload,
			    unsigned ticket);
/* The same with the payload from a file, read as it goes (fd is taken). */
MUST_CHECK int ue_msrp_send_file(struct ue_msrp *m, const struct cpim_fields *head, int fd_take,
				 uint64_t size, unsigned ticket);
/* A message without CPIM: size octets of the file from octet `from` on (fd is taken). */
MUST_CHECK int ue_msrp_send_raw(struct ue_msrp *m, const char *type, int fd_take, uint64_t from,
				uint64_t size, unsigned ticket);
/*
 * Octets made as they go, behind a CPIM head, or (head NULL) as a message of this type with further
 * Content-* lines (mime, static).
 */
MUST_CHECK int ue_msrp_send_octets(struct ue_msrp *m, const struct cpim_fields *head,
				   const char *type, const char *mime,
				   const struct ue_octets *octets_take, uint64_t size,
				   unsigned ticket);
/* Read no more from the peer, or do again. What was read already may still be told. */
void ue_msrp_hold(struct ue_msrp *m, bool hold);
/* A message of MIKEY_TYPE, before all others. No `sent` follows. -ERR_WRONG_STATE. */
MUST_CHECK int ue_msrp_send_key(struct ue_msrp *m, struct slice mikey);
/* Bodies of KS_BODY_TYPE are taken; else they are refused. */
void ue_msrp_take_frames(struct ue_msrp *m, bool on);
/* One, before all but key messages; they keep their order. `sent` has the ticket UE_MSRP_FRAMES. */
#define UE_MSRP_FRAMES UINT32_MAX
MUST_CHECK int ue_msrp_send_frames(struct ue_msrp *m, struct slice body);
/* Give up what is not sent yet; receivers are told. No `sent` follows. */
void ue_msrp_abort(struct ue_msrp *m);
/* Ask for a nickname; "" gives it back. */
MUST_CHECK int ue_msrp_nickname(struct ue_msrp *m, struct slice nick, unsigned ticket);
/* Nothing queued and nothing unanswered. */
bool ue_msrp_idle(const struct ue_msrp *m);

#endif
