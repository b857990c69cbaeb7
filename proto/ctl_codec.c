/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of the control protocol as TLVs. One encoder and one decoder walk tables made from
 * ctl_msgs.def; nothing here knows a single message. Decoding copies no text: strings are views,
 * lists are arrays in the caller's arena.
 *
 * A field is known by its tag without the must-be-understood bit, so that a later version may
 * turn the bit on or off.
 */
#include "proto/ctl_codec.h"

#include <assert.h>
#include <stdio.h>

#include "common/mem.h"
#include "proto/ctl_priv.h"

#define TLV_HEAD_SIZE 6
#define TAG_MUST      0x8000u

enum field_type { T_U8, T_U16, T_U32, T_U64, T_STR, T_BYTES, T_STRS, T_BLOBS };
enum field_presence { P_MUST, P_OPT, P_MAY };

struct field {
	const char *name;
	size_t offset;
	uint16_t tag;
	uint8_t type;     /* enum field_type */
	uint8_t presence; /* enum field_presence */
};

struct body {
	const struct field *fields;
	size_t n_fields;
	size_t size;
};

#define CTL_BEGIN(body, command, kind, text) static const struct field fields_##body[] = {
#define CTL_FIELD(body, type, name, tag, presence, unit, text)                                     \
	{#name, offsetof(struct ctl_##body, name), tag, T_##type, P_##presence},
#define CTL_END(body)                                                                              \
	}                                                                                          \
	;                                                                                          \
	_Static_assert(CTL_IDX_##body##_COUNT <= 64, "present has 64 bits");
#include "proto/ctl_msgs.def"

static const struct body bodies[CTL_BODY_COUNT] = {
#define CTL_BEGIN(body, command, kind, text)                                                       \
	[CTL_BODY_##body] = {fields_##body, ARRAY_LEN(fields_##body), sizeof(struct ctl_##body)},
#include "proto/ctl_msgs.def"
};

/* Octets of an integer type, 0 for the others. */
static size_t int_width(uint8_t type)
{
	static const uint8_t width[] = {[T_U8] = 1, [T_U16] = 2, [T_U32] = 4, [T_U64] = 8};

	return type < ARRAY_LEN(width) ? width[type] : 0;
}

static bool is_list(const struct field *f)
{
	return f->type == T_STRS || f->type == T_BLOBS;
}

static bool is_text(const struct field *f)
{
	return f->type == T_STR || f->type == T_STRS;
}

/* Every message struct begins with its present bits. */
static uint64_t present_get(const void *msg)
{
	uint64_t present;

	memcpy(&present, msg, sizeof(present));
	return present;
}

static void add_head(struct bytes *out, const struct field *f, size_t len)
{
	bytes_add_u16(out, (uint16_t)(f->presence == P_MAY ? f->tag : f->tag | TAG_MUST));
	bytes_add_u32(out, (uint32_t)len);
}

static void add_view(struct bytes *out, const struct field *f, struct slice v)
{
	if (v.len > CTL_FRAME_MAX) {
		out->failed = true;
		return;
	}
	add_head(out, f, v.len);
	bytes_add_slice(out, v);
}

static void add_field(struct bytes *out, const struct field *f, const void *at)
{
	const struct ctl_list *list = at;

	switch ((enum field_type)f->type) {
	case T_U8:
		add_head(out, f, 1);
		bytes_add_u8(out, *(const uint8_t *)at);
		break;
	case T_U16:
		add_head(out, f, 2);
		bytes_add_u16(out, *(const uint16_t *)at);
		break;
	case T_U32:
		add_head(out, f, 4);
		bytes_add_u32(out, *(const uint32_t *)at);
		break;
	case T_U64:
		add_head(out, f, 8);
		bytes_add_u64(out, *(const uint64_t *)at);
		break;
	case T_STR:
	case T_BYTES:
		add_view(out, f, *(const struct slice *)at);
		break;
	case T_STRS:
	case T_BLOBS:
		assert(list->n <= CTL_LIST_MAX);
		for (size_t i = 0; i < list->n; i++)
			add_view(out, f, list->items[i]);
		break;
	}
}

void ctl_encode(struct bytes *out, enum ctl_body body, const void *msg)
{
	const struct body *b = &bodies[body];
	uint64_t present = present_get(msg);

	for (size_t i = 0; i < b->n_fields; i++) {
		const struct field *f = &b->fields[i];

		if ((present >> i) & 1u)
			add_field(out, f, (const char *)msg + f->offset);
		else
			assert(f->presence != P_MUST);
	}
}

static int fail(struct ctl_decode_error *error_r, uint16_t result, const char *name,
		const char *why)
{
	error_r->result = result;
	snprintf(error_r->text, sizeof(error_r->text), "%s: %s", name, why);
	return -ERR_SYNTAX;
}

/* The next TLV off *rest: 1, 0 at the end, -1 when it does not fit. */
static int tlv_next(struct slice *rest, uint16_t *tag_r, struct slice *value_r)
{
	uint64_t len;

	if (!rest->len)
		return 0;
	if (rest->len < TLV_HEAD_SIZE)
		return -1;
	len = ctl_get_uint(rest->ptr + 2, 4);
	if (len > rest->len - TLV_HEAD_SIZE)
		return -1;
	*tag_r = (uint16_t)ctl_get_uint(rest->ptr, 2);
	*value_r = slice_first(slice_from(*rest, TLV_HEAD_SIZE), (size_t)len);
	*rest = slice_from(*rest, TLV_HEAD_SIZE + (size_t)len);
	return 1;
}

/* Index of the field with this tag, or n_fields. */
static size_t find_field(const struct body *b, uint16_t tag)
{
	size_t i = 0;

	while (i < b->n_fields && b->fields[i].tag != (tag & ~TAG_MUST))
		i++;
	return i;
}

static void set_int(void *at, uint8_t type, uint64_t v)
{
	if (type == T_U8)
		*(uint8_t *)at = (uint8_t)v;
	else if (type == T_U16)
		*(uint16_t *)at = (uint16_t)v;
	else if (type == T_U32)
		*(uint32_t *)at = (uint32_t)v;
	else
		*(uint64_t *)at = v;
}

/* Check one value and store it; of a list only the count. */
static int take_value(const struct field *f, bool again, struct slice value, void *at,
		      struct ctl_decode_error *error_r)
{
	size_t width = int_width(f->type);

	if (again && !is_list(f))
		return fail(error_r, CTL_R_BAD_FRAME, f->name, "occurs twice");
	if (width && value.len != width)
		return fail(error_r, CTL_R_BAD_FRAME, f->name, "wrong length");
	if (is_text(f) && !slice_is_utf8(value))
		return fail(error_r, CTL_R_BAD_FRAME, f->name, "not UTF-8");
	if (is_list(f)) {
		if (++((struct ctl_list *)at)->n > CTL_LIST_MAX)
			return fail(error_r, CTL_R_BAD_FRAME, f->name, "too many");
	} else if (width) {
		set_int(at, f->type, ctl_get_uint(value.ptr, width));
	} else {
		*(struct slice *)at = value;
	}
	return 0;
}

/* Second pass: a list's values, which may stand anywhere, side by side in the arena. */
static int collect_list(struct slice rest, const struct body *b, size_t index,
			struct ctl_list *list, struct ctl_arena *arena,
			struct ctl_decode_error *error_r)
{
	struct slice *items = arena->items + arena->used;
	struct slice value;
	uint16_t tag;
	size_t n = 0;

	if (list->n > CTL_ARENA_ITEMS - arena->used)
		return fail(error_r, CTL_R_BAD_FRAME, b->fields[index].name, "too many");
	while (tlv_next(&rest, &tag, &value) == 1)
		if (find_field(b, tag) == index)
			items[n++] = value;
	arena->used += n;
	list->items = items;
	return 0;
}

static int finish(struct slice tlvs, const struct body *b, uint64_t present, void *msg,
		  struct ctl_arena *arena, struct ctl_decode_error *error_r)
{
	for (size_t i = 0; i < b->n_fields; i++) {
		const struct field *f = &b->fields[i];
		bool here = (present >> i) & 1u;

		if (!here && f->presence == P_MUST)
			return fail(error_r, CTL_R_MISSING_FIELD, f->name, "missing");
		if (here && is_list(f)) {
			int rc = collect_list(tlvs, b, i, (void *)((char *)msg + f->offset), arena,
					      error_r);
			if (rc < 0)
				return rc;
		}
	}
	memcpy(msg, &present, sizeof(present));
	return 0;
}

int ctl_decode(struct slice tlvs, enum ctl_body body, void *msg, struct ctl_arena *arena,
	       struct ctl_decode_error *error_r)
{
	const struct body *b = &bodies[body];
	struct slice rest = tlvs;
	struct slice value;
	uint64_t present = 0;
	uint16_t tag;
	int rc;

	memset(msg, 0, b->size);
	while ((rc = tlv_next(&rest, &tag, &value)) == 1) {
		size_t i = find_field(b, tag);

		if (i == b->n_fields) {
			char name[16];

			if (!(tag & TAG_MUST))
				continue;
			snprintf(name, sizeof(name), "0x%04x", tag & ~TAG_MUST & 0xffffu);
			return fail(error_r, CTL_R_UNKNOWN_FIELD, name, "not known");
		}
		rc = take_value(&b->fields[i], (present >> i) & 1u, value,
				(char *)msg + b->fields[i].offset, error_r);
		if (rc < 0)
			return rc;
		present |= UINT64_C(1) << i;
	}
	if (rc < 0)
		return fail(error_r, CTL_R_BAD_FRAME, "frame", "a field passes its end");
	return finish(tlvs, b, present, msg, arena, error_r);
}

int ctl_build(struct bytes *out, uint8_t command, uint8_t flags, uint32_t transaction,
	      const uint8_t context[CTL_CONTEXT_SIZE], enum ctl_body body, const void *msg)
{
	size_t begin = ctl_frame_begin(out, command, flags, transaction, context);

	ctl_encode(out, body, msg);
	return ctl_frame_end(out, begin);
}

const char *ctl_frame_fault(const struct ctl_frame *frame)
{
	struct slice rest = frame->tlvs, value;
	uint16_t tag;
	int rc;

	if (frame->version != CTL_VERSION)
		return "frame of another version";
	if (!ctl_command_name(frame->command))
		return "unknown command";
	while ((rc = tlv_next(&rest, &tag, &value)) > 0)
		;
	return rc < 0 ? "octets left over in a frame" : NULL;
}
