/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UE_UE_H
#define UE_UE_H

#include "ue/ue_file.h"
#include "ue/ue_keyserver.h"
#include "ue/ue_msrp.h"
#include "ue/ue_roster.h"
#include "ue/ue_seal.h"
#include "ue/ue_signals.h"

struct event_base;

/*
 * User equipment in one conference: the call (ue_sip), its MSRP session (ue_msrp) and its picture of
 * the roster (ue_roster) put together. One struct ue is one endpoint of one user.
 */
struct ue;

struct ue_config {
	const char *as;       /* "sip:alice@example.com" */
	const char *display;  /* NULL: none */
	const char *user;     /* of digest; NULL: the user part of `as` */
	const char *password; /* NULL: challenges are not answered */
	struct addr proxy, listen;
	bool udp;     /* transport of requests outside dialogs */
	bool tls;     /* offer MSRP over TLS, and take nothing else */
	bool passive; /* the peer shall open the MSRP connection, where its offer leaves the choice */
	struct ue_seal_config
		seal; /* key_file NULL: no part in conferences that others' keys seal; .as is not read */
	struct ue_keyserver_config
		serve;           /* keys_file NULL: we are nobody's key server; .as is not read */
	bool require_e2e;        /* no part in others */
	bool subscribe;          /* to the conference's state once in */
	bool ask;                /* for notifications of what is said */
	enum ue_answers answers; /* to those who ask */
};

struct ue_joined {
	const char *conference;
	bool nickname, private_messages; /* are offered */
	bool tls;                        /* the session is over TLS */
	bool psk;                        /* and its peer known by a key (seal.tls_psk) */
	bool sealed;                     /* only members can read what is said */
	bool could_seal;                 /* we have a key for that */
	bool serves;                     /* with keys that we make */
};

struct ue_ops {
	void (*invitation)(const char *conference, const char *from, const char *by, void *arg);
	void (*joined)(const struct ue_joined *joined, void *arg);
	void (*message)(const struct ue_message *m, bool private_message, void *arg);
	/* One that is not shown, and why. */
	void (*dropped)(const struct ue_dropped *dropped, void *arg);
	/*
	 * A new group key: what is said from now on is sealed with it. n_members: how many others we made
	 * it for, -1: it is not of our making.
	 */
	void (*epoch)(const struct gkid *id, int64_t n_members, void *arg);
	/* We are the key server of this conference now; n_keys: of members that could be in it. */
	void (*serving)(const char *conference, size_t n_keys, void *arg);
	void (*key)(const struct ue_key_news *news, void *arg);
	/* We are it no more, for now: the focus has to begin anew. */
	void (*not_serving)(const char *why, void *arg);
	/* A sentence: what is wrong with a file or with what the focus wants of the key server. */
	void (*trouble)(const char *text, void *arg);
	/* Our clock is behind the server's (ahead: negative), and is not used for keys. */
	void (*clock)(int64_t behind_s, void *arg);
	void (*aborted)(struct slice from, uint64_t size, void *arg);
	void (*receiving)(uint64_t done, uint64_t total, void *arg);
	void (*sent)(unsigned ticket, int status, const char *reason, void *arg);
	void (*nickname)(unsigned ticket, int status, const char *reason, void *arg);
	/* Who has got or read what was said: news about one message (its ticket). */
	void (*receipt)(const struct ue_receipt *receipt, void *arg);
	void (*typing)(struct slice who, bool active, void *arg);
	void (*referred)(unsigned ticket, int status, const char *reason, bool final, bool refused,
			 void *arg);
	void (*roster)(const char *entity, const struct ue_roster *roster, void *arg);
	void (*presence)(const struct ue_roster_user *user, enum ue_roster_change change,
			 void *arg);
	/* The subscription to the conference's state was refused. */
	void (*unwatched)(int status, const char *reason, void *arg);
	/* The media session is lost; `rejoined`, `error` or `ended` follows. */
	void (*lost)(const char *why, void *arg);
	void (*rejoined)(void *arg);
	const struct ue_files_ops *files; /* files of their own calls (RFC 5547); same arg */
	/* Set-up failed: code is the final status, 0 when none came. Or a lost session did not come back. */
	void (*error)(int code, const char *text, void *arg);
	/* The last call back. */
	void (*ended)(bool by_focus, int cause, const char *text, void *arg);
};

MUST_CHECK int ue_new(struct event_base *base, const struct ue_config *config,
		      const struct ue_ops *ops, void *arg, struct ue **ue_r);
void ue_free(struct ue **ue);
const struct addr *ue_addr(const struct ue *ue);

/* Call a conference or a factory. `joined` or `error` and `ended` follow. */
MUST_CHECK int ue_join(struct ue *ue, const char *uri);
/*
 * To everyone (to NULL) or privately. Text is text/plain. -ERR_WRONG_STATE: the session is not up;
 * -ERR_LIMIT: longer than ue_max_size(), or than 64 KiB where it is sealed to one alone; -ERR_STALE: the conference
 * has a newer key that has not come; -ERR_AGAIN: it has no key yet.
 */
MUST_CHECK int ue_say(struct ue *ue, const char *to, struct slice text, unsigned ticket);
/* A file to everyone, errors as above; fd is taken. name: shown to the others. */
MUST_CHECK int ue_send_file(struct ue *ue, const char *name, const char *type, int fd_take,
			    uint64_t size, unsigned ticket);
/* How the last of these was sealed, when it was taken. */
struct ue_said ue_said(const struct ue *ue);
/*
 * Push a file to the conference by RFC 5547, from octet `from` on; as ue_files_push, sealed where the
 * conference is: then what is sent is sealed anew. -ERR_AGAIN, -ERR_STALE as above.
 */
MUST_CHECK int ue_push(struct ue *ue, const char *name, const char *type, int fd_take,
		       uint64_t size, uint64_t from, unsigned ticket);
/* False: nothing is being pushed. */
bool ue_stop_pushing(struct ue *ue);
MUST_CHECK int ue_nickname(struct ue *ue, struct slice nick, unsigned ticket);
MUST_CHECK int ue_invite(struct ue *ue, const char *uri, unsigned ticket);
MUST_CHECK int ue_remove(struct ue *ue, const char *uri, unsigned ticket);
/* The user types, or gives it up; what is said tells it by itself. */
void ue_typing(struct ue *ue, bool active);
/* The members that have keys of ours; false: we are not the key server. */
bool ue_each_key(const struct ue *ue, ue_key_holder_fn *fn, void *arg);
/* Leave once everything queued is sent and answered. */
void ue_leave(struct ue *ue);
const struct ue_roster *ue_roster(const struct ue *ue);
/* Only members can read what is said. */
bool ue_is_sealed(const struct ue *ue);
/* The longest message, CPIM head included, that the peer takes; 0: no limit is known. */
uint64_t ue_max_size(const struct ue *ue);

#endif
