/* SPDX-License-Identifier: Apache-2.0 */
/* The MRFC's metrics: families declared once, small setters around them. */
#include "mrfc/stats.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

struct stats {
	struct metrics_family *answers, *unwound, *joined, *created, *ended, *notified, *moved,
		*tolerated, *hop_events, *hop_up;
	struct metrics_family *owed, *shed, *key_refused;
	int64_t *keys[STATS_KEYS];
	int64_t *overloaded;
	int64_t *owed_now, *drained, *draining;
	int64_t *conferences, *sessions, *subscriptions, *dialogs;
	int64_t *store_up, *store_failures, *store_commits, *store_rows, *store_busy_us,
		*store_unsaved;
};

static int64_t *cell(struct metrics *m, enum metrics_type type, const char *name, const char *help)
{
	return metrics_cell(metrics_add(m, type, name, "", help), NULL, 0);
}

static void add_keys(struct stats *s, struct metrics *m)
{
	static const char *const how[] = {[STATS_KEY_SDP] = "sdp",
					  [STATS_KEY_MSRP] = "msrp",
					  [STATS_KEY_AGAIN] = "again",
					  [STATS_KEY_OFFER] = "offer"};
	struct metrics_family *sent = metrics_add(
		m, METRICS_COUNTER, "mrfc_key_messages_total", "how",
		"Copies of group keys sent to members of sealed conferences: in session descriptions "
		"(sdp), by MSRP (msrp), the same once more (again), in a new offer (offer).");

	s->keys[STATS_KEY_EPOCH] =
		cell(m, METRICS_COUNTER, "mrfc_rekeys_total", "Epochs of sealed conferences.");
	s->keys[STATS_KEY_CONFIRMED] = cell(m, METRICS_COUNTER, "mrfc_key_confirmations_total",
					    "Copies of group keys that their members confirmed.");
	s->keys[STATS_KEY_STALE] = cell(m, METRICS_COUNTER, "mrfc_key_stale_total",
					"Copies of group keys that nobody confirmed in time.");
	for (size_t i = STATS_KEY_SDP; i <= STATS_KEY_OFFER; i++)
		s->keys[i] = metrics_cell(sent, &how[i], 1);
	s->key_refused = metrics_add(
		m, METRICS_COUNTER, "mrfc_key_refused_total", "cause",
		"Members without a group key: unknown (there is no key of his), denied (no member, or "
		"not authentic), stale (a replay, or his clock is off), rate, malformed.");
}

struct stats *stats_new(struct metrics *m)
{
	struct stats *s = xcalloc(1, sizeof(*s));

	s->answers = metrics_add(m, METRICS_COUNTER, "mrfc_sip_answers_total", "method,status",
				 "Final answers given to SIP requests.");
	s->unwound = metrics_add(m, METRICS_COUNTER, "mrfc_sessions_ended_total", "cause",
				 "Sessions and attempts that ended, by cause.");
	s->joined = metrics_add(m, METRICS_COUNTER, "mrfc_sessions_joined_total", "how",
				"Sessions that came up.");
	s->created = metrics_add(m, METRICS_COUNTER, "mrfc_conferences_created_total", "how",
				 "Conferences made.");
	s->ended = metrics_add(m, METRICS_COUNTER, "mrfc_conferences_ended_total", "",
			       "Conferences that ended.");
	s->notified = metrics_add(m, METRICS_COUNTER, "mrfc_notifies_total", "event,status",
				  "NOTIFYs sent, by the answer they got.");
	s->moved = metrics_add(m, METRICS_COUNTER, "mrfc_sessions_reestablished_total", "result",
			       "Sessions offered anew as their MRFP was lost or drains.");
	s->drained =
		metrics_cell(metrics_add(m, METRICS_COUNTER, "mrfc_conferences_moved_total", "",
					 "Conferences that went from a draining MRFP to another."),
			     NULL, 0);
	s->draining = metrics_cell(metrics_add(m, METRICS_GAUGE, "mrfc_conferences_moving", "",
					       "Conferences between two MRFPs."),
				   NULL, 0);
	s->tolerated = metrics_add(m, METRICS_COUNTER, "mrfc_tolerated_total", "what",
				   "Deviations from the specifications that were let pass.");
	s->hop_events = metrics_add(
		m, METRICS_COUNTER, "mrfc_hop_events_total", "hop,what",
		"Answers of next hops, failures, requests that went to another one instead.");
	s->hop_up = metrics_add(m, METRICS_GAUGE, "mrfc_hop_up", "hop",
				"1: the next hop answers, 0: it does not.");
	s->owed = metrics_add(
		m, METRICS_COUNTER, "mrfc_owed_total", "event",
		"Messages for members who are away, one for each member: kept, delivered, refused (by "
		"his device), dropped (queue.max_messages, queue.max_octets), expired, left (he is "
		"no member any more); unstored: messages whose sender was told 408 or 404, as "
		"the store failed.");
	s->shed = metrics_add(
		m, METRICS_COUNTER, "mrfc_shed_total", "reason",
		"Requests that got 503 unread: rate (of an address, sip.max_rate), lag (sip.max_lag), "
		"pending (sip.max_pending).");
	add_keys(s, m);
	s->overloaded = cell(m, METRICS_GAUGE, "mrfc_overloaded",
			     "1: requests were shed in the last 5 s for lag or pending INVITEs.");
	s->owed_now = metrics_cell(metrics_add(m, METRICS_GAUGE, "mrfc_owed", "",
					       "Messages that wait for members who are away."),
				   NULL, 0);
	s->conferences = metrics_cell(
		metrics_add(m, METRICS_GAUGE, "mrfc_conferences", "", "Conferences now."), NULL, 0);
	s->sessions = metrics_cell(metrics_add(m, METRICS_GAUGE, "mrfc_sessions", "",
					       "Sessions now, pending ones too."),
				   NULL, 0);
	s->subscriptions = metrics_cell(metrics_add(m, METRICS_GAUGE, "mrfc_subscriptions", "",
						    "Subscriptions to the conference event now."),
					NULL, 0);
	s->dialogs = metrics_cell(metrics_add(m, METRICS_GAUGE, "mrfc_dialogs", "",
					      "INVITE dialogs now, ending ones too."),
				  NULL, 0);
	s->store_up = cell(m, METRICS_GAUGE, "mrfc_store_up",
			   "1: changes of state can be stored; 0: they wait in memory, new "
			   "conferences and participants get 503.");
	s->store_failures = cell(m, METRICS_COUNTER, "mrfc_store_failures_total",
				 "Commits and reads of the store that failed.");
	s->store_commits =
		cell(m, METRICS_COUNTER, "mrfc_store_commits_total", "Transactions of the store.");
	s->store_rows = cell(m, METRICS_COUNTER, "mrfc_store_rows_total",
			     "Rows written to the store or removed from it.");
	s->store_busy_us = cell(m, METRICS_COUNTER, "mrfc_store_busy_microseconds_total",
				"Time spent in transactions of the store.");
	s->store_unsaved = cell(m, METRICS_GAUGE, "mrfc_store_unsaved_rows",
				"Rows that wait for the store to work again.");
	return s;
}

void stats_free(struct stats **s)
{
	free(*s);
	*s = NULL;
}

static void add(struct metrics_family *f, const char *value)
{
	(*metrics_cell(f, &value, 1))++;
}

static void add_status(struct metrics_family *f, const char *what, int status)
{
	char text[16];
	const char *values[2] = {what, text};

	snprintf(text, sizeof(text), "%d", status);
	(*metrics_cell(f, values, 2))++;
}

void stats_answered(struct stats *s, const char *method, int status)
{
	add_status(s->answers, method, status);
}

void stats_shed(struct stats *s, const char *reason, bool overloaded)
{
	if (reason != NULL)
		add(s->shed, reason);
	if (reason == NULL || overloaded)
		*s->overloaded = overloaded;
}

void stats_unwound(struct stats *s, enum unwind_cause cause)
{
	add(s->unwound, unwind_rule(cause)->name);
}

void stats_joined(struct stats *s, const char *how)
{
	add(s->joined, how);
}

void stats_created(struct stats *s, const char *how)
{
	add(s->created, how);
}

void stats_ended(struct stats *s)
{
	(*metrics_cell(s->ended, NULL, 0))++;
}

void stats_notified(struct stats *s, const char *event, int status)
{
	add_status(s->notified, event, status);
}

void stats_drained(struct stats *s)
{
	++*s->drained;
}

void stats_set_draining(struct stats *s, size_t n)
{
	*s->draining = (int64_t)n;
}

void stats_reestablished(struct stats *s, const char *result)
{
	add(s->moved, result);
}

void stats_tolerated(struct stats *s, const char *what)
{
	add(s->tolerated, what);
}

void stats_hop(struct stats *s, const char *name, const char *what, bool up)
{
	const char *values[2] = {name, what};

	(*metrics_cell(s->hop_events, values, 2))++;
	*metrics_cell(s->hop_up, &name, 1) = up;
}

void stats_set_now(struct stats *s, size_t conferences, size_t sessions, size_t subscriptions,
		   size_t dialogs)
{
	*s->conferences = (int64_t)conferences;
	*s->sessions = (int64_t)sessions;
	*s->subscriptions = (int64_t)subscriptions;
	*s->dialogs = (int64_t)dialogs;
}

void stats_set_store(struct stats *s, const struct store_health *health)
{
	*s->store_up = health->trouble == NULL;
	*s->store_failures = (int64_t)health->failures;
	*s->store_commits = (int64_t)health->commits;
	*s->store_rows = (int64_t)health->rows;
	*s->store_busy_us = (int64_t)health->busy_us;
	*s->store_unsaved = (int64_t)health->unsaved;
}

void stats_owed(struct stats *s, const char *what, uint32_t n)
{
	*metrics_cell(s->owed, &what, 1) += n;
}

void stats_set_owed(struct stats *s, size_t n)
{
	*s->owed_now = (int64_t)n;
}

void stats_key(struct stats *s, enum stats_key what)
{
	++*s->keys[what];
}

void stats_key_refused(struct stats *s, int err)
{
	add(s->key_refused, err == -ERR_NOT_FOUND ? "unknown"
			    : err == -ERR_DENIED  ? "denied"
			    : err == -ERR_STALE   ? "stale"
			    : err == -ERR_LIMIT   ? "rate"
						  : "malformed");
}
