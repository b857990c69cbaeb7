/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of next hops: read from the setting, chosen from by priority and state. Hosts are numbers,
 * as the SIP stack is never given a name to look up. Knows no socket, no clock, no SIP message.
 */
#include "mrfc/sip/hop_table.h"

#include <stdlib.h>

#include "common/mem.h"
#include "proto/sip_uri.h"

#define SIP_PORT     5060
#define TLS_PORT     5061
#define PRIORITY_MAX 999

struct hop_table {
	struct hop hops[HOP_MAX];
	size_t n;
	unsigned turn; /* equals begin with another one each time */
};

static bool has_transport(struct slice params, const char *name)
{
	struct slice value;

	return sip_uri_param(params, "transport", &value) && slice_ieq_str(value, name);
}

static bool transport_ok(struct slice params)
{
	struct slice value;

	return !sip_uri_param(params, "transport", &value) || has_transport(params, "udp") ||
	       has_transport(params, "tcp") || has_transport(params, "tls");
}

/*
 * Its address, and how the authority is written in its URI. -ERR_SYNTAX: none of either. A name is
 * for TLS alone, where it is not looked up but compared with a certificate's.
 */
static int read_place(const struct sip_uri *uri, struct hop *hop_r)
{
	bool tls = has_transport(uri->params, "tls");
	uint16_t port = uri->port != 0 ? uri->port : tls ? TLS_PORT : SIP_PORT;
	bool numeric = addr_from_host(uri->host, port, &hop_r->at) == 0;
	char where[ADDR_STRLEN];
	struct slice maddr;

	if (!numeric && !tls)
		return -ERR_SYNTAX;
	hop_r->name = numeric ? xstrdup(addr_format(&hop_r->at, where))
			      : xasprintf(SLICE_FMT ":%u", SLICE_ARG(uri->host), port);
	if (tls)
		hop_r->tls_name = slice_dup(uri->host);
	if (sip_uri_param(uri->params, "maddr", &maddr))
		return addr_from_host(maddr, port, &hop_r->at) == 0 ? 0 : -ERR_SYNTAX;
	return numeric ? 0 : -ERR_SYNTAX;
}

/* The URI's parameters without ;priority, which is ours. */
static void add_params(struct slice params, struct bytes *out)
{
	struct slice one, value;

	while (slice_next(&params, ';', &one)) {
		if (one.len > 0 && !sip_uri_param(one, "priority", &value))
			bytes_addf(out, ";" SLICE_FMT, SLICE_ARG(one));
	}
}

static int read_uri(struct slice text, size_t place, struct hop *hop_r)
{
	struct bytes out = BYTES_INIT;
	struct slice value;
	struct sip_uri uri;
	uint64_t priority = place;

	if (sip_uri_parse(text, &uri) != 0 || uri.scheme != SIP_URI_SIP || uri.headers.len > 0 ||
	    !transport_ok(uri.params) || read_place(&uri, hop_r) != 0)
		return -ERR_SYNTAX;
	if (sip_uri_param(uri.params, "priority", &value) &&
	    slice_u64(value, PRIORITY_MAX, &priority) != 0)
		return -ERR_SYNTAX;
	bytes_addf(&out, "sip:%s", hop_r->name);
	add_params(uri.params, &out);
	if (!sip_uri_param(uri.params, "lr", &value))
		bytes_add_str(&out, ";lr");
	hop_r->uri = bytes_take(&out);
	hop_r->priority = (unsigned)priority;
	hop_r->up = true;
	return 0;
}

static int read_hop(struct slice text, size_t place, struct hop *hop_r)
{
	char *uri;
	int err;

	if (text.len > 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
		return read_uri(slice_make(text.ptr + 1, text.len - 2), place, hop_r);
	if (slice_istarts(text, SLICE_LIT("sip:")))
		return read_uri(text, place, hop_r);
	uri = xasprintf("sip:" SLICE_FMT, SLICE_ARG(text));
	err = read_uri(slice_str(uri), place, hop_r);
	free(uri);
	return err;
}

void hop_table_free(struct hop_table **tp)
{
	struct hop_table *t = *tp;

	if (t == NULL)
		return;
	*tp = NULL;
	for (size_t i = 0; i < HOP_MAX; i++) {
		free(t->hops[i].uri);
		free(t->hops[i].name);
		free(t->hops[i].tls_name);
	}
	free(t);
}

int hop_table_parse(const char *list, struct hop_table **table_r, struct slice *bad_r)
{
	struct hop_table *t = xcalloc(1, sizeof(*t));
	struct slice rest = slice_str(list), one;
	int err = 0;

	while (err == 0 && slice_next(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len == 0 && list[0] == '\0')
			break;
		if (t->n == HOP_MAX) {
			err = -ERR_LIMIT;
		} else {
			err = read_hop(one, t->n, &t->hops[t->n]);
			t->n += err == 0;
		}
		if (err != 0 && bad_r != NULL)
			*bad_r = one;
	}
	if (err != 0)
		hop_table_free(&t);
	else
		*table_r = t;
	return err;
}

size_t hop_table_count(const struct hop_table *t)
{
	return t->n;
}

const struct hop *hop_table_at(const struct hop_table *t, size_t i)
{
	return &t->hops[i];
}

static bool usable(const struct hop *h, uint64_t now_ms)
{
	return h->up || (h->again_ms != 0 && h->again_ms <= now_ms);
}

/* Better than the best so far: usable ones first, then by priority. */
static bool better(const struct hop *a, const struct hop *b, uint64_t now_ms)
{
	if (usable(a, now_ms) != usable(b, now_ms))
		return usable(a, now_ms);
	return a->priority < b->priority;
}

int hop_table_choose(struct hop_table *t, unsigned tried, uint64_t now_ms)
{
	int best = -ERR_NOT_FOUND;

	for (size_t k = 0; k < t->n; k++) {
		size_t i = (k + t->turn) % t->n;

		if ((tried & (1u << i)) == 0 &&
		    (best < 0 || better(&t->hops[i], &t->hops[best], now_ms)))
			best = (int)i;
	}
	if (tried == 0 && t->n > 0)
		t->turn = (t->turn + 1) % (unsigned)t->n;
	return best;
}

bool hop_table_report(struct hop_table *t, size_t i, bool ok, uint64_t now_ms, uint64_t rest_ms)
{
	struct hop *h = &t->hops[i];
	bool changed = h->up != ok;

	h->up = ok;
	h->again_ms = ok || rest_ms == 0 ? 0 : now_ms + rest_ms;
	return changed;
}

int hop_table_find(const struct hop_table *t, const char *uri)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->hops[i].uri, uri) == 0)
			return (int)i;
	}
	return -ERR_NOT_FOUND;
}
