/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_CTL_MSGS_H
#define PROTO_CTL_MSGS_H

#include "common/slice.h"

/* Numbers and structs of the control protocol, made from ctl_msgs.def. */

#define CTL_VERSION      1
#define CTL_FRAME_MAX    (1u << 20)
#define CTL_LIST_MAX     512
#define CTL_CONTEXT_SIZE 16

enum ctl_command {
#define CTL_COMMAND(number, name, direction, text) CTL_CMD_##name = (number),
#include "proto/ctl_msgs.def"
};
enum ctl_code {
#define CTL_RESULT(number, name, text) CTL_R_##name = (number),
#include "proto/ctl_msgs.def"
};
enum ctl_body {
#define CTL_BEGIN(body, command, kind, text) CTL_BODY_##body,
#include "proto/ctl_msgs.def"
	CTL_BODY_COUNT
};

/* Values named in the fields' sentences. */
enum { CTL_REGISTER = 1, CTL_DRAIN = 2, CTL_FORCED = 3 };
enum { CTL_KIND_CHAT = 1, CTL_KIND_RELAY = 2, CTL_KIND_FILE = 3 };
enum {
	CTL_POLICY_PRIVATE = 1,
	CTL_POLICY_NICKNAME = 2,
	CTL_POLICY_STRICT = 4,
	CTL_POLICY_SEALED = 8,
	CTL_POLICY_ACCOUNT = 16,
	CTL_POLICY_AUTHORISE = 32,
	CTL_POLICY_ECHO = 64,
	CTL_POLICY_KEEP = 128
};
enum { CTL_TRANSPORT_TCP = 1, CTL_TRANSPORT_TLS = 2, CTL_TRANSPORT_WS = 3 };
enum { CTL_SETUP_ACTIVE = 1, CTL_SETUP_PASSIVE = 2, CTL_SETUP_UNKNOWN = 3 };
enum { CTL_MATCH_URI = 1, CTL_MATCH_SESSION = 2 };
enum { CTL_CAPS_CHATROOM = 1, CTL_CAPS_NICKNAME = 2, CTL_CAPS_PRIVATE = 4 };
enum { CTL_DIR_SENDRECV, CTL_DIR_SENDONLY, CTL_DIR_RECVONLY, CTL_DIR_INACTIVE };
enum ctl_event {
	CTL_EVENT_BOUND = 1,
	CTL_EVENT_LOST,
	CTL_EVENT_NICKNAME,
	CTL_EVENT_KEY,
	CTL_EVENT_ACCOUNTING,
	CTL_EVENT_SLOW,
	CTL_EVENT_ALARM,
	CTL_EVENT_LOAD,
	CTL_EVENT_AUTHORISE,
	CTL_EVENT_OWED,
	CTL_EVENT_TOLD,
	CTL_EVENT_SEALED,
	CTL_EVENT_END /* one past the last */
};
enum ctl_outcome {
	CTL_OUTCOME_DELIVERED = 1,
	CTL_OUTCOME_REFUSED_BY_PEER,
	CTL_OUTCOME_REFUSED,
	CTL_OUTCOME_ABORTED,
	CTL_OUTCOME_LOST,
	CTL_OUTCOME_UNPROVEN
};
enum ctl_lost {
	CTL_LOST_CLOSED = 1,
	CTL_LOST_RESET,
	CTL_LOST_CONNECT,
	CTL_LOST_UNBOUND,
	CTL_LOST_SLOW,
	CTL_LOST_LOG,
	CTL_LOST_REFUSED,
	CTL_LOST_SHUTDOWN,
	CTL_LOST_IDLE,
	CTL_LOST_QUIET,
	CTL_LOST_FLOOD
};

/* Repeated fields: views; the array lives in the decoded frame's arena or is the caller's. */
struct ctl_list {
	const struct slice *items;
	size_t n;
};

#define CTL_C_U8    uint8_t
#define CTL_C_U16   uint16_t
#define CTL_C_U32   uint32_t
#define CTL_C_U64   uint64_t
#define CTL_C_STR   struct slice
#define CTL_C_BYTES struct slice
#define CTL_C_STRS  struct ctl_list
#define CTL_C_BLOBS struct ctl_list

/*
 * struct ctl_add { uint64_t present; ... }: bit CTL_HAS_add_setup of present tells that the field
 * is there. Set the bit with CTL_SET(msg, add, setup, value).
 */
#define CTL_BEGIN(body, command, kind, text)                                                       \
	enum ctl_fields_##body                                                                     \
	{
#define CTL_FIELD(body, type, name, tag, presence, unit, text) CTL_IDX_##body##_##name,
#define CTL_END(body)                                                                              \
	CTL_IDX_##body##_COUNT                                                                     \
	}                                                                                          \
	;
#include "proto/ctl_msgs.def"

#define CTL_BEGIN(body, command, kind, text)                                                       \
	struct ctl_##body {                                                                        \
		uint64_t present;
#define CTL_FIELD(body, type, name, tag, presence, unit, text) CTL_C_##type name;
#define CTL_END(body)                                                                              \
	}                                                                                          \
	;
#include "proto/ctl_msgs.def"

#define CTL_HAS(msg, body, field) (((msg)->present >> CTL_IDX_##body##_##field) & 1u)
#define CTL_SET(msg, body, field, value)                                                           \
	do {                                                                                       \
		(msg)->field = (value);                                                            \
		(msg)->present |= UINT64_C(1) << CTL_IDX_##body##_##field;                         \
	} while (0)

/* Name tables, for logs and tools: NULL when unknown. */
const char *ctl_command_name(int command);
const char *ctl_result_name(int result);

#endif
