/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing of conference-info documents, RFC 4575 (xcon:nickname: RFC 6501 through RFC 7701 7.4).
 * The order of elements is the schema's. Whether a document is right as a whole (versions, children
 * of full elements being full) is the caller's business; a deleted element never has children.
 */
#include "proto/confinfo.h"

#include <inttypes.h>

#include "proto/xml.h"

#define NS_INFO "urn:ietf:params:xml:ns:conference-info"
#define NS_XCON "urn:ietf:params:xml:ns:xcon-conference-info"
#define NS_MRF  "urn:x-mrf:conference-info:1"

static const char *const state_names[] = {
	[CONFINFO_FULL] = "full",
	[CONFINFO_PARTIAL] = "partial",
	[CONFINFO_DELETED] = "deleted",
};
static const char *const status_names[] = {
	[CONFINFO_PENDING] = "pending",           [CONFINFO_DIALING_OUT] = "dialing-out",
	[CONFINFO_DIALING_IN] = "dialing-in",     [CONFINFO_ALERTING] = "alerting",
	[CONFINFO_ON_HOLD] = "on-hold",           [CONFINFO_CONNECTED] = "connected",
	[CONFINFO_MUTED] = "muted-via-focus",     [CONFINFO_DISCONNECTING] = "disconnecting",
	[CONFINFO_DISCONNECTED] = "disconnected",
};
static const char *const joining_names[] = {
	[CONFINFO_JOIN_NONE] = "",
	[CONFINFO_DIALED_IN] = "dialed-in",
	[CONFINFO_DIALED_OUT] = "dialed-out",
	[CONFINFO_FOCUS_OWNER] = "focus-owner",
};
static const char *const leaving_names[] = {
	[CONFINFO_LEFT_NONE] = "",    [CONFINFO_DEPARTED] = "departed",
	[CONFINFO_BOOTED] = "booted", [CONFINFO_FAILED] = "failed",
	[CONFINFO_BUSY] = "busy",
};

const char *confinfo_status_name(enum confinfo_status s)
{
	return status_names[s];
}

const char *confinfo_joining_name(enum confinfo_joining j)
{
	return joining_names[j];
}

const char *confinfo_leaving_name(enum confinfo_leaving l)
{
	return leaving_names[l];
}

static void build_description(struct bytes *out, const struct confinfo_doc *doc)
{
	bytes_add_str(out, "<conference-description>");
	xml_add_element(out, "display-text", doc->display);
	xml_add_element(out, "subject", doc->subject);
	bytes_add_str(out, "<conf-uris><entry>");
	xml_add_element(out, "uri", doc->entity);
	bytes_add_str(out, "<purpose>participation</purpose></entry></conf-uris>");
	if (doc->max_users)
		bytes_addf(out, "<maximum-user-count>%" PRIu32 "</maximum-user-count>",
			   doc->max_users);
	bytes_add_str(out, "<available-media><entry label=\"1\"><type>message</type>"
			   "<status>sendrecv</status></entry></available-media>");
	if (doc->epoch) { /* the schema's place for elements of others is the end */
		bytes_add_str(out, "<epoch xmlns=\"" NS_MRF "\"");
		xml_add_attr(out, "id", doc->epoch);
		bytes_add_str(out, "/>");
	}
	bytes_add_str(out, "</conference-description>");
}

static void build_state(struct bytes *out, const struct confinfo_doc *doc)
{
	bytes_addf(out,
		   "<conference-state><user-count>%" PRIu32 "</user-count><active>%s</active>"
		   "<locked>%s</locked></conference-state>",
		   doc->user_count, doc->active ? "true" : "false", doc->locked ? "true" : "false");
}

/* execution-type: when, reason, by; nothing when all are missing. */
static void build_execution(struct bytes *out, const char *name, const char *when,
			    const char *reason, const char *by)
{
	if (!when && !reason && !by)
		return;
	bytes_addf(out, "<%s>", name);
	xml_add_element(out, "when", when);
	xml_add_element(out, "reason", reason);
	xml_add_element(out, "by", by);
	bytes_addf(out, "</%s>", name);
}

static void build_endpoint(struct bytes *out, const struct confinfo_endpoint *e)
{
	bytes_add_str(out, "<endpoint");
	xml_add_attr(out, "entity", e->entity);
	xml_add_attr(out, "state", state_names[e->state]);
	if (e->state == CONFINFO_DELETED) {
		bytes_add_str(out, "/>");
		return;
	}
	bytes_add_char(out, '>');
	build_execution(out, "referred", NULL, NULL, e->referred_by);
	xml_add_element(out, "status", status_names[e->status]);
	if (e->joining != CONFINFO_JOIN_NONE)
		xml_add_element(out, "joining-method", joining_names[e->joining]);
	build_execution(out, "joining-info", e->joined_when, NULL, e->joined_by);
	if (e->leaving != CONFINFO_LEFT_NONE)
		xml_add_element(out, "disconnection-method", leaving_names[e->leaving]);
	build_execution(out, "disconnection-info", NULL, e->left_reason, e->left_by);
	if (e->media_status) {
		bytes_add_str(out, "<media id=\"1\"><type>message</type><label>1</label>");
		xml_add_element(out, "status", e->media_status);
		bytes_add_str(out, "</media>");
	}
	if (e->stale)
		bytes_add_str(out, "<stale xmlns=\"" NS_MRF "\"/>");
	bytes_add_str(out, "</endpoint>");
}

void confinfo_add_user(struct bytes *out, const struct confinfo_user *u)
{
	bytes_add_str(out, "<user");
	xml_add_attr(out, "entity", u->entity);
	xml_add_attr(out, "state", state_names[u->state]);
	if (u->state == CONFINFO_DELETED) {
		bytes_add_str(out, "/>");
		return;
	}
	xml_add_attr(out, "xcon:nickname", u->nickname);
	if (u->yourown)
		xml_add_attr(out, "yourown", "true");
	bytes_add_char(out, '>');
	xml_add_element(out, "display-text", u->display);
	if (u->aor) {
		bytes_add_str(out, "<associated-aors><entry>");
		xml_add_element(out, "uri", u->aor);
		bytes_add_str(out, "</entry></associated-aors>");
	}
	if (u->role) {
		bytes_add_str(out, "<roles>");
		xml_add_element(out, "entry", u->role);
		if (u->further_role)
			xml_add_element(out, "entry", u->further_role);
		bytes_add_str(out, "</roles>");
	}
	for (size_t i = 0; i < u->n_endpoints; i++)
		build_endpoint(out, &u->endpoints[i]);
	bytes_add_str(out, "</user>");
}

static bool has_users(const struct confinfo_doc *doc)
{
	return doc->n_users > 0 || doc->state == CONFINFO_FULL;
}

void confinfo_begin(struct bytes *out, const struct confinfo_doc *doc)
{
	bytes_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			   "<conference-info xmlns=\"" NS_INFO "\" xmlns:xcon=\"" NS_XCON "\"");
	xml_add_attr(out, "entity", doc->entity);
	xml_add_attr(out, "state", state_names[doc->state]);
	bytes_addf(out, " version=\"%" PRIu32 "\"", doc->version);
	if (doc->state == CONFINFO_DELETED) {
		bytes_add_str(out, "/>\n");
		return;
	}
	bytes_add_char(out, '>');
	if (doc->with_description)
		build_description(out, doc);
	if (doc->with_counts)
		build_state(out, doc);
	if (has_users(doc)) {
		bytes_add_str(out, "<users");
		xml_add_attr(out, "state", state_names[doc->users_state]);
		bytes_add_char(out, '>');
	}
}

void confinfo_end(struct bytes *out, const struct confinfo_doc *doc)
{
	if (doc->state == CONFINFO_DELETED)
		return;
	bytes_add_str(out,
		      has_users(doc) ? "</users></conference-info>\n" : "</conference-info>\n");
}

void confinfo_build(struct bytes *out, const struct confinfo_doc *doc)
{
	confinfo_begin(out, doc);
	for (size_t i = 0; i < doc->n_users && doc->state != CONFINFO_DELETED; i++)
		confinfo_add_user(out, &doc->users[i]);
	confinfo_end(out, doc);
}
