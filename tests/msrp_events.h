/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MSRP_EVENTS_H
#define TESTS_MSRP_EVENTS_H

#include <stdlib.h>

#include "common/bytes.h"
#include "proto/msrp_parse.h"

/*
 * What the MSRP parser makes of a stream, as text: one line for each head and end, bodies joined.
 * The same stream must give the same text however it is cut. The parser is shown memory that ends
 * where the received bytes end, so that a sanitizer sees it read further.
 */
struct msrp_events {
	struct bytes log;
	bool in_body;
	int n_heads, n_ends;
	struct bytes body; /* of the last frame */
	int rc;            /* what the last call returned: 0 or -ERR_* */
	char flag;
	uint64_t body_len;
	int end_error;
};

static inline void msrp_events_fini(struct msrp_events *e)
{
	bytes_fini(&e->log);
	bytes_fini(&e->body);
}

static inline void msrp_events_range(struct bytes *log, const struct msrp_range *r)
{
	if (r->present)
		bytes_addf(log, " range=%llu-%llu/%llu", (unsigned long long)r->start,
			   (unsigned long long)r->end, (unsigned long long)r->total);
}

static inline void msrp_events_text(struct bytes *log, const char *name, struct slice value)
{
	if (value.len == 0)
		return;
	bytes_addf(log, " %s=[", name);
	bytes_add_slice(log, value);
	bytes_add_char(log, ']');
}

static inline void msrp_events_head(struct bytes *log, const struct msrp_head *h)
{
	bytes_addf(log, "HEAD %s method=%d status=%d", h->is_response ? "response" : "request",
		   (int)h->method, h->status);
	msrp_events_text(log, "tid", h->tid);
	msrp_events_text(log, "name", h->method_name);
	msrp_events_text(log, "comment", h->comment);
	msrp_events_text(log, "to", h->to_path);
	msrp_events_text(log, "from", h->from_path);
	msrp_events_text(log, "id", h->message_id);
	msrp_events_range(log, &h->range);
	bytes_addf(log, " sr=%d/%d fr=%d/%d", h->has_success_report, h->success_report,
		   h->has_failure_report, (int)h->failure_report);
	if (h->has_status)
		bytes_addf(log, " st=%d/%d", h->status_namespace, h->status_code);
	bytes_addf(log, " nicks=%d/%d", h->has_use_nickname, h->n_use_nickname);
	msrp_events_text(log, "nick", h->use_nickname);
	msrp_events_text(log, "min", h->min_expires);
	msrp_events_text(log, "max", h->max_expires);
	msrp_events_text(log, "exp", h->expires);
	msrp_events_text(log, "use-path", h->use_path);
	msrp_events_text(log, "www", h->www_authenticate);
	msrp_events_text(log, "type", h->content_type);
	msrp_events_text(log, "disposition", h->content_disposition);
	msrp_events_text(log, "mime", h->mime_headers);
	bytes_addf(log, " body=%d error=%d", h->has_body, h->error);
	if (h->error)
		bytes_addf(log, " %s", h->error_text);
	bytes_add_char(log, '\n');
}

static inline void msrp_events_item(struct msrp_events *e, const struct msrp_item *item)
{
	if (item->type == MSRP_ITEM_HEAD) {
		msrp_events_head(&e->log, &item->head);
		bytes_reset(&e->body);
		e->n_heads++;
	} else if (item->type == MSRP_ITEM_BODY) {
		if (!e->in_body)
			bytes_add_str(&e->log, "BODY ");
		bytes_add_slice(&e->log, item->piece);
		bytes_add_slice(&e->body, item->piece);
		if (item->piece.len == 0)
			abort();
	} else {
		bytes_addf(&e->log, "\nEND %c %llu %d\n", item->flag,
			   (unsigned long long)item->body_len, item->error);
		e->flag = item->flag;
		e->body_len = item->body_len;
		e->end_error = item->error;
		e->n_ends++;
	}
	e->in_body = item->type == MSRP_ITEM_BODY;
}

/* Show p all of `held` that it has not used; adds what it used to *at. Returns its last result. */
static inline int msrp_events_show(struct msrp_events *e, struct msrp_parser *p, struct slice all,
				   size_t *at, size_t shown)
{
	int rc = 1;

	while (rc == 1) {
		struct msrp_item item;
		size_t len = shown - *at, used = 0;
		char *copy = malloc(len ? len : 1);

		if (!copy)
			abort();
		if (len)
			memcpy(copy, all.ptr + *at, len);
		rc = msrp_parse_next(p, slice_make(copy, len), &item, &used);
		if (rc == 1)
			msrp_events_item(e, &item);
		free(copy);
		if (rc >= 0 && used > len)
			abort();
		if (rc >= 0)
			*at += used;
	}
	return rc;
}

/*
 * Run a stream through a fresh parser, `step` bytes more each time; with step 0 the steps are
 * varied, by a rule of their own.
 */
static inline void msrp_events_run(struct msrp_events *e, struct slice all,
				   const struct msrp_limits *limits, size_t step)
{
	struct msrp_parser p;
	size_t at = 0, shown = 0, seed = all.len;

	*e = (struct msrp_events){0};
	msrp_parser_init(&p, limits);
	do {
		seed = seed * 1103515245u + 12345u;
		shown += step ? step : 1 + (seed >> 8) % 97;
		if (shown > all.len)
			shown = all.len;
		e->rc = msrp_events_show(e, &p, all, &at, shown);
	} while (e->rc == 0 && shown < all.len);
	if (e->rc < 0) {
		struct msrp_item item;
		size_t used;

		bytes_addf(&e->log, "STOP %s\n", err_name(e->rc));
		if (msrp_parse_next(&p, all, &item, &used) != e->rc)
			abort();
	}
}

#endif
