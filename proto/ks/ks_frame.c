/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of an external key server; every length is checked against what is left. */
#include "proto/ks/ks_frame.h"

#define LENGTH_SIZE 4
#define HEAD_SIZE   9 /* verb, number */

static uint64_t read_number(struct slice s, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (uint8_t)s.ptr[i];
	return v;
}

static void add_field(struct bytes *out, struct slice field)
{
	bytes_add_u32(out, (uint32_t)field.len);
	bytes_add_slice(out, field);
}

static bool take_field(struct slice *rest, struct slice *field_r)
{
	size_t len;

	if (rest->len < LENGTH_SIZE)
		return false;
	len = read_number(*rest, LENGTH_SIZE);
	*rest = slice_from(*rest, LENGTH_SIZE);
	if (rest->len < len)
		return false;
	*field_r = slice_first(*rest, len);
	*rest = slice_from(*rest, len);
	return true;
}

void ks_frame_build(const struct ks_frame *f, struct bytes *out)
{
	size_t len = HEAD_SIZE + 4 * LENGTH_SIZE + f->room.len + f->uri.len + f->key_id.len +
		     f->bytes.len;

	bytes_add_u32(out, (uint32_t)len);
	bytes_add_u8(out, f->verb);
	bytes_add_u64(out, f->number);
	add_field(out, f->room);
	add_field(out, f->uri);
	add_field(out, f->key_id);
	add_field(out, f->bytes);
}

int ks_frame_next(struct slice in, struct ks_frame *f_r, size_t *used_r)
{
	struct ks_frame f;
	struct slice rest;
	size_t len;

	if (in.len < LENGTH_SIZE)
		return 0;
	len = read_number(in, LENGTH_SIZE);
	if (len > KS_FRAME_MAX)
		return -ERR_LIMIT;
	if (len < HEAD_SIZE + 4 * LENGTH_SIZE)
		return -ERR_SYNTAX;
	if (in.len < LENGTH_SIZE + len)
		return 0;
	rest = slice_first(slice_from(in, LENGTH_SIZE), len);
	f.verb = (uint8_t)rest.ptr[0];
	f.number = read_number(slice_from(rest, 1), HEAD_SIZE - 1);
	rest = slice_from(rest, HEAD_SIZE);
	if (!take_field(&rest, &f.room) || !take_field(&rest, &f.uri) ||
	    !take_field(&rest, &f.key_id) || !take_field(&rest, &f.bytes) || rest.len != 0)
		return -ERR_SYNTAX;
	*f_r = f;
	*used_r = LENGTH_SIZE + len;
	return 1;
}

void ks_list_add(struct bytes *list, const struct ks_item_view *item)
{
	bytes_add_u8(list, item->joined);
	add_field(list, item->uri);
	add_field(list, item->key_id);
	add_field(list, item->request);
}

int ks_list_next(struct slice *rest, struct ks_item_view *item_r)
{
	struct slice left = slice_from(*rest, 1);
	struct ks_item_view item;

	if (rest->len == 0)
		return 0;
	item.joined = rest->ptr[0] == 1;
	if ((uint8_t)rest->ptr[0] > 1 || !take_field(&left, &item.uri) ||
	    !take_field(&left, &item.key_id) || !take_field(&left, &item.request))
		return -ERR_SYNTAX;
	*item_r = item;
	*rest = left;
	return 1;
}
