/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields of which struct are written, under which names. Names are never used again. */
#include "mrfc/state/conf_record.h"

#include <stddef.h>

#include "common/mem.h"

#define ROW(s, kind, key, field)                                                                   \
	{                                                                                          \
		.name = (key), .type = (kind), .offset = offsetof(struct s, field)                 \
	}
#define NEED(s, kind, key, field)                                                                  \
	{                                                                                          \
		.name = (key), .type = (kind), .offset = offsetof(struct s, field),                \
		.required = true                                                                   \
	}
#define NUM(s, key, field, top)                                                                    \
	{                                                                                          \
		.name = (key), .type = RECORD_INT, .offset = offsetof(struct s, field),            \
		.max = (top)                                                                       \
	}
#define LIST(s, key, field, n_field)                                                               \
	{                                                                                          \
		.name = (key), .type = RECORD_LIST, .offset = offsetof(struct s, field),           \
		.count = offsetof(struct s, n_field)                                               \
	}
#define SPEC(name, what_it_is)                                                                     \
	const struct record_spec name##_spec = {                                                   \
		.what = (what_it_is),                                                              \
		.fields = name##_fields,                                                           \
		.n_fields = ARRAY_LEN(name##_fields),                                              \
	};                                                                                         \
	_Static_assert(ARRAY_LEN(name##_fields) <= 64, "record_parse has a bit for each")

static const struct record_field conference_fields[] = {
	NEED(conference, RECORD_TEXT, "name", name),
	NEED(conference, RECORD_TEXT, "uri", uri),
	ROW(conference, RECORD_TEXT, "subject", subject),
	ROW(conference, RECORD_TEXT, "creator", creator),
	NUM(conference, "origin", origin, CONFERENCE_BY_API),
	NUM(conference, "end", end_policy, CONFERENCE_END_MAX_IDLE),
	NUM(conference, "mode", mode, CONFERENCE_CLOSED),
	ROW(conference, RECORD_BOOL, "e2e", e2e),
	NUM(conference, "require-tls", require_tls, CONFERENCE_TLS_HOP),
	ROW(conference, RECORD_BOOL, "locked", locked),
	ROW(conference, RECORD_BOOL, "kept", kept),
	ROW(conference, RECORD_U32, "max-users", max_users),
	ROW(conference, RECORD_U64, "max-idle", max_idle_ms),
	ROW(conference, RECORD_U64, "until", until_wall_ms),
	ROW(conference, RECORD_U32, "most-in", most_in),
	ROW(conference, RECORD_TEXT, "contribution-id", contribution_id),
	ROW(conference, RECORD_TEXT, "conversation-id", conversation_id),
	ROW(conference, RECORD_TEXT, "in-reply-to", in_reply_to),
	ROW(conference, RECORD_TEXT, "referred-by", referred_by),
	ROW(conference, RECORD_U64, "created", created_wall_ms),
	NEED(conference, RECORD_ID16, "context", context),
	ROW(conference, RECORD_U64, "epoch", epoch),
	ROW(conference, RECORD_U64, "next", next_termination),
	ROW(conference, RECORD_TEXT, "mrfp", mrfp),
};
SPEC(conference, "conference");

static const struct record_field member_fields[] = {
	NEED(member, RECORD_TEXT, "uri", uri),
	ROW(member, RECORD_TEXT, "shown", shown),
	ROW(member, RECORD_TEXT, "display", display),
	LIST(member, "alias", aliases, n_aliases),
	NUM(member, "role", role, MEMBER_OWNER),
	NUM(member, "state", state, MEMBER_AWAY),
	ROW(member, RECORD_BOOL, "listed", listed),
	ROW(member, RECORD_TEXT, "invited-by", invited_by),
	ROW(member, RECORD_U64, "since", since_wall_ms),
};
SPEC(member, "member");

static const struct record_field session_fields[] = {
	NEED(session_record, RECORD_U64, "termination", termination),
	ROW(session_record, RECORD_TEXT, "dialog", dialog),
	NEED(session_record, RECORD_TEXT, "uri", uri),
	ROW(session_record, RECORD_TEXT, "shown", shown),
	ROW(session_record, RECORD_TEXT, "display", display),
	LIST(session_record, "alias", aliases, n_aliases),
	ROW(session_record, RECORD_TEXT, "contact", contact),
	ROW(session_record, RECORD_BOOL, "dialled-out", dialled_out),
	ROW(session_record, RECORD_BOOL, "announced", announced),
	ROW(session_record, RECORD_BOOL, "ended", ended),
	ROW(session_record, RECORD_TEXT, "by", by),
	ROW(session_record, RECORD_TEXT, "referred-by", referred_by),
	ROW(session_record, RECORD_TEXT, "refer", refer),
	ROW(session_record, RECORD_TEXT, "nickname", nickname),
	ROW(session_record, RECORD_U64, "joined", joined_wall_ms),
	ROW(session_record, RECORD_U64, "origin-id", origin_id),
	ROW(session_record, RECORD_U64, "origin-version", origin_version),
	ROW(session_record, RECORD_TEXT, "path", path),
	ROW(session_record, RECORD_TEXT, "host", host),
	ROW(session_record, RECORD_TEXT, "fingerprint", fingerprint),
	ROW(session_record, RECORD_U32, "port", port),
	ROW(session_record, RECORD_BOOL, "ws", ws),
	ROW(session_record, RECORD_BOOL, "wss", wss_proto),
	ROW(session_record, RECORD_BOOL, "cema", cema),
	ROW(session_record, RECORD_BOOL, "plain", plain),
	NUM(session_record, "local-dir", local_dir, 255),
	NUM(session_record, "local-setup", local_setup, 255),
	ROW(session_record, RECORD_TEXT, "local-sdp", local_sdp),
	ROW(session_record, RECORD_TEXT, "peer-sdp", peer_sdp),
	ROW(session_record, RECORD_BOOL, "we-offered", we_offered),
	ROW(session_record, RECORD_BOOL, "peer-answered", peer_answered),
	NUM(session_record, "dir", dir, 255),
	ROW(session_record, RECORD_TEXT, "key-id", key_id),
	ROW(session_record, RECORD_TEXT, "charging-vector", charging_vector),
	ROW(session_record, RECORD_TEXT, "charging-functions", charging_functions),
	ROW(session_record, RECORD_TEXT, "access-network", access_network),
	ROW(session_record, RECORD_TEXT, "visited-network", visited_network),
	ROW(session_record, RECORD_TEXT, "related-vector", related_vector),
};
SPEC(session, "session");

#define LEG_ROWS(s)                                                                                \
	NEED(s, RECORD_TEXT, "call-id", leg.call_id),                                              \
		NEED(s, RECORD_TEXT, "local-tag", leg.local_tag),                                  \
		ROW(s, RECORD_TEXT, "remote-tag", leg.remote_tag),                                 \
		NEED(s, RECORD_TEXT, "local", leg.local),                                          \
		NEED(s, RECORD_TEXT, "remote", leg.remote),                                        \
		ROW(s, RECORD_TEXT, "target", leg.target),                                         \
		ROW(s, RECORD_TEXT, "routes", leg.routes), ROW(s, RECORD_TEXT, "hop", leg.hop),    \
		ROW(s, RECORD_U32, "local-cseq", leg.local_cseq),                                  \
		ROW(s, RECORD_U32, "remote-cseq", leg.remote_cseq),                                \
		ROW(s, RECORD_BOOL, "incoming", leg.incoming)

static const struct record_field dialog_fields[] = {
	LEG_ROWS(dialog_record),
	ROW(dialog_record, RECORD_BOOL, "confirmed", confirmed),
	ROW(dialog_record, RECORD_U64, "confirmed-at", confirmed_wall_ms),
	ROW(dialog_record, RECORD_BOOL, "peer-updates", peer_updates),
	ROW(dialog_record, RECORD_U32, "expires", expires_s),
	ROW(dialog_record, RECORD_U32, "min-se", min_se_s),
	ROW(dialog_record, RECORD_BOOL, "we-refresh", we_refresh),
	ROW(dialog_record, RECORD_U64, "expires-at", expires_wall_ms),
	ROW(dialog_record, RECORD_TEXT, "local-sdp", local_sdp),
};
SPEC(dialog, "dialog");

static const struct record_field subscription_fields[] = {
	LEG_ROWS(subscription_record),
	ROW(subscription_record, RECORD_TEXT, "event-id", event_id),
	NEED(subscription_record, RECORD_TEXT, "user", user),
	ROW(subscription_record, RECORD_U64, "expires-at", expires_wall_ms),
	ROW(subscription_record, RECORD_U32, "version", version),
	ROW(subscription_record, RECORD_BOOL, "refer", refer),
	ROW(subscription_record, RECORD_U32, "outcome", outcome),
};
SPEC(subscription, "subscription");

static const struct record_field user_fields[] = {
	NEED(user_record, RECORD_TEXT, "name", name),
	NEED(user_record, RECORD_TEXT, "realm", realm),
	NEED(user_record, RECORD_TEXT, "ha1-sha256", ha1_sha256),
	ROW(user_record, RECORD_TEXT, "ha1-md5", ha1_md5),
	ROW(user_record, RECORD_TEXT, "uri", uri),
	ROW(user_record, RECORD_TEXT, "display", display),
	LIST(user_record, "also", uris, n_uris),
};
SPEC(user, "user");

static const struct record_field kept_fields[] = {
	ROW(kept_message, RECORD_TEXT, "message-id", message_id),
	ROW(kept_message, RECORD_TEXT, "content-type", content_type),
	NEED(kept_message, RECORD_TEXT, "sender", sender),
	ROW(kept_message, RECORD_U64, "sender-termination", sender_termination),
	ROW(kept_message, RECORD_U64, "at", wall_ms),
};
SPEC(kept, "kept message");
